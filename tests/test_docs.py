"""The pages of docs/ say what the code does: settings, blocks that run, links that lead somewhere, figures."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf
from places import ROOT
from test_readme import ENV, run_on_shared_data
from warm_python import warm

from nemo_ctcbias.adapter.config import check_config
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.phones.phone_head import PhoneHeadConfig
from nemo_ctcbias.settings import Settings, setting_names

sys.path.append(str(ROOT / "docs"))
settings_table = importlib.import_module("settings_table")
training_files = importlib.import_module("training_files")
results_tables = importlib.import_module("results_tables")

MODEL = settings_table.model_settings()
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]+?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", flags=re.S | re.M)


def test_the_page_is_up_to_date():
    stored = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert stored == settings_table.page(), "run: python docs/settings_table.py"


def told(section):
    """Defaults of a section's keys, nested ones too, as the page says."""
    found = {key.removeprefix(f"{section}."): one for key, one in MODEL.items() if key.startswith(f"{section}.")}
    return OmegaConf.to_container(OmegaConf.from_dotlist([f"{key}={one.default}" for key, one in found.items()]))


PARTS = tuple(Settings.SECTIONS)  # keys of `biasing` that are sections
REFUSING = {
    "biasing": Settings.of,
    **{f"biasing.{name}": lambda given, name=name: Settings.of({name: given}) for name in PARTS},
    "adapters.NAME": lambda given: check_config(given, layers=3),
    "phone_head": lambda given: PhoneHeadConfig.of(given, widths=[8]),
}


@pytest.mark.parametrize("section", REFUSING)
def test_the_page_has_every_key_that_is_taken(section):
    """What refuses an unknown key says which there are."""
    with pytest.raises(SettingError) as refused:
        REFUSING[section]({"nonsense": 1})
    listed = re.search(r"(?:known:|knows|fields are) ([a-z_, ]+)$", str(refused.value))[1].split(", ")
    assert set(listed).difference(PARTS) == set(told(section)).difference(PARTS)


def test_defaults_of_a_models_config_are_those_that_act():
    """All of them written out change nothing."""
    section = told("biasing")
    assert Settings.of(section) == Settings()
    assert {key.removeprefix("biasing.") for key in MODEL if key.startswith("biasing.")} == set(setting_names())
    assert check_config(told("adapters.NAME"), layers=3) == check_config({}, layers=3)
    phone_head = told("phone_head")
    assert PhoneHeadConfig.of(phone_head, widths=[8]) == PhoneHeadConfig.of({}, widths=[8])


def leaves(node, prefix=""):
    """Keys of a config and their values, nested ones with dots."""
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@pytest.mark.parametrize("name", training_files.NAMES)
def test_the_page_has_every_key_of_the_training_configs(name):
    stored = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8"))
    shown = settings_table.training_settings(name)
    adapter = stored.pop("defaults", None)
    assert adapter is None or {"adapter@adapter": shown["adapter"].default} in adapter
    for key, value in leaves(stored):
        if key.startswith("phone_head."):
            assert value == yaml.safe_load(MODEL[key].default)
        else:
            assert yaml.safe_load(shown[key].default) == value
    assert all(len(one.meaning) > 5 for one in shown.values())


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("train_contextual_adapter", "contextual_adapter"),
        ("train_phone_head", "phone_head"),
        ("frozen_training", "contextual_adapter"),
        ("frozen_training", "phone_head"),
        ("train_base", "base_fastconformer_ctc_bpe"),
        ("train_base", "base_whisper_ctc_bpe"),
    ],
)
def test_what_a_training_script_reads_stands_on_the_page(script, name):
    text = (ROOT / "examples" / f"{script}.py").read_text(encoding="utf-8")
    # The last name is a method where a bracket follows.
    read = set(re.findall(r"(?<!\.)\bcfg\.([a-z_]+(?:\.[a-z_]+)*?)(?=\.[a-z_]+\(|[^\w.(])", text))
    keys = set(settings_table.training_settings(name))
    sections = {key[:end] for key in keys for end in range(len(key)) if key[end] == "."}
    assert read and not read - keys - sections


def test_no_meaning_is_left_over():
    used = {key for name in training_files.NAMES for key in settings_table.training_settings(name)}
    assert not set(training_files.MEANINGS) - used - set(MODEL)


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
    done = subprocess.run(["bash", "-ec", text], cwd=folder, env=warm(ENV), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "text"),
    [(name, text) for name in TEXTS for mark, _, text in blocks(name, "bash") if mark == "run: shared"],
)
def test_commands_on_shared_data(name, text, folder):
    run_on_shared_data(text, folder)


@pytest.mark.parametrize("name", TEXTS)
def test_every_block_is_run_or_shown_only(name):
    assert {found["language"] for found in BLOCK.finditer(TEXTS[name])} <= {"python", "bash", "text"}
    marks = {mark for mark, _, _ in blocks(name, "bash")}
    assert marks <= {"run", "run: shared"}, "a command that is not run is a text block"


@pytest.mark.parametrize("name", TEXTS)
def test_settings_that_are_named_exist(name):
    named = set(re.findall(r"`(biasing\.[a-z_.]+)`", TEXTS[name]))
    assert not named - set(MODEL) - {key.rpartition(".")[0] for key in MODEL}


def test_defaults_that_are_named_are_those_that_act():
    """Rows of tables with settings in the first column and their values in the second."""
    shown = {}
    for row in re.findall(r"^\| `biasing\..+", "\n".join(TEXTS.values()), flags=re.M):
        keys, values, *_ = (re.findall(r"`([^`]+)`", cell) for cell in row.strip("|").split("|"))
        shown |= dict(zip(keys, values, strict=True)) if len(keys) == len(values) else {}
    assert len(shown) >= 8
    wrong = {key: told for key, told in shown.items() if yaml.safe_load(told) != yaml.safe_load(MODEL[key].default)}
    assert not wrong


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page):
    name, text = page.name, page.read_text(encoding="utf-8")
    for path, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name}: {path} does not exist"
        assert not anchor or anchor in anchors(target), f"{name}: {path} has no heading #{anchor}"
    folders, kinds = "examples|configs|nemo_ctcbias|tests|docs", "py|yaml|md|txt|jsonl?|pt|nemo|bin"
    shown = set(re.findall(rf"(?<!NEMO/)\b(?:{folders})/[\w/]+\.(?:{kinds})\b", text))
    assert not [path for path in shown if not (ROOT / path).exists()]


@pytest.mark.parametrize("name", TEXTS)
def test_tests_that_are_named_exist(name):
    for path, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXTS[name]):
        defined = {
            node.name for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body if hasattr(node, "name")
        }
        assert test in defined, f"{name}: {path} has no {test}"


def test_every_kind_of_model_is_in_the_table_with_what_tests_it():
    rows = [line.strip("|").split("|") for line in TEXTS["models.md"].splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in row] for row in rows if row[-2].strip() != "NeMo"]
    tested, told = {}, None
    for row in rows:
        told = re.findall(r"`(tests/[^`]+)`", row[-1]) + (told if row[-1].startswith("the same") else [])
        tested[row[0]] = told
        assert told or row[-1] == "all tests above", row
        assert re.match(r"(2\.6, 2\.7, )?3\.0\b", row[-2]), f"{row[0]}: which NeMo?"
    from nemo_ctcbias.nemo.ctc_models import BIASED

    named = {name for row in rows for name in re.findall(r"`(EncDec\w+)`", row[0])}
    assert named == {kind.__name__ for kind in BIASED}


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", results_tables.PAGES, ids=lambda page: page.name)
def test_tables_show_what_was_measured(page):
    """One measurement has one value."""
    text = page.read_text(encoding="utf-8")
    assert text.count("<!-- table: ") == text.count("<!-- end -->") >= 1
    assert text == results_tables.page(page), "run: python docs/results_tables.py"


def test_figures_measured_again_take_the_place_of_the_old_ones(tmp_path, monkeypatch):
    copy = tmp_path / "results.csv"
    copy.write_bytes(results_tables.FIGURES.read_bytes())
    before = results_tables.read()
    assert {row["system"] for row in before} == set(results_tables.ORDER)
    assert len({tuple(row[k] for k in results_tables.KEY) for row in before}) == len(before)
    monkeypatch.setattr(results_tables, "FIGURES", copy)
    parts = "hotword+spot+adapter+boost-lm+rescore+lookup+verify"  # as evaluate calls joint
    one = {"system": parts, "list_kind": "utterance", "list_size": 100, "utterances": 234, "wer": 12.34, "f1": None}
    results_tables.add("small", "librispeech", [one, {**one, "list_size": 7}])
    after = results_tables.read()
    changed = [row for row in after if row not in before]
    assert len(after) == len(before) + 1
    assert [(row["system"], row["distractors"], row["wer"], row["f1"]) for row in changed] == [
        ("joint", "100", "12.3", ""),
        ("joint", "7", "12.3", ""),
    ]
    with pytest.raises(SystemExit, match="recordings librispeech, commonvoice"):
        results_tables.add("small", "dev_librispeech", [one])
    page = results_tables.DOCS / "results.md"
    assert "FA/h" not in results_tables.page(page) or any(row["false_alarms_per_hour"] for row in before)
    unspoken = {**one, "list_kind": "unspoken", "false_alarms_per_hour": 4.26}
    results_tables.add("small", "librispeech", [{**one, "false_alarms_per_hour": 0.5}, unspoken])
    rows = [row for row in results_tables.read() if (row["base"], row["speech"]) == ("small", "librispeech")]
    assert "| 4.3 |" in results_tables.full(results_tables.chosen(rows, lists="unspoken"))
    full = results_tables.full(results_tables.chosen(rows, lists="utterance", distractors="100"))
    assert full.splitlines()[0].endswith("| FA/h |") and "| 0.5 |" in full and "| – |" in full
