"""`nemo-ctcbias variants`."""

import json
import logging

import pytest

from nemo_ctcbias.cli import main


@pytest.fixture
def variants(capsys):
    logger = logging.getLogger("nemo_ctcbias")
    level = logger.level

    def run(*arguments):
        code = main(["variants", *arguments])
        return code, *capsys.readouterr()

    yield run
    logger.setLevel(level)  # commands silence it


def test_a_line_a_spelling_identity_first(variants):
    code, out, err = variants("Catherine", "-n", "4")
    assert (code, err) == (0, "")
    lines = [line.split(maxsplit=3) for line in out.splitlines()]
    assert lines[0] == ["0", "0.000", "Catherine", "K AE TH R IH N"]
    assert [line[0] for line in lines] == ["0", "1", "2", "3"]
    assert "katherine" in [line[2] for line in lines]


def test_json_lines(variants):
    code, out, _ = variants("Saoirse", "--pronunciation", "S ER SH AH", "-n", "3", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [row["rank"] for row in rows] == [0, 1, 2]
    assert rows[0] == {
        "phrase": "Saoirse",
        "rank": 0,
        "cost": 0.0,
        "spelling": "Saoirse",
        "pronunciation": "S ER SH AH",
    }


def test_a_lexicon_says_how_words_sound(variants, tmp_path):
    lexicon = tmp_path / "a.dict"
    lexicon.write_text("saoirse S ER SH AH\n")
    assert variants("Saoirse", "--lexicon", str(lexicon), "-n", "1")[1].split()[3:] == ["S", "ER", "SH", "AH"]


@pytest.mark.parametrize(
    ("arguments", "message", "expected"),
    [
        (["R2D2"], "'r2d2' has no known sound for '2'", 1),
        (["a", "-n", "0"], "-n 0: give 1 or more", 2),
        ([""], "'' holds no word", 1),
        (["-"], "'-' holds no word", 1),
        (["a", "--lexicon", "no.dict"], "no.dict: no such lexicon file", 2),
        (["a", "b", "--pronunciation", "Q"], "unknown phone 'Q'", 2),
    ],
)
def test_bad_input_is_one_line(variants, arguments, message, expected):
    code, out, err = variants(*arguments)
    assert (code, out) == (expected, "") and message in err and err.count("\n") == 1
