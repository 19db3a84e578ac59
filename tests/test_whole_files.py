"""An output file is there whole or as it was before."""

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nemo_ctcbias.errors import OutputError
from nemo_ctcbias.whole_files import check_writable, written_whole


def write(path, text):
    with written_whole(path) as partial:
        partial.write_text(text)


def test_what_is_written_takes_its_place_with_the_mode_of_the_old_file(tmp_path):
    path = tmp_path / "out.npz"
    path.write_text("old")
    path.chmod(0o640)
    with written_whole(path) as partial:
        assert partial.suffix == ".npz" and partial.parent == tmp_path
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(error), written_whole(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from nemo_ctcbias.whole_files import written_whole
with written_whole(sys.argv[1]) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_cleared_by_the_next(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    with written_whole(path) as running:  # what is still being written is left alone
        running.write_text("long")
        other = threading.Thread(target=write, args=(path, "short"))
        other.start()
        other.join()
        assert path.read_text() == "short"
    assert path.read_text() == "long" and list(tmp_path.iterdir()) == [path]


def full(path, text):
    """Write with a limit on the size of files, which is met as a full disk is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        write(path, text)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_room_is_one_line_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(OutputError, match=r"out.txt: cannot be written \(File too large\); make room") as found:
        full(path, "x" * 2000)
    assert "\n" not in str(found.value)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("act", [lambda path: write(path, "x"), check_writable])
def test_what_cannot_be_written_is_refused(tmp_path, act):
    file = tmp_path / "file.txt"
    file.write_text("")
    for path, reason in ((tmp_path, "is a folder"), (tmp_path / "no" / "x", "no folder"), (file / "x", "no folder")):
        with pytest.raises(OutputError, match=reason):
            act(path)
    with pytest.raises(OutputError, match="name too long"):
        act(tmp_path / ("x" * 300))
    if os.getuid():
        file.chmod(0o400)
        with pytest.raises(OutputError, match="must not be changed"):
            act(file)
    act(tmp_path / ("x" * 250))
    (tmp_path / ("x" * 250)).unlink(missing_ok=True)
    assert list(tmp_path.iterdir()) == [file]


def test_checking_leaves_nothing_and_changes_nothing(tmp_path):
    path = tmp_path / "out.txt"
    check_writable(path)
    assert not list(tmp_path.iterdir())
    path.write_text("old")
    check_writable(path)
    assert path.read_text() == "old"


def test_links_and_devices_stay_what_they_are(tmp_path):
    link, target = tmp_path / "link.txt", tmp_path / "folder" / "target.txt"
    target.parent.mkdir()
    link.symlink_to(target)
    write(link, "text")
    assert link.is_symlink() and target.read_text() == "text"
    check_writable("/dev/null")
    write("/dev/null", "text")
    with pytest.raises(OutputError, match="No space left"):
        write("/dev/full", "text")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
