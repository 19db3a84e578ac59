"""What the package asks of an environment that it is installed into."""

from unittest import mock

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from places import ROOT


@pytest.fixture(scope="module")
def asked():
    """The keywords of setup.py's call."""
    source = (ROOT / "setup.py").read_text(encoding="utf-8")
    with mock.patch("setuptools.setup") as setup:
        exec(compile(source, str(ROOT / "setup.py"), "exec"), {"__file__": str(ROOT / "setup.py")})
    return setup.call_args.kwargs


def test_pip_has_no_reason_to_replace_what_is_there(asked):
    required = {one.name: one for one in map(Requirement, asked["install_requires"])}
    for name, one in required.items():
        assert name == "nemo_toolkit" or {part.operator for part in one.specifier} == {">="}, one
    assert all(version in required["nemo_toolkit"].specifier for version in ("2.6.0", "2.6.2", "2.7.3", "3.0.0"))
    assert not {"kenlm", "pyctcdecode"} & set(required), "one has to be compiled, the other asks for numpy 1"


def test_pythons_are_those_that_are_named(asked):
    named = [one.rpartition(" ")[2] for one in asked["classifiers"] if ":: Python ::" in one]
    allowed = SpecifierSet(asked["python_requires"])
    assert named == [f"3.{minor}" for minor in range(20) if f"3.{minor}.0" in allowed]


def test_what_does_not_compile_there_is_not_asked_for(asked):
    """Extras can be installed with every Python that is named, if with less."""
    for one in map(Requirement, asked["extras_require"]["all"]):
        if one.name in ("kenlm", "pyctcdecode"):
            asked_by = [minor for minor in (10, 12, 13) if one.marker.evaluate({"python_version": f"3.{minor}"})]
            assert asked_by == [10, 12]


def test_all_is_everything(asked):
    extras = asked["extras_require"]
    assert set(extras["all"]) == {one for name, some in extras.items() if name != "all" for one in some}
