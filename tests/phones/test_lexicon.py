import pytest

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import Lexicon

TEXT = """;;; an old-style comment
# a new one
tomato T AH0 M EY1 T OW2
tomato(2) T AH0 M AA1 T OW2 # British
TOMATO(3) T AH0 M EY1 T OW0

a'ight\tAY1 T
"""


@pytest.fixture
def write(tmp_path):
    def write(data):
        path = tmp_path / "lexicon.dict"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.mark.parametrize("change", [str, lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_variants_comments_and_stress(write, change):
    lexicon = Lexicon.load(write(change(TEXT)))
    assert set(lexicon) == {"tomato", "a'ight"}
    assert lexicon["Tomato"] == (("T", "AH", "M", "EY", "T", "OW"), ("T", "AH", "M", "AA", "T", "OW"))
    assert "tomato" in lexicon and "potato" not in lexicon
    assert lexicon.get("potato") is None


def test_entries_may_be_given():
    assert Lexicon({"Ash": ["AE SH"]})["ash"] == (("AE", "SH"),)
    with pytest.raises(PhoneticsError, match="lexicon entry 'ash': unknown phone 'Q'"):
        Lexicon({"ash": ["AE Q"]})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a AH\nash AE SH1 Q0\n", r"lexicon\.dict:2: unknown phone 'Q0'; use"),
        ("a AH\n\nash\n", r"lexicon\.dict:3: 'ash' has no phones; write 'word PHONE"),
        ("a AH\nash # AE SH\n", r"lexicon\.dict:2: 'ash' has no phones"),
        (b"a AH\n\xff AE\n", r"lexicon\.dict:2: is not UTF-8"),
        ("# nothing\n", r"lexicon\.dict: holds no words"),
    ],
)
def test_broken_lines_are_named(write, data, message):
    with pytest.raises(PhoneticsError, match=message):
        Lexicon.load(write(data))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(PhoneticsError, match=r"no\.dict: no such lexicon file"):
        Lexicon.load(tmp_path / "no.dict")
    with pytest.raises(PhoneticsError, match="is a directory"):
        Lexicon.load(tmp_path)
