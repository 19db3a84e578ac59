"""The pages of docs/ say what the code does: settings, blocks that run, links that lead somewhere, figures."""

import dataclasses
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
from places import ROOT
from test_readme import ENV

SPEC = importlib.util.spec_from_file_location("settings_table", ROOT / "docs" / "settings_table.py")
settings_table = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(settings_table)

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
BLOCK = re.compile(r"^(?:<!-- (?P<mark>.+?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", flags=re.S | re.M)


def test_the_page_is_up_to_date():
    stored = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert stored == settings_table.page(), "run: python docs/settings_table.py"


@pytest.mark.parametrize(("section", "kind", "hidden"), settings_table.SECTIONS)
def test_every_setting_is_explained(section, kind, hidden):
    told = settings_table.meanings(kind)
    missing = {field.name for field in dataclasses.fields(kind)} - set(told) - set(hidden)
    assert not missing, f"{section}: say what {sorted(missing)} mean in the docstring of {kind.__name__}"
    assert all(len(text) > 5 for text in told.values())


def blocks(name, language):
    """(marker, lines above, text) of a page's blocks in a language."""
    for found in BLOCK.finditer(TEXTS[name]):
        if found["language"] == language:
            yield found["mark"], TEXTS[name].count("\n", 0, found.start("text")), found["text"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder that looks like the checkout; what the blocks write stays in it."""
    place = tmp_path_factory.mktemp("docs")
    (place / "examples").symlink_to(ROOT / "examples")
    return place


# The blocks of algorithms.md have a test of their own.
@pytest.mark.parametrize("name", [name for name in TEXTS if any(blocks(name, "python")) and name != "algorithms.md"])
def test_python_blocks(name, folder, monkeypatch):
    pytest.importorskip("pyctcdecode")
    monkeypatch.chdir(folder)
    namespace = {"__name__": "__main__"}
    for _, line, text in blocks(name, "python"):
        # Empty lines before it, so that a failure names the line of the page.
        exec(compile("\n" * line + text, str(ROOT / "docs" / name), "exec"), namespace)


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name in TEXTS for mark, _, text in blocks(name, "bash") if mark == "run"]
)
def test_commands(name, text, folder):
    done = subprocess.run(["bash", "-ec", text], cwd=folder, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


@pytest.mark.parametrize("name", TEXTS)
def test_every_block_is_run_or_shown_only(name):
    assert {found["language"] for found in BLOCK.finditer(TEXTS[name])} <= {"python", "bash", "text"}
    assert all(mark == "run" for mark, _, _ in blocks(name, "bash")), "a command that is not run is a text block"


@pytest.mark.parametrize("name", TEXTS)
def test_settings_that_are_named_exist(name):
    known = {
        f"{section}.{item.name}" for section, kind, _ in settings_table.SECTIONS for item in dataclasses.fields(kind)
    }
    named = set(re.findall(r"`(biasing\.[a-z_.]+)`", TEXTS[name]))
    assert not named - known - {key.rpartition(".")[0] for key in known}


@pytest.mark.parametrize("name", TEXTS)
def test_links_and_paths_lead_somewhere(name):
    page = next(page for page in PAGES if page.name == name)
    for path, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", TEXTS[name]):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name}: {path} does not exist"
        assert not anchor or anchor in anchors(target), f"{name}: {path} has no heading #{anchor}"
    folders, kinds = "examples|configs|nemo_ctcbias|tests|docs", "py|yaml|md|txt|jsonl?|pt|nemo|bin"
    shown = set(re.findall(rf"\b(?:{folders})/[\w/]+\.(?:{kinds})\b", TEXTS[name]))
    assert not [path for path in shown if not (ROOT / path).exists()]


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_quoted_figures_stand_in_the_readme():
    """One measurement has one value."""
    readme = set((ROOT / "README.md").read_text(encoding="utf-8").splitlines())
    rows = re.findall(r"^\| .* \| \d[\d,]* \| .*\|$", TEXTS["comparison.md"], flags=re.M)
    assert len(rows) > 30
    stale = [row for row in rows if row not in readme]
    assert not stale, "docs/comparison.md quotes rows that README.md does not have:\n" + "\n".join(stale)
