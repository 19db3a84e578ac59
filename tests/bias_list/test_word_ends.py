"""What may follow a phrase: characters and tokens say the same."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.bias_list.endings import ENDINGS
from nemo_ctcbias.bias_list.word_ends import CLOSED, NONE, WordEnds

PIECES = ["a", "s", "'", "'s", "es", "e", "s,", ".", "-", "木", "木s", "▁", "▁a", "’", "-a", "'a"]
PIECES += ["은", "는", "에", "에서", "서는", "으로", "로", "씨", "가,", "▁가"]
STARTS = [piece.startswith("▁") for piece in PIECES]


@given(
    languages=st.lists(st.sampled_from(sorted(ENDINGS)), min_size=1, max_size=2),
    phrase=st.text("aos'木하국울", min_size=1, max_size=6),
    tail=st.lists(st.sampled_from(range(len(PIECES))), max_size=5),
)
def test_the_table_of_tokens_agrees_with_the_text(languages, phrase, tail):
    ends = WordEnds([ending for language in languages for ending in ENDINGS[language]])
    table = ends.following(PIECES, STARTS)
    row = ends.row_of(phrase)
    for token in tail:
        row = table.next[row, token]
        if row in (CLOSED, NONE):
            break
    text = phrase + "".join(PIECES[token] for token in tail).replace("▁", " ")
    assert ends.may_end(text, 0, len(phrase)) == (row == CLOSED or bool(table.whole[row]))


@pytest.mark.parametrize(
    ("phrase", "pattern"),
    [
        ("okonkwo", "('s?|s'?|es'?)?"),
        ("anna", "('s?|s'?)?"),
        ("jones", "('s?|es'?)?"),
        ("bush", "('s?|es'?)?"),
        ("anna's", ""),
        ("ann", "('s?)?"),
        ("bus", "('s?)?"),
    ],
)
@given(rest=st.text("s'e,-木 ", max_size=5))
def test_the_text_agrees_with_a_pattern(phrase, pattern, rest):
    allowed = bool(re.match(rf"{pattern}($|[, 木-])", rest))
    assert WordEnds().may_end(phrase + rest, 0, len(phrase)) == allowed


@pytest.mark.parametrize(("text", "at", "may"), [("iran", 1, False), ("i ran", 2, True), ("pro-ran", 4, True)])
def test_where_a_phrase_may_begin(text, at, may):
    assert WordEnds().may_begin(text, at) == may
    assert WordEnds(anywhere=True).may_begin(text, at)


@pytest.mark.parametrize("text", ["中国", "ไทย", "カナ", "ﾊﾝ"])
def test_scripts_without_spaces(text):
    assert WordEnds().may_begin(text, 1) and WordEnds().may_end(text, 0, 1)


@pytest.mark.parametrize("text", ["हिन्दी", "한국어", "עברית", "می\u200cروم", *string.ascii_letters[:1]])
def test_scripts_with_spaces(text):
    assert not any(WordEnds().may_begin(text, at) for at in range(1, len(text)))


def test_other_endings():
    turkish = WordEnds(endings=("'da", "'nin"))
    assert turkish.may_end("ankara'da", 0, 6) and not turkish.may_end("ankaras", 0, 6)
    assert WordEnds(endings=()).may_end("ankara,", 0, 6)


@pytest.mark.parametrize(
    ("language", "takes", "not_"),
    [
        ("en", ["Merkel's", "Merkels"], ["Merkel'den"]),
        ("de", ["Merkels", "Merkel's,"], ["Merkeln"]),
        ("es", ["Merkels"], ["Merkel's"]),
        ("fr", ["Merkels"], ["Merkel's"]),
        ("tr", ["Merkel'den", "Merkel'in,", "Merkel’e"], ["Merkels", "Merkel'"]),
        ("pl", ["Merkel,"], ["Merkels", "Merkela", "Merkel's"]),
        ("ko", ["Merkel은", "Merkel는,", "Merkel에서는"], ["Merkels", "Merkel국"]),
    ],
)
def test_endings_follow_the_language(language, takes, not_):
    letters = {"de": "äöüß", "es": "áéíñóú", "fr": "àâçèéêîô", "tr": "çğıöşü", "pl": "ąćęłńóśźż"}
    letters = (letters | {"ko": "가고과국는도로를서에와은을의이"}).get(language, "")
    ends = Vocabulary(["▁", *string.ascii_letters, *"'’,", *letters]).word_ends
    for text in takes:
        assert ends.may_end(text, 0, 6)
    for text in not_:
        assert not ends.may_end(text, 0, 6)


@pytest.mark.parametrize(
    ("name", "takes", "not_"),
    [
        ("한국", "은 이 을 과 으로 의 에서 에서는 까지도 만의 이라고 입니다", "는 가 를 와 로 인 은행 사람"),
        ("서하", "는 가 를 와 로 의 에게 에게도 씨 씨가 님은 야 였다", "은 을 과 으로 씨은 님는"),
        ("서울", "은 이 을 과 로 로는 의 에서 들이", "는 으로 대"),
        ("강", "", "은 이 에서"),
        ("LG", "는 은 에서 로 으로", "국"),
    ],
)
def test_korean_particles_follow_the_last_syllable(name, takes, not_):
    ends = WordEnds(ENDINGS["ko"])
    for tail in ("", ",", " 은", *takes.split()):
        assert ends.may_end(name + tail, 0, len(name)), tail
        assert ends.may_end(f"{name}{tail},", 0, len(name)), tail
    for tail in not_.split():
        assert not ends.may_end(name + tail, 0, len(name)), tail
