"""Another passphrase for every stack, by the real engine: the old one opens nothing, and a kill loses nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from poscloud.engine import deploy
from poscloud.engine.passphrase import opens, salt_of, salts_in
from poscloud.local.progress import ConsoleReporter
from tests.workspace import Workspace

STACKS = ("one", "two")
PROGRAM = """\
import pulumi
pulumi.export("word", pulumi.Config("poscloud").require_secret("word"))
"""

# What is done instead of the nth call of the engine's command.
KILLED = """\
import os, pathlib, subprocess, sys
from poscloud.engine import pulumi, rotation
from poscloud.local.progress import ConsoleReporter
moment, number, root = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
quietly, calls = pulumi.Pulumi.quietly, []

def die():
    os.kill(os.getpid(), 9)

def patched(self, *words, given=None):
    calls.extend(words[1:2] * (words[1:2] == ("change-secrets-provider",)))
    if words[1:2] != ("change-secrets-provider",) or len(calls) < number:
        return quietly(self, *words, given=given)
    if moment == "before":
        die()
    if moment == "inside":
        file = root / f"Pulumi.{words[words.index('--stack') + 1]}.yaml"
        before = file.read_text()
        engine = subprocess.Popen(["pulumi", *words], cwd=root, env=self.environment, stdin=subprocess.PIPE)
        engine.stdin.write(given.encode()); engine.stdin.close()
        while file.read_text() == before and engine.poll() is None:
            pass
        engine.kill(); engine.wait()
        die()
    done = quietly(self, *words, given=given)
    die()

pulumi.Pulumi.quietly = patched
if moment == "end":
    rotation.shutil.rmtree = lambda _: die()
rotation.rotate_passphrase(root, ConsoleReporter())
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two stacks that have a secret each, in configuration and in state."""
    made = Workspace(tmp_path_factory.mktemp("template"))
    (made.root / "__main__.py").write_text(PROGRAM)
    deploy.install(made.root, ConsoleReporter(sys.__stderr__))
    for stack in STACKS:
        made.ok("pulumi", "stack", "init", stack)
        made.run("pulumi", "config", "set", "--secret", "poscloud:word", "-s", stack, given=f"fake-{stack}")
        made.ok("pulumi", "up", "--yes", "--skip-preview", "-s", stack)
    made.ok("pulumi", "stack", "init", "empty")
    return made.root


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Workspace:
    """A copy of it."""
    shutil.copytree(template, tmp_path / "p", symlinks=True)
    copy = Workspace.__new__(Workspace)
    Workspace.at(copy, tmp_path / "p")
    return copy


def check(project: Workspace, old: str) -> None:
    """Fail unless a new passphrase, and not the old one, opens everything, and everything is as it was."""
    new = project.paths.passphrase.read_text().strip()
    assert new != old
    assert not (project.paths.owned / "rotation").exists()
    for stack in (*STACKS, "empty"):
        salt = salt_of(project.root / f"Pulumi.{stack}.yaml")
        assert opens(new, salt) and not opens(old, salt)
    for stack in STACKS:
        assert project.ok("pulumi", "config", "get", "poscloud:word", "-s", stack).strip() == f"fake-{stack}"
        outputs = project.ok("pulumi", "stack", "output", "--json", "--show-secrets", "-s", stack)
        assert json.loads(outputs) == {"word": f"fake-{stack}"}
        for suffix in ("json", "json.bak"):
            file = project.paths.state / f".pulumi/stacks/poscloud/{stack}.{suffix}"
            assert all(opens(new, salt) for salt in salts_in(file))
    wrong = project.run(
        "pulumi", "stack", "output", "--show-secrets", "-s", "one", PULUMI_CONFIG_PASSPHRASE=old
    )
    assert wrong.returncode != 0


@pytest.mark.e2e
def test_every_stack_gets_a_new_one_and_what_is_left_of_the_old_is_named(project: Workspace) -> None:
    old = project.paths.passphrase.read_text().strip()
    done = project.run("poscloud", "passphrase", "rotate")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "new passphrase: empty, one, two\n"
    check(project, old)
    behind = {
        str(f.relative_to(project.root))
        for f in project.paths.state.rglob("*")
        if f.is_file() and any(opens(old, salt) for salt in salts_in(f))
    }
    assert {line.rpartition(": ")[2] for line in done.stderr.splitlines() if "not with" in line} == behind
    assert project.paths.passphrase.read_text().strip() not in done.stdout + done.stderr


@pytest.mark.e2e
def test_a_passphrase_of_one_s_own_is_taken_from_a_file(project: Workspace) -> None:
    own, new = project.root / "own", project.root / "new"
    shutil.copy(project.paths.passphrase, own)
    new.write_text("a-fake-but-new-one\n")
    given = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(own)}
    refused = project.run("poscloud", "passphrase", "rotate", **given)
    assert "poscloud passphrase rotate --new FILE" in refused.stderr
    done = project.run("poscloud", "passphrase", "rotate", "--new", str(new), **given)
    assert done.returncode == 0, done.stderr
    assert f"export PULUMI_CONFIG_PASSPHRASE_FILE={new}" in done.stderr
    assert opens("a-fake-but-new-one", salt_of(project.root / "Pulumi.one.yaml"))
    assert project.paths.passphrase.read_text() == own.read_text(), "not the one that was used"


@pytest.mark.faults
@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("inside", 2),
        ("after", 2),
        *(
            pytest.param(moment, number, marks=pytest.mark.long)
            for moment, number in (("before", 1), ("inside", 1), ("inside", 3), ("before", 3), ("end", 9))
        ),
    ],
)
def test_killed_at_any_moment_it_is_finished_by_running_it_again(
    project: Workspace, moment: str, number: int
) -> None:
    old = project.paths.passphrase.read_text().strip()
    command = [sys.executable, "-c", KILLED, moment, str(number), str(project.root)]
    killed = subprocess.run(command, env=project.environment(), cwd=project.root, check=False)
    assert killed.returncode == -9
    again = project.run("poscloud", "passphrase", "rotate")
    assert again.returncode == 0, again.stderr
    check(project, old)
