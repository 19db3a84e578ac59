import numpy as np
import pytest
import torch

from nemo_ctcbias import from_ctc
from nemo_ctcbias.adapter.attention_by_phrase import NO_BIAS
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.cli import main
from nemo_ctcbias.nemo.attention_picture import look


@pytest.fixture(scope="module")
def adapted(base_nemo, tmp_path_factory):
    """(a model, its file without the adapter, the adapter's file); noise sounds like none of the names."""
    model = from_ctc(base_nemo)
    model.set_phonetics(parts=[])
    folder = tmp_path_factory.mktemp("adapted")
    model.save_to(str(folder / "plain.nemo"))
    torch.manual_seed(0)
    model.add_adapter("names", {"dim": 16, "heads": 2})
    model.save_adapters(str(folder / "names.pt"))
    return model.eval(), folder / "plain.nemo", folder / "names.pt"


def test_weights_are_those_of_the_phrases_named(adapted, noise_wavs):
    from nemo_ctcbias.audio import load_audio

    model, _, _ = adapted
    samples = load_audio(noise_wavs[0], 16000)
    seen = look(model, "names", samples, BiasList(["saoirse", {"text": "Siprot", "display": "SIPROT"}, "new york"]))
    assert sorted(seen["phrases"][:-1]) == ["SIPROT", "new york", "saoirse"] and seen["phrases"][-1] == NO_BIAS
    assert seen["weights"].shape[0] == 4
    np.testing.assert_allclose(seen["weights"].sum(axis=0), 1, atol=1e-5)
    assert seen["weights"].shape[1] * seen["seconds_per_frame"] == pytest.approx(len(samples) / 16000)
    one = look(model, "names", samples, BiasList(["new york", "saoirse", {"text": "Siprot", "display": "SIPROT"}]))
    assert np.array_equal(one["weights"], seen["weights"]), "the order of the list changes nothing"


def test_spellings_of_a_phrase_are_one_row(adapted, noise_wavs):
    from nemo_ctcbias.audio import load_audio

    model, _, _ = adapted
    listed = BiasList([{"text": "saoirse", "spoken": ["seersha", "sorcha"]}, "new york"])
    assert len(model.lists.of(listed).tokens) > 2
    seen = look(model, "names", load_audio(noise_wavs[0], 16000), listed)
    assert sorted(seen["phrases"]) == [NO_BIAS, "new york", "saoirse"]
    np.testing.assert_allclose(seen["weights"].sum(axis=0), 1, atol=1e-5)


def test_the_command_writes_a_picture(adapted, noise_wavs, tmp_path, capsys):
    out = tmp_path / "a.png"
    _, plain, file = adapted
    arguments = ["attention", str(noise_wavs[0]), "--model", str(plain), "--adapter", str(file), "--out", str(out)]
    assert main([*arguments, "--bias", "saoirse", "new york", "☃"]) == 0
    printed, told = capsys.readouterr()
    assert "'☃' has no tokens" in told and "3 phrases; 1 dropped" in told
    assert "saoirse" in printed and "new york" in printed and f"wrote {out}" in printed
    assert out.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "nothing to attend to"),
        (["--bias", "anna", "--adapter", "none.pt"], "no such adapter file"),
        (["--bias", "anna"], "no contextual adapter"),
        (["--bias", "anna", "--out", "nowhere/a.png"], "there is no folder nowhere"),
        (["--bias", "anna", "--phrases", "0"], "--phrases must be 1 or more"),
    ],
)
def test_one_clear_line(base_nemo, noise_wavs, more, words, capsys):
    assert main(["attention", str(noise_wavs[0]), "--model", str(base_nemo), *more]) == 2
    assert words in capsys.readouterr().err
