import io
import tarfile

import pytest
import yaml
from programs import needs_lmplz

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.cli import main
from nemo_ctcbias.errors import LanguageModelError, ModelError
from nemo_ctcbias.lm.alphabet import vocabulary_of_characters, vocabulary_of_file
from nemo_ctcbias.lm.build import BuildOptions, build

LOWER = Vocabulary([" ", *"abcdefghijklmnopqrstuvwxyz'"])
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
TEXT = "The cat sat.\nThe dog sat on the cat.\nA zebra sat\nThe dog, 3 times\nOn the dog sat a cat\n"


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def test_rare_words_reach_lmplz_as_the_class(text, tmp_path, program):
    program("lmplz", f"cat > {tmp_path}/seen; touch $(echo $* | sed 's/.*--arpa //;s/ .*//')")
    report = build([text], LOWER, tmp_path / "a.arpa", BuildOptions(min_count=2))
    assert (tmp_path / "seen").read_text().splitlines() == [
        "the cat sat", "the dog sat on the cat", "a <boost> sat", "on the dog sat a cat",
    ]  # fmt: skip
    assert (report.class_words, report.class_tokens, report.counts.skipped) == (1, 1, 1)
    assert "words such as '3'" in str(report) and "1 rare words became <boost>: 5.56% of the text" in str(report)
    assert (tmp_path / "a.arpa").exists() and not list(tmp_path.glob(".build*"))


@needs_lmplz
def test_a_built_model_sums_to_one_and_has_a_place_for_the_class(text, tmp_path):
    kenlm = pytest.importorskip("kenlm", reason="only kenlm scores words")

    build([text], LOWER, tmp_path / "a.arpa", BuildOptions(min_count=2, discount_fallback=True))
    model = kenlm.Model(str(tmp_path / "a.arpa"))
    assert "<boost>" in model and "zebra" not in model
    state, behind = kenlm.State(), kenlm.State()
    model.BeginSentenceWrite(state)
    for word in ("the", "dog", "<boost>", "a"):
        outcomes = ["the", "cat", "sat", "dog", "on", "a", "<boost>", "<unk>", "</s>"]
        assert sum(10 ** model.BaseScore(state, w, kenlm.State()) for w in outcomes) == pytest.approx(1.0, abs=1e-4)
        model.BaseScore(state, word, behind)
        state, behind = behind, kenlm.State()


@needs_lmplz
def test_the_command_writes_binaries(text, tmp_path, capsys):
    out = tmp_path / "a.bin"
    arguments = ["build-lm", text, "--out", out, "--binary", "--characters", LETTERS, "--discount-fallback"]
    assert main([*map(str, arguments), "--order", "2", "--class-share", "0.2"]) == 0
    assert out.read_bytes().startswith(b"mmap lm") and "became <boost>" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--order", "1"], "--order 1: KenLM reads models of order 2 to 6"),
        (["--class-share", "1.5"], "--class-share 1.5: give a share"),
        (["--prune", "1", "0"], "--prune 1 0: give a number for each order"),
        (["--bits", "40"], "--bits 40: give 2 to 25"),
        (["--characters", " "], "characters: none given"),
        (["--model", "no.nemo"], "no.nemo: no such file"),
        (["--model", "stt_en"], "stt_en: not a .nemo file"),
        (["--out", "no/such/folder.arpa"], "no/such/folder.arpa: cannot be written"),
    ],
)
def test_wrong_use_is_one_line(arguments, message, text, tmp_path, capsys, program):
    program("lmplz", "exit 0")
    usual = [] if "--model" in arguments or "--characters" in arguments else ["--characters", LETTERS]
    code = main(["build-lm", str(text), "--out", str(tmp_path / "a.arpa"), *usual, *arguments])
    err = capsys.readouterr().err
    assert code == 2 and message in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("content", ["", "...\n\n", "1 2 3\n"])
def test_text_without_words(content, tmp_path, program):
    program("lmplz", "exit 0")
    (tmp_path / "empty.txt").write_text(content)
    with pytest.raises(LanguageModelError, match="the text holds no words"):
        build([tmp_path / "empty.txt"], LOWER, tmp_path / "a.arpa")


def archive(path, config):
    data = yaml.safe_dump(config).encode()
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("./model_config.yaml")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return path


def test_the_vocabulary_of_a_checkpoint_without_nemo(tmp_path):
    path = archive(tmp_path / "a.nemo", {"decoder": {"vocabulary": ["<unk>", "▁the", "s"]}})
    assert vocabulary_of_file(path).pieces == ("<unk>", "▁the", "s")
    with pytest.raises(ModelError, match="names no CTC vocabulary"):
        vocabulary_of_file(archive(tmp_path / "b.nemo", {"decoder": {}}))
    (tmp_path / "c.nemo").write_text("no archive")
    with pytest.raises(ModelError, match=r"c.nemo: is no .nemo checkpoint"):
        vocabulary_of_file(tmp_path / "c.nemo")
    assert vocabulary_of_characters("ba b").normalise("B, a") == "b a"
