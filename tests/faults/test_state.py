"""Faults of the state: two runs at once, a damaged file, no room for it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.engine.statefile import damage
from tests.faults.arena import STACK, Arena, Outcome, says
from tests.faults.test_engine import UP, at_write

pytestmark = [pytest.mark.faults, pytest.mark.long]


def state_file(arena: Arena, folder: Path | None = None) -> Path:
    return (folder or arena.workspace.paths.state) / ".pulumi" / "stacks" / "poscloud" / f"{STACK}.json"


@pytest.mark.fault(20)
def test_the_second_of_two_is_told_who_runs_and_the_first_is_unharmed(absent: Arena) -> None:
    first = absent.start(*UP)
    began, told = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        told.wait(60)

    at_write(absent, 2, hold)
    assert began.wait(60)
    second = absent.run(*UP, limit=30)  # 2 s after its start-up, on a machine that does nothing else
    shown = absent.run("poscloud", "unlock", limit=30)
    told.set()
    text, _ = first.communicate()
    assert first.returncode == 0, text
    assert second.code == 4
    says(second, f"stack {STACK} is in use by ", " since ", "(alive)", f"poscloud unlock -s {STACK} ")
    lock_id = second.text.rsplit(maxsplit=1)[-1]
    says(shown, lock_id, "alive")


DAMAGES = {
    "cut in half": lambda whole: whole[: len(whole) // 2],
    "zero bytes": lambda whole: b"",
    "no JSON": lambda whole: whole.replace(b":", b";", 1),
    "merge markers": lambda whole: b"<<<<<<< HEAD\n" + whole + b"\n=======\n" + whole + b"\n>>>>>>> theirs\n",
    "no deployment": lambda whole: b'{"version":3,"checkpoint":{}}',
}


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    "damage",
    ["cut in half", *(pytest.param(d, marks=pytest.mark.long) for d in DAMAGES if d != "cut in half")],
)
def test_a_damaged_state_is_refused_and_restored_by_command(present: Arena, damage: str) -> None:
    file = state_file(present)
    whole = file.read_bytes()
    damaged = DAMAGES[damage](whole)
    file.write_bytes(damaged)
    before = present.proxy.writes()
    refused = present.run(*UP, limit=30)
    assert refused.code == 4
    assert present.proxy.writes() == before
    assert file.read_bytes() == damaged
    count = len(
        json.loads(file.with_name(f"{STACK}.json.bak").read_bytes())["checkpoint"]["latest"]["resources"]
    )
    command = f"poscloud state restore -s {STACK}"
    says(refused, str(file), " is damaged at ", " old, ", f"{count} resources", command)

    plain = present.run("pulumi", "up", "--yes", "--skip-preview", limit=60)
    assert plain.code != 0
    assert present.proxy.writes() == before
    if damage == "no deployment":  # which the engine takes for an empty stack; the program refuses it
        says(plain)
    else:
        says(plain, "failed to load checkpoint")
        assert file.read_bytes() == damaged
    restored = present.run("poscloud", "state", "restore")
    assert restored.code == 0, restored.text
    assert file.with_name(f"{STACK}.json.damaged").read_bytes() == damaged


# A disk of 1 MB for the state alone, seen by no other process; what was written is copied out at the end. What earlier
# tests left of history has no room there.
SMALL_DISK = """
mount -t tmpfs -o size=1m tmpfs "$1" && rm -rf "$2/.pulumi/backups" "$2/.pulumi/history" && cp -a "$2/." "$1" || exit 99
folder="$1" out="$2"; shift 2
poscloud up --yes "$@"; code=$?
rm -f "$folder/filled"; cp -a "$folder/." "$out"; exit $code
"""


@pytest.fixture
def on_a_small_disk(arena: Arena, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of ``up`` whose state is on a disk of its own; the state comes back when it has ended."""
    state, kept = arena.workspace.paths.state, tmp_path / "state"
    shutil.copytree(state, kept)
    shell = ["unshare", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh", str(state), str(kept)]
    yield arena.start(*shell)
    shutil.copytree(kept, state, dirs_exist_ok=True)


def fill(process: subprocess.Popen[str], folder: Path) -> None:
    """Fill the disk that only a process and its children see."""
    with contextlib.suppress(OSError), open(f"/proc/{process.pid}/root{folder}/filled", "wb", 0) as file:
        for size in (1 << 16, 1 << 10, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


@pytest.mark.fault(22)
def test_a_disk_that_fills_up_in_the_middle_ends_the_run(
    absent: Arena, on_a_small_disk: subprocess.Popen[str], tmp_path: Path
) -> None:
    at_write(absent, 3, lambda: fill(on_a_small_disk, absent.workspace.paths.state))
    text, _ = on_a_small_disk.communicate(timeout=100)
    done = Outcome(on_a_small_disk.returncode, text, 0)
    assert done.code == 4, text
    says(done, str(state_file(absent)), "No space left", " bytes free", f"poscloud up -s {STACK}")
    listed = text.rpartition("made, but not recorded: ")[2].splitlines()[0].split(", ")
    assert set(listed) & {f"Namespace {STACK}", f"LimitRange {STACK}/limits", f"Secret {STACK}/planted"}, text
    assert damage(state_file(absent, tmp_path / "state").read_bytes()) == ""
