"""`nemo-ctcbias`: the command line."""

from __future__ import annotations

import argparse
import errno
import importlib
import logging
import os
import sys
import warnings
from pathlib import Path

from nemo_ctcbias import __version__
from nemo_ctcbias.errors import BiasingError

COMMANDS = {
    "transcribe": ("nemo_ctcbias.commands.transcribe", "recordings to text, listed phrases preferred"),
    "attention": ("nemo_ctcbias.commands.attention", "a picture of which listed phrase was attended to, and when"),
    "serve": ("nemo_ctcbias.commands.serve", "an HTTP server: lists per request, and a page to try it"),
    "check-list": ("nemo_ctcbias.commands.check_list", "what a model cannot use of a bias list, and why"),
    "variants": ("nemo_ctcbias.commands.variants", "other spellings of a name that a model may write instead"),
    "phones": ("nemo_ctcbias.commands.phones", "how well a phone head hears, beside the subword output pronounced"),
    "build-lm": ("nemo_ctcbias.commands.build_lm", "estimate a language model that has a place for listed words"),
    "calibrate": ("nemo_ctcbias.commands.calibrate", "how sure a phrase must be, from recordings without transcripts"),
    "tune": ("nemo_ctcbias.commands.tune", "choose the weights of biasing for a model on held-out speech"),
    "evaluate": ("nemo_ctcbias.evaluation.command", "measure biasing beside NeMo's own and other decoders"),
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what no command can check before it writes


class OneLineParser(argparse.ArgumentParser):
    """Wrong usage is one line on standard error, and exit code 2."""

    def error(self, message: str) -> None:
        """Print the line and leave."""
        sys.stderr.write(f"{self.prog}: {message} (see {self.prog} --help)\n")
        sys.exit(2)


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser; options of `command` only (all of them for None), for importing them all costs a second."""
    parser = OneLineParser(prog="nemo-ctcbias", description="Contextual biasing for NVIDIA NeMo CTC models.")
    parser.add_argument("--version", action="version", version=f"nemo-ctcbias {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        sub = subparsers.add_parser(name, help=summary, description=summary)
        if command in (None, name):
            importlib.import_module(module).add_arguments(sub)
    return parser


def quieten() -> None:
    """Keep NeMo's and Lightning's talk off the screen; what fails raises, and is one line."""
    warnings.filterwarnings("ignore")
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    for name in ("nv_one_logger", "pytorch_lightning", "lightning", "pyctcdecode", "numexpr"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    import nemo.utils

    nemo.utils.logging.setLevel(logging.CRITICAL)
    logging.getLogger("nemo_logger").addFilter(_ours)  # that level does not last: `transcribe` sets one of its own


def _ours(record: logging.LogRecord) -> bool:
    """Whether a record of NeMo's logger was written by this package."""
    return Path(__file__).parent in Path(record.pathname).parents


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 = done, 1 = some recordings failed, 2 = wrong usage, model or list."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser(argv[0] if argv else "").parse_args(argv)
    module = importlib.import_module(COMMANDS[args.command][0])
    logging.getLogger("nemo_ctcbias").setLevel(logging.ERROR)  # the commands report a list's notes themselves
    for name in ("lm", "settings"):  # but not that a language model does not fit, or that settings are old
        logging.getLogger(f"nemo_ctcbias.{name}").setLevel(logging.WARNING)
    try:
        code = module.run(args)
        sys.stdout.flush()
        return code
    except BiasingError as error:
        print(f"nemo-ctcbias: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has seen enough
        _drop_output()
        return 1
    except OSError as error:
        if error.errno not in FULL:
            raise
        _drop_output()
        print(f"nemo-ctcbias: {error.filename or 'output'}: cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("nemo-ctcbias: interrupted", file=sys.stderr)
        return 130


def _drop_output() -> None:
    """Python would try to write the rest, and complain again, on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
