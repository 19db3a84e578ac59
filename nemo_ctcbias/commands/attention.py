"""`nemo-ctcbias attention`: a picture of which listed phrase a contextual adapter attended to, and when."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

import numpy as np

from nemo_ctcbias.audio import load_audio, seconds_of
from nemo_ctcbias.bias_list.report import printable
from nemo_ctcbias.commands.bias_options import add_bias_options, bias_list_of, report
from nemo_ctcbias.commands.loading import check_files, load_model
from nemo_ctcbias.errors import MissingDependencyError, SettingError
from nemo_ctcbias.whole_files import check_writable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("audio", metavar="AUDIO", help="a recording of some seconds")
    add_bias_options(parser)
    parser.add_argument("--model", metavar="M", help=".nemo file or pretrained name (default: the shipped one)")
    parser.add_argument("--adapter", metavar="FILE", help="its contextual adapter (default: the model's own)")
    parser.add_argument("--name", metavar="ADAPTER", help="which adapter, where the model has several enabled")
    parser.add_argument("--phrases", type=int, default=20, metavar="N", help="most attended phrases shown (default 20)")
    parser.add_argument("--out", metavar="FILE", default="attention.png", help="picture (default attention.png)")


def run(args: argparse.Namespace) -> int:
    """Write the picture; say which phrases got most of the attention."""
    if args.phrases < 1:
        raise SettingError(f"--phrases must be 1 or more, got {args.phrases}")
    bias_list = bias_list_of(args)
    if not bias_list:
        raise SettingError("attention: nothing to attend to; give --bias-list FILE or --bias PHRASE ...")
    if find_spec("matplotlib") is None:
        raise MissingDependencyError("pictures need matplotlib: pip install 'nemo-ctcbias[plot]'")
    check_writable(args.out)
    check_files(args.model, args.adapter)
    seconds_of(args.audio)
    from nemo_ctcbias.nemo.attention_picture import draw, look

    model = load_model(args.model, adapter=args.adapter)
    names = model.context.get_enabled_adapters()
    if not names:
        raise SettingError("attention: the model has no contextual adapter; give --adapter FILE")
    name = args.name or names[0]
    if name not in names:
        raise SettingError(f"--name {name}: no such adapter is enabled; there are {', '.join(names)}")
    report(model.check_bias_list(bias_list), bias_list)
    seen = look(model, name, load_audio(args.audio, model.cfg.sample_rate), bias_list)
    draw(seen, args.out, args.phrases)
    for row in np.argsort(-seen["weights"][:-1].max(axis=1))[: args.phrases]:
        peak = int(seen["weights"][row].argmax())
        time, phrase = peak * seen["seconds_per_frame"], printable(seen["phrases"][row])
        print(f"{seen['weights'][row, peak]:.2f} at {time:.2f} s  {phrase}")
    print(f"wrote {args.out}")
    return 0
