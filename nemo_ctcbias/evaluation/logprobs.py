"""Run a NeMo CTC model's encoder once over a manifest; every system then decodes the same log-probs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from nemo_ctcbias.audio import load_audio, part_of
from nemo_ctcbias.errors import AudioError, ManifestError, ModelError
from nemo_ctcbias.evaluation.manifest import Row, Skip
from nemo_ctcbias.evaluation.process import quiet_nemo
from nemo_ctcbias.nemo.vocabulary import head_of
from nemo_ctcbias.whole_files import make_folder, written_whole

LogProbs = npt.NDArray[np.float32]  # [T, V + 1] natural logs, blank last

_BATCH_SECONDS = 120.0  # audio a batch, padding included
SHORTEST = 0.05  # seconds
_CACHE_VERSION = 1


@dataclass(frozen=True)
class Item:
    """One utterance to decode: its manifest row and the model's log-probs [T, V + 1]."""

    row: Row
    log_probs: LogProbs
    seconds: float

    @property
    def id(self) -> str:
        """The utterance's id."""
        return self.row["id"]


def load_model(name: str | Path) -> Any:
    """A NeMo CTC model or hybrid in eval mode, from a .nemo file or a pretrained name.

    Raises:
        ModelError: it cannot be loaded, or has no CTC head.
    """
    import torch
    from nemo.collections.asr.models import EncDecCTCModel, EncDecHybridRNNTCTCModel

    from nemo_ctcbias.nemo.ctc_models import restored

    with quiet_nemo():
        model = restored(name, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    if not isinstance(model, (EncDecCTCModel, EncDecHybridRNNTCTCModel)):
        raise ModelError(f"{name}: {type(model).__name__} is no CTC model; evaluation needs CTC log-probs")
    if hasattr(model, "set_bias_list"):  # what everything is measured against has no list
        model.set_bias_list(None)
    return model.eval()


def model_hash(model: Any) -> str:
    """First 12 hex digits of the SHA-256 over the weights and the vocabulary."""
    digest = hashlib.sha256(json.dumps(list(head_of(model).vocabulary)).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().float().numpy().tobytes())
    return digest.hexdigest()[:12]


def manifest_hash(rows: Sequence[Row]) -> str:
    """First 12 hex digits of the SHA-256 over ids, texts and audio files (by name, size and time of change)."""
    digest = hashlib.sha256()
    for row in rows:
        stat = Path(row["audio_filepath"]).stat()
        parts = [row["id"], row["text"], row["audio_filepath"], row.get("offset"), row.get("duration")]
        digest.update(json.dumps([*parts, stat.st_size, stat.st_mtime_ns]).encode())
    return digest.hexdigest()[:12]


def encode(
    model: Any, rows: Sequence[Row], cache: str | Path | None = None, progress: bool = True
) -> tuple[list[Item], list[Skip]]:
    """Log-probs of every readable utterance in manifest order, and the utterances left out.

    Args:
        cache: folder for an .npz file named by the hashes of model and manifest; None computes anew.

    Raises:
        AudioError: no utterance is readable.
        OutputError: the cache cannot be written.
    """
    path = None
    if cache is not None:
        path = make_folder(cache) / f"logprobs-{model_hash(model)}-{manifest_hash(rows)}-v{_CACHE_VERSION}.npz"
        stored = _load(path, rows)
        if stored is not None:
            return stored
    items, skipped = _encode(model, rows, progress)
    if not items:
        first = f"{skipped[0].id}: {skipped[0].reason}" if skipped else "no rows"
        raise AudioError(f"none of the {len(rows)} recordings can be used; first: {first}")
    if path is not None:
        _store(path, items, skipped)
    return items, skipped


def read_audio(row: Row, sample_rate: int) -> npt.NDArray[np.float32]:
    """Mono samples of the part of a recording that a row names, resampled.

    Raises:
        AudioError: unreadable, or too short for any word.
    """
    path = row["audio_filepath"]
    samples = load_audio(path, sample_rate, *part_of(row, path))
    if len(samples) < sample_rate * SHORTEST:
        raise AudioError(f"{path}: is shorter than {SHORTEST} seconds; leave it out")
    return np.ascontiguousarray(samples, dtype=np.float32)


def _encode(model: Any, rows: Sequence[Row], progress: bool) -> tuple[list[Item], list[Skip]]:
    import torch

    from nemo_ctcbias.nemo.ctc_models import from_ctc
    from nemo_ctcbias.nemo.encoder import rows_of

    sample_rate = int(model.cfg.preprocessor.get("sample_rate", 16000))
    samples: dict[int, npt.NDArray[np.float32]] = {}
    skipped = []
    for index, row in enumerate(rows):
        try:
            samples[index] = read_audio(row, sample_rate)
        except AudioError as error:
            skipped.append(Skip(row["id"], str(error)))
    found: dict[int, Item] = {}
    device, biased = next(model.parameters()).device, from_ctc(model).eval()
    bar = tqdm(total=len(samples), desc="encoder", unit="utt", disable=None if progress else True)
    with bar, torch.inference_mode():
        for batch in _batches({index: len(audio) / sample_rate for index, audio in samples.items()}):
            audio = [torch.from_numpy(samples[index]) for index in batch]
            lengths = torch.tensor([len(one) for one in audio], device=device)
            padded = torch.nn.utils.rnn.pad_sequence(audio, batch_first=True).to(device)
            encoded = biased.encode(input_signal=padded, input_signal_length=lengths)
            for index, log_probs in zip(batch, rows_of(encoded.log_probs, encoded.lengths), strict=True):
                item = Item(rows[index], log_probs, len(samples[index]) / sample_rate)
                if not np.isfinite(item.log_probs).all():
                    raise ModelError(f"the model's log-probs for {item.id} are no numbers; is the checkpoint damaged?")
                found[index] = item
            bar.update(len(batch))
    return [found[index] for index in sorted(found)], skipped


def _batches(seconds: dict[int, float]) -> Iterator[list[int]]:
    """Indices of utterances of similar length, at most `_BATCH_SECONDS` padded a batch (one at least)."""
    batch: list[int] = []
    for index in sorted(seconds, key=lambda i: (seconds[i], i)):
        if batch and seconds[index] * (len(batch) + 1) > _BATCH_SECONDS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _store(path: Path, items: Sequence[Item], skipped: Sequence[Skip]) -> None:
    meta = {
        "items": [[item.id, item.seconds] for item in items],
        "skipped": [[skip.id, skip.reason] for skip in skipped],
    }
    arrays = {f"u{number}": item.log_probs for number, item in enumerate(items)}
    with written_whole(path) as partial:
        np.savez(partial, meta=np.array(json.dumps(meta)), **arrays)


def _load(path: Path, rows: Sequence[Row]) -> tuple[list[Item], list[Skip]] | None:
    if not path.is_file():
        return None
    try:
        with np.load(path) as stored:
            meta = json.loads(str(stored["meta"]))
            by_id = {row["id"]: row for row in rows}
            items = [Item(by_id[id_], stored[f"u{n}"], seconds) for n, (id_, seconds) in enumerate(meta["items"])]
    except Exception as error:
        raise ManifestError(f"{path}: the log-prob cache is damaged ({error}); delete the file") from error
    return items, [Skip(*skip) for skip in meta["skipped"]]
