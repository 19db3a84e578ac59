"""A long run: lists that change, models loaded and dropped, threads. `--soak-minutes M` runs it, and prints as it goes.

python -m pytest -n 0 -s tests/soak --soak-minutes 60
"""

import gc
import random
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from nemo_ctcbias import from_ctc

SYLLABLES = "ba der lo min sta vor zel ka no ri tu we".split()
MOST_GROWTH = 200  # MB, once everything has been used once


def memory() -> float:
    """MB that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def test_nothing_grows(request, base_nemo, noise_wavs, tmp_path):
    minutes = request.config.getoption("--soak-minutes")
    if not minutes:
        pytest.skip("takes as long as it is given: --soak-minutes M")
    arpa = tmp_path / "tiny.arpa"
    arpa.write_text(
        "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-1\t<unk>\t0\n0\t<s>\t0\n-1\t</s>\n-0.5\tfox\t0\n\n"
        "\\2-grams:\n-0.3\t<s> fox\n\n\\end\\\n"
    )
    lexicon = tmp_path / "a.dict"
    lexicon.write_text("fox F AA K S\n")
    model = from_ctc(base_nemo)
    model.set_language_model(str(arpa))
    model.set_phonetics(lexicon=str(lexicon))
    model.save_to(str(tmp_path / "a.nemo"))
    chosen, end, seen = random.Random(0), time.monotonic() + 60 * minutes, []
    calls = 0

    def names(count):
        odd = ["東京" + chr(0x4E00 + chosen.randrange(5000)) for _ in range(count // 20)]
        return odd + ["".join(chosen.choices(SYLLABLES, k=3)) for _ in range(count)]

    def transcribe(model, phrases):
        return model.transcribe([str(noise_wavs[0])], bias_list=phrases, verbose=False)

    while time.monotonic() < end:
        model = from_ctc(tmp_path / "a.nemo").eval()
        for _ in range(5):
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(partial(transcribe, model), [names(chosen.choice([0, 5, 100, 2000])) for _ in range(4)]))
            calls += 4
        del model
        gc.collect()
        folders = sum(path.name.startswith("nemo-ctcbias-") for path in Path(tempfile.gettempdir()).iterdir())
        handles = sum(1 for _ in Path("/proc/self/fd").iterdir())
        seen.append((memory(), handles, folders))
        print(f"{calls} calls: {seen[-1][0]:.0f} MB, {handles} handles, {folders} folders", flush=True)
    used = seen[len(seen) // 4 :]
    assert max(used)[0] - used[0][0] < MOST_GROWTH, "memory grows"
    assert max(row[1] for row in used) - used[0][1] < 10 and max(row[2] for row in used) <= used[0][2]
