"""What the contextual adapter costs beside the encoder, at several list sizes, and in training.

    python examples/benchmark_adapter.py --manifest dev.json --phrases words.txt

Single-threaded, batch of one; medians over the recordings. `embed`: once a list; `adapter`: each recording. Last, a
training step (lists of up to 300 phrases, all losses, backward) beside the forward of the frozen model, batches of 8.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pathlib import Path

import torch

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.bias_list.sampling import ListSampler
from nemo_ctcbias.commands.loading import load_model
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.evaluation.logprobs import read_audio
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.rare_words import read_phrases
from nemo_ctcbias.nemo.context import version_of
from nemo_ctcbias.training.adapter_training import AdapterTraining


def timed(act, repeats: int = 3):
    """(seconds of the fastest of `repeats`, its result)."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = act()
        best = min(best, time.perf_counter() - start)
    return best, result


def training_ratio(model, rows: list[dict], words: list[str]) -> float:
    """Median time of a training step over that of the frozen forward, on the same batches of 8 recordings."""
    texts = [row["text"] for row in rows]
    module = AdapterTraining(model, model.context.get_enabled_adapters()[0], ListSampler(texts, words))
    module.log_dict = lambda *args, **kwargs: None  # there is no trainer to tell
    pad, ratios = torch.nn.utils.rnn.pad_sequence, []
    for at in range(0, len(rows) - 7, 8):
        audio = [torch.from_numpy(read_audio(row, 16000)) for row in rows[at : at + 8]]
        tokens = [torch.tensor(model.tokenizer.text_to_ids(row["text"])) for row in rows[at : at + 8]]
        lengths = [torch.tensor([len(one) for one in sequences]) for sequences in (audio, tokens)]
        batch = (pad(audio, batch_first=True), lengths[0], pad(tokens, batch_first=True), lengths[1])

        def forward(batch=batch):
            with torch.no_grad():
                model.encode(**module.inputs(batch))

        ratios.append(timed(lambda b=batch, n=at: module.training_step(b, n).backward())[0] / timed(forward)[0])
    return statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--phrases", type=Path, required=True, help="words to fill the lists with, one a line")
    parser.add_argument("--model", default="small", help="a model with an adapter (default %(default)s)")
    parser.add_argument("--adapter", help="a file in place of the model's own")
    parser.add_argument("--sizes", default="100,1000,20000")
    parser.add_argument("--recordings", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(args.model, "cpu", adapter=args.adapter)
    words = read_phrases(args.phrases)
    rows, _ = read_manifest(args.manifest)
    audio = [torch.from_numpy(read_audio(row, 16000))[None] for row in rows[: args.recordings]]
    table(model, words, audio, [int(size) for size in args.sizes.split(",")])
    some = random.Random(1).sample(words, min(20_000, len(words)))
    print(f"training step / frozen forward, median: {training_ratio(model, rows[: args.recordings], some):.2f}")


def adapted(model, encoded, listed: CompiledList):
    """The encoder's output with a list that is embedded once."""

    def embed(place, name, adapter):
        return listed.bank(name, version_of(adapter), adapter.embed)

    return model.context.change(encoded, [listed.tokens], embed=embed).output


@torch.inference_mode()
def table(model, words: list[str], audio: list[torch.Tensor], sizes: list[int]) -> None:
    """Print the cost in use."""
    encoder_seconds, batches = [], []
    for signal in audio:
        features, length = model.preprocessor(input_signal=signal, length=torch.tensor([signal.shape[1]]))
        seconds, _ = timed(lambda f=features, n=length: model.encoder(audio_signal=f, length=n))
        encoder_seconds.append(seconds)
        batches.append(model.encode(processed_signal=features, processed_signal_length=length))
    print("| phrases | spell and embed, s | adapter / encoder, median | adapter, ms | encoder, ms |")
    print("|---|---|---|---|---|")
    for size in sizes:
        listed = CompiledList(BiasList(words[:size]), model.lists.sources)
        embed, _ = timed(lambda b=listed: adapted(model, batches[0], b), 1)
        spent = [timed(lambda e=e, b=listed: adapted(model, e, b))[0] for e in batches]
        ratio = statistics.median(mine / theirs for mine, theirs in zip(spent, encoder_seconds, strict=True))
        milliseconds = [1000 * statistics.median(values) for values in (spent, encoder_seconds)]
        print(f"| {size:,} | {embed:.2f} | {ratio:.2f} | {milliseconds[0]:.1f} | {milliseconds[1]:.1f} |")


if __name__ == "__main__":
    main()
