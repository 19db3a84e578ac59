"""Recordings as data URIs, as many as a page can carry."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from nemo_ctcbias.evaluation.manifest import Row

CLIP_BYTES = 200_000  # the largest recording that is put into a page
PAGE_BYTES = 8_000_000  # of all of them, before base64 makes them a third longer
_TYPES = {".flac": "audio/flac", ".wav": "audio/wav", ".mp3": "audio/mpeg"}
_TYPES |= dict.fromkeys((".ogg", ".oga", ".opus"), "audio/ogg")


def clips(rows: Sequence[Row], clip_bytes: int = CLIP_BYTES, page_bytes: int = PAGE_BYTES) -> list[tuple[str, str]]:
    """(data URI, "") of each row's recording, or ("", why there is none)."""
    found, left = [], page_bytes
    for row in rows:
        path, reason = Path(row["audio_filepath"]), ""
        size = path.stat().st_size if path.is_file() else None
        kind = _TYPES.get(path.suffix.lower())
        if row.get("offset"):
            reason = "the utterance is a part of a longer recording"
        elif size is None:
            reason = "the recording is no longer there"
        elif kind is None:
            reason = f"browsers do not play {path.suffix or 'such'} files"
        elif size > clip_bytes:
            reason = f"the recording is larger than {clip_bytes / 1000:g} kB"
        elif size > left:
            reason = f"the page holds {page_bytes / 1e6:g} MB of recordings already"
        if reason:
            found.append(("", reason))
            continue
        left -= size
        found.append((f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}", ""))
    return found
