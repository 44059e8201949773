"""Faults between the provider and the API server: each is survived or told, and the next ``up`` converges."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.arena import STACK, Arena, Outcome, secrets_in
from tests.faults.proxy import PASS, Fault, Request
from tests.workspace import Workspace

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")


@pytest.fixture(scope="module")
def arena(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    found = Arena(workspace, tmp_path_factory.mktemp("faults"))
    with found.proxy:
        found.prepare()
        yield found
        found.remove()


@pytest.fixture(autouse=True)
def _fresh(arena: Arena) -> Iterator[None]:
    """Each case begins without the environment and ends converged."""
    arena.passes()
    done = arena.run("poscloud", "destroy", "--yes")
    assert done.code == 0, done.text
    yield
    arena.converges()


def says(outcome: Outcome, *phrases: str) -> None:
    assert secrets_in(outcome.text) == []
    assert "Traceback" not in outcome.text, outcome.text
    missing = [phrase for phrase in phrases if phrase not in outcome.text]
    assert not missing, f"{missing} not in:\n{outcome.text}"


def nth_write(number: int, fault: Fault) -> Callable[[Request], Fault]:
    """Inject once: at the nth request that changes something."""
    begun: list[int] = []

    def decide(request: Request) -> Fault:
        if request.write:
            begun.append(1)
        return fault if request.write and len(begun) == number else PASS

    return decide


def path_has(word: str, fault: Fault, method: str = "POST") -> Callable[[Request], Fault]:
    """Inject into every request of a method whose path has a word."""
    return lambda request: fault if request.method == method and word in request.path else PASS


@pytest.mark.fault(4)
def test_the_api_server_goes_away_in_the_middle_and_comes_back(arena: Arena) -> None:
    gone: list[float] = []

    def decide(request: Request) -> Fault:
        if request.write and "deployments" in request.path and not gone:
            gone.append(time.monotonic())
        return Fault(drop=True) if gone and time.monotonic() < gone[0] + 20 else PASS

    arena.inject(decide)
    done = arena.run(*UP)
    says(done)
    assert done.code == 0, done.text
    assert 20 < done.seconds < 80


@pytest.mark.fault(5)
def test_the_api_server_is_not_there(arena: Arena) -> None:
    arena.converges()
    arena.inject(lambda _: Fault(drop=True))
    done = arena.run(*UP)
    assert done.code != 0
    assert done.seconds < 15
    says(done, "cannot reach", f"https://127.0.0.1:{arena.proxy.port}", str(arena.kubeconfig), "proxied")


@pytest.mark.fault(6)
@pytest.mark.parametrize("number", [1, 3, 8])
def test_an_answer_is_lost_after_the_write(arena: Arena, number: int) -> None:
    arena.inject(nth_write(number, Fault(cut=True)))
    done = arena.run(*UP)
    assert done.code == 0, done.text
    says(done)


@pytest.mark.fault(7)
def test_credentials_are_rejected(arena: Arena) -> None:
    arena.inject(lambda _: Fault(status=401, message="Unauthorized"))
    done = arena.run(*UP)
    assert done.code == 3, done.text
    assert done.seconds < 8
    says(done, "rejected the credentials", str(arena.kubeconfig))
    assert done.text.count("rejected") == 1


@pytest.mark.fault(8)
def test_one_kind_is_forbidden_and_the_others_go_on(arena: Arena) -> None:
    message = 'deployments.apps is forbidden: User "alice" cannot create resource "deployments"'
    arena.inject(path_has("/deployments", Fault(status=403, message=message)))
    done = arena.run(*UP)
    assert done.code != 0
    says(done, "deployments", "alice", "kubectl auth can-i create deployments")
    assert arena.workspace.get("statefulset", "redis", "-n", STACK)["status"]["readyReplicas"] == 1


@pytest.mark.fault(19)
def test_the_api_server_is_busy(arena: Arena) -> None:
    asked: dict[str, int] = {}

    def decide(request: Request) -> Fault:
        asked[request.path] = asked.get(request.path, 0) + 1
        return Fault(status=429, retry_after=1) if asked[request.path] < 3 and request.write else PASS

    arena.inject(decide)
    done = arena.run(*UP)
    assert done.code == 0, done.text
    says(done)


@pytest.mark.fault(1)
@pytest.mark.parametrize("number", [1, 4, 7, 10])
def test_the_engine_is_killed(arena: Arena, number: int) -> None:
    process = arena.start("pulumi", "up", "--yes", "--skip-preview")
    killed: list[int] = []

    def decide(request: Request) -> Fault:
        if request.write >= first + number and not killed:
            os.kill(process.pid, signal.SIGKILL)
            killed.append(len(arena.proxy.seen))
        return PASS

    first = arena.proxy.writes()
    arena.inject(decide)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    done = arena.run(*UP)
    assert done.code == 0, done.text
    says(done, f"pid {process.pid}", "was killed")
