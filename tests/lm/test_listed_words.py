import math

from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.lm.listed_words import ListedWords

forms = st.lists(st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=3).map(" ".join), max_size=8)


@given(forms=forms, text=st.text("abc", max_size=4))
def test_beginnings_are_those_of_any_word(forms, text):
    listed = ListedWords([(form, 1.0) for form in forms])
    words = [word for form in forms for word in form.split()]
    assert listed.begins(text) == any(word.startswith(text) for word in words)
    assert bool(listed) == bool(words)


@given(forms=forms)
def test_phrases_and_their_beginnings_are_found(forms):
    listed = ListedWords([(form, 1.0) for form in forms])
    assert set(listed.weights) == set(forms)
    beginnings = {form[: len(form) - len(rest)].strip() for form in forms for rest in (form.partition(" ")[2],) if rest}
    assert beginnings <= listed.longer
    for form in forms:
        words = form.split()
        assert all(" ".join(words[:count]) in listed for count in range(1, len(words) + 1))
    assert all(any(form.startswith(text + " ") for form in forms) for text in listed.longer)


def test_weights_are_logs_the_heaviest_counts_and_suppressed_phrases_are_none():
    listed = ListedWords([("a", 2.0), ("a", 0.5), ("b", -1.0), ("c", 0.0), ("", 1.0)])
    assert listed.weights == {"a": math.log(2)} and not listed.longer
