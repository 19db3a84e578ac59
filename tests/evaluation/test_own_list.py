"""A user's own list on a user's own manifest: what everybody wants to know first."""

import json

import pytest

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import BiasListError, ManifestError, SettingError
from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, evaluate
from nemo_ctcbias.evaluation.lists import GIVEN, GivenList, ListBuilder


@pytest.fixture
def manifest(write_manifest, tmp_path):
    """Without `rare_words`."""
    rows = [json.loads(line) for line in write_manifest("own").read_text().splitlines()]
    path = tmp_path / "mine.json"
    path.write_text("".join(json.dumps({k: row[k] for k in ("audio_filepath", "text")}) + "\n" for row in rows))
    return path


def test_a_users_list_on_a_users_manifest(manifest, tiny_model, tmp_path):
    from nemo_ctcbias import from_ctc

    (tmp_path / "people.csv").write_text("name,weight,spoken\nAnna,2,\nDeryck,3,the water\nZelda,-1,\n")
    (tmp_path / "places.txt").write_text("Dover\n☃\n")
    given = (tmp_path / "people.csv", tmp_path / "places.txt")
    options = EvaluateOptions(
        manifest, tmp_path / "out", bias_list=given, systems=("greedy", "hotword"), resamples=20, progress=False
    )
    rows = evaluate(options, tiny_model)
    assert {(row["list_kind"], row["list_size"], row["utterances"]) for row in rows} == {("given", 3, 4)}
    written = {
        (row["system"], row["id"].rsplit("/", 1)[1]): row["hypothesis"]
        for row in map(json.loads, (tmp_path / "out" / "utterances.jsonl").read_text().splitlines())
    }
    model = from_ctc(tiny_model)
    model.set_phonetics(parts=[])  # as `hotword` alone
    model.set_bias_list(BiasList.joined([BiasList.load(file) for file in given]))
    for number in range(4):
        clip = tmp_path / f"own-{number}.wav"
        text = model.transcribe([str(clip)], verbose=False)[0].text
        assert written["hotword", clip.name] == text, "weights and spoken forms act as in transcribe"
    (remark,) = json.loads((tmp_path / "out" / "details.json").read_text())["notes"]
    told = "places.txt: 5 phrases; 1 dropped"
    assert (
        remark["system"] == "hotword" and told in remark["note"] and told in (tmp_path / "out" / "table.md").read_text()
    )
    assert "your own list" in (tmp_path / "out" / "report.html").read_text()


def test_what_is_scored_is_what_the_user_wants_to_see():
    listed = BiasList(["Ann-Marie", {"text": "ibu", "display": "IbuVast® 200"}, ("Zelda", -1), "ANN-MARIE"])
    given = GivenList.of(listed)
    assert "ibuvast 200" in " ".join(given) and "zelda" not in given and given.bias_list is listed
    assert len(given) == 2, "what is written the same is one"
    assert ListBuilder([], given=given).build([{}, {}], GIVEN, 0) == [given, given]
    with pytest.raises(BiasListError, match="holds no phrase to listen for"):
        GivenList.of(BiasList([("Zelda", -1)]))


def test_manifests_without_rare_words_are_told_what_to_give(manifest, distractors, tmp_path):
    with pytest.raises(ManifestError, match="give your own list as --bias-list FILE"):
        evaluate(EvaluateOptions(manifest, tmp_path / "out", distractors=distractors, list_sizes=(5,)))
    with pytest.raises(SettingError, match="give your own list as --bias-list FILE, or --distractors"):
        EvaluateOptions(manifest, tmp_path / "out")
    with pytest.raises(SettingError, match="leave out --distractors"):
        EvaluateOptions(manifest, tmp_path / "out", bias_list=(tmp_path / "a.txt",), distractors=distractors)
