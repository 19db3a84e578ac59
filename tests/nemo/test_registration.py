"""What makes NeMo load our classes: `import nemo_ctcbias`, and in Hydra applications nothing at all."""

import io
import json
import os
import pkgutil
import subprocess
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path

import nemo
import pytest

import nemo_ctcbias
from nemo_ctcbias.nemo.registration import HOST, TARGETS

HERE = Path(__file__).parents[1]
NEMO_SCRIPTS = os.environ.get("NEMO_SCRIPTS", "")  # a NeMo checkout, to run its own scripts as well


def run_python(*arguments, folder=None, **variables):
    """Start Python; ask the result for `check(process)`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)], cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True
    )


def check(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3000:]
    return out


@pytest.fixture(scope="module")
def fake_nemo(tmp_path_factory):
    """A folder with a `nemo.core.classes.common` that has the list and nothing else: quick to import."""
    folder = tmp_path_factory.mktemp("fake")
    package = folder / "nemo" / "core" / "classes"
    package.mkdir(parents=True)
    for level in (package, package.parent, package.parent.parent):
        (level / "__init__.py").touch()
    (package / "common.py").write_text("ALLOWED_TARGET_PREFIXES = ['nemo.']\n")
    return folder


IMPORT_NEMO = "import nemo.core.classes.common as host\n"
ORDERS = {
    "before NeMo": "import nemo_ctcbias\n" + IMPORT_NEMO,
    "after NeMo": IMPORT_NEMO + "import nemo_ctcbias\n",
    "after NeMo was looked for": (
        f"import nemo_ctcbias, importlib.util\nassert importlib.util.find_spec({HOST!r})\n" + IMPORT_NEMO
    ),
    "again and again": (
        "import nemo_ctcbias\nnemo_ctcbias.register(); nemo_ctcbias.register()\n"
        + IMPORT_NEMO
        + "nemo_ctcbias.register(); nemo_ctcbias.register()\n"
    ),
}


@pytest.mark.parametrize("order", ORDERS)
def test_import_registers_whatever_comes_first(order, fake_nemo):
    code = ORDERS[order] + "import sys; print(host.ALLOWED_TARGET_PREFIXES, len(sys.meta_path))"
    plain = check(run_python("-c", "import sys; print(len(sys.meta_path))")).strip()
    found = check(run_python("-c", code, PYTHONPATH=str(fake_nemo)))
    assert found.strip() == f"{['nemo.', *TARGETS]} {plain}"


def test_older_nemo_without_the_list_is_left_alone(fake_nemo, tmp_path):
    code = "import nemo_ctcbias, nemo.core.classes.common as host; print(vars(host).get('ALLOWED_TARGET_PREFIXES'))"
    package = tmp_path / "nemo" / "core" / "classes"
    package.mkdir(parents=True)
    for level in (package, package.parent, package.parent.parent):
        (level / "__init__.py").touch()
    (package / "common.py").touch()
    assert check(run_python("-c", code, PYTHONPATH=str(tmp_path))).strip() == "None"


def test_nothing_else_of_ours_may_be_named_in_a_config():
    import torch
    from nemo.core.classes.common import _is_target_allowed

    from nemo_ctcbias import phones
    from nemo_ctcbias.phones.phone_head import PhoneHead

    assert all(map(_is_target_allowed, TARGETS))
    assert issubclass(PhoneHead, torch.nn.Module), "which NeMo would take for harmless"
    for other in (PhoneHead, phones.Lexicon):
        assert not _is_target_allowed(f"{other.__module__}.{other.__qualname__}")


def test_import_without_nemo_loads_nothing_heavy():
    code = "import sys; before = set(sys.modules); import nemo_ctcbias; print(*sorted(set(sys.modules) - before))"
    loaded = check(run_python("-c", code)).split()
    ours = {name for name in loaded if name.startswith("nemo_ctcbias")}
    assert ours == {"nemo_ctcbias", "nemo_ctcbias.nemo", "nemo_ctcbias.nemo.registration"}
    assert not {"torch", "nemo", "numpy", "hydra", "omegaconf", "pyctcdecode"} & set(loaded)
    assert {name.split(".")[0] for name in loaded} <= {*sys.stdlib_module_names, "nemo_ctcbias"}


def test_public_names_are_found_when_asked_for():
    assert nemo_ctcbias.BiasList(["anna"])[0] == nemo_ctcbias.Phrase("anna")
    without = set() if find_spec("pyctcdecode") else {"HotwordBeamDecoder"}
    for name in set(nemo_ctcbias.__all__) - without:
        assert getattr(nemo_ctcbias, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'BiasLists'"):
        _ = nemo_ctcbias.BiasLists


def test_hydra_finds_the_plugin_of_this_installation():
    import hydra_plugins

    found = {module.name for module in pkgutil.walk_packages(hydra_plugins.__path__, "hydra_plugins.")}
    assert "hydra_plugins.nemo_ctcbias.registration" in found


# --- NeMo's scripts


@pytest.fixture(scope="module")
def manifest(noise_wavs, tmp_path_factory):
    """Stored list, own list, no list, own list in a file (named in full: NeMo moves the manifest)."""
    folder = tmp_path_factory.mktemp("manifest")
    (folder / "names.txt").write_text("new york\n")
    lists = [None, ["okonkwo"], [], str(folder / "names.txt")]
    path = folder / "manifest.json"
    with path.open("w") as file:
        for wav, duration, bias_list in zip(noise_wavs, (2.0, 3.1, 1.4, 2.6), lists, strict=True):
            row = {"audio_filepath": str(wav), "duration": duration, "text": "a b"}
            file.write(json.dumps(row if bias_list is None else {**row, "bias_list": bias_list}) + "\n")
    return path


@pytest.fixture(scope="module")
def expected(biased_nemo, base_nemo, noise_wavs):
    """pred_text of the manifest with the stored list and with the hotword "fox" in its place."""
    from nemo.collections.asr.models import ASRModel

    biased, base = (ASRModel.restore_from(str(path), map_location="cpu").eval() for path in (biased_nemo, base_nemo))

    def text(index, bias_list=None):
        model = biased if bias_list else base
        return model.transcribe(
            [str(noise_wavs[index])], verbose=False, **({"bias_list": bias_list} if bias_list else {})
        )[0].text

    own = [text(1, ["okonkwo"]), text(2), text(3, ["new york"])]
    stored, hotword = text(0, ["saoirse"]), text(0, ["fox"])
    assert "saoirse" in stored and "fox" in hotword and "okonkwo" in own[0] and "new york" in own[2]
    return {"stored": [stored, *own], "hotwords": [hotword, *own]}


HOTWORDS = ("ctc_decoding.strategy=pyctcdecode", "ctc_decoding.beam.pyctcdecode_cfg.hotwords=[fox]")


def predictions(path):
    return [json.loads(line)["pred_text"] for line in path.read_text().splitlines()]


def test_a_hydra_application_that_does_not_know_us(biased_nemo, manifest, expected, tmp_path):
    script = HERE / "nemo_script.py"
    runs = {}
    for name, options in {"stored": (), "hotwords": HOTWORDS}.items():
        given = (
            f"model_path={biased_nemo}",
            f"dataset_manifest={manifest}",
            f"output_filename={tmp_path / name}",
            *options,
        )
        (tmp_path / f"run_{name}").mkdir()
        runs[name] = run_python(script, *given, folder=tmp_path / f"run_{name}")
    for name, process in runs.items():
        check(process)
        assert predictions(tmp_path / name) == expected[name]


def call_of(script, model, manifest, folder):
    """(script, its options, the file that it writes) of one of NeMo's own scripts, or of ours that stands for them."""
    path = Path(NEMO_SCRIPTS).resolve() / "examples" / "asr" / f"{script}.py"
    if script == "transcribe_speech_parallel":
        trainer = {"devices": 1, "accelerator": "cpu", "strategy": "auto", "logger": False}
        options = [f"model={model}", f"predict_ds.manifest_filepath={manifest}", f"output_path={folder}"]
        options += ["predict_ds.num_workers=0", *(f"trainer.{name}={value}" for name, value in trainer.items())]
        return path, options, folder / "predictions_all.json"
    output = folder / "output.json"
    options = [f"model_path={model}", f"dataset_manifest={manifest}", f"output_filename={output}"]
    return HERE / "nemo_script.py" if script == "nemo_script" else path, options, output


NEMOS_OWN = ["transcribe_speech", "speech_to_text_eval", "transcribe_speech_parallel"]
needs_scripts = pytest.mark.skipif(not NEMO_SCRIPTS, reason="NEMO_SCRIPTS names no NeMo checkout")


@needs_scripts
@pytest.mark.parametrize("decoding", ["stored", "hotwords"])
@pytest.mark.parametrize("script", NEMOS_OWN)
def test_nemos_own_script(script, decoding, biased_nemo, manifest, expected, tmp_path):
    path, options, output = call_of(script, biased_nemo, manifest, tmp_path)
    check(run_python(path, *options, *(HOTWORDS if decoding == "hotwords" else ()), folder=tmp_path))
    assert predictions(output) == expected[decoding]


@pytest.fixture(scope="module")
def hybrid(hybrids, eager, noise_wavs, tmp_path_factory):
    """(a biased hybrid's file, pred_text of the manifest on its CTC branch)."""
    model = nemo_ctcbias.from_ctc(hybrids("BPE")).eval()
    model.set_biasing(**eager)
    model.set_bias_list(["saoirse"])
    path = tmp_path_factory.mktemp("hybrid") / "hybrid.nemo"
    model.save_to(str(path))
    lists = [["saoirse"], ["okonkwo"], [], ["new york"]]
    texts = [one.text for one in model.transcribe(list(map(str, noise_wavs)), bias_lists=lists, verbose=False)]
    assert "saoirse" in texts[0] and "okonkwo" in texts[1] and "new york" in texts[3]
    return path, texts


@pytest.mark.parametrize("script", ["nemo_script", *(pytest.param(name, marks=needs_scripts) for name in NEMOS_OWN)])
def test_scripts_choose_the_ctc_branch_of_a_hybrid(script, hybrid, manifest, tmp_path):
    path, options, output = call_of(script, hybrid[0], manifest, tmp_path)
    check(run_python(path, *options, "decoder_type=ctc", folder=tmp_path))
    assert predictions(output) == hybrid[1]


# --- checkpoints saved before our modules moved


def test_checkpoints_that_name_our_old_modules_are_restored(biased_nemo, tmp_path):
    from nemo.collections.asr.models import ASRModel

    from nemo_ctcbias import BiasedEncDecCTCModelBPE

    old = tmp_path / "old.nemo"
    now, before = b"nemo_ctcbias.nemo.ctc_models.", b"nemo_ctcbias.models.ctc_models."
    with tarfile.open(biased_nemo) as stored, tarfile.open(old, "w") as written:
        for member in stored.getmembers():
            if not member.isfile():
                continue
            content = stored.extractfile(member).read()
            if member.name.endswith("model_config.yaml"):
                assert now in content
                content = content.replace(now, before)
                member.size = len(content)
            written.addfile(member, io.BytesIO(content))
    model = ASRModel.restore_from(str(old), map_location="cpu")
    assert type(model) is BiasedEncDecCTCModelBPE
    assert [phrase.text for phrase in model.bias_list] == ["saoirse"]
    assert model.cfg.target.encode().startswith(now)  # saved again, it names the new place


WITHOUT_US = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "nemo_ctcbias":
            raise ModuleNotFoundError(f"No module named {name.split('.')[0]!r}")
sys.meta_path.insert(0, Hidden())
from nemo.collections.asr.models import ASRModel
from nemo.utils.model_utils import import_class_by_path
for act in (
    lambda: ASRModel.restore_from(sys.argv[1], map_location="cpu"),
    lambda: import_class_by_path(ASRModel.restore_from(sys.argv[1], return_config=True).target),
):
    try:
        act()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""


def test_what_nemo_says_where_the_package_is_not_installed_stands_in_the_docs(biased_nemo):
    """`restore_from`, and the way of NeMo's transcribe_speech.py."""
    if nemo.__version__ < "3":
        pytest.skip("the docs have the newest NeMo's words")
    told = check(run_python("-c", WITHOUT_US, biased_nemo)).splitlines()
    page = " ".join((HERE.parent / "docs" / "python.md").read_text(encoding="utf-8").split())
    blocked, missing = (line.split("; ")[0].split(". The 'target'")[0] for line in told if "Error: " in line)
    assert blocked in page and missing in page
