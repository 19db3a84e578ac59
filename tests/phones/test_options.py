import pytest

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.phones import LookupOptions, RescoringOptions, VerificationOptions
from nemo_ctcbias.phones.options import PhoneticsOptions


def test_nothing_given_is_the_default():
    assert PhoneticsOptions.of({}) == PhoneticsOptions()
    assert PhoneticsOptions.of({"rescoring": {}, "lookup": None, "variants": 1, "lexicon": None}) == PhoneticsOptions()


def test_sections_become_options():
    options = PhoneticsOptions.of(
        {"rescoring": {"enabled": False, "weight": 0.5}, "lookup": {"enabled": True, "distance": 0.2}, "variants": 5}
    )
    assert (options.rescore, options.look_up, options.variants) == (False, True, 5)
    assert options.rescoring == RescoringOptions(weight=0.5) and options.lookup == LookupOptions(distance=0.2)
    options = PhoneticsOptions.of({"verification": {"enabled": False, "threshold": -3}})
    assert options.verify is False and options.verification == VerificationOptions(threshold=-3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"variants": True}, "variants: must be a whole number"),
        ({"variants": 2.5}, "variants: must be a whole number"),
        ({"lexicon": 5}, "lexicon: must be the path"),
        (
            {"rescore": True},
            "unknown key 'rescore'; known: spotting, rescoring, verification, lookup, variants, variant_cost, lexicon",
        ),
        ({"verification": {"slack": -1}}, "verification.slack: -1 is out of range"),
        ({"rescoring": {"enabled": 1}}, "rescoring.enabled: must be true, false or null"),
        ({"rescoring": {"weight": "much"}}, r"rescoring"),
        ({"lookup": {"distance": 2}}, r"lookup.distance: 2 is out of range"),
        ({"lookup": {"max_words": 1.5}}, r"lookup.max_words: 1.5 is out of range; give a whole number from 1 up"),
        ({"rescoring": {"n_best": 2.5}}, r"rescoring.n_best: 2.5 is out of range; give a whole number from 1 up"),
        ({"rescoring": {"weight": True}}, r"rescoring.weight: True is out of range; give a number from 0 up"),
        ({"lookup": {"words": 2}}, r"lookup: unknown key 'words'; known: enabled, min_confidence"),
    ],
)
def test_bad_settings(given, words):
    with pytest.raises(SettingError, match=f"biasing.phonetics.*{words}"):
        PhoneticsOptions.of(given)
