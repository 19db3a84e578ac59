"""The commands as a user meets them: what is printed where, and the exit code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nemo_ctcbias.cli import main

ARPA = (
    "\\data\\\nngram 1=3\nngram 2=1\n\n\\1-grams:\n-1\t<unk>\t0\n0\t<s>\t0\n-1\t</s>\n\n"
    "\\2-grams:\n-0.3\t<s> </s>\n\n\\end\\\n"
)


@pytest.fixture
def cli(capsys):
    """Run a command in this process: (exit code, standard output, standard error)."""

    def run(*arguments):
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            code = leaving.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def base(base_nemo):
    from nemo.collections.asr.models import ASRModel

    return ASRModel.restore_from(str(base_nemo), map_location="cpu").eval()


@pytest.fixture(scope="module")
def plain(base, noise_wavs):
    """What NeMo's own `transcribe` makes of each recording by itself."""
    return [base.transcribe([str(path)], verbose=False)[0].text for path in noise_wavs]


def transcribe(cli, *arguments):
    code, out, err = cli("transcribe", *arguments)
    assert (code, err) == (0, "")
    return out


# --- transcribe: what is written


def test_without_a_list_the_text_is_nemos(cli, base, base_nemo, plain, noise_wavs, tmp_path):
    assert transcribe(cli, noise_wavs[0], "--model", base_nemo) == plain[0] + "\n"
    short = [tmp_path / f"{length}.wav" for length in (1, 400, 6000, 15999)]
    for path in short:
        soundfile.write(path, soundfile.read(noise_wavs[2])[0][: int(path.stem)], 16000)
    expected = plain + [base.transcribe([str(path)], verbose=False)[0].text for path in short]
    out = transcribe(cli, *noise_wavs, *short, "--model", base_nemo, "--batch-size", 2)
    assert out.splitlines() == [f"{p}\t{text}" for p, text in zip([*noise_wavs, *short], expected, strict=True)]


def test_character_models(cli, char_nemo, noise_wavs):
    from nemo.collections.asr.models import ASRModel

    model = ASRModel.restore_from(str(char_nemo), map_location="cpu").eval()
    expected = model.transcribe([str(noise_wavs[0])], verbose=False)[0].text
    assert transcribe(cli, noise_wavs[0], "--model", char_nemo) == expected + "\n"
    assert cli("transcribe", noise_wavs[0], "--model", char_nemo, "--bias", "Anna")[0] == 0


def test_other_formats_rates_and_channels(cli, base_nemo, plain, noise_wavs, tmp_path):
    samples = soundfile.read(noise_wavs[0])[0]
    for name in ("a.flac", "b.wav"):
        soundfile.write(tmp_path / name, np.stack([samples, samples], axis=1), 16000)
        assert transcribe(cli, tmp_path / name, "--model", base_nemo) == plain[0] + "\n"


def test_json_lines_with_hits(cli, biased_nemo, plain, noise_wavs):
    rows = [json.loads(line) for line in transcribe(cli, *noise_wavs, "--model", biased_nemo, "--json").splitlines()]
    assert [row["audio_filepath"] for row in rows] == [str(path) for path in noise_wavs]
    for row, path, base_text in zip(rows, noise_wavs, plain, strict=True):
        assert set(row) == {"audio_filepath", "text", "hits"}
        assert row["text"].split().count("saoirse") == len(row["hits"]) > 0
        ends = [0.0]
        for hit in row["hits"]:
            assert hit["phrase"] == "saoirse" and hit["score"] > 0
            assert ends[-1] <= hit["start"] < hit["end"] <= soundfile.info(path).duration + 0.1
            assert set(hit["base_text"].split()) <= set(base_text.split())
            ends.append(hit["end"])


def test_out_takes_all_of_standard_output(cli, base_nemo, plain, noise_wavs, tmp_path):
    target = tmp_path / "text.txt"
    target.write_text("of an earlier run, much longer than what comes now\n" * 9)
    assert transcribe(cli, noise_wavs[0], "--model", base_nemo, "--out", target) == ""
    assert target.read_text() == plain[0] + "\n"


def test_the_models_own_list_acts_until_another_is_given(cli, biased_nemo, plain, noise_wavs, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("# people\nOkonkwo\n")
    run = ("--model", biased_nemo)
    assert "saoirse" in transcribe(cli, noise_wavs[1], *run)
    given = transcribe(cli, noise_wavs[1], *run, "--bias-list", names)
    assert "Okonkwo" in given and "saoirse" not in given
    assert transcribe(cli, noise_wavs[1], *run, "--bias", "Okonkwo") == given
    both = transcribe(cli, noise_wavs[1], *run, "--bias-list", names, "--bias", "new york", "--bias", "fox")
    assert both == transcribe(cli, noise_wavs[1], *run, "--bias", "Okonkwo", "new york", "fox")
    empty = tmp_path / "empty.txt"
    empty.write_text("# nobody\n")
    assert transcribe(cli, noise_wavs[1], *run, "--bias-list", empty) == plain[1] + "\n"


def test_bias_weight_zero_is_no_list(cli, biased_nemo, plain, noise_wavs):
    run = (noise_wavs[0], "--model", biased_nemo, "--bias", "saoirse")
    assert transcribe(cli, *run, "--bias-weight", 0) == plain[0] + "\n"
    assert transcribe(cli, *run, "--bias-weight", 0.001) != transcribe(cli, *run, "--bias-weight", 10)


def test_a_strength_saved_with_the_model_is_kept(cli, biased_nemo, plain, noise_wavs, tmp_path):
    from nemo_ctcbias import from_ctc

    model = from_ctc(biased_nemo)
    model.set_bias_weight(0.0)
    model.save_to(str(tmp_path / "off.nemo"))
    assert transcribe(cli, noise_wavs[0], "--model", tmp_path / "off.nemo") == plain[0] + "\n"
    assert "saoirse" in transcribe(cli, noise_wavs[0], "--model", tmp_path / "off.nemo", "--bias-weight", 10)


def test_compare_shows_each_text_and_the_scores(cli, biased_nemo, plain, noise_wavs, tmp_path):
    manifest = tmp_path / "m.json"
    rows = [{"audio_filepath": str(noise_wavs[0]), "text": "saoirse met fox"}, {"audio_filepath": str(noise_wavs[2])}]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = transcribe(cli, "--manifest", manifest, "--model", biased_nemo, "--compare").splitlines()
    with_list = transcribe(cli, noise_wavs[0], "--model", biased_nemo).strip()
    assert lines[:3] == [str(noise_wavs[0]), "  spoken:    saoirse met fox", f"  model:     {plain[0]}"]
    assert lines[3].startswith("  with list: ") and lines[3][13:].replace("[", "").replace("]", "") == with_list
    assert lines[4:6] == [str(noise_wavs[2]), f"  model:     {plain[2]}"]
    assert lines[7] == "2 recordings; transcripts changed: 2 by the list"
    recalls = [line.split("recall")[1].split(",")[0].strip() for line in lines[8:]]
    assert recalls == ["0.0%", "100.0%"]


def test_compare_credits_the_language_model_with_what_is_its_own(cli, base_nemo, plain, noise_wavs, tmp_path):
    arpa = tmp_path / "tiny.arpa"
    arpa.write_text(ARPA)
    run = (noise_wavs[0], "--model", base_nemo, "--lm", arpa, "--lm-alpha", 1, "--lm-beta", 3)
    helped = transcribe(cli, *run).strip()
    listed = transcribe(cli, *run, "--bias", "snowmen:0").strip()  # a list of which nothing is listened for
    _, model, lm, with_list, changed = transcribe(cli, *run, "--bias", "snowmen:0", "--compare").splitlines()
    assert helped != plain[0] and listed == helped
    assert model == f"  model:     {plain[0]}"
    assert lm.startswith("  with LM:   ") and "[" in lm and lm[13:].replace("[", "").replace("]", "") == helped
    assert with_list == f"  with list: {helped}", "no mark: the list changed nothing"
    assert changed == "1 recordings; transcripts changed: 1 by the language model and 0 by the list"


def test_manifest_rows_bring_lists_and_parts(cli, biased_nemo, plain, noise_wavs, tmp_path):
    (tmp_path / "names.txt").write_text("new york\n")
    beside = tmp_path / "beside.wav"
    samples = soundfile.read(noise_wavs[0])[0]
    soundfile.write(beside, np.concatenate([np.zeros(8000), samples, np.ones(8000)]), 16000)
    rows = [
        {"audio_filepath": str(noise_wavs[1]), "bias_list": ["okonkwo"]},
        {"audio_filepath": str(noise_wavs[1]), "bias_list": "names.txt"},
        {"audio_filepath": str(noise_wavs[1]), "bias_list": [], "duration": 1.0},  # NeMo cuts at an offset alone
        {"audio_filepath": str(noise_wavs[1])},
        {"audio_filepath": "beside.wav", "offset": 0.5, "duration": 2.0, "bias_list": [], "text": "\u2028"},
        {"audio_filepath": "beside.wav", "offset": 0.5, "duration": 2.0},
    ]
    manifest = tmp_path / "m.json"
    manifest.write_text("\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    out = transcribe(cli, "--manifest", manifest, "--model", biased_nemo, "--json")
    found = [json.loads(line) for line in out.split("\n")[:-1]]
    texts = [row["text"] for row in found]
    assert "okonkwo" in texts[0] and "new york" in texts[1] and "saoirse" in texts[3]
    assert texts[2] == plain[1] and texts[4] == plain[0]
    assert 0.5 <= found[5]["hits"][0]["start"] < found[5]["hits"][-1]["end"] <= 2.6  # in the file, not in the part
    assert cli("transcribe", noise_wavs[0], "--manifest", manifest, "--model", biased_nemo)[1].count("\n") == 7


def test_long_recordings_go_piece_by_piece(cli, biased_nemo, base_nemo, noise_wavs, tmp_path):
    parts = [soundfile.read(path)[0] for path in noise_wavs]
    long = tmp_path / "long.wav"
    soundfile.write(long, np.concatenate(parts * 5), 16000)
    length = soundfile.info(long).duration
    assert length > 45
    text = transcribe(cli, long, "--model", base_nemo)
    assert len(text.split()) > 20
    row = json.loads(transcribe(cli, long, "--model", biased_nemo, "--json"))
    times = [(hit["start"], hit["end"]) for hit in row["hits"]]
    assert times == sorted(times) and len(times) == row["text"].split().count("saoirse")
    assert times[0][0] < 5 and length - 5 < times[-1][1] <= length + 0.1


def test_many_recordings_in_groups_keep_their_order(cli, base_nemo, plain, noise_wavs, monkeypatch):
    monkeypatch.setattr("nemo_ctcbias.commands.transcribe.GROUP", 1)
    out = transcribe(cli, *noise_wavs, *noise_wavs, "--model", base_nemo, "--batch-size", 3)
    assert [line.split("\t")[1] for line in out.splitlines()] == plain * 2


# --- transcribe: what fails


def test_no_recording_however_odd_loses_the_others(cli, base_nemo, plain, noise_wavs, tmp_path):
    soundfile.write(tmp_path / "slow.wav", np.ones(16000), 1)
    soundfile.write(tmp_path / "loud.wav", np.full(16000, 1e30), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "long.flac", np.zeros(16000), 16000)
    content = bytearray((tmp_path / "long.flac").read_bytes())
    content[21:26] = bytes([content[21] | 0x0F]) + b"\xff\xff\xff\xff"  # of samples that the header promises
    (tmp_path / "long.flac").write_bytes(content)
    os.mkfifo(tmp_path / "pipe.wav")
    latin = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    (tmp_path / "a.wav").rename(latin)
    bad = [*(tmp_path / name for name in ("slow.wav", "loud.wav", "long.flac", "pipe.wav")), latin]
    code, out, err = cli("transcribe", *bad, noise_wavs[0], "--model", base_nemo)
    assert (code, out) == (1, f"{noise_wavs[0]}\t{plain[0]}\n")
    assert len(err.splitlines()) == len(bad)


def test_bad_recordings_do_not_stop_the_others(cli, base_nemo, plain, noise_wavs, tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "garbage.mp3").write_bytes(b"\1\2\3" * 1000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(0), 16000)
    bad = [tmp_path / name for name in ("missing.wav", "empty.wav", "garbage.mp3", "silent.wav")]
    code, out, err = cli("transcribe", noise_wavs[0], *bad, noise_wavs[1], "--model", base_nemo)
    assert code == 1
    assert out.splitlines() == [f"{noise_wavs[0]}\t{plain[0]}", f"{noise_wavs[1]}\t{plain[1]}"]
    lines = err.splitlines()
    assert [line.startswith(f"nemo-ctcbias: {path}: ") for line, path in zip(lines, bad, strict=True)] == [True] * 4
    assert cli("transcribe", tmp_path / "missing.wav", "--model", base_nemo)[:2] == (1, "")


def test_notes_on_the_list_go_to_standard_error(cli, base_nemo, noise_wavs, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("saoirse\n☃\n")
    code, out, err = cli("transcribe", noise_wavs[0], "--model", base_nemo, "--bias-list", names)
    assert code == 0 and out.count("\n") == 1
    assert err.startswith(f"nemo-ctcbias: {names}:2: '☃' has no tokens") and err.count("\n") == 2
    assert f"{names}: 2 phrases; 1 dropped, 0 changed, 0 warnings" in err
    names.write_text("".join(f"{c}☃\n" for c in "abcdefgh"))
    err = cli("transcribe", noise_wavs[0], "--model", base_nemo, "--bias-list", names)[2]
    assert err.count("\n") == 6 and "8 phrases; 8 dropped, 0 changed, 0 warnings; `nemo-ctcbias check-list`" in err
    manifest = tmp_path / "m.json"
    manifest.write_text(json.dumps({"audio_filepath": str(noise_wavs[0]), "bias_list": ["☃"]}) + "\n")
    err = cli("transcribe", "--manifest", manifest, "--model", base_nemo)[2]
    assert err.startswith(f"nemo-ctcbias: {manifest}:1[0]: '☃' has no tokens")


WRONG = {
    "no command": ([], "COMMAND"),
    "unknown command": (["transcribble"], "invalid choice: 'transcribble'.*see nemo-ctcbias --help"),
    "unknown option": (["transcribe", "{wav}", "--biass-list", "x"], "unrecognized arguments: --biass-list"),
    "no recording": (["transcribe"], "no recording given; name audio files or folders, or --manifest FILE"),
    "bias took the file": (["transcribe", "--bias", "Anna", "{wav}"], "--bias took the file {wav} for a phrase"),
    "batch size": (["transcribe", "{wav}", "--batch-size", "0"], "--batch-size must be 1 or more, got 0"),
    "batch size of letters": (["transcribe", "{wav}", "--batch-size", "many"], "--batch-size: invalid int value"),
    "negative weight": (["transcribe", "{wav}", "--bias-weight", "-1"], "--bias-weight must be 0 or more, got -1"),
    "weight not a number": (["transcribe", "{wav}", "--bias-weight", "nan"], "--bias-weight must be 0 or more"),
    "endless weight": (["transcribe", "{wav}", "--bias-weight", "inf"], "--bias-weight must be 0 or more"),
    "two shapes": (["transcribe", "{wav}", "--json", "--compare"], "--compare: not allowed with argument --json"),
    "out in no folder": (
        ["transcribe", "{wav}", "--out", "no/such/o.txt"],
        "no/such/o.txt: cannot be written .there is no folder no/such",
    ),
    "out is a folder": (["transcribe", "{wav}", "--out", "{folder}"], "{folder}: cannot be written .is a folder"),
    "missing list": (["transcribe", "{wav}", "--bias-list", "no.txt"], "no.txt: no such bias list file"),
    "bad weight": (["transcribe", "{wav}", "--bias-list", "{bad_list}"], "{bad_list}:2: .*'heavy', which is not a num"),
    "binary list": (["transcribe", "{wav}", "--bias-list", "{wav}"], "{wav}: is a binary file"),
    "missing manifest": (["transcribe", "--manifest", "no.json"], "no.json: no such manifest; check the path"),
    "manifest is a folder": (
        ["transcribe", "--manifest", "{folder}"],
        "^nemo-ctcbias: {folder}: is a directory; give the path of a manifest$",
    ),
    "manifest is audio": (["transcribe", "--manifest", "{wav}"], "{wav}: is a binary file; a manifest is UTF-8 text"),
    "empty manifest": (["transcribe", "--manifest", "{empty}"], "{empty}: holds no rows"),
    "missing model": (["transcribe", "{wav}", "--model", "no.nemo"], "no.nemo: no such file; give a .nemo"),
    "model is no model": (["transcribe", "{wav}", "--model", "{wav}"], "{wav}: not a NeMo checkpoint"),
    "unknown device": (["transcribe", "{wav}", "--device", "gpu9"], "--device gpu9: .*; try --device cpu"),
    "list missing": (["check-list", "no.txt"], "no.txt: no such bias list file"),
    "list not given": (["check-list"], "the following arguments are required: LIST"),
    "list model missing": (["check-list", "{bad_list}x", "--model", "no.nemo"], "{bad_list}x: no such bias list file"),
}


def assert_wrong(code, out, err, message):
    assert code == 2 and out == ""
    assert err.startswith("nemo-ctcbias") and err.count("\n") == 1 and "Traceback" not in err
    assert re.search(message, err), err


@pytest.fixture
def names(noise_wavs, tmp_path):
    (tmp_path / "bad.txt").write_text("Fremont\nAnna\theavy\n")
    (tmp_path / "empty.json").write_text("\n\n")
    return {
        "wav": noise_wavs[0],
        "folder": tmp_path,
        "bad_list": tmp_path / "bad.txt",
        "empty": tmp_path / "empty.json",
    }


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_line_with_the_remedy(case, cli, names):
    arguments, message = WRONG[case]
    assert_wrong(*cli(*(argument.format(**names) for argument in arguments)), message.format(**names))


ROWS = {
    "broken JSON": ('{"audio_filepath": "a.wav"', "m.json:2: not a JSON object"),
    "not an object": ('["a.wav"]', "m.json:2: not a JSON object but list"),
    "no path": ('{"audio": "a.wav"}', "m.json:2: no 'audio_filepath'"),
    "path of a number": ('{"audio_filepath": 3}', "m.json:2: no 'audio_filepath'"),
    "offset of letters": ('{"audio_filepath": "a.wav", "offset": "soon"}', "m.json:2: 'offset' must be seconds"),
    "negative duration": ('{"audio_filepath": "a.wav", "duration": -1}', "m.json:2: 'duration' must be seconds"),
    "NaN": ('{"audio_filepath": "a.wav", "offset": NaN}', "m.json:2: 'offset' must be seconds"),
    "list of a number": ('{"audio_filepath": "a.wav", "bias_list": 3}', "m.json:2: 'bias_list' must be a list"),
    "missing list": ('{"audio_filepath": "a.wav", "bias_list": "no.txt"}', "m.json:2: 'bias_list': no.txt: no such"),
    "list of numbers": ('{"audio_filepath": "a.wav", "bias_list": [3]}', r"m.json:2\[0\]: "),
}


@pytest.mark.parametrize("case", ROWS)
def test_manifest_rows_that_cannot_be_used_are_named(case, cli, noise_wavs, tmp_path):
    line, message = ROWS[case]
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"audio_filepath": str(noise_wavs[0])}) + "\n" + line + "\n")
    assert_wrong(*cli("transcribe", "--manifest", path), message)


def test_models_of_another_type_are_named(cli, noise_wavs, tmp_path, monkeypatch):
    import torch
    from nemo.collections.asr.models import ASRModel

    class EncDecRNNTModel(torch.nn.Module):
        pass

    monkeypatch.setattr(ASRModel, "restore_from", lambda *_, **__: EncDecRNNTModel())
    path = tmp_path / "rnnt.nemo"
    path.touch()
    message = "rnnt.nemo: EncDecRNNTModel is not a CTC model; give one, or a hybrid"
    assert_wrong(*cli("transcribe", noise_wavs[0], "--model", path), message)


# --- check-list


def test_check_list_says_what_a_model_cannot_use(cli, base_nemo, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("Saoirse\nO.K.onkwo\n☃☃☃\nny\n")
    code, out, err = cli("check-list", names, "--model", base_nemo)
    assert (code, err) == (1, "")
    assert [line.split(":")[0] for line in out.splitlines()[:-1]] == ["changed", "dropped", "warning"]
    assert [line.split(":")[2] for line in out.splitlines()[:-1]] == ["2", "3", "4"]
    assert out.splitlines()[-1] == f"{names}: 4 phrases; 1 dropped, 1 changed, 1 warning"
    names.write_text("Saoirse\nfox\tninety\n")
    assert cli("check-list", names, "--model", base_nemo)[0] == 2
    names.write_text("Saoirse\nfox\t-2\n")
    assert cli("check-list", names, "--model", base_nemo)[:2] == (
        0,
        f"{names}: 2 phrases; 0 dropped, 0 changed, 0 warnings\n",
    )


# --- the real entry point

COMMAND = Path(sys.executable).parent / "nemo-ctcbias"
QUICK = """
import sys
from nemo_ctcbias.cli import main
try:
    main(sys.argv[1:])
except SystemExit as leaving:
    print(leaving.code)
heavy = {"torch", "nemo", "librosa", "pyctcdecode"} & set(sys.modules)
print(heavy or "light")
"""


@pytest.mark.parametrize(
    ("arguments", "begins", "code"),
    [
        (["--help"], "usage: nemo-ctcbias [-h]", 0),
        (["--version"], "nemo-ctcbias 0.", 0),
        (["transcribe", "--help"], "usage: nemo-ctcbias transcribe [-h]", 0),
        (["check-list", "--help"], "usage: nemo-ctcbias check-list [-h]", 0),
        (["evaluate", "--help"], "usage: nemo-ctcbias evaluate [-h]", 0),
        (["variants", "--help"], "usage: nemo-ctcbias variants [-h]", 0),
        ([], "2", 2),
    ],
)
def test_help_and_version_load_no_nemo(arguments, begins, code):
    found = subprocess.run([sys.executable, "-c", QUICK, *arguments], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0 and found.stdout.startswith(begins)
    assert found.stdout.splitlines()[-2:] == [str(code), "light"]


@pytest.mark.skipif(not COMMAND.exists(), reason="the package is not installed in this environment")
def test_entry_point_prints_results_alone(biased_nemo, plain, noise_wavs, tmp_path):
    arguments = [COMMAND, "transcribe", noise_wavs[0], "no.wav", noise_wavs[1], "--model", biased_nemo, "--bias", "fox"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300)
    assert found.returncode == 1
    assert found.stderr == "nemo-ctcbias: no.wav: no such file; check the path\n"
    lines = found.stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [str(noise_wavs[0]), str(noise_wavs[1])]
    assert all("fox" in line.split("\t")[1] for line in lines)
