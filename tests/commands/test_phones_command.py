"""`nemo-ctcbias phones`, `check-list` and `transcribe` with a phone head."""

import json

import numpy as np
import pytest

from nemo_ctcbias import from_ctc
from nemo_ctcbias.cli import main
from nemo_ctcbias.commands.phones import HEAD, SUBWORDS, measure, table
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS

WORDS = "the DH AH0\nthe(2) DH IY0\nquick K W IH1 K\nlazy L EY1 Z IY0\n"


@pytest.fixture(scope="module")
def head(base_nemo, tmp_path_factory):
    import torch

    torch.manual_seed(2)
    model = from_ctc(base_nemo)
    model.add_phone_head({"hidden": 8})
    file = tmp_path_factory.mktemp("head") / "phone_head.pt"
    model.save_phone_head(file)
    return file


@pytest.fixture
def lexicon(tmp_path):
    path = tmp_path / "words.dict"
    path.write_text(WORDS)
    return path


@pytest.fixture
def manifest(tmp_path, noise_wavs):
    texts = ["the quick brown fox", "the lazy dog", "saoirse met 3 men"]
    rows = [
        {"audio_filepath": str(path), "text": text, "rare_words": rare}
        for path, text, rare in zip(noise_wavs, texts, (["quick"], [], ["saoirse"]), strict=False)
    ]
    path = tmp_path / "dev.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_table(base_nemo, head, lexicon, manifest, capsys):
    command = ["phones", "--manifest", str(manifest), "--model", str(base_nemo), "--lexicon", str(lexicon)]
    assert main([*command, "--phone-head", str(head), "--no-progress"]) == 0
    first, _, one, other, *_, last = capsys.readouterr().out.strip().splitlines()
    assert first == "| phone error rate, % | all words (7) | rare words (1) |"
    assert one.startswith(f"| {HEAD} | ") and other.startswith(f"| {SUBWORDS} | ")
    assert last.startswith("1 of 3 utterances")
    assert main(command) == 2
    assert "no phone head; give --phone-head FILE" in capsys.readouterr().err


def test_errors_of_head_and_subwords(base_nemo):
    vocabulary = vocabulary_of(from_ctc(base_nemo))
    tokens = vocabulary.tokenize("the lazy") if hasattr(vocabulary, "tokenize") else None
    if tokens is None:
        from nemo.collections.asr.models import ASRModel

        tokens = ASRModel.restore_from(str(base_nemo), map_location="cpu").tokenizer.text_to_ids("the lazy")
    log_probs = np.full((2 * len(tokens), vocabulary.size + 1), -9.0)
    log_probs[0::2, vocabulary.size] = 0.0
    log_probs[np.arange(1, 2 * len(tokens), 2), tokens] = 0.0
    heard = np.full((6, BLANK + 1), -9.0)
    for row, phone in enumerate("DH IY K W IH T".split()):
        heard[row, PHONE_IDS[phone]] = 0.0
    item = Item({"id": "u", "text": "the quick", "rare_words": ["quick"]}, log_probs, 1.0)
    pronouncer = Pronouncer(lexicon=Lexicon({"the": ["DH AH", "DH IY"], "quick": ["K W IH K"], "lazy": ["L EY Z IY"]}))
    errors, left_out = measure([item], lambda item: heard, vocabulary, pronouncer)
    assert left_out == 0
    assert [(part.errors, part.phones) for part in errors[HEAD]] == [(1, 6), (1, 4)]
    assert [(part.errors, part.phones) for part in errors[SUBWORDS]] == [(4, 6), (4, 4)]
    assert table(errors).splitlines()[2:] == ["| phone head | 16.7 | 25.0 |", "| subwords, pronounced | 66.7 | 100.0 |"]


def test_transcribe_takes_head_variants_and_lexicon(base_nemo, head, lexicon, noise_wavs, tmp_path, capsys):
    command = ["transcribe", str(noise_wavs[0]), "--model", str(base_nemo), "--bias", "Kathryn"]
    phonetic = ["--phone-head", str(head), "--variants", "3", "--pronunciations", str(lexicon)]
    assert main([*command, *phonetic, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"]
    bold = [*command, "--bias-weight", "300"]
    assert main(bold) == 0
    assert "Kathryn" not in capsys.readouterr().out, "nothing that the model spells sounds like it"
    deaf = tmp_path / "deaf.yaml"
    deaf.write_text("biasing: {phonetics: {parts: []}}")
    assert main([*bold, "--preset", "fast"]) == 0
    assert "Kathryn" not in capsys.readouterr().out
    assert main([*bold, "--phone-head", "none", "--settings", str(deaf)]) == 0
    assert "Kathryn" in capsys.readouterr().out, "where nobody asks how it sounds"
    model = from_ctc(base_nemo)
    model.load_phone_head(head)
    model.set_phonetics(spotting={"threshold": 1000.0})  # nothing can be heard so clearly
    model.save_to(str(tmp_path / "phones.nemo"))
    command[command.index("--model") + 1] = str(tmp_path / "phones.nemo")
    assert main([*command, "--bias-weight", "300"]) == 0
    assert main([*command, "--bias-weight", "300", "--settings", str(deaf)]) == 0
    spotted, unspotted = capsys.readouterr().out.splitlines()
    assert spotted != unspotted, "where nobody asks how it sounds, everything is listened for"
    for option, words in (
        (["--variants", "0"], "biasing.phonetics.variants"),
        (["--phone-head", "no.pt"], "no such phone head"),
        (["--pronunciations", "no.dict"], "no such lexicon"),
    ):
        assert main([*command, *option]) == 2
        assert words in capsys.readouterr().err


def test_check_list_tells_what_cannot_be_pronounced(base_nemo, head, tmp_path, capsys):
    model = from_ctc(base_nemo)
    model.load_phone_head(head)
    model.save_to(str(tmp_path / "phones.nemo"))
    names = tmp_path / "names.txt"
    names.write_text("saoirse\nagent #\n")
    main(["check-list", str(names), "--model", str(tmp_path / "phones.nemo")])
    assert "names.txt:2: 'agent #' cannot be pronounced" in capsys.readouterr().out
    main(["check-list", str(names), "--model", str(base_nemo)])
    assert "names.txt:2: 'agent #' cannot be pronounced" in capsys.readouterr().out, "a model without a head hears, too"
