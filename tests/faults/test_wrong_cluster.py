"""A kubeconfig that leads to another cluster than last time, with a second real cluster to lead to."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from poscloud.engine import deploy
from poscloud.local.progress import ConsoleReporter
from tests.workspace import Workspace

pytestmark = [pytest.mark.faults, pytest.mark.long]

STACK = "moved"
PLAIN = ("--yes", "--skip-preview")
CONTEXT = "office"


class Office:
    """A stack that was deployed to one cluster, and the ways to mean another one.

    Args:
        right: The cluster it was deployed to.
        wrong: Another one.
        folder: For kubeconfigs.
    """

    def __init__(self, right: Workspace, wrong: Workspace, folder: Path) -> None:
        self.right, self.wrong = right, wrong
        self.uids = [w.get("namespace", "kube-system")["metadata"]["uid"] for w in (right, wrong)]
        self.settings = right.root / f"Pulumi.{STACK}.yaml"
        self.kubeconfig, self.another = folder / "config", folder / "another"
        self.variables = {"POSCLOUD_USER_KUBECONFIG": str(self.kubeconfig)}
        self.lead_to(right, self.kubeconfig)
        self.lead_to(wrong, self.another)
        self.settings.write_text(f"config:\n  poscloud:context: {CONTEXT}\n")
        self.describe("v1")

    def describe(self, version: str) -> None:
        wide, backing = "{high: {value: 1}}", f"{{redis: {{version: {version}}}}}"
        text = f"pull_secret: null\npriority_classes: {wide}\nbacking: {backing}\n"
        (self.right.root / "stacks" / f"{STACK}.yaml").write_text(text)

    def lead_to(self, workspace: Workspace, file: Path) -> None:
        config = json.loads(workspace.paths.kubeconfig.read_text())
        config["contexts"][0]["name"] = config["current-context"] = CONTEXT
        file.write_text(json.dumps(config))

    def configure(self, **values: str) -> None:
        document = yaml.safe_load(self.settings.read_text())
        for key, value in values.items():
            document["config"].pop(f"poscloud:{key}", None)
            if value:
                document["config"][f"poscloud:{key}"] = value
        self.settings.write_text(yaml.safe_dump(document))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self.right.run(*command, "-s", STACK, **self.variables)

    def resources(self) -> list[str]:
        """Return the URNs in the state, sorted: the engine writes them in the order of its answers."""
        done = self.run("pulumi", "stack", "export")
        return sorted(r["urn"] for r in json.loads(done.stdout)["deployment"]["resources"])

    def edited(self) -> None:
        self.lead_to(self.wrong, self.kubeconfig)

    def another_file(self) -> None:
        self.variables["POSCLOUD_USER_KUBECONFIG"] = str(self.another)

    def pin_changed(self) -> None:
        self.another_file()
        self.configure(cluster=self.uids[1])

    def pin_removed(self) -> None:
        self.another_file()
        self.configure(cluster="")

    def restore(self) -> None:
        self.variables["POSCLOUD_USER_KUBECONFIG"] = str(self.kubeconfig)
        self.lead_to(self.right, self.kubeconfig)
        self.configure(context=CONTEXT, cluster=self.uids[0])
        self.describe("v1")


@pytest.fixture(scope="module")
def office(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    reporter = ConsoleReporter()
    wrong = Workspace(tmp_path_factory.mktemp("wrong"))
    deploy.install(wrong.root, reporter)
    try:
        wrong.control_plane.up(reporter)
        found = Office(workspace, wrong, tmp_path_factory.mktemp("office"))
        first = found.run("poscloud", "up", "--yes")
        assert first.returncode == 0, first.stdout + first.stderr
        yield found
        found.restore()
        found.run("poscloud", "destroy", "--yes")
    finally:
        wrong.control_plane.down(delete=True)
        shutil.rmtree(wrong.root, ignore_errors=True)


WAYS: dict[str, Callable[[Office], None]] = {
    "kubeconfig edited in place": Office.edited,
    "another KUBECONFIG": Office.another_file,
    "poscloud:cluster changed by hand": Office.pin_changed,
    "poscloud:cluster taken out": Office.pin_removed,
}
UP, CLI_UP = ("pulumi", "up", *PLAIN), ("poscloud", "up", "--yes")
REFRESH, DESTROY = ("pulumi", "refresh", *PLAIN), ("pulumi", "destroy", *PLAIN)
# A destroy and a refresh run no program: they go by the kubeconfig that the state names.
CASES = [(way, command) for way in WAYS for command in (UP, CLI_UP)]
CASES += [("kubeconfig edited in place", c) for c in (REFRESH, DESTROY, ("poscloud", "destroy", "--yes"))]


@pytest.mark.parametrize(
    ("way", "command"), CASES, ids=lambda v: v if isinstance(v, str) else " ".join(v[:2])
)
def test_nothing_is_written_to_either(office: Office, way: str, command: tuple[str, ...]) -> None:
    known = office.resources()
    office.describe("v2")
    marks = [w.audit_mark() for w in (office.right, office.wrong)]
    WAYS[way](office)
    try:
        done = office.run(*command)
        text = done.stdout + done.stderr
        assert done.returncode != 0, text
        assert "Traceback" not in text
        writes = [w.writes_since(m) for w, m in zip((office.right, office.wrong), marks, strict=True)]
        assert writes == [[], []]
        assert "was deployed to cluster" in text or "is not pinned to that cluster yet" in text
        if "is not pinned" not in text:
            assert [uid for uid in office.uids if uid not in text] == [], "both clusters are named"
    finally:
        office.restore()
    if command != DESTROY:  # there the engine forgets what goes with the namespace, before it asks anybody
        assert office.resources() == known


def test_with_everything_as_it_was_up_finds_what_is_there(office: Office) -> None:
    uid = office.right.get("statefulset", "redis", "-n", STACK)["metadata"]["uid"]
    again = office.run("poscloud", "up", "--yes")
    assert again.returncode == 0, again.stdout + again.stderr
    assert office.right.get("statefulset", "redis", "-n", STACK)["metadata"]["uid"] == uid
    done = office.run("pulumi", "preview", "--expect-no-changes")
    assert done.returncode == 0, done.stdout


def test_what_runs_no_program_goes_by_the_last_run_and_not_by_what_kubeconfig_says_now(
    office: Office,
) -> None:
    marks = office.wrong.audit_mark()
    office.another_file()
    try:
        done = office.run("pulumi", "refresh", *PLAIN)
        assert done.returncode == 0, done.stdout
        assert "unchanged" in done.stdout
        assert office.wrong.requests_since(marks) == []
    finally:
        office.restore()


def test_the_same_name_in_another_project_is_refused(office: Office) -> None:
    other = office.wrong
    name = f"{STACK}.yaml"
    shutil.copy(office.right.root / "stacks" / name, other.root / "stacks" / name)
    config = {"poscloud:context": CONTEXT, "poscloud:cluster": office.uids[0]}
    (other.root / f"Pulumi.{name}").write_text(yaml.safe_dump({"config": config}))
    project = other.root / "Pulumi.yaml"
    document = yaml.safe_load(project.read_text())
    document |= {"name": "billing", "config": {"pulumi:autonaming": {"value": {"mode": "disabled"}}}}
    project.write_text(yaml.safe_dump(document))
    mark = office.right.audit_mark()
    done = other.run("poscloud", "up", "--yes", "-s", STACK, **office.variables)
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    assert f"namespace {STACK} belongs to stack poscloud/{STACK}" in text
    assert f"this stack is billing/{STACK}" in text
    assert "run this in project poscloud" in text
    gone = other.run("poscloud", "destroy", "--yes", "-s", STACK, **office.variables)
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert office.right.writes_since(mark) == []
