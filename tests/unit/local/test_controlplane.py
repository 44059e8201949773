"""The control plane with programs that are shell scripts: what goes wrong before a real one would run."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from poscloud.errors import DeployError, UsageError
from poscloud.local import processes, storage
from poscloud.local.api import LocalApi
from poscloud.local.components import COMPONENTS, Settings, write_configuration
from poscloud.local.controlplane import ControlPlane
from poscloud.local.nodes import LABELS, KwokNodes, manifest, node_kind
from poscloud.local.paths import ProjectPaths
from poscloud.local.realnodes.kind import RealNodes
from poscloud.local.record import ClusterRecord, Started

Program = Callable[..., Path]


@pytest.fixture
def plane(paths: ProjectPaths, program: Program) -> ControlPlane:
    folder = paths.root
    for entry in COMPONENTS:
        folder = program(entry.name, f"{entry.name}: cannot open database", code=1).parent
    return ControlPlane(paths, folder)


def record(paths: ProjectPaths, **fields: object) -> Path:
    file = paths.cluster / "cluster.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    ClusterRecord(**fields).save(file)  # type: ignore[arg-type]
    return file


def test_without_programs_the_command_that_installs_them_is_named(paths: ProjectPaths) -> None:
    with pytest.raises(DeployError, match="programs missing") as caught:
        ControlPlane(paths).up()
    assert "etcd" in caught.value.message
    assert caught.value.hint == "install the toolchain: poscloud toolchain install"


def test_a_port_taken_by_another_process(paths: ProjectPaths, plane: ControlPlane) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        record(paths, port=port)
        with pytest.raises(DeployError) as caught:
            plane.up()
    assert f"port {port} on 127.0.0.1" in caught.value.message
    assert f"(process {os.getpid()})" in caught.value.message
    assert "poscloud cluster up --port " in caught.value.hint


def test_a_component_that_ends_shows_its_last_words(plane: ControlPlane) -> None:
    with pytest.raises(DeployError, match=r"(etcd|kube-apiserver) ended while .* starting") as caught:
        plane.up()
    assert ": cannot open database" in caught.value.message
    assert ".log" in caught.value.hint


def test_only_words_of_this_start_are_shown(paths: ProjectPaths, plane: ControlPlane) -> None:
    (paths.cluster / "logs").mkdir(parents=True)
    for name in ("etcd", "kube-apiserver"):
        plane.log(name).write_text("words of yesterday\n")
    with pytest.raises(DeployError) as caught:
        plane.up()
    assert "yesterday" not in caught.value.message


def test_a_stopped_cluster(paths: ProjectPaths, plane: ControlPlane) -> None:
    status = plane.status()
    assert (status.state, status.nodes, status.server) == ("stopped", 0, "")
    assert not any(part.running for part in status.components)
    assert plane.memory() == {}
    plane.down()
    assert not paths.owned.exists()


def test_a_process_that_is_not_ours_is_never_ended(
    paths: ProjectPaths, plane: ControlPlane, tmp_path: Path
) -> None:
    other = processes.start(["/bin/sleep", "60"], log=tmp_path / "log", cwd=tmp_path, env={})
    try:
        # The recorded process is gone, and its number belongs to someone else now.
        record(paths, components={"etcd": Started(other.pid, "1", "x")})
        assert plane.status().state == "stopped"
        plane.down(delete=True)
        assert processes.alive(other)
    finally:
        processes.stop([other], grace=1)


def test_an_unreadable_record_is_no_obstacle(paths: ProjectPaths, plane: ControlPlane) -> None:
    paths.cluster.mkdir(parents=True)
    (paths.cluster / "cluster.json").write_text('{"port": ')
    assert plane.status().state == "stopped"


def test_unknown_component(plane: ControlPlane) -> None:
    with pytest.raises(DeployError, match="known: etcd, kube-apiserver"):
        plane.logs("apiserver")
    with pytest.raises(DeployError, match="no log yet"):
        plane.logs("etcd")


def test_logs(paths: ProjectPaths, plane: ControlPlane) -> None:
    (paths.cluster / "logs").mkdir(parents=True)
    plane.log("etcd").write_text("".join(f"line {number}\n" for number in range(20000)))
    assert list(plane.logs("etcd", lines=2)) == ["line 19998", "line 19999"]
    following = plane.logs("etcd", lines=1, follow=True)
    assert next(following) == "line 19999"
    with plane.log("etcd").open("a") as file:
        file.write("more\n")
    assert next(following) == "more"


def test_everything_listens_on_this_machine_only(paths: ProjectPaths) -> None:
    settings = Settings(paths, paths.bin, 6443, 2379)
    for entry in COMPONENTS:
        command = entry.command(settings)
        for argument in command[1:]:
            name, _, value = argument.partition("=")
            if "listen" in name or name in ("--bind-address", "--advertise-address"):
                assert "127.0.0.1" in value, argument
            assert "0.0.0.0" not in argument
    for name in ("kube-controller-manager", "kube-scheduler"):
        entry = next(entry for entry in COMPONENTS if entry.name == name)
        assert "--secure-port=0" in entry.command(settings)


def test_no_proxy_of_the_user_reaches_the_components(
    paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    settings = Settings(paths, paths.bin, 6443, 2379)
    assert all("HTTPS_PROXY" not in entry.environment(settings) for entry in COMPONENTS)


def test_files_with_keys_are_private(paths: ProjectPaths) -> None:
    settings = Settings(paths, paths.bin, 6443, 2379)
    (paths.cluster / "config").mkdir(parents=True)
    settings.pki.ensure()
    write_configuration(settings)
    for file in [paths.kubeconfig, *(paths.cluster / "config").iterdir()]:
        assert file.stat().st_mode & 0o777 == 0o600


def test_what_changes_a_component_changes_its_digest(paths: ProjectPaths) -> None:
    (paths.cluster / "pki").mkdir(parents=True)
    first, second = Settings(paths, paths.bin, 6443, 2379), Settings(paths, paths.bin, 6444, 2379)
    etcd = COMPONENTS[0]
    # A new port concerns every component that calls the API server, although only its kubeconfig changes.
    assert [entry.name for entry in COMPONENTS if entry.digest(first) == entry.digest(second)] == ["etcd"]
    before = etcd.digest(first)
    first.pki.ensure()
    assert etcd.digest(first) != before


def test_kinds_of_nodes() -> None:
    assert node_kind("kwok") == KwokNodes()
    assert node_kind("kwok=3") == KwokNodes(3)
    assert node_kind("real") == RealNodes(1)
    assert node_kind("real=2,kwok=3") == node_kind("kwok=3, real=2") == RealNodes(2, 3)
    for text in ("kwok", "kwok=3", "real", "real=2", "real,kwok=3", "real=2,kwok=6"):
        assert node_kind(text).name == text


@pytest.mark.parametrize(
    "text", ["docker", "", "real=0", "real=9", "real=two", "real=²", "kwok=", "real,real", "real;kwok"]
)
def test_a_wrong_kind_of_nodes(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        node_kind(text)
    assert "poscloud cluster up --nodes" in caught.value.hint


def test_a_cluster_keeps_its_kind_of_nodes(paths: ProjectPaths, plane: ControlPlane) -> None:
    record(paths, nodes="kwok")
    with pytest.raises(DeployError, match="has nodes of kind kwok, not real=2") as caught:
        plane.up(nodes=node_kind("real=2"))
    assert caught.value.hint == "poscloud cluster down --delete, then poscloud cluster up --nodes real=2"


def test_a_simulated_node() -> None:
    node = manifest("node6", 6, LABELS)
    assert node["metadata"]["labels"]["node"] == "public"
    assert node["metadata"]["labels"]["kubernetes.io/hostname"] == "node6"
    assert node["spec"]["podCIDR"] == "10.244.6.0/24"
    assert manifest("a", 300, LABELS)["spec"]["podCIDR"] == "10.245.44.0/24"


def test_volumes_have_a_place_that_all_users_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "VOLUMES", tmp_path / "hostpath_pv")
    for mode in (None, 0o750):  # new, and as Kubernetes itself makes it
        if mode is not None:
            storage.VOLUMES.chmod(mode)
        storage.share()
        assert storage.VOLUMES.stat().st_mode & 0o7777 == 0o1777


def test_that_place_is_not_made_for_real_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "VOLUMES", tmp_path / "hostpath_pv")
    api = cast(LocalApi, SimpleNamespace(get=lambda path: {}))
    storage.prepare(api, here=False)
    assert not storage.VOLUMES.exists()
    storage.prepare(api)
    assert storage.VOLUMES.exists()


def test_a_link_in_that_place_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "VOLUMES", tmp_path / "hostpath_pv")
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    storage.VOLUMES.symlink_to(mine)
    storage.share()
    assert mine.stat().st_mode & 0o7777 == 0o700


def test_only_volumes_named_in_the_clusters_own_data_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "VOLUMES", tmp_path / "volumes")
    ours, theirs = "0b9b1c6e-2a55-4f0e-9d0e-000000000001", "0b9b1c6e-2a55-4f0e-9d0e-000000000002"
    for name in (ours, theirs):
        (tmp_path / "volumes" / name / "data").mkdir(parents=True)
    data = tmp_path / "etcd" / "member" / "snap"
    data.mkdir(parents=True)
    (data / "db").write_bytes(b"\x00\x01hostPath/tmp/hostpath_pv/" + ours.encode() + b"\x12")
    (data / "empty").touch()
    assert storage.remove(tmp_path / "etcd") == 1
    assert [folder.name for folder in (tmp_path / "volumes").iterdir()] == [theirs]
    assert storage.remove(tmp_path / "none") == 0
