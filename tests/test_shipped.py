"""Where the shipped models are found: in a checkout, or where the package was installed."""

import sysconfig

import pytest
from places import ROOT

from nemo_ctcbias import shipped
from nemo_ctcbias.errors import ModelError


def test_the_default_model_is_installed_with_all_that_belongs_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "site-packages" / "nemo_ctcbias" / "shipped.py"))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(shipped.site, "getuserbase", lambda: str(tmp_path / "user"))
    for name in (None, "small"):
        with pytest.raises(ModelError, match=r"lies in the checkout's examples/data, and only .* is installed"):
            shipped.checkpoint(name)
    assert shipped.checkpoint("mine.nemo") == "mine.nemo"
    folder = tmp_path / shipped.INSTALLED
    folder.mkdir(parents=True)
    (folder / shipped.SHIPPED[shipped.DEFAULT].model).touch()
    assert shipped.checkpoint() == str(folder / shipped.SHIPPED[shipped.DEFAULT].model)


def test_what_is_installed_exists():
    files = [name for name in vars(shipped.SHIPPED[shipped.DEFAULT]).values() if name is not None]
    assert files and all((ROOT / "examples" / "data" / name).is_file() for name in files)
    assert "data_files=[(INSTALLED" in (ROOT / "setup.py").read_text()
