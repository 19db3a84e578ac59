"""A `.nemo` comes from somebody else: it uses its own files, and nothing of this machine."""

import copy
import gc
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from nemo_ctcbias import BiasedEncDecCTCModelBPE, from_ctc
from nemo_ctcbias.errors import BiasingError, ModelError, OutputError
from nemo_ctcbias.nemo.files import Folder

SECRET = "okonkwo of this machine"


@pytest.fixture
def repacked(biased_nemo, base_nemo, tmp_path):
    """Makes an archive again, its section `biasing` changed and with more members."""

    def repack(biasing, members=(), stock=False):
        folder = tmp_path / "unpacked"
        shutil.rmtree(folder, ignore_errors=True)
        with tarfile.open(base_nemo if stock else biased_nemo) as archive:
            archive.extractall(folder, filter="data")
        config = yaml.safe_load((folder / "model_config.yaml").read_text())
        config["biasing"] = {**config.get("biasing", {}), **biasing}
        (folder / "model_config.yaml").write_text(yaml.safe_dump(config))
        for name, target in members:
            (folder / name).symlink_to(target)
        with tarfile.open(tmp_path / "changed.nemo", "w") as archive:
            archive.add(folder, arcname=".")
        return tmp_path / "changed.nemo"

    return repack


def test_files_and_environment_of_this_machine_stay_unread(repacked, tmp_path, monkeypatch):
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    up = "nemo:" + "../" * 20 + str(secret).lstrip("/")
    for biasing in (
        {"bias_list": str(secret)},
        {"bias_list": "secret.txt"},
        {"bias_list": up},
        {"bias_list": "nemo:secret.txt"},
        {"bias_list": "${oc.env:SECRET}"},
        {"lm": {"path": str(secret)}},
        {"lm": {"path": up}},
        {"phonetics": {"lexicon": str(secret)}},
        {"phonetics": {"lexicon": "${oc.env:SECRET}"}},
        {"weight": "${oc.env:SECRET}"},
        {"preset": "${oc.env:SECRET}"},
    ):
        # A stock checkpoint becomes ours once it is restored, by the same way for all of them.
        for stock in (False, True) if biasing in ({"bias_list": up}, {"lm": {"path": str(secret)}}) else (False,):
            with pytest.raises(BiasingError) as told:
                from_ctc(repacked(biasing, stock=stock))
            assert "\n" not in str(told.value) and "biasing" in str(told.value)
            assert stock or SECRET not in str(told.value), "NeMo fills in a stock checkpoint's config itself"


def test_a_link_in_an_archive_is_no_member(repacked, tmp_path):
    (tmp_path / "secret.txt").write_text(SECRET)
    with pytest.raises(ModelError, match=r"biasing\.bias_list"):
        from_ctc(repacked({"bias_list": "nemo:link"}, members=[("link", tmp_path / "secret.txt")]))


def test_a_config_of_this_machine_may_name_files(tiny_config, tokenizer_dir, tmp_path, monkeypatch):
    (tmp_path / "names.txt").write_text("fremont\n")
    monkeypatch.setenv("NAMES", str(tmp_path / "names.txt"))
    config = tiny_config(tokenizer={"dir": str(tokenizer_dir), "type": "bpe"}, biasing={"bias_list": "${oc.env:NAMES}"})
    model = BiasedEncDecCTCModelBPE(cfg=config)
    assert [phrase.text for phrase in model.bias_list] == ["fremont"]


# --- what is unpacked


def test_unpacked_files_stay_as_long_as_a_model_names_them(base_nemo, tmp_path):
    lexicon = tmp_path / "a.dict"
    lexicon.write_text("fox F AA K S\n")
    model = from_ctc(base_nemo)
    model.set_phonetics(lexicon=str(lexicon))
    model.save_to(str(tmp_path / "a.nemo"))
    first = from_ctc(tmp_path / "a.nemo")
    second = copy.copy(first)
    path = Path(first.cfg.biasing.phonetics.lexicon)
    assert path.name == "a.dict" and path.read_text() == lexicon.read_text()
    del first
    gc.collect()
    assert path.is_file() and second.cfg.biasing.phonetics.lexicon == str(path)
    del second
    gc.collect()
    assert not path.parent.exists()


KILLED = """
import os
from nemo_ctcbias.nemo.files import Folder
folder = Folder()
print(folder.path, flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_is_cleared(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True)
    left = Path(killed.stdout.strip())
    assert left.is_dir() and left.parent == tmp_path
    folder = Folder()
    assert folder.path.is_dir() and not left.exists()


# --- saving


def test_what_cannot_be_saved_leaves_what_was_there(base_nemo, tmp_path, monkeypatch):
    model = from_ctc(base_nemo)
    path = tmp_path / "a.nemo"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="there is no folder"):
        model.save_to(str(tmp_path / "none" / "a.nemo"))
    for error in (OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed writing file")):

        def full(*args, error=error, **kwargs):
            raise error

        with monkeypatch.context() as limited:
            limited.setattr(type(model._save_restore_connector), "_make_nemo_file_from_folder", full)
            with pytest.raises(OutputError, match=r"a\.nemo: cannot be written") as told:
                model.save_to(str(path))
        assert "\n" not in str(told.value)
        assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    model.save_to(str(path))
    assert tarfile.is_tarfile(path)
