"""The shell blocks of the documentation, run as they stand, page by page, with the real engine and API server."""

from __future__ import annotations

import functools
import hashlib
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import yaml

from tests.cluster.metricsapi import serving
from tests.e2e.test_push_jar import Quiet
from tests.pages.blocks import of_kind, one
from tests.pages.run import run_page
from tests.pages.scenarios import SCENARIOS, SHARE
from tests.unit.imports.test_sources import BASE
from tests.workspace import ROOT, Workspace

pytestmark = pytest.mark.e2e

JARS = ("20170920-0900", "20170927-1731", "20170928-0915")
"""Versions in the store of jars, the oldest first."""

SMALL_MYSQL = "backing: {mysql: {databases: [dac]}}\n"


def describe(workspace: Workspace, name: str, text: str) -> None:
    (workspace.root / "stacks" / f"{name}.yaml").write_text(text)


def office(workspace: Workspace) -> None:
    """Write a kubeconfig in which the local cluster is called office."""
    found = yaml.safe_load(workspace.paths.kubeconfig.read_text())
    found["contexts"][0]["name"] = found["current-context"] = "office"
    (workspace.root / "office.kubeconfig").write_text(yaml.safe_dump(found))


@contextmanager
def up(workspace: Workspace, *stacks: str) -> Iterator[None]:
    """Bring environments up, and destroy them afterwards."""
    try:
        for stack in stacks:
            workspace.ok("poscloud", "up", "-s", stack)
        yield
    finally:
        for stack in stacks:
            workspace.run("poscloud", "destroy", "-s", stack)


@contextmanager
def wbyh_stage(workspace: Workspace) -> Iterator[None]:
    file = workspace.root / "stacks" / "wbyh-stage.yaml"
    described = file.read_text() + one("docs/components/team-access.md", "access:").text
    file.write_text(described)
    (workspace.root / "config.json").write_text(one("docs/environment.md", '{"auths"').text)
    shutil.copy(ROOT / "examples" / "images.yaml", workspace.root / "images.yaml")
    for project in ("dac-task", "dac-common"):
        (workspace.root / project).mkdir()
    office(workspace)
    sources = ROOT / "tests" / "unit" / "imports" / "manifests"
    (workspace.root / "manifests").mkdir()
    shutil.copy(sources / "chart.yaml", workspace.root / "chart.yaml")
    chart = (sources / "chart.yaml").read_text().replace("namespace: shop", "namespace: by-hand")
    (workspace.root / "by-hand.yaml").write_text(chart)
    workspace.ok("kubectl", "create", "namespace", "by-hand")
    workspace.ok("kubectl", "apply", "-f", "by-hand.yaml")
    describe(workspace, "imported", "pull_secret: null\nservices: {a: java}\n")
    workspace.ok("poscloud", "render", "-s", "imported", "--out", "manifests")
    (workspace.root / "stacks" / "imported.yaml").unlink()
    (workspace.root / "wbyh-stage-base.yml").write_text(BASE)
    (workspace.root / "wbyh-stage_app_list.conf").write_text("[app]\ndac-task 9090\n")
    with up(workspace, "wbyh-stage"):
        try:
            yield
        finally:
            file.write_text(described)
            workspace.run("kubectl", "delete", "namespace", "by-hand")


@contextmanager
def store(folder: Path, services: list[str]) -> Iterator[str]:
    """Serve jars as Maven keeps them."""
    for service in services:
        for version in JARS:
            jar = folder / service / version / f"{service}-{version}.jar"
            jar.parent.mkdir(parents=True)
            jar.write_bytes(version.encode())
            Path(f"{jar}.sha256").write_text(hashlib.sha256(version.encode()).hexdigest())
        versions = "".join(f"<version>{version}</version>" for version in JARS)
        metadata = f"<metadata><versioning><versions>{versions}</versions></versioning></metadata>"
        (folder / service / "maven-metadata.xml").write_text(metadata)
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def dac_test(workspace: Workspace) -> Iterator[None]:
    """As it stands in stacks/, but with three services, jars of a store here, a team and a shared folder."""
    workspace.control_plane.up(runs_commands=True)
    described = yaml.safe_load((workspace.root / "stacks" / "dac-test.yaml").read_text())
    described["services"] = dict.fromkeys(("api", "geo", "pusher"), "java")
    described["volumes"] = {"files": {"nfs": {"server": "10.10.1.30", "path": "/srv/files"}}}
    del described["secrets"], described["defaults"]["java"]["jar"]["credentials"]
    with store(workspace.root / "jars", list(described["services"])) as address:
        jar = described["defaults"]["java"]["jar"]
        jar["url"] = jar["url"].replace("https://nexus.example.com/repository/backend", address)
        describe(workspace, "dac-test", yaml.safe_dump(described, sort_keys=False))
        (workspace.root / "fix.properties").write_text("a=b\n")
        with up(workspace, "dac-test"):
            yield


@contextmanager
def prod(workspace: Workspace) -> Iterator[None]:
    """The services of the page on releases, with a MySQL and a Secret, on the local cluster."""
    (workspace.root / "Pulumi.prod.yaml").unlink()
    (workspace.root / "elsewhere").mkdir()
    releases = one("docs/releases.md", "services:").text
    describe(workspace, "prod", f"{SMALL_MYSQL}{releases}")
    (workspace.root / "config.json").write_text(one("docs/environment.md", '{"auths"').text)
    with up(workspace, "prod"):
        yield


@contextmanager
def small(workspace: Workspace) -> Iterator[None]:
    for namespace in ("shop", "ci"):
        workspace.ok("kubectl", "create", "namespace", namespace)
    shutil.copytree(ROOT / "examples", workspace.root / "examples")
    (workspace.root / "node-guard.json").write_text("{}")
    shutil.copy(ROOT / "examples" / "janitor.yaml", workspace.root / "stacks" / "janitor.yaml")
    describe(workspace, "hydra-test", "backing: {redis: {}}\n")
    secrets = yaml.safe_load((ROOT / "examples" / "janitor.yaml").read_text())["secrets"]
    workspace.ok("pulumi", "stack", "select", "--create", "janitor")
    for name in (f"{secret}.{key}" for secret, keys in secrets.items() for key in keys):
        workspace.ok("pulumi", "config", "set", "--secret", f"poscloud:{name}", "not-real", "-s", "janitor")
    try:
        with serving(workspace, "shop"), up(workspace, "janitor", "hydra-test"):
            yield
    finally:
        workspace.run("kubectl", "delete", "namespace", "shop", "ci")


@contextmanager
def merge_requests(workspace: Workspace) -> Iterator[None]:
    office(workspace)
    workspace.ok("git", "init", "-q")
    for stack in ("wbyh-stage", "shop"):
        describe(workspace, stack, "baseline: baselines\nbacking: {redis: {}}\n")
    (workspace.root / "team").mkdir()
    with up(workspace, "shop"):
        yield
        pages = SCENARIOS["merge-requests"][0].instead
        team = {
            "PULUMI_BACKEND_URL": f"file://{workspace.root}/team",
            "PULUMI_CONFIG_PASSPHRASE": "of-the-team",
        }
        assert pages
        workspace.run("poscloud", "destroy", "-s", "wbyh-stage", "--yes", **team)


@contextmanager
def local_cluster(workspace: Workspace) -> Iterator[None]:
    shutil.copytree(ROOT / "examples", workspace.root / "examples", dirs_exist_ok=True)
    yield
    workspace.control_plane.up()


PREPARED: dict[str, Callable[[Workspace], AbstractContextManager[None]]] = {
    "wbyh-stage": wbyh_stage,
    "dac-test": dac_test,
    "prod": prod,
    "small": small,
    "merge-requests": merge_requests,
    "local-cluster": local_cluster,
}
"""Scenario → what its pages take for granted."""


@pytest.fixture
def clean(workspace: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """The workspace, whose files are afterwards as they were."""
    kept = ("stacks", "Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "__main__.py")
    for name in kept:
        found = workspace.root / name
        (shutil.copytree if found.is_dir() else shutil.copy)(found, tmp_path / name)
    before = {file.name for file in workspace.root.iterdir()}
    yield workspace
    for file in workspace.root.iterdir():
        if file.name not in before or file.name == "stacks":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    for name in kept:
        found = tmp_path / name
        (shutil.copytree if found.is_dir() else shutil.copy)(found, workspace.root / name)


@pytest.mark.parametrize(
    "scenario", [pytest.param(s, marks=() if s in SHARE else pytest.mark.long) for s in SCENARIOS]
)
def test_the_commands_of_pages_work_in_order(clean: Workspace, scenario: str) -> None:
    wrong = []
    with PREPARED[scenario](clean):
        for page in SCENARIOS[scenario]:
            assert [block for block in of_kind("sh") if block.page == page.name]
            wrong += run_page(clean, page).wrong
    assert wrong == [], "\n\n".join(wrong)


def test_the_kubelet_reads_its_configuration(workspace: Workspace, tmp_path: Path) -> None:
    """The real kubelet decodes and checks it, and ends at the kubeconfig that it is given next, which is not there."""
    text = one("docs/operations.md", "apiVersion: kubelet").text
    kubelet = (workspace.paths.bin / "kubectl").resolve().parent / "kubelet"

    def read(configuration: str) -> str:
        file = tmp_path / "kubelet.yaml"
        file.write_text(f"{configuration}failCgroupV1: false\n")  # whatever this machine has
        words = ["--config", file, "--kubeconfig", tmp_path / "none", "--root-dir", tmp_path / "root"]
        done = subprocess.run([kubelet, *words], capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    told = read(text)
    assert "invalid kubeconfig" in told and "lenient decoding" not in told and "validate" not in told, told
    misspelled = read(text.replace("maxPods", "maxPodz"))
    assert "maxPodz" in misspelled and "lenient decoding" in misspelled
    assert "failed to validate" in read(
        text.replace("imageGCHighThresholdPercent: 75", "imageGCHighThresholdPercent: 175")
    )


def test_what_destroy_leaves_behind_and_tells(workspace: Workspace) -> None:
    """Both blocks of docs/archive.md: what is said, but for figures, and which files there are."""
    describe(workspace, "heirless", "archive: {folder: kept}\nbacking: {redis: {}}\nservices: {web: java}\n")
    with up(workspace, "heirless"):
        done = workspace.run("poscloud", "destroy", "-s", "heirless")
    told = [_masked(line.replace("heirless", "shop")) for line in done.stderr.splitlines()]
    said = [line for line in one("docs/archive.md", "archive: /srv").text.splitlines() if line != "…"]
    assert [line for line in said if _masked(line) not in told] == [], told
    (archive,) = (workspace.root / "kept" / "heirless").iterdir()
    files = {str(file.relative_to(archive)) for file in archive.rglob("*") if file.is_file()}
    tree = one("docs/archive.md", "shop/2026").text
    named = re.findall(r"(?m)^  ([\w./-]+)", tree.replace("POD", "X").replace("CONTAINER", "Y"))
    always = [name for name in named if "X/Y" not in name and name != "by-hand.json"]
    assert [name for name in always if name not in files] == []
    others = {*re.findall(r"[a-z]+", tree.partition("and deployments")[0] and tree.partition("pods.json")[2])}
    rest = [name for name in files - set(always) if not re.fullmatch(r"logs/[^/]+/[^/]+\.log\.gz", name)]
    assert [name for name in rest if name.removeprefix("objects/").removesuffix(".json") not in others] == []
    assert [name for name in files if name.startswith("logs/")] != []


def _masked(line: str) -> str:
    """Return a line without figures, times and the folder that it names."""
    line = re.sub(r"(?:/[\w.-]+)+/\d[\w.:-]*Z", "FOLDER", line)
    return re.sub(r"\d+(\.\d+)?", "N", line)
