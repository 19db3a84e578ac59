import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.search.hits import Find, Hit, PhraseFinder, words_of, write, written_words

LETTERS = Vocabulary([" ", *"abcdefghijklmnopqrstuvwxyz'"])
word = st.sampled_from(["a", "b", "ab", "ba", "aba"])
words = st.lists(word, max_size=12)
phrases = st.lists(
    st.tuples(st.lists(word, min_size=1, max_size=3).map(" ".join), st.sampled_from([1.0, 2.0, 0.0, -1.0])), max_size=8
)


CASED = Vocabulary(["▁", *"abcdefghijklmnopqrstuvwxyz", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *".,'-?®ö"])


def finder(entries, vocabulary=LETTERS):
    return PhraseFinder(spell(BiasList(entries), vocabulary), vocabulary.word_ends, vocabulary.cased)


def found(entries, text, vocabulary=LETTERS):
    """What stands in the text, phrase index and what is written."""
    return [(text[one.start : one.end], one.phrase, one.written) for one in finder(entries, vocabulary).find(text)]


def brute_force(listed, words):
    """Leftmost, longest, never overlapping: try every span of words from the left."""
    found, at = [], 0
    while at < len(words):
        spans = [end for end in range(len(words), at, -1) if " ".join(words[at:end]) in listed]
        if spans:
            found.append((at, spans[0], " ".join(words[at : spans[0]])))
        at = spans[0] if spans else at + 1
    return found


@given(entries=phrases, words=words)
def test_finder_agrees_with_trying_every_span(entries, words):
    bias_list, text = BiasList([Phrase(text, weight) for text, weight in entries]), " ".join(words)
    expected = brute_force({phrase.text for phrase in bias_list if phrase.weight > 0}, words)
    finds = finder(bias_list).find(text)
    assert [(*words_of(text, one.start, one.end), one.written) for one in finds] == expected
    assert all(bias_list[one.phrase].text == one.written for one in finds)


def test_longest_phrase_wins_and_part_of_a_word_is_none():
    entries = ["new york", "new york times", "ran"]
    assert found(entries, "the new york times ran iran rank new york") == [
        ("new york times", 1, "new york times"),
        ("ran", 2, "ran"),
        ("new york", 0, "new york"),
    ]


def test_spoken_forms_are_found_and_the_written_form_reported():
    entries = [Phrase("Saoirse", spoken=("sersha", "sur sha"), display="SAOIRSE"), "O’Brien"]
    assert found(entries, "sersha met sur sha and o'brien not saoirse") == [
        ("sersha", 0, "SAOIRSE"),
        ("sur sha", 0, "SAOIRSE"),
        ("o'brien", 1, "O’Brien"),
    ]


def test_suppressed_and_switched_off_phrases_are_no_hits():
    assert found([Phrase("fox", -1.0), Phrase("dog", 0.0)], "fox dog") == []
    assert found([], "fox") == [] == found(["fox"], "")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("She met Okonkwo's sister.", "She met OK Ltd's sister."),
        ("Okonkwo, Okonkwos and Okonkwo-led.", "OK Ltd, OK Ltds and OK Ltd-led."),
        ("the Okonkwos' car? Okonkwo?", "the OK Ltds' car? OK Ltd?"),
        ("(Okonkwo) pro-Okonkwo", "(OK Ltd) pro-OK Ltd"),
        ("Okonkwood Kokonkwo Okonkwo'd", "Okonkwood Kokonkwo Okonkwo'd"),
        ("Rans ran's", "Rans R's"),
        ("James' and James's, not Jamess or Okonkwo'", "J' and J's, not Jamess or OK Ltd's"),
    ],
)
def test_what_stands_around_a_phrase_stays(text, written):
    assert (
        write(
            text,
            finder(
                [Phrase("Okonkwo", display="OK Ltd"), Phrase("Ran", display="R"), Phrase("James", display="J")], CASED
            ).find(text),
        )
        == written
    )


@pytest.mark.parametrize(
    ("entry", "text", "written"),
    [
        # Without capitals of the user's the model's stay.
        ("zelenskyy", "He met Zelenskyy.", "He met Zelenskyy."),
        ("mcdonald", "He met McDonald.", "He met McDonald."),
        ("charles de gaulle", "He met Charles de Gaulle.", "He met Charles de Gaulle."),
        ("metformin", "Metformin and metformin.", "Metformin and metformin."),
        ("köln", "Koln and KOLN", "Köln and KÖLN"),
        # The user's own win, but for a sentence's.
        ("IBUPROFEN", "Ibuprofen and ibuprofen.", "IBUPROFEN and IBUPROFEN."),
        ("iPhone", "Iphone or iphone", "iPhone or iPhone"),
        ("de Gaulle", "De Gaulle, De Gaulle. De Gaulle", "De Gaulle, de Gaulle. De Gaulle"),
        # As does a display without any.
        (Phrase("bell hooks", display="bell hooks"), "By Bell Hooks. Bell Hooks", "By bell hooks. Bell hooks"),
        (Phrase("Siobhan", spoken=["shivawn"]), "Shivawn and shivawn", "Siobhan and Siobhan"),
        (Phrase("siobhan", spoken=["shi vawn"]), "so Shi Vawn and shi vawn", "so Siobhan and siobhan"),
    ],
)
def test_case_is_the_users_where_there_is_any_and_else_the_models(entry, text, written):
    vocabulary = Vocabulary([piece for piece in CASED.pieces if piece != "ö"])
    assert write(text, finder([entry], vocabulary).find(text)) == written


def test_acronyms_are_no_words_in_lower_case():
    assert found(["US", "NATO", "Okonkwo"], "Let us go to the US with NATO.", CASED) == [
        ("US", 0, "US"),
        ("NATO", 1, "NATO"),
    ]
    # In a list of capitals throughout they say nothing.
    assert found(["ANNA", "OKONKWO"], "Anna met Okonkwo", CASED) == [("Anna", 0, "ANNA"), ("Okonkwo", 1, "OKONKWO")]


def test_words_that_are_listed_in_both_cases_are_two():
    assert found([Phrase("Polish", display="PL"), "polish"], "Polish polish", CASED) == [
        ("Polish", 0, "PL"),
        ("polish", 1, "polish"),
    ]


def test_scripts_without_spaces_have_phrases_anywhere():
    vocabulary = Vocabulary(["▁", *"我去青山公园看花北京トリーツ", *"ran"])
    text = "我去青山公园看花ranirannra"
    assert found([Phrase("青山公园", display="QS"), "花", "ran"], text, vocabulary) == [
        ("青山公园", 0, "QS"),
        ("花", 1, "花"),
    ]
    assert found(["ran"], "花ran花", vocabulary) == [("ran", 0, "ran")]
    finds = finder([Phrase("青山", display="QS"), "花"], vocabulary).find("ran 我青山花 ran")
    assert written_words("ran 我青山花 ran", finds) == [(1, 2, "我QS花")]


@given(words=words, data=st.data())
def test_write_replaces_the_spans_and_nothing_else(words, data):
    text = " ".join(words)
    cuts = sorted(set(data.draw(st.lists(st.integers(0, len(text)), max_size=6))))
    finds = [Find(a, b, 0, f"<{a}>") for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    marked = list(text)
    for one in reversed(finds):
        marked[one.start : one.end] = [one.written]
    assert write(text, data.draw(st.permutations(finds))) == "".join(marked)
    rows, at = written_words(text, finds), 0
    rebuilt: list[str] = []
    for first, last, new in rows:
        rebuilt += [*words[at:first], new]
        at = last
    assert " ".join([*rebuilt, *words[at:]]) == "".join(marked)


def test_hit_in_seconds_and_for_json():
    parts = {"acoustic": -3.21987, "hotword": 1.23456}
    hit = Hit("New York", 1, 3, 10, 21, 1.23456, "hotword", "new yolk", 0.98765, parts)
    seconds = hit.in_seconds(0.08)
    assert (seconds.start, seconds.end, seconds.first_word, seconds.last_word) == (0.8, 1.68, 1, 3)
    assert hit.start == 10
    assert seconds.as_dict() == {
        "phrase": "New York",
        "start": 0.8,
        "end": 1.68,
        "score": pytest.approx(1.235),
        "technique": "hotword",
        "base_text": "new yolk",
        "confidence": pytest.approx(0.988),
        "parts": {"acoustic": pytest.approx(-3.22), "hotword": pytest.approx(1.235)},
    }
