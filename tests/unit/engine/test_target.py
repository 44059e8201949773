from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from poscloud.cluster.target import local_target, resolve
from poscloud.engine import deploy, program, statefile, unrecorded
from poscloud.engine.localstate import forget_local_stacks
from poscloud.engine.stackconfig import StackConfig, project_name, project_root, read_stack_config
from poscloud.errors import DeployError, InputError, PosCloudError
from poscloud.local.paths import ProjectPaths
from poscloud.local.record import ClusterRecord


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return root


def kubeconfig(file: Path, context: str, server: str) -> Path:
    file.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {"server": server}}],
                "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    return file


def test_without_a_context_a_stack_goes_to_the_local_cluster_only(project: Path) -> None:
    with pytest.raises(DeployError, match="there is no local cluster yet") as caught:
        resolve(project, "", "")
    assert "poscloud cluster up" in caught.value.hint


def test_a_context_is_found_in_the_users_files_in_order(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kubeconfig(tmp_path / "one", "prod", "https://one:6443")
    second = kubeconfig(tmp_path / "two", "prod", "https://two:6443")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    target = resolve(project, "prod", "u-1")
    assert (target.kubeconfig, target.server, target.local) == (first, "https://one:6443", False)
    assert target.identifier == "uid:u-1"


def test_an_unpinned_cluster_has_no_identifier(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "one", "prod", "https://one:6443")))
    assert resolve(project, "prod", "").identifier is None


def test_an_unknown_context_names_the_known_ones(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "one", "staging", "https://one:6443")))
    with pytest.raises(DeployError, match=r"'prod'.*known: staging"):
        resolve(project, "prod", "")


def test_the_local_kubeconfig_is_no_place_for_other_contexts(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ProjectPaths(project)
    paths.cluster.mkdir(parents=True)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(paths.kubeconfig, "poscloud", "https://127.0.0.1:1")))
    (paths.cluster / "cluster.json").write_text('{"server": "https://127.0.0.1:1", "uid": "u"}')
    assert local_target(project).uid == "u"
    with pytest.raises(DeployError):
        resolve(project, "poscloud", "")


def test_a_stacks_settings_are_read_without_the_engine(project: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text("config:\n  poscloud:context: prod\n  poscloud:cluster: u-1\n")
    assert read_stack_config(project, "prod").context == "prod"
    assert read_stack_config(project, "prod").cluster == "u-1"
    assert read_stack_config(project, "other").context == ""


def test_broken_settings_are_reported_at_their_place(project: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text("config:\n  a: [\n")
    with pytest.raises(InputError) as caught:
        read_stack_config(project, "prod")
    assert caught.value.problems[0].file == Path("Pulumi.prod.yaml")
    assert caught.value.problems[0].line == 3


def test_outside_a_project_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(PosCloudError, match=r"no Pulumi\.yaml"):
        project_root(tmp_path)


def state_on(cluster: str) -> str:
    provider = {
        "urn": "urn:p",
        "type": "pulumi:providers:kubernetes",
        "inputs": {"clusterIdentifier": f"uid:{cluster}"},
    }
    return json.dumps({"checkpoint": {"latest": {"resources": [provider]}}})


def test_with_its_cluster_a_stack_is_forgotten_and_no_other(project: Path) -> None:
    paths = ProjectPaths(project)
    folder = paths.state / ".pulumi" / "stacks" / "shop"
    folder.mkdir(parents=True)
    (folder / "dev.json").write_text(state_on("gone"))
    (folder / "dev.json.bak").write_text(state_on("gone"))
    (folder / "prod.json").write_text(state_on("elsewhere"))
    (folder / "empty.json").write_text('{"checkpoint": {"latest": {}}}')
    (folder / "damaged.json").write_text("{")
    for suffix in ("whole", "damaged"):
        (folder / f"dev.json.{suffix}").write_text("{")
    (folder / "cut.json").write_text("{")
    (folder / "cut.json.bak").write_text(state_on("gone"))
    (folder / "empty.json.bak").write_text(state_on("gone"))
    runs = paths.state / ".pulumi" / "backups" / "shop" / "dev"
    runs.mkdir(parents=True)
    (runs / "dev.1.json").write_text(state_on("gone"))
    unrecorded.mark(paths, "dev")
    assert forget_local_stacks(paths, "gone") == ["cut", "dev"]
    names = sorted(f.name for f in folder.iterdir())
    assert names == ["cut.json.forgotten", "damaged.json", "dev.json.forgotten", "empty.json", "prod.json"]
    assert not list(runs.iterdir())
    assert not unrecorded.is_marked(paths, "dev")


def test_a_backup_of_another_cluster_is_not_taken(project: Path) -> None:
    paths = ProjectPaths(project)
    file = paths.state / ".pulumi" / "stacks" / "shop" / "dev.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    file.with_name("dev.json.bak").write_text(state_on("gone"))
    paths.cluster.mkdir(parents=True)
    ClusterRecord(uid="new").save(paths.cluster / "cluster.json")
    with pytest.raises(DeployError, match="is damaged") as refused:
        statefile.restore(paths, "dev")
    assert "no whole backup of this cluster" in refused.value.hint
    ClusterRecord(uid="gone").save(paths.cluster / "cluster.json")
    statefile.restore(paths, "dev")
    assert file.read_text() == state_on("gone")


def test_a_file_that_is_not_utf8_is_told(project: Path) -> None:
    (project / "Pulumi.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(InputError, match=r"Pulumi\.yaml: not UTF-8: byte 9"):
        project_name(project)


def test_without_a_known_cluster_nothing_is_forgotten(project: Path) -> None:
    folder = ProjectPaths(project).state / ".pulumi" / "stacks" / "shop"
    folder.mkdir(parents=True)
    (folder / "empty.json").write_text('{"checkpoint": {"latest": null}}')
    assert forget_local_stacks(ProjectPaths(project), "") == []


class Cluster:
    """Stands where kubectl stands, and tells which cluster it is."""

    def __init__(self, uid: str) -> None:
        self.uid = uid

    def __call__(self, *_: object) -> Cluster:
        return self

    def cluster_uid(self) -> str:
        return self.uid


@pytest.fixture
def prod(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "one", "prod", "https://one:6443")))
    return project


def test_a_context_that_leads_elsewhere_now_is_refused(prod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "Kubectl", Cluster("u-2"))
    with pytest.raises(
        DeployError, match=r"was deployed to cluster u-1.*now points to cluster u-2.*; nothing was written"
    ):
        deploy.checked_target(prod, "prod", StackConfig("prod", "u-1"), {})


def test_the_pinned_cluster_is_accepted(prod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "Kubectl", Cluster("u-1"))
    assert deploy.checked_target(prod, "prod", StackConfig("prod", "u-1"), {}).identifier == "uid:u-1"


def test_a_cluster_without_identity_is_refused(prod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "Kubectl", Cluster(""))
    with pytest.raises(DeployError, match="does not tell which cluster it is"):
        deploy.checked_target(prod, "prod", StackConfig("prod", ""), {})


def test_an_unpinned_stack_may_be_previewed_and_not_deployed(
    prod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program.pulumi, "get_stack", lambda: "prod")
    target = resolve(prod, "prod", "")
    program.refuse_unpinned(target, dry_run=True)
    with pytest.raises(DeployError, match="not pinned") as caught:
        program.refuse_unpinned(target, dry_run=False)
    assert caught.value.hint == "run once: poscloud up -s prod"


def test_in_an_activated_shell_the_users_own_kubeconfig_is_searched(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(ProjectPaths(project).kubeconfig))
    monkeypatch.setenv(
        "POSCLOUD_USER_KUBECONFIG", str(kubeconfig(tmp_path / "mine", "prod", "https://mine:6443"))
    )
    assert resolve(project, "prod", "").server == "https://mine:6443"


def test_the_home_file_is_searched_only_where_kubeconfig_names_none(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / ".kube"
    home.mkdir(parents=True)
    kubeconfig(home / "config", "prod", "https://home:6443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert resolve(project, "prod", "").server == "https://home:6443"
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "one", "staging", "https://one:6443")))
    with pytest.raises(DeployError, match="known: staging"):
        resolve(project, "prod", "")
