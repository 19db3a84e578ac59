import pytest
from programs import needs_lmplz

from nemo_ctcbias.errors import LanguageModelError, MissingDependencyError
from nemo_ctcbias.lm import lmplz


def test_without_lmplz_the_message_tells_how_to_build_it(monkeypatch, tmp_path):
    monkeypatch.delenv("KENLM_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"lmplz: .*not on the PATH or in \$KENLM_BIN(.|\n)*cmake"):
        lmplz.estimate(["a b"], 3, tmp_path / "a.arpa")
    monkeypatch.setenv("KENLM_BIN", str(tmp_path / "no such folder"))
    with pytest.raises(MissingDependencyError, match=r"not in .*no such folder \(\$KENLM_BIN\)"):
        lmplz.to_binary(tmp_path / "a.arpa", tmp_path / "a.bin")


def test_the_folder_in_the_variable_comes_first(program):
    path = program("lmplz", "exit 0")
    assert lmplz.find("lmplz") == path


def test_lmplz_is_given_the_text_and_bounded_memory(program, tmp_path):
    program("lmplz", f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/text')
    lmplz.estimate(["a b", "c"], 3, tmp_path / "a.arpa", prune=(0, 0, 1), discount_fallback=True, memory="300M")
    assert (tmp_path / "text").read_text() == "a b\nc\n"
    arguments = (tmp_path / "arguments").read_text()
    assert "-o 3 -S 300M" in arguments and "--prune 0 0 1" in arguments and "--discount_fallback" in arguments
    file = tmp_path / "given.txt"
    file.write_text("from a file\n")
    lmplz.estimate(file, 2, tmp_path / "a.arpa")
    assert (tmp_path / "text").read_text() == "from a file\n"
    assert not list(tmp_path.glob(".lmplz*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("x.cc:49 in void f() threw BadDiscountException because `s.n[j] == 0'.", "too small or too regular"),
        ("x.cc: Special word <unk> is not allowed in the corpus.", "holds <s>, </s> or <unk>"),
        ("something new and strange", r"lmplz: failed with status 3 \(something new and strange\)"),
    ],
)
def test_what_lmplz_complains_of_is_put_plainly(program, tmp_path, words, message):
    (tmp_path / "words").write_text(words)
    program("lmplz", f"cat {tmp_path}/words >&2; exit 3")
    with pytest.raises(LanguageModelError, match=message) as caught:
        lmplz.estimate(["a"], 2, tmp_path / "a.arpa")
    assert "threw" not in str(caught.value)


@pytest.mark.parametrize("order", [0, 1, 7, 2.5])
def test_impossible_orders(order, tmp_path):
    with pytest.raises(LanguageModelError, match="KenLM reads models of order 2 to 6"):
        lmplz.estimate(["a"], order, tmp_path / "a.arpa")


@needs_lmplz
def test_estimates_and_binaries_are_read_by_kenlm(tmp_path):
    kenlm = pytest.importorskip("kenlm", reason="only kenlm scores words")

    text = ["the cat sat on the mat", "the dog sat on the cat", "a dog ran"] * 3
    lmplz.estimate(text, 3, tmp_path / "a.arpa", discount_fallback=True)
    lmplz.to_binary(tmp_path / "a.arpa", tmp_path / "a.bin", bits=None)
    lmplz.to_binary(tmp_path / "a.arpa", tmp_path / "q.bin", bits=8)
    exact, binary, rough = (kenlm.Model(str(tmp_path / name)) for name in ("a.arpa", "a.bin", "q.bin"))
    assert exact.order == binary.order == 3
    assert binary.score("the cat ran") == pytest.approx(exact.score("the cat ran"), abs=1e-6)
    assert rough.score("the cat ran") == pytest.approx(exact.score("the cat ran"), abs=0.1)
    with pytest.raises(LanguageModelError, match="too small or too regular"):
        lmplz.estimate(["a b"], 3, tmp_path / "b.arpa")
    with pytest.raises(LanguageModelError, match="like 500M or 2G"):
        lmplz.estimate(text, 3, tmp_path / "b.arpa", memory="lots", discount_fallback=True)
