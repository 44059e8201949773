from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from poscloud.errors import WaitTimeoutError
from poscloud.local.cache import claim
from poscloud.local.locks import exclusive, shared
from poscloud.local.progress import SilentReporter

from .conftest import Recorder

HOLD = """
import sys
from pathlib import Path
from poscloud.local.locks import exclusive
from poscloud.local.progress import SilentReporter
with exclusive(Path(sys.argv[1]), SilentReporter(), purpose="test"):
    print("held", flush=True)
    sys.stdin.read()
"""

HALF = """
import sys
from pathlib import Path
from poscloud.local.cache import claim
from poscloud.local.progress import SilentReporter
with claim(Path(sys.argv[1]), SilentReporter()) as folder:
    (folder / "half").write_text("half")
    print("working", flush=True)
    sys.stdin.read()
"""


def start(script: str, argument: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(argument)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate()


def test_the_second_waits_and_says_for_whom(tmp_path: Path, recorder: Recorder) -> None:
    lock = tmp_path / "lock"
    other = start(HOLD, lock)
    entered = threading.Event()

    def second() -> None:
        with exclusive(lock, recorder, purpose="local cluster"):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not entered.wait(0.3)
    finish(other)
    thread.join(5)
    assert entered.is_set()
    assert f"local cluster: waiting for process {other.pid}" in recorder.notes[0]


def test_of_those_who_share_one_that_has_ended_is_not_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with shared(lock, SilentReporter(), purpose="test"):
        other = start(HOLD.replace("exclusive", "shared"), lock)
        for ended, said in ((False, f"test: process {other.pid} "), (True, "test: another process did not")):
            if ended:
                finish(other)
            with (
                pytest.raises(WaitTimeoutError, match=said),
                exclusive(lock, SilentReporter(), purpose="test", timeout=0.0),
            ):
                pass


def test_a_holder_with_a_long_command_is_followed_by_one_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"
    monkeypatch.setattr(sys, "argv", ["\N{GRINNING FACE}" * 300])
    with shared(lock, SilentReporter(), purpose="test"):
        monkeypatch.setattr(sys, "argv", ["poscloud", "up"])
        with shared(lock, SilentReporter(), purpose="test"):
            assert json.loads(lock.read_text())["command"] == "poscloud up"


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    other = start(HOLD, lock)
    other.send_signal(signal.SIGKILL)
    finish(other)
    with exclusive(lock, SilentReporter(), purpose="test", timeout=1):
        pass


def test_waiting_ends(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    other = start(HOLD, lock)
    try:
        with (
            pytest.raises(WaitTimeoutError, match=str(other.pid)),
            exclusive(lock, SilentReporter(), purpose="test", timeout=0.2),
        ):
            pass
    finally:
        finish(other)


def test_a_cache_entry_appears_complete(tmp_path: Path) -> None:
    entry = tmp_path / "part-1"
    with claim(entry, SilentReporter()) as folder:
        assert folder is not None
        (folder / "program").write_text("x")
        assert not entry.exists()
    assert (entry / "program").read_text() == "x"
    with claim(entry, SilentReporter()) as folder:
        assert folder is None


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    entry = tmp_path / "part-1"
    with pytest.raises(RuntimeError), claim(entry, SilentReporter()) as folder:
        assert folder is not None
        (folder / "program").write_text("x")
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == [".part-1.lock"]


def test_what_a_killed_set_up_left_is_cleared(tmp_path: Path) -> None:
    entry = tmp_path / "part-1"
    other = start(HALF, entry)
    other.send_signal(signal.SIGKILL)
    finish(other)
    assert list(tmp_path.glob(".part-1.partial-*/half"))
    with claim(entry, SilentReporter()) as folder:
        assert folder is not None
        assert list(folder.iterdir()) == []
    assert not list(tmp_path.glob(".part-1.partial-*"))


def test_of_two_set_ups_one_does_the_work(tmp_path: Path, recorder: Recorder) -> None:
    entry = tmp_path / "part-1"
    other = start(HALF, entry)
    seen: list[Path | None] = []

    def second() -> None:
        with claim(entry, recorder) as folder:
            seen.append(folder)

    thread = threading.Thread(target=second)
    thread.start()
    finish(other)
    thread.join(5)
    assert seen == [None]
    assert (entry / "half").exists()
