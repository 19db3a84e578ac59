"""Manifests: bad rows name file and line, unusable rows are skipped with a reason."""

from __future__ import annotations

import json

import pytest

from nemo_ctcbias.errors import ManifestError
from nemo_ctcbias.evaluation.manifest import read_manifest


@pytest.fixture
def write(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")

    def write(*rows):
        path = tmp_path / "m.json"
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
        return path

    return write


def test_rows_get_an_id_and_a_full_path(write, tmp_path):
    rows, skipped = read_manifest(write({"audio_filepath": "a.wav", "text": "hello"}, ""))
    assert skipped == []
    assert rows[0]["audio_filepath"] == str(tmp_path / "a.wav")
    assert rows[0]["id"] == str(tmp_path / "a.wav")


def test_missing_audio_and_empty_text_are_skipped_with_the_reason(write):
    rows, skipped = read_manifest(
        write(
            {"audio_filepath": "a.wav", "text": "hello", "id": "good"},
            {"audio_filepath": "b.wav", "text": "hello", "id": "gone"},
            {"audio_filepath": "a.wav", "text": " ... ", "id": "mute"},
        )
    )
    assert [row["id"] for row in rows] == ["good"]
    assert [skip.id for skip in skipped] == ["gone", "mute"]
    assert "missing audio" in skipped[0].reason
    assert skipped[1].reason == "empty text"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"m\.json:2: not a JSON object"),
        ("[1]", r"m\.json:2: not a JSON object"),
        ({"text": "hello"}, r"m\.json:2: no 'audio_filepath'"),
        ({"audio_filepath": "a.wav"}, r"m\.json:2: no 'text'"),
        ({"audio_filepath": "a.wav", "text": "x", "rare_words": "x"}, r"m\.json:2: 'rare_words' is no list"),
        ({"audio_filepath": "a.wav", "text": "x", "id": "u1"}, r"m\.json:2: id 'u1' is also on line 1"),
    ],
)
def test_bad_lines_are_named(write, line, message):
    with pytest.raises(ManifestError, match=message):
        read_manifest(write({"audio_filepath": "a.wav", "text": "hello", "id": "u1"}, line))


def test_unusable_files(write, tmp_path):
    with pytest.raises(ManifestError, match="no such manifest"):
        read_manifest(tmp_path / "absent.json")
    with pytest.raises(ManifestError, match=r"holds no utterance that can be scored \(1 skipped, first: empty text\)"):
        read_manifest(write({"audio_filepath": "a.wav", "text": ""}))
    for content, message in ((b"\xff\xfe", "is UTF-16"), (b"\n\xe9", r"b\.json:2: is not UTF-8")):
        (tmp_path / "b.json").write_bytes(content)
        with pytest.raises(ManifestError, match=message):
            read_manifest(tmp_path / "b.json")


def test_the_rows_that_transcribe_takes_are_taken(tmp_path):
    """U+2028 and NEL stand inside a text, a byte order mark before it."""
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "m.json").write_text(
        '\ufeff{"audio_filepath": "a.wav", "text": "one\u2028two\x85three"}\r\n', encoding="utf-8"
    )
    (row,), _ = read_manifest(tmp_path / "m.json")
    assert row["text"] == "one\u2028two\x85three"
