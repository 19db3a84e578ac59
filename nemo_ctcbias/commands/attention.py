"""`nemo-ctcbias attention`: a picture of which listed phrase a contextual adapter attended to, and when."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nemo_ctcbias.adapter.attention_by_phrase import NO_BIAS, by_phrase, most_attended
from nemo_ctcbias.audio import load_audio, seconds_of
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.bias_list.report import printable
from nemo_ctcbias.commands.bias_options import add_bias_options, bias_list_of, report
from nemo_ctcbias.commands.loading import check_files, load_model
from nemo_ctcbias.errors import MissingDependencyError, SettingError
from nemo_ctcbias.search.alignment import greedy_spans, word_spans
from nemo_ctcbias.whole_files import check_writable, written_whole


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
    model = load_model(args.model, adapter=args.adapter)
    names = model.context.get_enabled_adapters()
    if not names:
        raise SettingError("attention: the model has no contextual adapter; give --adapter FILE")
    name = args.name or names[0]
    if name not in names:
        raise SettingError(f"--name {name}: no such adapter is enabled; there are {', '.join(names)}")
    report(bias_list.source, model.check_bias_list(bias_list), bias_list)
    seen = look(model, name, load_audio(args.audio, model.cfg.sample_rate), bias_list)
    draw(seen, args.out, args.phrases)
    for row in np.argsort(-seen["weights"][:-1].max(axis=1))[: args.phrases]:
        peak = int(seen["weights"][row].argmax())
        time, phrase = peak * seen["seconds_per_frame"], printable(seen["phrases"][row])
        print(f"{seen['weights'][row, peak]:.2f} at {time:.2f} s  {phrase}")
    print(f"wrote {args.out}")
    return 0


def look(model: Any, name: str, samples: np.ndarray, bias_list: BiasList) -> dict[str, Any]:
    """Attention over the phrases that took part.

    Returns:
        phrases: their written forms and `<no-bias>`; weights: [P + 1, T], mean of the heads, in that order;
        words: (word, first frame, last frame + 1) recognised; seconds_per_frame.
    """
    import torch

    with torch.inference_mode():
        signal = torch.from_numpy(np.asarray(samples, dtype=np.float32))[None]
        encoded = model.encode(input_signal=signal, input_signal_length=torch.tensor([signal.shape[1]]))
        changed, attention, rows = model.attended(encoded, model.lists.of(bias_list), name)
    if attention is None:
        raise SettingError(
            "attention: no phrase of the list can be spelled by this model or heard in this recording; see "
            "nemo-ctcbias check-list"
        )
    phrases, weights = by_phrase(attention, rows.owners)
    log_probs, vocabulary = changed[0].float().numpy(), model.lists.sources.vocabulary
    return {
        "phrases": [*(bias_list[phrase].written for phrase in phrases), NO_BIAS],
        "weights": weights,
        "words": word_spans(greedy_spans(log_probs), vocabulary.texts),
        "seconds_per_frame": len(samples) / model.cfg.sample_rate / max(len(log_probs), 1),
    }


def draw(seen: dict[str, Any], path: str | Path, most: int) -> None:
    """Heat map of time against the `most` attended phrases and `<no-bias>`, recognised words along the top."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    weights, step = seen["weights"], seen["seconds_per_frame"]
    rows = most_attended(weights, most)
    duration = weights.shape[1] * step
    figure, axis = plt.subplots(
        figsize=(max(7.0, 1.1 * duration + 2.5), 1.8 + 0.28 * len(rows)), constrained_layout=True
    )
    image = axis.imshow(
        weights[rows], aspect="auto", cmap="magma_r", vmin=0, vmax=1, extent=(0, duration, len(rows) - 0.5, -0.5),
        interpolation="nearest",
    )  # fmt: skip
    axis.set_yticks(range(len(rows)), [seen["phrases"][row] for row in rows])
    axis.set_xlabel("seconds")
    top = axis.secondary_xaxis("top")
    middles = [(first + last) / 2 * step for _, first, last in seen["words"]]
    top.set_xticks(middles, [word for word, _, _ in seen["words"]], rotation=40, ha="left", fontsize=8)
    for _, first, last in seen["words"]:
        axis.axvspan(first * step, last * step, ymin=0.995, color="tab:blue", clip_on=False)
    figure.colorbar(image, label="attention", shrink=0.8)
    try:
        with written_whole(path) as partial:
            figure.savefig(partial, dpi=150)
    except ValueError as error:  # matplotlib's, for a suffix that it does not know
        raise SettingError(f"{path}: {str(error).splitlines()[0]}") from error
    finally:
        plt.close(figure)
