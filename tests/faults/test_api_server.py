"""Faults between the provider and the API server: each is survived or told, and the next ``up`` converges."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.arena import STACK, Arena, says
from tests.faults.proxy import PASS, Fault, Request

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")


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
def test_the_api_server_goes_away_in_the_middle_and_comes_back(absent: Arena) -> None:
    gone: list[float] = []

    def decide(request: Request) -> Fault:
        if request.write and "deployments" in request.path and not gone:
            gone.append(time.monotonic())
        return Fault(drop=True) if gone and time.monotonic() < gone[0] + 20 else PASS

    absent.inject(decide)
    done = absent.run(*UP)
    says(done)
    assert done.code == 0, done.text
    assert 20 < done.seconds < 80


@pytest.mark.fault(5)
def test_the_api_server_is_not_there(absent: Arena) -> None:
    absent.inject(lambda _: Fault(drop=True))
    done = absent.run(*UP)
    assert done.code != 0
    assert done.seconds < 15
    says(done, "cannot reach", f"https://127.0.0.1:{absent.proxy.port}", str(absent.kubeconfig), "proxied")


@pytest.mark.fault(6)
@pytest.mark.parametrize("number", [1, 3, 8])
def test_an_answer_is_lost_after_the_write(absent: Arena, number: int) -> None:
    absent.inject(nth_write(number, Fault(cut=True)))
    done = absent.run(*UP)
    assert done.code == 0, done.text
    says(done)


@pytest.mark.fault(7)
def test_credentials_are_rejected(absent: Arena) -> None:
    absent.inject(lambda _: Fault(status=401, message="Unauthorized"))
    done = absent.run(*UP)
    assert done.code == 3, done.text
    assert done.seconds < 8
    says(done, "rejected the credentials", str(absent.kubeconfig))
    assert done.text.count("rejected") == 1


@pytest.mark.fault(8)
def test_one_kind_is_forbidden_and_the_others_go_on(absent: Arena) -> None:
    message = (
        'deployments.apps is forbidden: User "alice" cannot create resource "deployments" in API group "apps" '
        'in the namespace "faults"'
    )
    absent.inject(path_has("/deployments", Fault(status=403, message=message)))
    done = absent.run(*UP)
    assert done.code != 0
    says(done, "deployments", "alice", "kubectl auth can-i create deployments.apps -n faults --as=alice")
    assert absent.workspace.get("statefulset", "redis", "-n", STACK)["status"]["readyReplicas"] == 1


@pytest.mark.fault(19)
def test_the_api_server_is_busy(absent: Arena) -> None:
    asked: dict[str, int] = {}

    def decide(request: Request) -> Fault:
        asked[request.path] = asked.get(request.path, 0) + 1
        return Fault(status=429, retry_after=1) if asked[request.path] < 3 and request.write else PASS

    absent.inject(decide)
    done = absent.run(*UP)
    assert done.code == 0, done.text
    says(done)
