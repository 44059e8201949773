"""Faults between the provider and the API server: each is survived or told, and the next ``up`` converges."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from poscloud.local.progress import ConsoleReporter
from tests.faults.arena import STACK, Arena, shows, slowness, times_told
from tests.faults.proxy import PASS, Fault, Request

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")
PULUMI_UP = ("pulumi", "up", "--yes", "--skip-preview")
Decide = Callable[[Request], Fault]


@dataclass(frozen=True)
class Case:
    """A fault that the proxy injects into a first ``up``.

    Attributes:
        name: In words.
        row: Of the fault table.
        inject: Returns what decides about each request.
        code: Exit code; ``None`` for anything but success.
        phrases: Each has to be shown.
        forbidden: None of these may be shown.
        seconds: Longest time.
        command: What is run.
        long: Whether it is left out of ``make test``.
    """

    name: str
    row: int
    inject: Callable[[], Decide]
    code: int | None = 0
    phrases: Sequence[str] = ()
    forbidden: Sequence[str] = ()
    seconds: float = 60
    command: Sequence[str] = UP
    long: bool = True


def nth_write(number: int, fault: Fault) -> Decide:
    """Inject once: at the nth request that changes something."""
    begun: list[int] = []

    def decide(request: Request) -> Fault:
        if request.write:
            begun.append(1)
        return fault if request.write and len(begun) == number else PASS

    return decide


def path_has(word: str, fault: Fault, method: str = "POST") -> Decide:
    """Inject into every request of a method whose path has a word."""
    return lambda request: fault if request.method == method and word in request.path else PASS


def gone_for(seconds: float) -> Decide:
    """Drop every connection for a while, from the first Deployment on."""
    since: list[float] = []

    def decide(request: Request) -> Fault:
        if request.write and "deployments" in request.path and not since:
            since.append(time.monotonic())
        return Fault(drop=True) if since and time.monotonic() < since[0] + seconds else PASS

    return decide


def busy(status: int, times: int, retry_after: int) -> Decide:
    """Refuse each write a few times."""
    asked: dict[str, int] = {}

    def decide(request: Request) -> Fault:
        asked[request.path] = asked.get(request.path, 0) + 1
        refused = request.write and asked[request.path] <= times
        return Fault(status=status, retry_after=retry_after) if refused else PASS

    return decide


FORBIDDEN = Fault(
    status=403,
    message='deployments.apps is forbidden: User "alice" cannot create resource "deployments" in API group "apps" '
    'in the namespace "faults"',
)
UNAUTHORIZED = Fault(status=401, message="Unauthorized")
RETRYING = "API server not answering, retrying ("
BUSY = "API server is busy (HTTP 429), retrying ("

CASES = [
    Case("the API server is out of reach for 20 seconds", 4, lambda: gone_for(20), phrases=[RETRYING], seconds=80),
    *(
        Case(f"the answer to write {number} is lost", 6, lambda n=number: nth_write(n, Fault(cut=True)),  # type: ignore[misc]
             forbidden=["exists already", "warning:"], long=number != 3)
        for number in (1, 3, 8)
    ),
    Case("credentials are rejected", 7, lambda: lambda _: UNAUTHORIZED, code=3, seconds=5, long=False,
         phrases=["credentials rejected by https://127.0.0.1:", "context proxied", "kubeconfig user poscloud-user"]),
    Case("one kind is forbidden", 8, lambda: path_has("/deployments", FORBIDDEN), code=None,
         phrases=["Deployment", FORBIDDEN.message,
                  "kubectl auth can-i create deployments.apps -n faults --as=alice"]),
    Case("every write is refused twice with 429", 19, lambda: busy(429, 2, 1), forbidden=[BUSY]),
    Case("every write is refused once with 503", 19, lambda: busy(503, 1, 1), forbidden=["is busy"]),
    Case("every write is refused for 12 seconds", 19, lambda: busy(429, 6, 2), phrases=[BUSY], seconds=120),
]  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case.name,
            marks=[pytest.mark.fault(case.row), *([pytest.mark.long] if case.long else [])],
        )
        for case in CASES
    ],
)
def test_between_provider_and_api_server(absent: Arena, case: Case) -> None:
    absent.inject(case.inject())
    done = absent.run(*case.command)
    shows(done, *case.phrases, code=case.code, within=case.seconds, forbidden=case.forbidden)
    for phrase in (RETRYING, BUSY, "credentials rejected"):
        assert times_told(done, phrase) <= 1 + done.seconds // 60, done.text  # at most once a minute
    if case.row == 8:  # everything else is there
        assert absent.workspace.get("statefulset", "redis", "-n", STACK)["status"]["readyReplicas"] == 1


@pytest.mark.long
@pytest.mark.fault(4)
def test_the_api_server_is_killed_and_started_again(absent: Arena) -> None:
    control_plane = absent.workspace.control_plane
    begun, back = threading.Event(), threading.Event()

    def decide(request: Request) -> Fault:
        if request.write and "deployments" in request.path:
            begun.set()
        # Until it is ready it knows no roles, and would forbid what the tests take for a right that is missing.
        return Fault(drop=True) if begun.is_set() and not back.is_set() else PASS

    absent.inject(decide)
    process = absent.start(*UP)
    assert begun.wait(120 * slowness())
    (server,) = [c for c in control_plane.status().components if c.name == "kube-apiserver"]
    os.kill(server.pid, signal.SIGKILL)
    while any(c.running for c in control_plane.status().components if c.name == "kube-apiserver"):
        time.sleep(0.05)
    control_plane.up(ConsoleReporter())
    back.set()
    text, _ = process.communicate(timeout=120 * slowness())
    assert process.returncode == 0, text


def uids(arena: Arena) -> dict[str, str]:
    """Return which objects the state knows."""
    return {name: outputs["metadata"]["uid"] for name, outputs in arena.objects().items()}


@pytest.mark.long
@pytest.mark.fault(5)
def test_an_api_server_that_is_not_there_is_no_empty_cluster(present: Arena) -> None:
    before = uids(present)
    present.describe(
        present.description.read_text().replace("a: {kind: java,", "a: {kind: java, replicas: 2,")
    )
    present.inject(lambda _: Fault(drop=True))
    where = [f"https://127.0.0.1:{present.proxy.port}", str(present.kubeconfig), "proxied", "cannot reach"]
    for command in (UP, PULUMI_UP, ("pulumi", "refresh", "--yes"), ("poscloud", "destroy", "--yes")):
        done = present.run(*command)
        shows(done, *where, within=15, forbidden=["deleted"])
        assert times_told(done, "cannot reach") == 1, done.text
    looked = present.run("poscloud", "preview")
    shows(looked, *where, "nothing was checked against the cluster", "1 to update", code=0, within=20)
    assert times_told(looked, "cannot reach") == 1, looked.text
    assert uids(present) == before


@pytest.mark.long
@pytest.mark.fault(5)
def test_a_wrong_address_is_told(present: Arena) -> None:
    wrong = present.kubeconfig.with_name("wrong")
    wrong.write_text(present.kubeconfig.read_text().replace(f":{present.proxy.port}", ":1"))
    done = present.run(*UP, POSCLOUD_USER_KUBECONFIG=str(wrong))
    shows(done, "cannot reach", "https://127.0.0.1:1", "refused", str(wrong), "proxied", code=4, within=15)


@pytest.mark.long
@pytest.mark.fault(8)
def test_the_preview_goes_on_without_a_kind_that_is_forbidden(absent: Arena) -> None:
    absent.inject(path_has("/deployments", FORBIDDEN))
    done = absent.run("poscloud", "preview")
    told = "Deployment could not be checked against the cluster: deployments.apps is forbidden"
    shows(done, told, "kubectl auth can-i create deployments.apps -n faults --as=alice", code=0)
    assert times_told(done, told) == 1
