"""Faults of the state: two runs at once, a damaged file, no room for it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.faults.arena import STACK, Arena, says
from tests.faults.test_engine import UP, at_write

pytestmark = pytest.mark.faults


def state_file(arena: Arena) -> Path:
    return arena.workspace.paths.state / ".pulumi" / "stacks" / "poscloud" / f"{STACK}.json"


@pytest.mark.fault(20)
def test_the_second_of_two_is_told_who_runs_and_the_first_is_unharmed(absent: Arena) -> None:
    first = absent.start(*UP)
    began, told = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        told.wait(60)

    at_write(absent, 2, hold)
    assert began.wait(60)
    second = absent.run(*UP, limit=30)
    shown = absent.run("poscloud", "unlock", limit=30)
    told.set()
    text, _ = first.communicate()
    assert first.returncode == 0, text
    assert second.code == 4
    assert second.seconds < 10  # 2 s after its start-up, on a machine that does nothing else
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
@pytest.mark.parametrize("damage", DAMAGES)
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
    says(plain)
    restored = present.run("poscloud", "state", "restore")
    assert restored.code == 0, restored.text
    assert file.with_name(f"{STACK}.json.damaged").read_bytes() == damaged
