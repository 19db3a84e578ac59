import dataclasses
import datetime

import pytest

from nemo_ctcbias.errors import OutputError, SettingError
from nemo_ctcbias.old_settings import RENAMED
from nemo_ctcbias.settings import PHONE_PARTS, Settings, changed, clean, overlaid, setting_names
from nemo_ctcbias.settings_file import read_settings, write_settings


def test_few_enough_for_somebody_to_set_each():
    assert len(list(setting_names())) <= 25


def test_settings_are_frozen_and_typed():
    settings = Settings.of({"weight": 8, "lm": {"alpha": 1}, "phonetics": {"parts": ["detection"]}})
    assert (settings.weight, settings.lm.alpha, settings.phonetics.parts) == (8.0, 1.0, ("detection",))
    assert settings == Settings.of({"weight": 8.0, "lm": {"alpha": 1.0}, "phonetics": {"parts": ("detection",)}})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.weight = 3.0
    assert Settings.of(None) == Settings.of({}) == Settings()
    assert changed(settings) == {"weight": 8.0, "lm.alpha": 1.0, "phonetics.parts": ("detection",)}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strength": 1}, r"biasing: unknown key 'strength'; known: preset, bias_list"),
        ({"boost": {"bonus": 1}}, r"biasing\.boost: unknown key 'bonus'; known: enabled, gap_scale"),
        ({"boost": 3}, r"biasing\.boost: must be a section"),
        ({"weight": -1}, r"biasing\.weight: must be 0 or more, got -1.0; 10 is the tuned"),
        ({"weight": float("nan")}, r"biasing\.weight: must be a number, got nan"),
        ({"alternatives": 0}, r"biasing\.alternatives: must be a whole number from 1"),
        ({"alternatives": 1.5}, r"biasing\.alternatives: must be a whole number, got 1.5"),
        ({"adapter": 1}, r"biasing\.adapter: must be true or false, got 1"),
        ({"beam": {"beam_width": 0}}, r"biasing\.beam\.beam_width: must be a whole number from 1"),
        ({"boost": {"gap_scale": 1.1}}, r"biasing\.boost\.gap_scale: must lie between 0 and 1"),
        ({"lm": {"class_weight": "low"}}, r"biasing\.lm\.class_weight: must be a number or null"),
        ({"lm": {"path": 3}}, r"biasing\.lm\.path: must be a text or null"),
        ({"phonetics": {"parts": "detection"}}, r"biasing\.phonetics\.parts: must be a list of names or null"),
        ({"phonetics": {"parts": ["hearing"]}}, r"unknown part 'hearing'; choose from detection, rescoring"),
        ({"phonetics": {"rescoring_weight": -1}}, r"biasing\.phonetics\.rescoring_weight: must be 0 or more"),
        ({"list_cost": -1}, r"biasing\.list_cost: must be 0 or more"),
        ({"nbest": -3}, r"biasing\.nbest: must be a whole number from 1 to 10000, got -3"),
        ({"nbest": 10**6}, r"biasing\.nbest: must be a whole number from 1 to 10000"),
        ({"nbest": 10**5000}, r"biasing\.nbest: must be between -1e\+09 and 1e\+09, got a number of thousands"),
        ({"weight": float("inf")}, r"biasing\.weight: must be a number, got inf"),
        ({"weight": 1e300}, r"biasing\.weight: must be between"),
        ({"weight": datetime.date(2020, 1, 1)}, r"biasing\.weight: must be a number, got datetime\.date"),
        ({"beam": {"beam_width": float("nan")}}, r"biasing\.beam\.beam_width: must be a whole number, got nan"),
        ({"beam": {"beam_width": 2.7}}, r"biasing\.beam\.beam_width: must be a whole number, got 2\.7"),
        ({"boost": []}, r"biasing\.boost: must be a section of settings, got \[\]"),
        ({"hotword": False, "boost": [1]}, r"biasing\.boost: must be a section of settings, got \[1\]"),
        ({9: None}, r"biasing: the key 9 is no name"),
        ({"boost": {9: 1, "bonus": 2}}, r"biasing\.boost: the key 9 is no name"),
        ([9], r"biasing: must be a section of settings, got \[9\]"),
        ({"lm": {"path": "${oc.env:HOME}"}}, r"biasing\.lm\.path: nothing is interpolated here"),
        ({"weight": "${x}"}, r"biasing\.weight: nothing is interpolated here"),
        ({"bias_list": "${oc.env:HOME}/names.txt"}, r"biasing\.bias_list: nothing is interpolated here"),
    ],
)
def test_what_cannot_be_is_named_in_one_line(given, words):
    with pytest.raises(SettingError, match=words) as found:
        Settings.of(given)
    assert "\n" not in str(found.value) and len(str(found.value)) < 400


# --- files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("biasing: {9}", "biasing: the key 9 is no name"),
        ("biasing: {weight: 2020-01-01}", "weight: must be a number"),
        ("biasing: {weight: 2020-99-99}", "no YAML of settings"),
        ("biasing: {boost: [1]}", "boost: must be a section"),
        ("biasing: {beam: {beam_width: .nan}}", "beam_width: must be a whole number, got nan"),
        ("biasing: {weight: .inf}", "weight: must be a number, got inf"),
        ("biasing: &a {boost: *a}", "anchors are not read; write it out in line 1"),
        ("biasing: {weight: 1, weight: 2}", "the key 'weight' stands there twice in line 1"),
        ("biasing: " + "[" * 2000, "nested too deeply"),
        ("biasing: {weight: " + "9" * 5000 + "}", "no YAML of settings"),
        ("biasing: {weight: !!python/object:os.system {}}", "no YAML of settings"),
        ("biasing: {[1]: 2}", "no YAML of settings"),
        ("biasing: {preset: '${oc.env:HOME}'}", "preset"),
        ("biasing: {lm: {path: '${oc.env:HOME}'}}", "nothing is interpolated here"),
        ("biasing", "no section 'biasing'"),
        ("- biasing", "no section 'biasing'"),
        ("", "no section 'biasing'"),
        ("\0", "is a binary file"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path, monkeypatch, text, words):
    monkeypatch.setenv("HOME", "/home/secret")
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(SettingError, match=words) as found:
        Settings.of(read_settings(path))
    assert "\n" not in str(found.value) and "secret" not in str(found.value)


def test_what_was_written_is_read(tmp_path):
    section = {"weight": 8.5, "lm": {"alpha": 0.3}, "phonetics": {"parts": ["detection"]}}
    write_settings(tmp_path / "settings.yaml", section, "Two\nlines.")
    assert read_settings(tmp_path / "settings.yaml") == section
    with pytest.raises(OutputError, match="no folder"):
        write_settings(tmp_path / "none" / "settings.yaml", section, "")


# --- presets


def test_off_is_off_and_a_bare_off_of_yaml_too():
    assert not Settings.of({"preset": "off"}).enabled
    assert not Settings.of({"preset": False}).enabled
    assert Settings.of({"preset": "fast"}).enabled and Settings.of({"enabled": True}).enabled
    assert not Settings.of({"preset": "fast", "enabled": False}).enabled, "as it was called before"


def test_fast_leaves_out_what_takes_time():
    settings = Settings.of({"preset": "fast", "lm": {"path": "a.arpa", "alpha": 0.3}})
    assert (settings.lm.path, settings.lm.enabled, settings.lm.alpha) == ("a.arpa", False, 0.3)
    assert [part for part in PHONE_PARTS if settings.wants(part)] == ["detection", "verification"]
    assert all(map(Settings.of({"preset": "accurate"}).wants, PHONE_PARTS))


@pytest.mark.parametrize("preset", ["fast", "accurate"])
def test_what_is_set_itself_goes_first(preset):
    settings = Settings.of({"preset": preset, "lm": {"enabled": True}, "phonetics": {"parts": ["correction"]}})
    assert settings.lm.enabled and settings.wants("correction") and not settings.wants("detection")


@pytest.mark.parametrize("wrong", ["quick", 3, True])
def test_no_such_preset(wrong):
    with pytest.raises(SettingError, match=r"biasing\.preset: must be off, fast, accurate or null"):
        Settings.of({"preset": wrong})


# --- names of version 0.1


def test_a_section_of_the_last_version_is_taken_without_a_word(caplog):
    old = {"hotword": True, "boost": {"max_gap": 8.0}, "lm": {}, "phonetics": {"rescoring": {"enabled": None}}}
    assert Settings.of(old) == Settings()
    assert not caplog.records


def test_old_names_are_told_once_with_the_new_ones(caplog):
    old = {
        "hotword": False,
        "boost": {"list_cost": 0.5, "max_gap": 5.0, "token_bonus": 1.0},
        "phonetics": {"spotting": {"threshold": 2.0}, "lookup": {"enabled": False, "distance": 0.1}},
    }
    with caplog.at_level("WARNING", "nemo_ctcbias.settings"):
        settings = Settings.of(old)
    assert not settings.boost.enabled and settings.boost.token_bonus == 1.0 and settings.list_cost == 0.5
    assert settings.phonetics.detection_threshold == 2.0
    assert settings.phonetics.parts == ("detection", "rescoring", "verification")
    (record,) = caplog.records
    for words in (
        "hotword is boost.enabled now",
        "boost.list_cost is list_cost now",
        "boost.max_gap is no setting any more",
        "phonetics.spotting.threshold is phonetics.detection_threshold now",
        "phonetics.lookup.enabled is said by phonetics.parts now",
        "phonetics.lookup.distance is no setting any more",
    ):
        assert words in record.getMessage()


def test_new_names_of_old_settings_exist():
    assert {new for new, _ in RENAMED.values() if new is not None} <= set(setting_names())
    assert not set(RENAMED) & set(setting_names())


def test_translating_leaves_what_was_given_as_it_was():
    given = {"boost": {"max_gap": 5.0}, "phonetics": {"lookup": {"enabled": False}}}
    clean(given)
    assert given == {"boost": {"max_gap": 5.0}, "phonetics": {"lookup": {"enabled": False}}}


def test_the_prior_of_a_long_list_is_in_one_place():
    settings = Settings.of({"list_cost": 2.0})
    assert settings.prior(10) == settings.prior(100) == 0.0
    assert settings.prior(1000) == settings.detection_prior(1000) == pytest.approx(2 * 2.302585)
    assert settings.detection_prior(10) == pytest.approx(-2 * 2.302585), "of short lists less is asked"


def test_overlaid_leaves_the_rest():
    assert overlaid({"boost": {"gap_scale": 0.1}, "weight": 3}, {"boost": {"token_bonus": 2}, "weight": 4}) == {
        "boost": {"token_bonus": 2, "gap_scale": 0.1},
        "weight": 4,
    }
