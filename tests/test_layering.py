"""Imports go one way, from the bottom of this list to its top, and nothing in it goes in a circle."""

import ast
from pathlib import Path

import pytest
from places import ROOT

PACKAGE = ROOT / "nemo_ctcbias"
#: What may import what stands before it, within a line only what does not close a circle.
LAYERS = (
    ("errors", "compiled", "shipped", "whole_files", "data_files", "audio", "streamed_audio"),
    ("bias_list",),
    ("adapter", "lm"),
    ("phones",),
    ("search",),
    ("old_settings", "typed_section", "settings", "settings_file"),
    ("kept_parts", "compiled_list", "list_report"),
    ("decision",),
    ("recognizer", "side_by_side", "streaming"),
    ("nemo", "models", "whisper"),
    ("evaluation",),
    ("training",),
    ("commands", "serve", "cli"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FREE_OF_NEMO = [name for names in LAYERS[:9] for name in names]


def imports(path):
    """Modules that a file imports, be it inside a function, or for its type hints alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def files():
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE)


def part(name):
    return name.split(".")[1] if name.startswith("nemo_ctcbias.") else None


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_every_part_has_its_layer():
    assert {path.stem for path in PACKAGE.iterdir() if path.stem not in ("__init__", "__pycache__")} == set(LEVEL)


@pytest.mark.parametrize("path", files(), ids=module)
def test_nothing_imports_what_lies_above(path):
    own = LEVEL[part(module(path))]
    above = {name for name in imports(path) if part(name) in LEVEL and LEVEL[part(name)] > own}
    allowed = {"nemo_ctcbias.cli"}  # which says how quiet the commands are
    assert not {name for name in above if not any(name.startswith(one) for one in allowed)}


def test_there_are_no_circles():
    known = {module(path) for path in files()}
    graph = {module(path): {n for n in imports(path) if n in known} for path in files()}
    done, open_ = set(), []

    def visit(name):
        assert name not in open_, " -> ".join([*open_[open_.index(name) :], name])
        if name not in done:
            open_.append(name)
            for other in graph[name] - {name}:
                visit(other)
            done.add(open_.pop())

    for name in graph:
        visit(name)


@pytest.mark.parametrize("path", [p for p in files() if part(module(p)) in FREE_OF_NEMO], ids=module)
def test_nemo_is_touched_at_the_ends_only(path):
    assert not {name for name in imports(path) if Path(name.replace(".", "/")).parts[0] == "nemo"}
