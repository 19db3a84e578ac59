"""Lists of single utterances, and `predict_step`, which transcribe_speech_parallel.py decodes with."""

import json
from types import SimpleNamespace

import pytest

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.commands.recordings import recordings_of_manifest
from nemo_ctcbias.compiled_list import CompiledList, Sources
from nemo_ctcbias.errors import ManifestError
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.list_report import notes_on
from nemo_ctcbias.nemo.utterance_lists import list_of_entry, lists_of_dataset, lists_of_manifest, rows_of_manifest
from nemo_ctcbias.settings import Settings


def write(path, rows, between="\n"):
    path.write_text(between.join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def test_rows_are_numbered_by_line_and_keep_odd_line_ends(tmp_path):
    path = write(tmp_path / "m.json", [{"text": "a\u2028b\x85c"}, {"text": "d"}], between="\r\n\n  \n")
    assert list(rows_of_manifest(path)) == [(1, {"text": "a\u2028b\x85c"}), (4, {"text": "d"})]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(list(rows_of_manifest(path))) == 2


def test_lists_by_row(tmp_path):
    (tmp_path / "names.txt").write_text("Fremont\nSaoirse\n")
    rows = [{"bias_list": ["anna", {"text": "bob", "weight": 2}]}, {}, {"bias_list": None}, {"bias_list": "names.txt"}]
    lists = lists_of_manifest(write(tmp_path / "m.json", [*rows, {"bias_list": []}], between="\n\n"))
    assert {row: [(p.text, p.weight) for p in bias_list] for row, bias_list in lists.items()} == {
        0: [("anna", 1.0), ("bob", 2.0)],
        3: [("Fremont", 1.0), ("Saoirse", 1.0)],
        4: [],
    }
    assert lists[0].where(1) == f"{tmp_path / 'm.json'}:1[1]"


def test_files_are_looked_up_beside_the_manifest_then_here(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "both.txt").write_text(folder.name)
    (here / "one.txt").write_text("one")
    monkeypatch.chdir(here)
    path = write(there / "m.json", [{"bias_list": "both.txt"}, {"bias_list": "one.txt"}])
    assert [lists_of_manifest(path)[row][0].text for row in (0, 1)] == ["there", "one"]
    assert lists_of_manifest(path, here)[0][0].text == "here"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":2: not a JSON object"),
        ("[1]", ":2: not a JSON object but list"),
        ('{"bias_list": "no.txt"}', ":2: 'bias_list': no.txt: no such bias list file"),
        ('{"bias_list": {"text": "anna"}}', ":2: 'bias_list' must be a list of phrases or a file name, got dict"),
    ],
)
def test_rows_that_cannot_be_read_are_named(line, message, tmp_path):
    path = tmp_path / "m.json"
    path.write_text('{"bias_list": []}\n' + line + "\n")
    with pytest.raises(ManifestError) as caught:
        lists_of_manifest(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_no_message_shows_a_line_of_a_file_that_a_manifest_names(tmp_path, caplog):
    """Whoever wrote the manifest may not be whoever reads it, and what is said may go elsewhere."""
    secret = tmp_path / "secret.txt"
    secret.write_text("東京の秘密\nfox\n")
    listed = list_of_entry(str(secret), "m.json:1", tmp_path)
    assert [phrase.text for phrase in listed] == ["東京の秘密", "fox"]
    with caplog.at_level("WARNING", "nemo_ctcbias"):
        compiled = CompiledList(listed, Sources(Vocabulary(["▁", *"abcdefghijklmnopqrstuvwxyz"])))
        notes = notes_on(compiled, Settings(), sounds=True)
        compiled.tell(lambda: notes)
        told = [*map(str, notes), caplog.text]
    assert f"{secret}: has notes of level 'dropped' on 1 of its phrases; `nemo-ctcbias check-list" in told[0]
    assert "秘" not in "".join(told) and "東" not in repr(notes)
    secret.write_text("password\tsecret\n")
    with pytest.raises(
        ManifestError, match=r"secret\.txt:1: is no line of a bias list; `nemo-ctcbias check-list`"
    ) as error:
        list_of_entry(str(secret), "m.json:1", tmp_path)
    assert "password" not in str(error.value)
    with pytest.raises(ManifestError, match="no file has such a name"):
        list_of_entry("x" * 5000, "m.json:1", tmp_path)


@pytest.mark.parametrize("value", ["1e307", "-1", '"3"', "true", "NaN", "1" * 400])
def test_seconds_that_are_none(tmp_path, value):
    path = tmp_path / "m.json"
    path.write_text(f'{{"audio_filepath": "a.wav", "text": "x", "offset": {value}}}\n')
    for read in (recordings_of_manifest, read_manifest):
        with pytest.raises(ManifestError, match=r"m\.json:1: 'offset' must be seconds from 0 up") as found:
            read(str(path))
        assert len(str(found.value)) < 300


@pytest.mark.parametrize("line", ["[" * 100_000, '{"offset": ' + "9" * 5000 + "}", '{"a": 1, "a": 2}'])
def test_json_that_is_none(tmp_path, line):
    path = tmp_path / "m.json"
    path.write_text(line)
    with pytest.raises(ManifestError, match=r"m\.json:1: not a JSON object \(") as found:
        list(rows_of_manifest(path))
    assert len(str(found.value)) < 400


def test_data_sets_keep_row_numbers_across_files(tmp_path):
    one = write(tmp_path / "1.json", [{"bias_list": ["a"]}, {}])
    two = write(tmp_path / "2.json", [{"bias_list": ["b"]}, {"bias_list": ["c"]}])
    # NeMo left row 2 out and sorted the others.
    dataset = SimpleNamespace(manifest_processor=SimpleNamespace(collection=[SimpleNamespace(id=i) for i in (3, 1, 0)]))
    for files in (f"{one},{two}", [str(one), str(two)]):
        lists = lists_of_dataset(files, dataset)
        assert {sample: bias_list[0].text for sample, bias_list in lists.items()} == {0: "c", 2: "a"}


@pytest.mark.parametrize("lhotse", [False, True])
def test_predict_step_takes_the_lists_of_the_manifest(lhotse, biased_nemo, base_nemo, noise_wavs, tmp_path):
    import lightning.pytorch as pl
    from nemo.collections.asr.models import ASRModel
    from nemo.collections.asr.models.configs import ASRDatasetConfig
    from omegaconf import OmegaConf, open_dict

    model, base = (ASRModel.restore_from(str(path), map_location="cpu").eval() for path in (biased_nemo, base_nemo))
    plain = base.transcribe([str(noise_wavs[0])], verbose=False)[0].text
    (tmp_path / "names.txt").write_text("new york\n")
    row = {"audio_filepath": str(noise_wavs[0]), "duration": 2.0, "text": "a b"}
    lists = [["okonkwo"], None, [], "names.txt"]  # of the same recording
    rows = [row if bias_list is None else {**row, "bias_list": bias_list} for bias_list in lists]
    if not lhotse:
        rows.insert(1, {**row, "duration": 0.1, "bias_list": ["fox"]})  # too short, left out
    manifest = write(tmp_path / "m.json", rows)
    config = OmegaConf.structured(
        ASRDatasetConfig(
            manifest_filepath=str(manifest),
            sample_rate=16000,
            return_sample_id=True,
            batch_size=3,
            min_duration=0.5,
            max_duration=40,
        )
    )
    if lhotse:
        with open_dict(config):
            config.update({"use_lhotse": True, "force_finite": True, "force_map_dataset": True, "do_transcribe": True})
            config.update({"global_rank": 0, "world_size": 1})
    loader = model._setup_dataloader_from_config(config)
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    found = [pair for batch in trainer.predict(model, loader) for pair in batch]
    texts = [hypothesis.text for _, hypothesis in found]
    assert len(texts) == 4
    assert "okonkwo" in texts[0] and "saoirse" in texts[1] and texts[2] == plain and "new york" in texts[3]
