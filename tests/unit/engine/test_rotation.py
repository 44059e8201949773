"""What a rotation of the passphrase does around the engine: nothing is lost, and what it says can be done."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from poscloud.engine import rotation
from poscloud.engine.rotation import Rotation, rotate_passphrase
from poscloud.engine.statefile import newest_backup, state_file
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import SilentReporter

OLD, NEW = "a-fake-old-one", "a-fake-new-one"


class Notes(SilentReporter):
    """Remembers what was noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Engine:
    """A project, and in the place of the engine's command one that writes ``salt of PASSPHRASE`` for a salt."""

    def __init__(self, root: Path) -> None:
        self.root, self.paths, self.unreadable = root, ProjectPaths(root), ""
        self.paths.owned.mkdir()
        self.environment = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(self.paths.passphrase)}
        self.journal = self.paths.owned / "rotation"
        self.reporter = Notes()
        (root / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
        self.paths.passphrase.write_text(f"{OLD}\n")

    def own(self, file: Path) -> None:
        self.environment = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}

    def state(self, stack: str) -> Path:
        return self.paths.state / ".pulumi/stacks/poscloud" / f"{stack}.json"

    def settings(self, stack: str) -> Path:
        return self.root / f"Pulumi.{stack}.yaml"

    def add(self, stack: str, passphrase: str = OLD, more: str = "") -> None:
        self.settings(stack).write_text(f"encryptionsalt: salt of {passphrase}\n{more}")
        self.write(stack, {"type": "passphrase", "state": {"salt": f"salt of {passphrase}"}})

    def write(self, stack: str, provider: dict[str, Any] | None) -> None:
        self.state(stack).parent.mkdir(parents=True, exist_ok=True)
        latest: dict[str, Any] = {"secrets_providers": provider, "resources": []}
        self.state(stack).write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))

    def ensure_stack(self, stack: str) -> None:
        """Take it to be there."""

    def quietly(self, *words: str, given: str | None = None) -> CompletedProcess[str]:
        if words[1] == "ls":
            names = [
                {"name": f"organization/poscloud/{f.stem}"} for f in self.state("x").parent.glob("*.json")
            ]
            return CompletedProcess(words, 0, json.dumps(names), "")
        stack = words[words.index("--stack") + 1]
        if words[1] == "export":
            if stack == self.unreadable:
                return CompletedProcess(words, 1, "", "connection refused")
            latest = json.loads(self.state(stack).read_text())["checkpoint"]["latest"]
            return CompletedProcess(words, 0, json.dumps({"deployment": latest}), "")
        passphrase = (given or "").strip()
        more = self.settings(stack).read_text().split("\n", 1)[1]
        self.add(stack, passphrase, more)
        return CompletedProcess(words, 0, "", "")

    def rotate(self, new: Path | None = None) -> Rotation:
        return rotate_passphrase(self.root, self.reporter, new)

    def has(self, stack: str, passphrase: str) -> bool:
        salt = f"salt of {passphrase}"
        return salt in self.settings(stack).read_text() and salt in self.state(stack).read_text()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine(tmp_path)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setattr(rotation, "install", lambda *_: None)
    monkeypatch.setattr(rotation, "Pulumi", lambda _: made)
    monkeypatch.setattr(rotation, "opens", lambda passphrase, salt: salt == f"salt of {passphrase}")
    return made


def cut_short(engine: Engine, *saved: str) -> Path:
    """Leave the journal of a killed rotation to NEW, with these stacks' files; return the new passphrase's."""
    engine.journal.mkdir()
    (engine.journal / "new").write_text(f"{NEW}\n")
    for stack in saved:
        (engine.journal / f"Pulumi.{stack}.yaml").write_bytes(engine.settings(stack).read_bytes())
    return engine.journal / "new"


def test_the_only_copy_of_a_new_passphrase_outlives_the_journal(engine: Engine, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text(OLD)
    engine.own(mine)
    engine.add("dev")
    done = engine.rotate(cut_short(engine))
    kept = engine.paths.owned / "passphrase.new"
    assert done.use == f"export PULUMI_CONFIG_PASSPHRASE_FILE={kept}"
    assert kept.read_text() == f"{NEW}\n" and engine.has("dev", NEW)
    assert not engine.journal.exists()


def test_killed_before_the_journal_is_gone_the_file_is_named_all_the_same(
    engine: Engine, tmp_path: Path
) -> None:
    engine.own(tmp_path / "mine")
    engine.journal.mkdir()
    assert str(engine.paths.owned / "passphrase.new") in engine.rotate(engine.journal / "new").use


def test_one_stack_that_cannot_be_done_leaves_all_as_they_were(engine: Engine) -> None:
    engine.add("dev")
    engine.add("prod")
    engine.state("prod").write_text("{")
    engine.add("test")
    engine.unreadable = "test"
    with pytest.raises(DeployError) as caught:
        engine.rotate()
    assert "stack prod is damaged" in str(caught.value)
    assert "cannot read the state of stack test: connection refused" in str(caught.value), "all at once"
    assert engine.has("dev", OLD) and not engine.journal.exists()


def test_until_a_rotation_can_be_finished_the_way_to_the_done_stacks_is_told(engine: Engine) -> None:
    new = cut_short(engine)
    engine.add("dev", NEW)
    engine.add("prod")
    engine.unreadable = "prod"
    with pytest.raises(DeployError) as caught:
        engine.rotate()
    assert f"PULUMI_CONFIG_PASSPHRASE_FILE={new}" in caught.value.hint
    assert new.read_text() == f"{NEW}\n"


def test_a_state_that_cannot_be_read_is_not_taken_for_none(engine: Engine) -> None:
    engine.add("dev")
    cut_short(engine, "dev")
    engine.add("dev", NEW)  # the engine was done, and poscloud killed
    engine.unreadable = "dev"
    with pytest.raises(DeployError, match="cannot read the state"):
        engine.rotate()
    assert engine.has("dev", NEW), "its configuration would have the old salt, its state the new one"


def test_the_newest_backup_opens_with_the_new_one_also_without_the_last(engine: Engine) -> None:
    engine.add("dev")
    file = state_file(engine.paths, "dev")
    assert file
    older = file.parents[2] / "backups/poscloud/dev/dev.1700000000000000000.json"
    older.parent.mkdir(parents=True)
    older.write_bytes(file.read_bytes())
    engine.rotate()
    file.with_name("dev.json.bak").unlink()
    backup = newest_backup(file)
    assert backup and engine.paths.passphrase.read_text().strip() in backup.file.read_text()


def test_the_next_step_works_from_anywhere_and_with_the_variable_set(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", OLD)
    engine.environment = {"PULUMI_CONFIG_PASSPHRASE": OLD}
    Path("a file").write_text(NEW)
    assert engine.rotate(Path("a file")).use == (
        f"unset PULUMI_CONFIG_PASSPHRASE; export PULUMI_CONFIG_PASSPHRASE_FILE='{tmp_path}/a file'"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the new passphrase: .*: No such file"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"one\ntwo\n", "one line is expected"),
        (b"\n", "one line is expected"),
    ],
)
def test_a_file_without_a_passphrase_is_refused(
    engine: Engine, tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "new").write_bytes(content)
    with pytest.raises(PosCloudError, match=message):
        engine.rotate(tmp_path / "new")
    assert not engine.journal.exists()


def test_a_new_passphrase_that_others_can_read_is_warned_of(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "new"
    for mode, told in ((0o600, 0), (0o644, 1)):
        engine.reporter.notes.clear()
        file.write_text(f"{NEW}-{mode}")
        file.chmod(mode)
        engine.rotate(file)
        assert len([note for note in engine.reporter.notes if "others can read" in note]) == told


def test_what_was_edited_since_the_kill_is_kept(engine: Engine) -> None:
    engine.add("dev")
    engine.settings("dev").chmod(0o644)
    engine.add("untouched", more="config: {}\n")
    cut_short(engine, "dev", "untouched")
    for saved in engine.journal.glob("*.yaml"):
        saved.chmod(0o644)
    engine.settings("dev").write_text(f"encryptionsalt: salt of {NEW}\nconfig: {{a: edited}}\n")
    engine.settings("untouched").write_text(f"encryptionsalt: salt of {OLD}\nconfig: {{b: edited}}\n")
    engine.rotate()
    assert engine.has("dev", NEW) and engine.has("untouched", NEW)
    (beside,) = engine.root.glob("Pulumi.dev.yaml.*")
    assert "a: edited" in beside.read_text()
    assert any(beside.name in note for note in engine.reporter.notes)
    assert "b: edited" in engine.settings("untouched").read_text(), "the engine had not begun with it"
    assert engine.settings("dev").stat().st_mode & 0o777 == 0o644


def test_a_stack_without_secrets_is_none_of_another_passphrase(engine: Engine) -> None:
    engine.write("plain", None)
    engine.add("foreign", "a-fake-third-one")
    done = engine.rotate()
    assert done.done == ()
    assert [place for place in done.left if "another" in place] == [
        "Pulumi.foreign.yaml (another passphrase)"
    ]
