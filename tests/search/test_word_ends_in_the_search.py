"""What may follow a phrase within its word, from log-probs to text, hits and written forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import Phrase, Vocabulary
from nemo_ctcbias.search.boosting import BoostOptions

pytest.importorskip("pyctcdecode", reason="phrases are decoded behind its interface")
from nemo_ctcbias.search.hotword_decoder import HotwordBeamDecoder

PIECES = ["▁met", "▁Zel", "▁zel", "▁Z", "en", "ski", "sky", "y", ",", ".", "'", "s", "-", "▁and", "led", "ling"]
LETTERS = [" ", *"abcdefghijklmnopqrstuvwxyz'"]
HANZI = ["▁", *"我去青山闪公园看花东京", "ran", "▁ran", "i", "▁i"]
EITHER = {"ski": 0.6, "sky": 0.25}  # what is said in place of sky


def said(pieces, *emissions):
    """Log-probs of tokens one after the other, a blank between them; a mapping gives what else a frame may be."""
    rows = []
    for emission in emissions:
        for shares in ({emission: 0.9995} if isinstance(emission, str) else emission, {}):
            row = np.full(len(pieces) + 1, 1e-5)
            for piece, share in shares.items():
                row[pieces.index(piece)] = share
            row[-1] = max(1e-5, 1 - row[:-1].sum())
            rows.append(np.log(row / row.sum()))
    return np.array(rows)


def decode(pieces, listed, *emissions, boost=BoostOptions()):
    decoder = HotwordBeamDecoder.from_vocabulary(Vocabulary(pieces), boost=boost)
    return decoder.decode_beams(said(pieces, *emissions), hotwords=listed)[0]


@pytest.mark.parametrize(
    ("tail", "text"),
    [
        ([], ""),
        ([",", "▁and"], ", and"),
        (["."], "."),
        (["'", "s"], "'s"),
        (["'", "s", ","], "'s,"),
        (["s"], "s"),
        (["s", "'", "▁and"], "s' and"),
        (["-", "led"], "-led"),
    ],
)
@pytest.mark.parametrize("display", [None, "OK Ltd"])
def test_what_may_follow_a_phrase_costs_no_credit_and_is_kept(tail, text, display):
    listed = [Phrase("Zelenskyy", display=display)]
    beam = decode(PIECES, listed, "▁met", "▁Zel", "en", EITHER, "y", *tail)
    alone = decode(PIECES, listed, "▁met", "▁Zel", "en", EITHER, "y")
    assert beam.text == f"met {display or 'Zelenskyy'}{text}"
    assert beam.boost == pytest.approx(alone.boost) and beam.boost > 0
    (hit,), (other,) = beam.hits, alone.hits
    assert hit.phrase == (display or "Zelenskyy")
    assert (hit.first_word, hit.last_word, hit.start, hit.end) == (1, 2, other.start, other.end)


@pytest.mark.parametrize("tail", [["ling"], ["led"], ["s", "led"], ["'", "led"], ["y"]])
def test_a_phrase_that_begins_a_longer_word_is_none(tail):
    beam = decode(PIECES, ["Zelenskyy"], "▁met", "▁Zel", "en", EITHER, "y", *tail)
    assert "ski" in beam.text and beam.boost == 0 and beam.hits == []


def test_what_follows_is_kept_in_a_character_model():
    def words(*parts):
        return [{"c": 0.6, "k": 0.25} if part == "?" else part for part in "".join(parts)]

    assert decode(LETTERS, ["okonkwo"], *words("the o?on?wo's car")).text == "the okonkwo's car"
    assert decode(LETTERS, ["okonkwo"], *words("the o?on?wos")).text == "the okonkwos"
    assert decode(LETTERS, ["oslo"], *words("oslovian")).hits == [] == decode(LETTERS, ["ran"], *words("iran")).hits


@pytest.mark.parametrize(("tail", "text"), [([], "'s"), (["▁and"], "'s and"), ([","], "'s,")])
@pytest.mark.parametrize("display", [None, "OK Ltd"])
def test_an_apostrophe_alone_is_a_possessive_whose_s_had_no_frame_of_its_own(tail, text, display):
    beam = decode(PIECES, [Phrase("Zelenskyy", display=display)], "▁met", "▁Zel", "en", EITHER, "y", "'", *tail)
    assert beam.text == f"met {display or 'Zelenskyy'}{text}" and beam.boost > 0
    assert [(hit.phrase, hit.first_word, hit.last_word) for hit in beam.hits] == [(display or "Zelenskyy", 1, 2)]


def test_an_apostrophe_alone_stays_where_it_may_stand():
    assert decode(PIECES, ["Zelenskys"], "▁Zel", "en", "sky", "s", "'", "▁and").text == "Zelenskys' and"
    assert decode(PIECES, [], "▁Zel", "en", "sky", "y", "'", "▁and").text == "Zelenskyy' and"


@pytest.mark.parametrize("share", [0.3, 0.05, 0.004])  # the last one would not be tried behind any other word
@pytest.mark.parametrize(
    ("pieces", "listed", "said_before"),
    [(PIECES, "Zelenskyy", ["▁Zel", "en", "sky", "y"]), (LETTERS, "okonkwo", "okonkwo"), (LETTERS, "anna", "anna")],
)
def test_half_of_what_an_apostrophe_lacks_is_made_up_for(pieces, listed, said_before, share):
    """Nobody hears it: "Carlings" and "Carling's" are one sound, and a model knows which to write of words it knows."""
    last, boost = said_before[-1], BoostOptions()
    either = {last: 1 - share - 0.1, "'": share}

    def boosts(*phrases):
        decoder = HotwordBeamDecoder.from_vocabulary(Vocabulary(pieces), boost=boost)
        emissions = said(pieces, *said_before, either, "s")
        # The name's last token goes on in the frame of the apostrophe, so that it is written once.
        heard = np.delete(emissions, 2 * len(said_before) - 1, axis=0)
        return {beam.spoken: beam.boost for beam in decoder.decode_beams(heard, hotwords=list(phrases))}

    found, gap = boosts(listed), np.log(either[last] / share)
    assert found[f"{listed}'s"] == pytest.approx(found[f"{listed}s"] + boost.gap_scale * gap)
    both = boosts(listed, f"{listed}'s")[f"{listed}'s"]
    assert both == pytest.approx(found[f"{listed}'s"] + 2 * boost.token_bonus), "what is listed earns its bonus, too"


@pytest.mark.parametrize(
    ("name", "tail"), [("김민지", "가"), ("김민지", "에게는"), ("김민준", "은"), ("김민준", "이라고"), ("김민준", ",")]
)
def test_particles_cost_no_credit_in_korean(name, tail):
    pieces = [*"▁가고과는도로를서에와은을의이김민지준진게라,"]
    *first, last = name
    vague = {"진": 0.6, last: 0.25}
    beam = decode(pieces, [Phrase(name, display="KM")], "▁", *first, vague, *tail)
    alone = decode(pieces, [Phrase(name, display="KM")], "▁", *first, vague)
    assert beam.text == f"KM{tail}" and beam.boost == pytest.approx(alone.boost) and beam.boost > 0
    assert [hit.phrase for hit in beam.hits] == ["KM"]
    longer = decode(pieces, [name], "▁", *first, vague, "과", "김")
    assert longer.text == "김민진과김" and longer.hits == [] and longer.boost == 0


@pytest.mark.parametrize(("tail", "text"), [([], "Zelenskyy"), (["'", "s"], "Zelenskyy's")])
def test_listing_both_forms_gives_what_was_said(tail, text):
    beam = decode(PIECES, ["Zelenskyy", "Zelenskyy's"], "▁met", "▁Zel", "en", EITHER, "y", *tail, "▁and")
    assert beam.text == f"met {text} and"
    assert [hit.phrase for hit in beam.hits] == [text]


@pytest.mark.parametrize("listed", ["zelenskyy", "Zelenskyy", "ZELENSKYY"])
def test_a_list_in_any_case_is_found_in_the_models(listed):
    for first in ("▁Zel", "▁zel"):
        beam = decode(PIECES, [listed], first, "en", EITHER, "y", ",")
        shown = listed if listed != listed.lower() else first.strip("▁") + "enskyy"
        assert beam.text == f"{shown}," and beam.boost > 0, (listed, first)


def test_a_longer_phrase_counts_once_however_many_it_holds():
    options = BoostOptions()
    emissions = "▁met", "▁Zel", "en", EITHER, "y", "▁and"
    alone = decode(PIECES, ["met Zelenskyy and"], *emissions, boost=options)
    assert decode(PIECES, ["met", "Zelenskyy", "met Zelenskyy and"], *emissions, boost=options).boost == pytest.approx(
        alone.boost
    )


def test_scripts_without_spaces_have_phrases_anywhere():
    vague = {"闪": 0.6, "山": 0.25}
    beam = decode(HANZI, ["青山公园"], "▁", "我", "去", "青", vague, "公", "园", "看", "花")
    assert beam.text == "我去青山公园看花" and [hit.phrase for hit in beam.hits] == ["青山公园"]
    assert beam.hits[0].base_text == "青闪公园" and (beam.hits[0].start, beam.hits[0].end) == (6, 13)
    start = decode(HANZI, [Phrase("青山公园", display="QS")], "▁", "青", vague, "公", "园", "看")
    assert start.text == "QS看"
    assert decode(HANZI, ["ran"], "▁i", "ran", "花").hits == []
    assert decode(HANZI, ["ran"], "▁ran", "花").hits[0].phrase == "ran"


def test_a_phrase_begins_and_ends_inside_tokens_of_several_characters():
    pieces = ["▁", *"我去青山闪公园看花", "▁我去青", "我去青", "公园看"]
    for first in (["▁我去青"], ["▁", "我去青"], ["▁", "花", "我去青"]):
        beam = decode(pieces, [Phrase("青山公园", display="QS")], *first, {"闪": 0.6, "山": 0.25}, "公园看", "花")
        before = "".join(first).strip("▁")[:-1]
        assert beam.text == f"{before}QS看花" and [hit.phrase for hit in beam.hits] == ["QS"]
        assert beam.boost > 0 and beam.hits[0].base_text == f"{before[-2:]}青闪公园看"


@given(
    longer=st.lists(st.text("我青山公", min_size=2, max_size=4), max_size=4, unique=True),
    phrase=st.text("青山公", min_size=2, max_size=3),
    data=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_however_a_text_without_spaces_is_cut_its_phrases_keep_a_boost(longer, phrase, data):
    pieces = ["▁", *"我青山公", *longer]
    tokens = data.draw(st.lists(st.sampled_from(pieces[1:]), min_size=1, max_size=6).map("".join))
    at = data.draw(st.integers(0, len(tokens)))
    rest, cut = tokens[:at] + phrase + tokens[at:], ["▁"]
    while rest:
        cut.append(data.draw(st.sampled_from([piece for piece in pieces if rest.startswith(piece)])))
        rest = rest[len(cut[-1]) :]
    beam = decode(pieces, [phrase], *cut)
    assert beam.hits and beam.boost > 0


@pytest.mark.parametrize("behind", ["我用", "我用,", "", " "])
@pytest.mark.parametrize("separator", ["▁", " "])
def test_words_with_letters_stand_between_those_without_spaces(behind, separator):
    """我用iPhone拍照: no space says where such a word begins, and none where it ends."""
    pieces = [separator, *"我用拍照,ihonePpq", *([] if separator == " " else ["▁i"])]
    before = [separator if one == " " else one for one in behind]
    spoken = [*("" if separator == " " else "▁"), *before, "i", {"p": 0.6, "P": 0.25}, *"hone", "拍", "照"]
    beam = decode(pieces, [Phrase("iPhone", display="IP")], *spoken)
    assert beam.text == f"{behind.strip()}IP拍照" and [hit.phrase for hit in beam.hits] == ["IP"]
    inside = decode(pieces, ["hone"], *before, "P", {"p": 0.6, "h": 0.25}, *"one", "拍")
    assert "Ppone" in inside.text and inside.boost == 0 and inside.hits == []


def test_a_short_word_does_not_fire_in_longer_ones_beside_characters():
    beam = decode(HANZI, ["ran", "Irank"], "▁", "我", "i", "ran", "花")
    assert beam.boost == 0 and beam.hits == []
    assert decode(HANZI, ["ran"], "▁", "我", "ran", "花").hits[0].phrase == "ran"


def test_vocabularies_that_mark_no_words_have_phrases_anywhere():
    kana = [*"東京スカイツリトーに行くabc"]
    beam = decode(kana, ["東京スカイツリー"], *"東京スカイ", {"ト": 0.6, "ツ": 0.25}, *"リーに行く")
    assert beam.text == "東京スカイツリーに行く" and beam.hits[0].phrase == "東京スカイツリー"
    assert decode(kana, ["スカイ"], *"東京スカイツリー").hits[0].phrase == "スカイ"
    assert decode([*"abc"], ["bc"], *"abca").hits[0].phrase == "bc"
