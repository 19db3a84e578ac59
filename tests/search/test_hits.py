import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.search.hits import Hit, PhraseFinder, write

LETTERS = Vocabulary([" ", *"abcdefghijklmnopqrstuvwxyz'"])
word = st.sampled_from(["a", "b", "ab", "ba", "aba"])
words = st.lists(word, max_size=12)
phrases = st.lists(
    st.tuples(st.lists(word, min_size=1, max_size=3).map(" ".join), st.sampled_from([1.0, 2.0, 0.0, -1.0])), max_size=8
)


def finder(entries):
    return PhraseFinder(spell(BiasList(entries), LETTERS))


def brute_force(listed, words):
    """Leftmost, longest, never overlapping: try every span from the left."""
    found, at = [], 0
    while at < len(words):
        spans = [end for end in range(len(words), at, -1) if " ".join(words[at:end]) in listed]
        if spans:
            found.append((at, spans[0], " ".join(words[at : spans[0]])))
        at = spans[0] if spans else at + 1
    return found


@given(entries=phrases, words=words)
def test_finder_agrees_with_trying_every_span(entries, words):
    bias_list = BiasList([Phrase(text, weight) for text, weight in entries])
    expected = brute_force({phrase.text for phrase in bias_list if phrase.weight > 0}, words)
    found = finder(bias_list).find(words)
    assert [(first, last, written) for first, last, _, written in found] == expected
    assert all(bias_list[index].text == written for _, _, index, written in found)


def test_longest_phrase_wins_and_part_of_a_word_is_none():
    entries = ["new york", "new york times", "ran"]
    found = finder(entries).find("the new york times ran iran rank new york".split())
    assert [(first, last, text) for first, last, _, text in found] == [
        (1, 4, "new york times"),
        (4, 5, "ran"),
        (7, 9, "new york"),
    ]


def test_spoken_forms_are_found_and_the_written_form_reported():
    entries = [Phrase("Saoirse", spoken=("sersha", "sur sha"), display="SAOIRSE"), "O’Brien"]
    found = finder(entries).find("sersha met sur sha and o'brien not saoirse".split())
    assert found == [(0, 1, 0, "SAOIRSE"), (2, 4, 0, "SAOIRSE"), (5, 6, 1, "O’Brien")]


def test_suppressed_and_switched_off_phrases_are_no_hits():
    assert finder([Phrase("fox", -1.0), Phrase("dog", 0.0)]).find(["fox", "dog"]) == []
    assert finder([]).find(["fox"]) == [] == finder(["fox"]).find([])


@given(words=words, data=st.data())
def test_write_replaces_the_spans_and_nothing_else(words, data):
    cuts = sorted(set(data.draw(st.lists(st.integers(0, len(words)), max_size=6))))
    spans = [pair for pair in zip(cuts[::2], cuts[1::2], strict=False) if pair[0] < pair[1]]
    hits = [(first, last, f"<{first}>") for first, last in spans]
    marked = list(words)
    for first, last, text in reversed(hits):
        marked[first:last] = [text]
    assert write(words, hits) == " ".join(marked)
    assert write(words, []) == " ".join(words)


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
