"""Lists, adapter and search without KenLM's module and without pyctcdecode, as on a machine without a compiler."""

import json
import os
import subprocess
import sys

import pytest
from places import ROOT

from nemo_ctcbias.cli import main

DATA = ROOT / "examples" / "data"
CLIP = str(DATA / "demo" / "kal16_02.flac")
COMMAND = ["transcribe", CLIP, "--model", "small", "--bias", "Siprot", "Okonkwo", "--json"]
INSTALL = "pip install 'nemo-ctcbias[lm]'"
WITHOUT = """
import json, sys

sys.modules["kenlm"] = sys.modules["pyctcdecode"] = None
import nemo_ctcbias
from nemo_ctcbias.cli import main
from nemo_ctcbias.errors import MissingDependencyError

def refused(call, *args, **keywords):
    try:
        call(*args, **keywords)
    except MissingDependencyError as error:
        return str(error)

command, data = json.loads(sys.argv[1]), sys.argv[2]
codes = [main(command), main([*command, "--lm", data + "/lm_small.bin"]), main(["variants", "Kathryn"])]

model = nemo_ctcbias.from_ctc(data + "/fastconformer_ctc_small.nemo").eval()
model.load_adapters(data + "/contextual_adapter.pt")
model.load_phone_head(data + "/phone_head.pt")
model._cfg.biasing.lm = {"path": data + "/lm_small.bin"}  # as a checkpoint brings one
model.set_bias_list(["Siprot", "Okonkwo"])
text = model.transcribe([command[1]], verbose=False)[0].text
found = {
    "codes": codes,
    "text": text,
    "decoder": refused(lambda: nemo_ctcbias.HotwordBeamDecoder),
    "language model": refused(model.set_language_model, data + "/lm_small.bin"),
}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def without():
    """(what `transcribe` wrote, what else was found, standard error) of a process that has neither."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-c", WITHOUT, json.dumps(COMMAND), str(DATA)]
    done = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    row, *_, found = done.stdout.splitlines()
    return json.loads(row), json.loads(found), done.stderr


def test_list_adapter_and_search_do_what_they_do_with_it(without, capsys):
    row, found, _ = without
    assert main([*COMMAND, "--lm", "none"]) == 0
    assert row == json.loads(capsys.readouterr().out)
    assert [hit["phrase"] for hit in row["hits"]] == ["Siprot"] and found["text"] == row["text"]


def test_what_is_left_out_is_told_in_one_line(without):
    told = [line for line in without[2].splitlines() if line.startswith("kenlm is not installed")]
    assert len(told) == 1 and "everything else acts without" in told[0] and INSTALL in told[0]


def test_what_needs_it_says_which_extra_to_install(without):
    _, found, errors = without
    assert found["codes"] == [0, 2, 0]  # how words sound is known without
    refused = [line for line in errors.splitlines() if line.startswith("nemo-ctcbias: ") and INSTALL in line]
    assert len(refused) == 1 and "--lm needs kenlm" in refused[0]
    assert INSTALL in found["language model"]
    assert "pip install 'nemo-ctcbias[pyctcdecode]'" in found["decoder"]
