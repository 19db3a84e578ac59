"""Give a manifest's words the case and punctuation that Whisper hears; the words stay the manifest's.

    python examples/punctuate.py train.json --whisper whisper-base-ct2 --out train_cased.json

Needs `pip install faster-whisper`, and a Whisper model as CTranslate2 converts them, in a folder.  What was heard is
kept beside the output (`.heard.jsonl`), so that a run that was cut short goes on.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import kaldialign
import librosa
import numpy as np
from tqdm import tqdm

RATE, LONGEST, PAUSE = 16000, 28.5, 0.5  # Hz; seconds of a group of utterances, and of the silence between them
MARKS = {"!": ".", ";": ",", ":": ","}  # what stands for marks that are too rare to be learnt
SHORT = {"mr.", "mrs.", "ms.", "dr.", "st.", "prof."}  # whose full stop ends nothing
FIRST_PERSON = re.compile(r"i('|$)")


def groups(rows: Iterable[dict]) -> Iterator[list[dict]]:
    """Neighbours by one speaker, together as long as Whisper hears at once."""
    group, seconds = [], 0.0
    for row in rows:
        more = seconds + PAUSE + row["duration"]
        if group and (more > LONGEST or row.get("speaker") != group[0].get("speaker")):
            yield group
            group, more = [], PAUSE + row["duration"]
        group.append(row)
        seconds = more
    if group:
        yield group


def dressed(words: list[str], heard: str) -> list[str]:
    """Lower-case words with the case and the marks of what was heard in their places.

    >>> " ".join(dressed("she met mister okonkwo today".split(), " She met Mr. Oconquo, today!"))
    'She met mister Okonkwo, today.'
    """
    pieces = heard.replace("-", "- ").split()
    bare = [re.sub(r"[^a-z0-9']", "", piece.lower()) for piece in pieces]
    pieces, bare = [p for p, b in zip(pieces, bare, strict=True) if b], [b for b in bare if b]
    found, word, piece, unlike, mark = list(words), 0, 0, None, ""
    for left, right in kaldialign.align([*words, "\0end"], [*bare, "\0end"], "\0"):
        if left != "\0" and right != "\0" and alike(left, right):
            if unlike is not None:  # what was heard as something else ends where that ends
                found[unlike] += mark
            unlike, mark = None, ""
            if word < len(words):
                found[word] = _cased(left, pieces[piece]) + _mark(pieces[piece])
        else:
            unlike = word if left != "\0" else unlike
            mark = _mark(pieces[piece]).replace("-", "") if right != "\0" else mark
        word, piece = word + (left != "\0"), piece + (right != "\0")
    return [w[0].upper() + w[1:] if FIRST_PERSON.match(w) else w for w in found]


def alike(word: str, heard: str) -> bool:
    """Whether they are one word, perhaps spelled otherwise."""
    errors = kaldialign.edit_distance(list(word), list(heard))["total"]
    return errors <= max(len(word), len(heard)) / 2


def _cased(word: str, heard: str) -> str:
    """`word` with the capitals of `heard`, which is the same word."""
    letters = heard.lstrip("\"'([{").rstrip(".,?!;:-\"')]}")
    if not letters[:1].isupper():
        return word
    return word.upper() if len(letters) > 1 and letters.isupper() else word[0].upper() + word[1:]


def _mark(heard: str) -> str:
    """The mark behind a piece of text, as one of those that are learnt; "" for none."""
    found = re.search(r"[.,?!;:-]", heard[len(heard.rstrip(".,?!;:-\"')]}")) :])
    if found is None or heard.lower() in SHORT:
        return ""
    return MARKS.get(found[0], found[0])


def joined(words: list[str]) -> str:
    """Words as a line; what ends in a hyphen goes on with the next word."""
    return re.sub(r"- (?=\w)", "-", " ".join(words)).rstrip("-")


def listen(whisper, tokenizer, group: list[dict]) -> str:
    """What Whisper writes for a group of utterances, said one after the other."""
    import ctranslate2

    silence = np.zeros(int(PAUSE * RATE), np.float32)
    parts = [x for row in group for x in (librosa.load(row["audio_filepath"], sr=RATE)[0], silence)]
    audio = np.concatenate(parts)[: 30 * RATE]
    features = whisper.feature_extractor(np.pad(audio, (0, 30 * RATE - len(audio))))[None, :, :3000]
    features = ctranslate2.StorageView.from_array(np.ascontiguousarray(features, np.float32))
    prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    result = whisper.model.generate(features, [prompt], beam_size=1, max_length=180)[0].sequences_ids[0]
    return tokenizer.decode([token for token in result if token < tokenizer.eot])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--whisper", required=True, help="folder of a CTranslate2 Whisper model")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)

    rows = [json.loads(line) for line in args.manifest.read_text(encoding="utf-8").splitlines() if line.strip()]
    for row in rows:
        row["audio_filepath"] = str(args.manifest.parent / row["audio_filepath"])
    store = args.out.with_suffix(".heard.jsonl")
    known = store.read_text(encoding="utf-8").splitlines() if store.exists() else []
    heard = {group["first"]: group["text"] for group in map(json.loads, known)}
    whisper = tokenizer = None
    with store.open("a", encoding="utf-8") as kept, args.out.open("w", encoding="utf-8") as out:
        for group in tqdm(list(groups(rows)), mininterval=10):
            first = group[0]["audio_filepath"]
            if first not in heard:
                if whisper is None:
                    from faster_whisper import WhisperModel
                    from faster_whisper.tokenizer import Tokenizer

                    whisper = WhisperModel(args.whisper, device="cpu", compute_type="int8")
                    tokenizer = Tokenizer(whisper.hf_tokenizer, True, task="transcribe", language="en")
                heard[first] = listen(whisper, tokenizer, group)
                kept.write(json.dumps({"first": first, "text": heard[first]}) + "\n")
            words = dressed([word for row in group for word in row["text"].split()], heard[first])
            for row in group:
                count = len(row["text"].split())
                out.write(json.dumps({**row, "text": joined(words[:count])}, ensure_ascii=False) + "\n")
                words = words[count:]
    return 0


if __name__ == "__main__":
    sys.exit(main())
