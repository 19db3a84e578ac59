"""docs/settings.md is what the code says, and every setting is explained."""

import dataclasses
import importlib.util

import pytest
from places import ROOT

SPEC = importlib.util.spec_from_file_location("settings_table", ROOT / "docs" / "settings_table.py")
settings_table = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(settings_table)


def test_the_page_is_up_to_date():
    stored = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert stored == settings_table.page(), "run: python docs/settings_table.py"


@pytest.mark.parametrize(("section", "kind", "hidden"), settings_table.SECTIONS)
def test_every_setting_is_explained(section, kind, hidden):
    told = settings_table.meanings(kind)
    missing = {field.name for field in dataclasses.fields(kind)} - set(told) - set(hidden)
    assert not missing, f"{section}: say what {sorted(missing)} mean in the docstring of {kind.__name__}"
    assert all(len(text) > 5 for text in told.values())
