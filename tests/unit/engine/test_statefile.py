from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from poscloud.engine import statefile, stateroom
from poscloud.engine.start import check_start, check_state
from poscloud.engine.statefile import DamagedStateError, is_empty, state_file
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths


def state(*names: str) -> str:
    resources = [{"urn": f"urn:{name}", "type": "a:b:C"} for name in names]
    return json.dumps({"version": 3, "checkpoint": {"latest": {"manifest": {}, "resources": resources}}})


WHOLE = state("one", "two")
DAMAGES = {
    "": "byte 0: it is empty",
    "\n": "byte 0: it holds nothing but blanks",
    WHOLE[: len(WHOLE) // 2]: f"it ends after {len(WHOLE) // 2} bytes, in the middle",
    f"<<<<<<< HEAD\n{WHOLE}\n": "line 1, column 1: a merge marker",
    f"{{\n<<<<<<< HEAD\n{WHOLE}": "line 2, column 1: a merge marker",
    '{"version": 3,, }': "line 1, column 15: not JSON",
    "\udcff": "byte 0: not UTF-8",
    "{}": "checkpoint: there is no deployment",
    "null": "checkpoint: there is no deployment",
    "[]": "checkpoint: there is no deployment",
    '{"version": 3, "checkpoint": {}}': "checkpoint.latest: there is no deployment",
    '{"checkpoint": {"latest": {"resources": {}}}}': "checkpoint.latest.resources: not a list",
    '{"checkpoint": {"latest": {"resources": [{}]}}}': "checkpoint.latest.resources[0]: no resource",
}


@pytest.fixture
def paths(tmp_path: Path) -> ProjectPaths:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    found = ProjectPaths(tmp_path)
    (found.state / ".pulumi" / "stacks" / "shop").mkdir(parents=True)
    return found


@pytest.fixture
def file(paths: ProjectPaths) -> Path:
    return paths.state / ".pulumi" / "stacks" / "shop" / "dev.json"


def backup(file: Path, text: str) -> Path:
    copy = file.with_name("dev.json.bak")
    copy.write_text(text)
    return copy


@pytest.mark.parametrize(("text", "place"), DAMAGES.items(), ids=range(len(DAMAGES)))
def test_a_damaged_state_is_refused_and_left(paths: ProjectPaths, file: Path, text: str, place: str) -> None:
    damaged = text.encode(errors="surrogateescape")
    file.write_bytes(damaged)
    copy = backup(file, WHOLE)
    with pytest.raises(DamagedStateError) as refused:
        check_start(paths.root, "dev")
    assert place in refused.value.message
    assert str(file) in refused.value.message
    assert f"{copy} (0:00:0" in refused.value.hint
    assert "2 resources" in refused.value.hint
    assert "poscloud state restore -s dev" in refused.value.hint
    assert file.read_bytes() == damaged
    restored = statefile.restore(paths, "dev")
    assert restored.file == copy
    assert file.read_text() == WHOLE
    assert file.with_name("dev.json.damaged").read_bytes() == damaged


@pytest.mark.parametrize("failing", [1, 2])
def test_a_restore_that_fails_leaves_the_damaged_state_in_its_place(
    paths: ProjectPaths, file: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    file.write_text("{}")
    backup(file, WHOLE)
    real, written = statefile.write_private, []

    def fail(target: Path, content: bytes) -> None:
        written.append(target)
        if len(written) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(target, content)

    monkeypatch.setattr(statefile, "write_private", fail)
    with pytest.raises(DeployError, match=f"cannot be restored: {file}: No space left") as failed:
        statefile.restore(paths, "dev")
    assert f"{file}.bak" in failed.value.hint
    assert file.read_text() == "{}"


def test_a_restore_looks_for_room_first(
    paths: ProjectPaths, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("{}")
    backup(file, WHOLE)
    monkeypatch.setattr(stateroom, "free_bytes", lambda _: 1)
    with pytest.raises(DeployError, match="too little space"):
        statefile.restore(paths, "dev")
    assert sorted(f.name for f in file.parent.iterdir()) == ["dev.json", "dev.json.bak"]


@pytest.mark.parametrize("text", [WHOLE, state(), '{"checkpoint": {"latest": {"manifest": {}}}}'])
def test_a_whole_state_is_left_alone(paths: ProjectPaths, file: Path, text: str) -> None:
    file.write_text(text)
    check_start(paths.root, "dev")
    with pytest.raises(DeployError, match="is whole"):
        statefile.restore(paths, "dev")
    assert file.read_text() == text


def test_a_removed_stack_does_not_come_back_from_its_backup(paths: ProjectPaths, file: Path) -> None:
    backup(file, WHOLE)  # the engine leaves it behind
    check_start(paths.root, "dev")
    assert statefile.restore_after_kill(paths, "dev", killed=True) is None
    assert not file.exists()


def test_an_older_backup_is_taken_when_the_newest_is_damaged_as_well(paths: ProjectPaths, file: Path) -> None:
    file.write_text("")
    backup(file, "{}")
    runs = paths.state / ".pulumi" / "backups" / "shop" / "dev"
    runs.mkdir(parents=True)
    for number, text in ((1, state()), (2, state("one")), (3, "")):
        (runs / f"dev.179528323522698311{number}.json").write_text(text)
    assert statefile.restore(paths, "dev").resources == 1


def test_without_a_whole_backup_the_way_to_begin_anew_is_told(paths: ProjectPaths, file: Path) -> None:
    file.write_text("")
    backup(file, "")
    with pytest.raises(DamagedStateError) as refused:
        statefile.restore_after_kill(paths, "dev", killed=True)
    assert f"mv {file} {file}.damaged" in refused.value.hint
    assert file.exists()


def test_only_a_killed_run_takes_the_backup_by_itself(paths: ProjectPaths, file: Path) -> None:
    file.write_text(WHOLE[:50])
    backup(file, state("one"))
    with pytest.raises(DamagedStateError):
        statefile.restore_after_kill(paths, "dev", killed=False)
    assert file.read_text() == WHOLE[:50]
    assert statefile.restore_after_kill(paths, "dev", killed=True) is not None
    assert file.read_text() == state("one")


def test_what_the_engine_takes_for_empty_is_refused_until_it_is_restored(
    paths: ProjectPaths, file: Path
) -> None:
    file.write_text("{}")
    backup(file, WHOLE)
    with pytest.raises(DamagedStateError):
        check_state(paths.root, "dev", dry_run=False)
    file.write_text(state())  # so the engine ends
    backup(file, "{}")
    with pytest.raises(DamagedStateError, match="found damaged by the last pulumi up"):
        check_state(paths.root, "dev", dry_run=False)
    statefile.restore(paths, "dev")
    assert file.read_text() == WHOLE
    assert file.with_name("dev.json.damaged").read_text() == "{}"
    check_state(paths.root, "dev", dry_run=False)


@pytest.mark.parametrize(
    ("options", "says"),
    [("ro", "cannot be written: .*Read-only"), ("size=64k", "too little space .* has 65536 bytes free")],
)
def test_a_real_disk_without_room_is_refused(
    paths: ProjectPaths, file: Path, options: str, says: str
) -> None:
    script = (
        "import sys; from pathlib import Path; from poscloud.engine.start import check_start;"
        "check_start(Path(sys.argv[1]), 'dev')"
    )
    shell = 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", shell, "sh", options, str(file.parent)]
    command = [*inside, sys.executable, "-c", script, str(paths.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert re.search(f"DeployError: .*{says}", done.stderr), done.stderr
    assert str(file.parent) in done.stderr


def test_a_full_disk_is_refused_with_its_free_bytes(
    paths: ProjectPaths, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(state(*map(str, range(2000))))
    size = file.stat().st_size
    monkeypatch.setattr(stateroom, "free_bytes", lambda _: 10 * size - 1)
    with pytest.raises(
        DeployError, match=f"{file.parent} has {10 * size - 1} bytes free, a run needs {10 * size}"
    ):
        check_start(paths.root, "dev")
    monkeypatch.setattr(stateroom, "free_bytes", lambda _: 10 * size)
    check_start(paths.root, "dev")


PROVIDER = {"urn": "urn:p", "type": "pulumi:providers:kubernetes", "custom": True}
COMPONENT = {"urn": "urn:c", "type": "poscloud:index:Environment", "custom": False}
OBJECT = {"urn": "urn:o", "type": "kubernetes:core/v1:Namespace", "custom": True}


@pytest.mark.parametrize(
    ("resources", "empty"),
    [(None, True), ([], True), ([PROVIDER, COMPONENT], True), ([COMPONENT, OBJECT], False)],
)
def test_a_state_without_objects_is_empty(
    tmp_path: Path, resources: list[dict[str, object]] | None, empty: bool
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\n")
    paths = ProjectPaths(tmp_path)
    file = state_file(paths, "dev")
    assert file is not None
    file.parent.mkdir(parents=True)
    if resources is not None:
        file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))
    assert is_empty(paths, "dev") is empty


def test_a_damaged_state_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\n")
    paths = ProjectPaths(tmp_path)
    file = state_file(paths, "dev")
    assert file is not None
    file.parent.mkdir(parents=True)
    file.write_text(WHOLE[:40])
    assert not is_empty(paths, "dev")
