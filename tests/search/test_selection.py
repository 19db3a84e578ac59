import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.search.beams import EXTENSION, new_tree
from nemo_ctcbias.search.extension import last_values
from nemo_ctcbias.search.selection import BEHIND, find, insert, rank, read, with_room

sequences = st.lists(st.lists(st.integers(0, 3), max_size=6).map(tuple), max_size=12)


@given(sequences=sequences)
def test_a_tree_holds_what_is_put_into_it(sequences):
    tree, values = new_tree(room=1), {}
    for sequence in sequences:
        node = 0
        for place, token in enumerate(sequence):
            tree = with_room(tree, 1)
            known = sequence[: place + 1] in values
            values[sequence[: place + 1]] = value = float(len(values) + 10 * place)
            assert (find(tree, node, token) >= 0) == known
            node = insert(tree, node, token, value)
    assert tree.used[0] == len(values) + 1
    for sequence in values:
        node = 0
        for token in sequence:
            node = find(tree, node, token)
        (tokens,), (found,) = read(tree, np.array([node]), np.array([len(sequence)]))
        assert tuple(tokens) == sequence
        expected = [values[sequence[: place + 1]] for place in range(len(sequence))]
        assert list(found) == expected
        assert last_values(tree, node, 2) == sum(expected[-2:])


@given(
    stays=st.lists(st.integers(-6, 0), min_size=1, max_size=5),
    extensions=st.lists(st.tuples(st.integers(-6, 0), st.integers(0, 1), st.integers(0, 3)), max_size=12),
    loans=st.lists(st.integers(0, 5), min_size=17, max_size=17),
    penalties=st.dictionaries(st.integers(0, 3), st.integers(-4, 0), min_size=4, max_size=4),
    width=st.integers(1, 8),
    prune=st.sampled_from([-3.0, -100.0]),
)
def test_the_best_are_kept_each_word_asked_for_once(stays, extensions, loans, penalties, width, prune):
    """Whole numbers, so that many are level: which of those are kept is open, not how many.

    The best are those that are so with what they owe, or without.
    """
    words, asked = with_room(new_tree(room=1), 1), []
    insert(words, 0, 3, 0.0)  # an unfinished word, node 1, that others go on from
    found = np.zeros(len(extensions), EXTENSION)
    for one, (_, word, token) in zip(found, extensions, strict=True):
        one["word"], one["token"] = word, token
    scores = np.array([*stays, *(score for score, _, _ in extensions)], dtype=float)
    exact = np.zeros(len(scores), dtype=bool)

    def penalty(word, token):
        return 0.0 if (word, token) == (0, 3) else float(penalties[token] - word)

    owed = np.array(loans[: len(scores)], dtype=float)
    while True:
        words = with_room(words, len(found))
        chosen, new = rank(scores, owed, exact, found, words, width, prune)
        for node in new.tolist():
            pair = int(words.parent[node]), int(words.token[node])
            assert pair not in asked
            asked.append(pair)
            words.value[node] = penalty(*pair)
        if not len(new):
            break
    whole = np.array([*stays, *(score + penalty(word, token) for score, word, token in extensions)], dtype=float)
    near = np.maximum(whole - whole.max(), whole - owed - (whole - owed).max() - BEHIND)
    assert sorted(near[chosen], reverse=True) == sorted(near[near >= prune], reverse=True)[:width]
    assert sorted(set(chosen.tolist())) == chosen.tolist()
    assert (scores[chosen] == whole[chosen]).all()
