"""Real nodes as far as no root and no kernel is needed: what is asked of a machine, what the sandboxes are given."""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from poscloud.errors import DeployError
from poscloud.local import checks
from poscloud.local.components import COMPONENTS, Settings
from poscloud.local.controlplane import ControlPlane
from poscloud.local.nodes import node_kind
from poscloud.local.paths import ProjectPaths, private_directory
from poscloud.local.realnodes import build, config, control, files, images, labels, leftovers, requirements
from poscloud.local.realnodes.layout import cluster_id
from poscloud.local.realnodes.requirements import CONTROLLERS, NAMESPACES, PACKAGES, Machine
from poscloud.local.record import ClusterRecord


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that has everything."""
    root = tmp_path / "machine"
    for file in [*PACKAGES, *(f"/proc/self/ns/{name}" for name in NAMESPACES)]:
        path = root / file.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "proc/self/status").write_text("Name:\tpython\nCapEff:\t000001fffeffffff\n")
    lines = [f"cgroup /sys/fs/cgroup/{name} cgroup rw,relatime,{name} 0 0" for name in CONTROLLERS]
    (root / "proc/self/mounts").write_text("\n".join(lines))
    return Machine(root, user=0)


@pytest.fixture
def settings(paths: ProjectPaths) -> Settings:
    for folder in (paths.cluster / "config", paths.cluster / "nodes"):
        folder.mkdir(parents=True)
    found = Settings(paths, paths.bin, 20001, 20002, 20003, real=2, fleet=3)
    found.pki.ensure()
    return found


def lacking(paths: ProjectPaths, machine: Machine) -> str:
    with pytest.raises(DeployError) as caught:
        requirements.require(paths, machine)
    assert "poscloud cluster up --nodes kwok" in caught.value.hint
    return caught.value.message


def test_a_machine_that_has_everything(paths: ProjectPaths, machine: Machine) -> None:
    requirements.require(paths, machine)


def test_everything_that_is_missing_is_said_at_once(paths: ProjectPaths, machine: Machine) -> None:
    for name in ("usr/sbin/runc", "usr/bin/containerd", "usr/sbin/conntrack", "proc/self/ns/cgroup"):
        (machine.root / name).unlink()
    (machine.root / "proc/self/mounts").write_text("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    said = lacking(paths, Machine(machine.root, user=1000))
    assert "you are not root" in said
    assert "no namespaces of kind cgroup" in said
    assert "cgroup version 2 only" in said
    assert "apt-get install -y --no-install-recommends conntrack containerd runc\n" in said + "\n"


def test_a_controller_that_is_not_mounted(paths: ProjectPaths, machine: Machine) -> None:
    mounts = machine.root / "proc/self/mounts"
    mounts.write_text(mounts.read_text().replace("rw,relatime,memory", "rw,relatime,hugetlb"))
    assert "no cgroup version 1 mounted for memory" in lacking(paths, machine)


def test_root_of_a_container_without_rights(paths: ProjectPaths, machine: Machine) -> None:
    (machine.root / "proc/self/status").write_text("CapEff:\t00000000a80425fb\n")
    assert "root lacks CAP_SYS_ADMIN, CAP_NET_ADMIN here" in lacking(paths, machine)


def test_a_full_disk(paths: ProjectPaths, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 30))
    said = lacking(paths, machine)
    assert "1.0 GiB free" in said and "free some, or poscloud cluster images --prune" in said


def test_a_project_where_a_node_would_not_see_it(machine: Machine) -> None:
    assert "/dev/shm/project is in /dev/shm" in lacking(ProjectPaths(Path("/dev/shm/project")), machine)


def test_another_system(paths: ProjectPaths) -> None:
    assert "need Linux; this is darwin" in lacking(paths, Machine(system="darwin"))


def test_nothing_is_made_where_something_is_missing(
    paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        requirements, "missing", lambda paths, machine=None: [requirements.Missing("no luck")]
    )
    with pytest.raises(DeployError, match="no luck"):
        ControlPlane(paths).up(nodes=node_kind("real"))
    assert not paths.cluster.exists()


def test_a_taken_port_keeps_the_kind_of_nodes_in_the_next_command(
    paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "missing", lambda paths, machine=None: [])
    monkeypatch.setattr(build, "ensure", lambda paths, reporter: None)
    monkeypatch.setattr(images, "link", lambda paths, reporter: None)
    private_directory(private_directory(paths.owned) / "bin")
    for name in ("sandbox", *(entry.name for entry in COMPONENTS)):
        (paths.bin / name).touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DeployError, match=f"port {port} on 127.0.0.1") as caught:
            ControlPlane(paths).up(nodes=node_kind("real=2,kwok=3"), port=port)
    assert caught.value.hint.endswith(" --nodes real=2,kwok=3")
    assert not (paths.cluster / "cluster.json").exists()


def test_doctor_minds_only_where_the_cluster_has_real_nodes(
    paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [requirements.Missing("packages missing: runc", "apt-get install runc")]
    monkeypatch.setattr(requirements, "missing", lambda paths: found)
    assert checks.check_real_nodes(paths).passed
    paths.cluster.mkdir(parents=True)
    ClusterRecord(nodes="real").save(paths.cluster / "cluster.json")
    seen = checks.check_real_nodes(paths)
    assert (seen.passed, seen.fix) == (False, "apt-get install runc")


def test_what_the_sandboxes_are_given(settings: Settings) -> None:
    found = config.configuration(settings)
    assert (found["listen"], found["id"]) == ("127.0.0.1:20001", cluster_id(settings.paths))
    first, second = found["nodes"]
    assert [entry["name"] for entry in first["components"]] == [
        "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "registry", "coredns",
        "containerd", "kubelet", "kube-proxy",
    ]  # fmt: skip
    assert [entry["name"] for entry in second["components"]] == ["containerd", "kubelet", "kube-proxy"]
    assert second["routes"] == [{"to": "10.243.1.0/24", "via": "10.200.0.1"}]
    kubelet = second["components"][1]
    # A kubelet ends when there is no container runtime yet.
    assert kubelet["needs"][0] == "unix:/run/containerd/containerd.sock"
    assert kubelet["log"].endswith("/kubelet.real2.log")


def test_no_secret_is_in_the_sandboxes_configuration(settings: Settings) -> None:
    config.write(settings)
    written = (settings.paths.cluster / "config" / "sandbox.json").read_text()
    for key in settings.pki.folder.glob("*.key"):
        assert key.read_text().splitlines()[1] not in written


def test_a_cluster_is_restarted_for_new_files_of_its_programs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = config.digest(settings)
    assert config.digest(settings) == before
    monkeypatch.setattr(files, "PAUSE", "poscloud.local/pause:2")
    assert config.digest(settings) != before


def test_nodes_share_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert files.reserved(1) == {}
    assert files.reserved(4)["cpu"] == "6000m"


def test_only_certificates_of_real_nodes_are_for_real_nodes(paths: ProjectPaths) -> None:
    Settings(paths, paths.bin, 1, 2).pki.ensure()
    assert not list((paths.cluster / "pki").glob("*real*"))


def test_no_sandbox_answers(paths: ProjectPaths) -> None:
    assert control.ask(paths) == []
    private_directory(paths.cluster / "run")
    assert control.ask(paths) == []


def test_status_of_a_stopped_cluster_names_what_it_would_have(paths: ProjectPaths) -> None:
    paths.cluster.mkdir(parents=True)
    ClusterRecord(nodes="real").save(paths.cluster / "cluster.json")
    status = ControlPlane(paths).status()
    names = [part.name for part in status.components]
    assert (status.state, status.kind) == ("stopped", "real")
    assert names[0] == "sandbox" and {"etcd", "kubelet", "containerd", "coredns"} <= set(names)
    assert not any(part.running for part in status.components)


def test_status_and_logs_of_several_nodes_use_the_same_names(paths: ProjectPaths) -> None:
    paths.cluster.mkdir(parents=True)
    ClusterRecord(nodes="real=2,kwok=3").save(paths.cluster / "cluster.json")
    plane = ControlPlane(paths)
    names = [part.name for part in plane.status().components]
    assert names[:2] == ["sandbox", "real1/etcd"] and "real2/kubelet" in names and "real1/kwok" in names
    assert len(names) == len(set(names)) == 1 + 10 + 3
    for name in names:
        with pytest.raises(DeployError, match="has no log yet"):
            plane.logs(name)


def test_logs_of_all_nodes_and_of_one(paths: ProjectPaths) -> None:
    (paths.cluster / "logs").mkdir(parents=True)
    ClusterRecord(nodes="real=2").save(paths.cluster / "cluster.json")
    for node, text in (("", "first\n"), (".real2", "second\n")):
        (paths.cluster / "logs" / f"kubelet{node}.log").write_text(text)
    plane = ControlPlane(paths)
    assert list(plane.logs("kubelet")) == ["kubelet: first", "kubelet.real2: second"]
    assert list(plane.logs("real2/kubelet")) == ["second"]
    with pytest.raises(DeployError, match="known: sandbox, etcd"):
        plane.logs("kublet")


class TestLeftovers:
    """A run's cgroups, where its program is gone; here they are plain folders."""

    @pytest.fixture
    def groups(self, paths: ProjectPaths, tmp_path: Path) -> list[Path]:
        run = private_directory(private_directory(private_directory(paths.owned) / "cluster") / "run")
        found = [tmp_path / kind / f"poscloud-{cluster_id(paths)}-n1" for kind in ("cpu", "memory")]
        for group in found:
            (group / "kubepods" / "pod").mkdir(parents=True)
        # The last is of the project that this one was copied from.
        strange = [tmp_path / "memory" / name for name in ("somebody-elses", "poscloud-0123456789-n1")]
        for group in strange:
            group.mkdir()
        (run / "sandbox.lock").touch()
        (run / "cgroups.json").write_text(json.dumps([[*map(str, found), *map(str, strange)]]))
        return found

    def test_they_are_removed_without_it(self, paths: ProjectPaths, groups: list[Path]) -> None:
        control.clean(paths, paths.bin / "sandbox")
        assert not any(group.exists() for group in groups)
        assert {group.name for group in groups[1].parent.iterdir()} == {
            "somebody-elses",
            "poscloud-0123456789-n1",
        }
        assert not (paths.cluster / "run" / "cgroups.json").exists()
        control.clean(paths, paths.bin / "sandbox")

    def test_what_stays_is_told(
        self, paths: ProjectPaths, groups: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leftovers, "TIMEOUT", 0.0)
        (groups[1] / "kubepods" / "busy").touch()
        with pytest.raises(DeployError, match="-n1/kubepods: Directory not empty") as caught:
            control.clean(paths, paths.bin / "sandbox")
        assert caught.value.hint == "poscloud cluster down"

    def test_a_run_that_is_alive_is_left_alone(
        self, paths: ProjectPaths, groups: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leftovers, "TIMEOUT", 0.1)
        with (paths.cluster / "run" / "sandbox.lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(DeployError, match="another run holds"):
                control.clean(paths, paths.bin / "sandbox")
        assert all(group.exists() for group in groups)

    def test_a_run_that_is_about_to_end_is_waited_for(self, paths: ProjectPaths, groups: list[Path]) -> None:
        with (paths.cluster / "run" / "sandbox.lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ending = threading.Timer(0.2, fcntl.flock, (lock.fileno(), fcntl.LOCK_UN))
            ending.start()
            control.clean(paths, paths.bin / "sandbox")
            ending.join()
        assert not any(group.exists() for group in groups)


class TestLabels:
    def test_every_node_that_can_gets_them(self) -> None:
        nodes = {"real1": {"node": "public"}, "real2": {"node": "public"}}
        assert labels.wanted(nodes, [{"node": "public"}]) == {}
        assert labels.wanted(nodes, [{"zone": "a"}]) == {"real1": {"zone": "a"}, "real2": {"zone": "a"}}

    def test_a_label_is_changed_where_another_node_has_it_too(self) -> None:
        nodes = {"real1": {"node": "public"}, "real2": {"node": "public"}}
        assert labels.wanted(nodes, [{"node": "private"}]) == {"real2": {"node": "private"}}

    def test_more_nodes_are_asked_for_when_there_are_too_few(self) -> None:
        with pytest.raises(DeployError, match="real1 has node=public") as caught:
            labels.wanted({"real1": {"node": "public"}}, [{"node": "private"}])
        assert caught.value.hint == "poscloud cluster up --nodes real=2"

    def test_two_environments_that_want_different_nodes(self) -> None:
        nodes = {"real1": {"node": "public"}, "real2": {"node": "public"}}
        asked = [{"node": "public", "zone": "a"}, {"node": "private"}]
        assert labels.wanted(nodes, asked) == {
            "real1": {"zone": "a"},
            "real2": {"zone": "a", "node": "private"},
        }


class TestImages:
    def test_they_are_linked_into_the_cluster(
        self, paths: ProjectPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder: object
    ) -> None:
        (tmp_path / "given" / "layout").mkdir(parents=True)
        (tmp_path / "given" / "layout" / "index.json").write_text("{}")
        (tmp_path / "given" / "table.json").write_text("[]")
        monkeypatch.setenv(images.CHOICE, str(tmp_path / "given"))
        for _ in range(2):
            images.link(paths, recorder)  # type: ignore[arg-type]
        folder = paths.cluster / "images"
        assert json.loads((folder / "table.json").read_text()) == []
        assert (folder / "layout").resolve() == tmp_path / "given" / "layout"

    def test_a_folder_without_them(
        self, paths: ProjectPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder: object
    ) -> None:
        monkeypatch.setenv(images.CHOICE, str(tmp_path))
        with pytest.raises(DeployError, match=r"index\.json is missing"):
            images.link(paths, recorder)  # type: ignore[arg-type]
