"""Nodes come and go, by force too, and nothing of them stays on the machine."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from poscloud.errors import DeployError
from poscloud.local import processes
from poscloud.local.realnodes import control, leftovers
from poscloud.local.realnodes.layout import cluster_id
from tests.real.cluster import RealCluster, pod, traces

figures = logging.getLogger("figures")
pytestmark = pytest.mark.real

PODS = 12


@pytest.fixture(scope="module")
def mine(tiny_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    cluster = RealCluster(tmp_path_factory.mktemp("mine"), tiny_images)
    yield cluster
    cluster.down(delete=True)


@pytest.fixture(scope="module")
def before(mine: RealCluster) -> dict[str, list[str]]:
    """What is on the machine without this cluster; another one may run beside it."""
    return traces(mine.paths)


def difference(cluster: RealCluster, before: dict[str, list[str]]) -> dict[str, list[str]]:
    after = traces(cluster.paths)
    return {
        kind: changed
        for kind in before
        if (changed := sorted(set(before[kind]).symmetric_difference(after[kind])))
    }


def process(cluster: RealCluster, name: str) -> processes.Process:
    found = next(part.pid for part in cluster.control_plane.status().components if part.name == name)
    started = processes.start_time(found)
    assert started is not None
    return processes.Process(found, started)


def resident(cluster: RealCluster) -> int:
    """Resident bytes of everything in the sandboxes."""
    folders = Path("/sys/fs/cgroup/memory").glob(f"**/poscloud-{cluster_id(cluster.paths)}-n*")
    texts = [(folder / "memory.stat").read_text() for folder in folders]
    return sum(
        int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("total_rss ")
    )


def kill(found: processes.Process) -> None:
    processes.signal_all([found], signal.SIGKILL)
    assert processes.wait_until(lambda: not processes.alive(found), timeout=10)


def test_up_with_pods(mine: RealCluster, before: dict[str, list[str]]) -> None:
    began = time.monotonic()
    mine.up("real")
    figures.info("up to node ready: %.1f s", time.monotonic() - began)
    names = [f"kept{number}" for number in range(PODS)]
    mine.apply(*(pod(name) for name in names))
    mine.ready(*names)
    took = time.monotonic() - began
    memory = resident(mine)
    figures.info("up to %d pods ready: %.1f s, %.0f MB with control plane and node", PODS, took, memory / 1e6)
    assert took < 40
    assert memory < 2.5e9


def test_down_leaves_nothing(mine: RealCluster, before: dict[str, list[str]]) -> None:
    began = time.monotonic()
    mine.down()
    took = time.monotonic() - began
    figures.info("down: %.1f s", took)
    assert difference(mine, before) == {}
    assert took < 5
    assert mine.control_plane.status().state == "stopped"


def test_up_keeps_the_kind_of_nodes_and_pods_come_back(mine: RealCluster) -> None:
    began = time.monotonic()
    assert mine.up().kind == "real"
    names = [f"kept{number}" for number in range(PODS)]
    mine.until(
        "the pods' return",
        lambda: (
            all(mine.container(name).get("running", {}).get("startedAt", "") for name in names)
            and all(
                mine.run("kubectl", "exec", name, "--", "hostname").stdout == f"{name}\n" for name in names
            )
        ),
    )
    figures.info("up again, pods kept: %.1f s", time.monotonic() - began)


def test_up_again_changes_nothing(mine: RealCluster) -> None:
    running = {p.name: p.pid for p in control.ask(mine.paths)}
    mine.up()
    assert {p.name: p.pid for p in control.ask(mine.paths)} == running


def test_a_killed_outer_process_takes_everything_with_it(
    mine: RealCluster, before: dict[str, list[str]]
) -> None:
    inside = [processes.Process(p.pid, processes.start_time(p.pid) or "") for p in control.ask(mine.paths)]
    kill(process(mine, "sandbox"))
    assert processes.wait_until(lambda: not any(map(processes.alive, inside)), timeout=10)
    # The cgroups stay until the next command: nobody is left to remove them.
    assert set(difference(mine, before)) == {"cgroups"}
    assert mine.control_plane.status().state == "stopped"
    assert mine.up().state == "running"


def test_a_killed_first_process_of_a_sandbox_ends_the_cluster(
    mine: RealCluster, before: dict[str, list[str]]
) -> None:
    outer = process(mine, "sandbox")
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    assert processes.wait_until(lambda: not processes.alive(outer), timeout=10)
    assert difference(mine, before) == {}
    assert "the sandbox of real1 ended" in mine.control_plane.log("sandbox").read_text()
    assert mine.up().state == "running"


@pytest.mark.parametrize("seconds", [0.3, 1.5, 3.0])
def test_an_interrupted_up_is_finished_by_the_next(
    mine: RealCluster, before: dict[str, list[str]], seconds: float
) -> None:
    mine.down()
    command = ["poscloud", "cluster", "up"]
    child = subprocess.Popen(command, cwd=mine.root, env=mine.environment(), stderr=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):  # the one wait for time itself: that is what is tried
        child.wait(seconds)
    child.send_signal(signal.SIGINT)
    child.wait()
    assert mine.up().state == "running"


def sandbox_of(cluster: RealCluster) -> processes.Process | None:
    return processes.find("sandbox", f"={cluster.paths.cluster}/")


def first_process(cluster: RealCluster) -> processes.Process | None:
    """The first process of the first node, as soon as it is itself."""
    outer = sandbox_of(cluster)
    if outer is None:
        return None
    try:
        pid = int(Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()[0])
    except (OSError, IndexError):
        return None
    return processes.Process(pid, processes.start_time(pid) or "")


def is_ready(cluster: RealCluster, program: str) -> bool:
    return any(p.name == program and p.state == "ready" for p in control.ask(cluster.paths))


MOMENTS: dict[str, Callable[[RealCluster], object]] = {
    "the sandbox's program runs": sandbox_of,
    "the nodes have cgroups": lambda cluster: sandbox_of(cluster) and leftovers.cgroups(cluster.paths),
    "a node has a first process": first_process,
    "the API server answers": lambda cluster: is_ready(cluster, "kube-apiserver"),
    "the kubelet answers": lambda cluster: is_ready(cluster, "kubelet"),
}
VICTIMS: dict[str, Callable[[RealCluster], processes.Process | None]] = {
    "sandbox": sandbox_of,
    "first process": first_process,
}


QUICK = [
    ("command", "the sandbox's program runs"),
    ("sandbox", "the nodes have cgroups"),
    ("first process", "a node has a first process"),
    ("sandbox", "the API server answers"),
    ("command", "the kubelet answers"),
]
OTHERS = [(v, m) for v in ("command", *VICTIMS) for m in MOMENTS if (v, m) not in QUICK]


@pytest.mark.parametrize(
    ("victim", "moment"), [*QUICK, *(pytest.param(*case, marks=pytest.mark.long) for case in OTHERS)]
)
def test_an_up_of_which_something_is_killed_is_finished_by_the_next(
    mine: RealCluster, before: dict[str, list[str]], victim: str, moment: str
) -> None:
    mine.down()
    kill_during_up(mine, victim, moment)
    assert mine.up().state == "running"
    mine.down()
    assert difference(mine, before) == {}


def kill_during_up(cluster: RealCluster, victim: str, moment: str) -> str:
    """Kill something of an `up` at a moment, wait for the end of both, and return what the command said."""
    command = ["poscloud", "cluster", "up"]
    child = subprocess.Popen(
        command, cwd=cluster.root, env=cluster.environment(), stderr=subprocess.PIPE, text=True
    )
    try:
        assert processes.wait_until(lambda: bool(MOMENTS[moment](cluster)), timeout=60, interval=0.002)
    finally:
        if victim == "command":
            child.kill()
    if victim != "command":
        assert processes.wait_until(lambda: VICTIMS[victim](cluster) is not None, timeout=10, interval=0.002)
        found = VICTIMS[victim](cluster)
        assert found is not None
        kill(found)
    return child.communicate(timeout=100)[1]


def test_what_is_left_is_found_where_the_program_is_gone(
    mine: RealCluster, before: dict[str, list[str]]
) -> None:
    mine.up()
    kill(process(mine, "sandbox"))
    (mine.paths.bin / "sandbox").unlink()
    mine.down()
    assert difference(mine, before) == {}


def test_two_at_once(mine: RealCluster) -> None:
    mine.down()
    command = ["poscloud", "cluster", "up"]
    both = [subprocess.Popen(command, cwd=mine.root, env=mine.environment()) for _ in range(2)]
    assert [child.wait() for child in both] == [0, 0]
    assert mine.control_plane.status().state == "running"


def test_more_nodes_and_fewer_again(mine: RealCluster) -> None:
    assert (mine.up("real=2,kwok=2").nodes_ready, mine.control_plane.status().kind) == (4, "real=2,kwok=2")
    mine.down()
    began = time.monotonic()
    assert mine.up().nodes_ready == 4
    figures.info("up of two real nodes and two simulated ones again: %.1f s", time.monotonic() - began)
    assert mine.up("real").nodes == 1


def test_down_after_an_interrupted_up(mine: RealCluster, before: dict[str, list[str]]) -> None:
    kill(process(mine, "sandbox"))
    mine.down()
    assert difference(mine, before) == {}


def test_a_kind_is_not_changed_in_passing(mine: RealCluster) -> None:
    with pytest.raises(DeployError, match="has nodes of kind real, not kwok"):
        mine.up("kwok")


def test_delete_removes_all(mine: RealCluster, before: dict[str, list[str]]) -> None:
    mine.up()
    mine.down(delete=True)
    assert difference(mine, before) == {}
    assert not mine.paths.cluster.exists()
