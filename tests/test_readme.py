"""Every command and code block of the README runs as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT
from warm_python import warm

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- ([^\n]+?) -->\n```(\w+)\n(.*?)```", README, flags=re.S)
BIN = Path(sys.executable).parent
ENV = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder that looks like the checkout; what the blocks write stays in it."""
    place = tmp_path_factory.mktemp("readme")
    (place / "examples").symlink_to(ROOT / "examples")
    return place


def test_every_block_is_run_or_shown_only():
    shown_only = re.findall(r"(?<!-->\n)```(\w+)\n", README)
    assert set(shown_only) <= {"text"}, "bash and python blocks carry a marker saying how they are tested"
    assert {mark for mark, _, _ in BLOCKS} <= {
        "run",
        "run: nemo script",
        "run: shared",
        "shown: demo",
        "ci: demo",
        "ci: tests",
    }


def test_the_two_commands_are_the_gates():
    gate = (ROOT / ".ci" / "run").read_text()
    for name in ("demo", "tests"):
        assert f"readme {name}" in gate
        command = next(text for mark, _, text in BLOCKS if mark == f"ci: {name}")
        assert len(command.strip().splitlines()) == 1 and 'pip install -q -e ".[' in command


@pytest.mark.parametrize("text", [text for mark, language, text in BLOCKS if mark == "run" and language == "bash"])
def test_commands(text, folder):
    done = subprocess.run(["bash", "-ec", text], cwd=folder, env=warm(ENV), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


@pytest.mark.parametrize("model", ["strong", "small"])
def test_the_demonstration_shows_what_the_page_shows(model, folder):
    command = next(text for mark, _, text in BLOCKS if mark == "ci: demo").split("&&")[-1].replace(".venv/bin/", "")
    command = command.strip() + " --model small" * (model == "small")
    env = ENV if model == "strong" else warm(ENV)  # the page's own command as it is
    done = subprocess.run(["bash", "-ec", command], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    scores = "\n".join(done.stdout.splitlines()[-3:])
    measured = [*re.findall(r"word error rate +([\d.]+)%", scores), re.findall(r"recall +([\d.]+)%", scores)[-1]]
    clips = (ROOT / "examples" / "data" / "famous" / "README.md").read_text(encoding="utf-8")
    assert f"| {model} | {' | '.join(measured)} |" in clips, "the page of the clips"
    if model == "small":
        return
    shown = next(text for mark, _, text in BLOCKS if mark == "shown: demo").split("...\n")
    assert len(shown) == 2 and all(part in done.stdout for part in shown)
    assert done.stdout.endswith(shown[1])


SAME = """
from nemo_ctcbias.cli import main
print("--- the command line")
names = [f"{phrase.text}:{phrase.weight:g}" for phrase in model.bias_list]
assert main(["transcribe", *clips, "--bias", *names]) == 0
print("--- saved")
assert main(["transcribe", *clips, "--model", "biased.nemo"]) == 0
print("--- all clips")
from pathlib import Path
every = sorted(map(str, Path("examples/data/famous").glob("*.flac")))
for clip, hypothesis in zip(every, model.transcribe(every, batch_size=12, verbose=False)):
    print(clip, *(hit.phrase for hit in hypothesis.hits if hit.phrase == "Sarajevo"))
"""


def test_python_blocks_then_nemos_script(folder):
    code = "\n".join(text for mark, language, text in BLOCKS if mark == "run" and language == "python")
    done = subprocess.run(["python", "-c", code + SAME], cwd=folder, env=warm(ENV), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    python, command_line, saved, every = re.split("--- .*\n", done.stdout)
    texts = [line for line in python.splitlines() if not line.startswith(" ") and "Transcribing" not in line]
    assert texts[-2:] == [line.split("\t")[1] for line in command_line.splitlines()], "Python gives the same"
    assert saved == command_line, "and so does the .nemo"
    assert [line for line in every.splitlines() if line.endswith("Sarajevo")] == [
        "examples/data/famous/rms_06.flac Sarajevo"
    ]
    for text in (text for mark, _, text in BLOCKS if mark == "run: nemo script"):
        run_nemo_script(text, folder)


def test_nothing_is_left_where_git_sees_it(folder):
    """Runs after the others: what the blocks wrote is ignored."""
    written = [f"{path.name}{'/' * path.is_dir()}" for path in folder.iterdir() if path.name != "examples"]
    assert "biased.nemo" in written
    command = ["git", "check-ignore", "--no-index", *written]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert sorted(ignored) == sorted(written)


def run_nemo_script(text, folder):
    """Run a line on NeMo's checkout where NEMO_SCRIPTS names one, else on our equivalent of its script."""
    words = shlex.split(text)
    checkout = os.environ.get("NEMO_SCRIPTS")
    script = words[1].replace("$NEMO", checkout) if checkout else str(ROOT / "tests" / "nemo_script.py")
    done = subprocess.run(["python", script, *words[2:]], cwd=folder, env=warm(ENV), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (folder / "out.json").read_text().count("pred_text") == 12
    (folder / "out.json").unlink()


@pytest.mark.shared
@pytest.mark.parametrize("text", [text for mark, _, text in BLOCKS if mark == "run: shared"])
def test_commands_on_shared_data(text, folder):
    run_on_shared_data(text, folder)


def run_on_shared_data(text, folder):
    """A command behind the results, on its first few recordings."""
    if not (folder.parent / "shared").exists():
        (folder.parent / "shared").symlink_to(ROOT.parent / "shared")
    limited = text.strip() + (" --limit 4 --list-sizes 100" if "evaluate" in text else " --seconds 5")
    done = subprocess.run(["bash", "-ec", limited], cwd=folder, env=warm(ENV), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


#: What the page promises, and the test that holds it.
PROMISES = {
    "With an empty list the output is your model's own, byte for byte": (
        "tests/test_end_to_end.py::test_without_a_list_the_checkpoint_is_its_base_model",
        "tests/nemo/test_language_model.py::test_it_helps_always_or_where_there_is_a_list",
    ),
    "It shows what the model writes by itself, what its language model changes, and what the list changes": (
        "tests/test_readme.py::test_the_demonstration_shows_what_the_page_shows",
        "tests/test_cli.py::test_compare_credits_the_language_model_with_what_is_its_own",
    ),
    "`--bias-list` takes text (a phrase a line, a weight behind a tab, `# ` begins a comment), CSV, TSV and JSON": (
        "tests/bias_list/test_bias_list.py::test_lists_as_people_have_them",
    ),
    "as often as you like": (
        "tests/commands/test_transcribe_command.py::test_weights_on_the_command_line_and_several_lists",
    ),
    "`check-list` and `transcribe` give the same report": (
        "tests/commands/test_transcribe_command.py::test_the_report_on_a_list_is_the_same_everywhere",
        "tests/test_recognizer.py::test_phrases_that_can_never_be_heard_are_told_once",
    ),
    "Recordings are files, folders or quoted patterns": (
        "tests/commands/test_transcribe_command.py::test_folders_patterns_and_standard_input",
    ),
    "results come as they are done, as text, JSON, tables or subtitles": (
        "tests/commands/test_transcribe_command.py::test_each_format",
    ),
    "`--resume` goes on after an end in the middle": (
        "tests/commands/test_transcribe_command.py::test_lines_are_written_as_they_are_done_and_gone_on_with",
    ),
    "`evaluate` measures your list on your own manifest, beside NeMo's own and other tools": (
        "tests/evaluation/test_own_list.py::test_a_users_list_on_a_users_manifest",
        "tests/evaluation/test_ablation.py::test_the_usual_systems_are_peers_and_ours_as_far_as_the_model_has_them",
    ),
    "`load_biased` gives what the command line gives": (
        "tests/test_readme.py::test_python_blocks_then_nemos_script",
        "tests/test_first_hour.py::test_a_new_users_hour",
    ),
    "list, adapter, phone head, language model and settings travel inside": (
        "tests/test_readme.py::test_python_blocks_then_nemos_script",
        "tests/nemo/test_language_model.py::test_it_travels_in_the_nemo",
        "tests/nemo/test_phonetic.py::test_nemo_round_trip",
    ),
    "NeMo's scripts load a saved biased model, list and all, without a change": (
        "tests/test_readme.py::test_python_blocks_then_nemos_script",
        "tests/test_first_hour.py::test_a_new_users_hour",
    ),
    "adds what is missing and touches nothing that is there": (
        "tests/test_requirements.py::test_pip_has_no_reason_to_replace_what_is_there",
    ),
    "Without it all else works, and one line says what is left out": (
        "tests/test_without_kenlm.py::test_list_adapter_and_search_do_what_they_do_with_it",
        "tests/test_without_kenlm.py::test_what_is_left_out_is_told_in_one_line",
    ),
    "`tune` chooses weights on one": (
        "tests/commands/test_tune_command.py::test_a_users_own_list",
        "tests/evaluation/test_weights.py::test_a_gain_counts_where_it_is_no_chance",
    ),
    "`calibrate` finds on recordings without transcripts how sure your model must be": (
        "tests/commands/test_calibrate.py::test_a_threshold_is_written_and_transcribe_takes_it",
    ),
    "`model.stream(bias_list=...)`, `transcribe --stream` and NeMo's cache-aware loop take lists": (
        "tests/nemo/test_streams.py::test_a_list_may_change_in_the_middle",
        "tests/nemo/test_streams.py::test_the_cache_aware_loop_hears_lists",
        "tests/commands/test_stream_command.py::test_words_are_written_as_they_stand",
    ),
    "answers OpenAI's clients, a websocket and a page in the browser, with a list for every request": (
        "tests/serve/test_transcriptions.py::test_the_openai_client",
        "tests/serve/test_transcriptions.py::test_a_hundred_lists_at_once_are_kept_apart",
        "tests/serve/test_realtime.py::test_words_are_told_as_they_stand",
        "tests/serve/test_page.py::test_a_file_and_names",
    ),
    "`from_ctc` makes a biased model of any CTC checkpoint, or of a model in memory": (
        "tests/nemo/test_biased_model.py::test_from_ctc_keeps_everything",
        "tests/nemo/test_biased_model.py::test_a_live_model_shares_weights_and_stays_what_it_was",
    ),
    "rows of a manifest may carry their own `bias_list`": (
        "tests/nemo/test_biased_model.py::test_manifest_rows_carry_lists",
        "tests/test_cli.py::test_manifest_rows_bring_lists_and_parts",
    ),
    "A list for this run only, through NeMo's own options": (
        "tests/test_readme.py::test_python_blocks_then_nemos_script",
        "tests/nemo/test_biased_model.py::test_hotwords_of_nemos_pyctcdecode_strategy",
    ),
    "Where the package is not installed, NeMo cannot open such a file": (
        "tests/nemo/test_registration.py::test_what_nemo_says_where_the_package_is_not_installed_stands_in_the_docs",
    ),
    "`untrained` needs nothing but the checkpoint": (
        "tests/evaluation/test_ablation.py::test_a_stock_model_has_the_boosting_and_its_own_spelling",
    ),
    "all systems decode the same checkpoint with the same lists": (
        "tests/evaluation/test_joint.py::test_joint_is_what_the_model_transcribes",
    ),
}


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_stands_on_the_page_and_is_held_by_a_test(promise):
    assert promise in " ".join(README.split())
    for test in PROMISES[promise]:
        path, name = test.split("::")
        assert re.search(rf"^ *def {name}\(", (ROOT / path).read_text(encoding="utf-8"), flags=re.M), test


def test_the_page_is_short():
    assert len(README.splitlines()) <= 200
