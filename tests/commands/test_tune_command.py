"""Tuning on the shipped clips: too few to be of use, enough to see that it works."""

import json

import pytest
import yaml
from places import ROOT

from nemo_ctcbias.cli import main

DEMO = ROOT / "examples" / "data" / "demo"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    names = [line.split("\t")[0] for line in (DEMO / "names.txt").read_text().splitlines() if line[:1] not in ("", "#")]
    words = {word.lower() for name in names for word in name.split()}
    rows = []
    for line in (DEMO / "manifest.json").read_text().splitlines():
        row = json.loads(line)
        row["audio_filepath"] = str(DEMO / row["audio_filepath"])
        rows.append({**row, "rare_words": [word for word in row["text"].split() if word in words]})
    manifest = folder / "dev.json"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "words.txt").write_text("\n".join(["aardvark", "byzantine", "zeppelin", *sorted(words)]))
    return folder


def arguments(files, *more):
    given = ["--manifest", files / "dev.json", "--distractors", files / "words.txt", "--out", files / "tuned.yaml"]
    return ["tune", *map(str, given), "--model", "small", "--list-size", "5", "--no-progress", *more]


def test_weights_are_written_and_transcribe_takes_them(files, capsys):
    assert main(arguments(files)) == 0
    shown = capsys.readouterr()
    assert "on the third held back" in shown.out and "| lm.alpha | 0.5 |" in shown.out
    assert "the weights may fit nothing else" in shown.err
    biasing = yaml.safe_load((files / "tuned.yaml").read_text())["biasing"]
    assert {"weight", "precision", "boost", "lm", "phonetics"} == set(biasing)
    clip, names, tuned = (str(one) for one in (DEMO / "rms_00.flac", DEMO / "names.txt", files / "tuned.yaml"))
    assert main(["transcribe", clip, "--bias-list", names, "--settings", tuned, "--model", "small"]) == 0
    assert capsys.readouterr().out.strip()


def test_a_users_own_list(files, capsys):
    rows = [json.loads(line) for line in (files / "dev.json").read_text().splitlines()]
    (files / "own.json").write_text("".join(json.dumps({**row, "rare_words": None}) + "\n" for row in rows))
    (files / "names.txt").write_text((DEMO / "names.txt").read_text() + "☃\n")
    given = ["--manifest", files / "own.json", "--bias-list", files / "names.txt", "--out", files / "own.yaml"]
    assert main(["tune", *map(str, given), "--model", "small", "--no-progress"]) == 0
    shown, told = capsys.readouterr()
    assert "'☃' has no tokens" in told, "what of the list is not used is never silent"
    assert "| difference, 95% interval |" in shown
    rows = [row.strip("| ").split(" | ") for row in shown.splitlines() if row.count(" | ") == 2]
    verdict = shown.splitlines()[-1].removeprefix(f"{files / 'own.yaml'}: ")
    changed = any(default != tuned for name, default, tuned in rows[1:])
    kinds = ("tuned", "too little speech to tell", "the tuned weights are worse") if changed else ("no other weight",)
    assert len(rows) > 5 and verdict.startswith(kinds)
    both = [*given, "--distractors", files / "words.txt"]
    assert main(["tune", *map(str, both)]) == 2 and "--bias-list FILE, or --distractors" in capsys.readouterr().err


def test_too_little_speech(files, capsys):
    assert main(arguments(files, "--limit", "3")) == 2
    assert "3 utterances are too few to tune on; give at least 6" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [("weight: 3", "no section 'biasing'"), ("a: [", "no YAML"), ("biasing: {strength: 3}", "strength")],
)
def test_settings_that_cannot_be_used(tmp_path, capsys, text, reason):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    assert main(["transcribe", str(DEMO / "rms_00.flac"), "--bias", "Okonkwo", "--settings", str(file)]) == 2
    assert reason in capsys.readouterr().err
    assert main(["transcribe", str(DEMO / "rms_00.flac"), "--settings", str(tmp_path / "none.yaml")]) == 2
    assert "no such file of settings" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told_at_once(files, capsys):
    assert main(arguments(files, "--out", "nowhere/tuned.yaml", "--manifest", "nowhere.json")) == 2
    assert "nowhere/tuned.yaml: cannot be written (there is no folder nowhere)" in capsys.readouterr().err
