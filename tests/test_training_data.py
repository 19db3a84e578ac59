"""What each process of a training on recordings is given."""

import importlib
import json
import sys
from functools import cache

import pytest
from omegaconf import OmegaConf
from places import ROOT

sys.path.append(str(ROOT / "examples"))
MANIFEST = ROOT / "examples" / "data" / "demo" / "manifest.json"
SECONDS = sorted(json.loads(line)["duration"] for line in MANIFEST.read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="module")
def drawn(base_nemo):
    """Lengths in seconds of the recordings that a process is given in an epoch, one tuple a batch."""
    from nemo.collections.asr.models import ASRModel

    frozen_training = importlib.import_module("frozen_training")
    model = ASRModel.restore_from(str(base_nemo), map_location="cpu")

    @cache
    def drawn(rank, processes, epoch=0, seed=1):
        config = OmegaConf.load(ROOT / "configs" / "contextual_adapter.yaml")
        config.data.update({"manifest": str(MANIFEST), "batch_size": 2, "seed": seed})
        loader, texts = frozen_training.training_data(model, config, rank, processes)
        assert len(texts) == len(SECONDS), "distractors are drawn from all transcripts in every process"
        if processes > 1:
            loader.sampler.set_epoch(epoch)
        return [tuple(samples / 16000 for samples in batch[1].tolist()) for batch in loader]

    return drawn


def flat(batches):
    return [seconds for batch in batches for seconds in batch]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_the_recordings_of_an_epoch(drawn, processes):
    shares = [drawn(rank, processes) for rank in range(processes)]
    heard = sorted(seconds for share in shares for seconds in flat(share))
    assert heard == pytest.approx(SECONDS, abs=1e-3), "each is read once, by one of them"


def test_every_process_does_as_many_steps(drawn):
    """Else the others would wait for it for ever."""
    shares = [drawn(rank, 5) for rank in range(5)]
    assert [[len(batch) for batch in share] for share in shares] == [[2, 1]] * 5
    heard = {round(seconds, 3) for share in shares for seconds in flat(share)}
    assert sorted(heard) == pytest.approx(sorted(set(SECONDS)), abs=1e-3), "some twice, none left out"


def test_order_changes_with_epoch_and_seed_alone(drawn):
    assert drawn(0, 2) != drawn(0, 2, epoch=1)
    assert drawn(0, 2) != drawn(0, 2, seed=2)
    again = drawn.__wrapped__(0, 2)
    assert again == drawn(0, 2)
