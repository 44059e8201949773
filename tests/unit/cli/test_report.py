"""A report of an environment that runs, from the command line: a real process and a small API server."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.planted import Planted
from tests.unit.cli.test_watching import Shop
from tests.unit.engine.report.test_page import Page
from tests.unit.provider.conftest import Answer, FakeServer, Request, refusal, server

__all__ = ["server"]

ENTRY = {
    "action": "scale",
    "api_version": "apps/v1",
    "kind": "Deployment",
    "name": "web",
    "path": ["spec", "replicas"],
    "before": 1,
    "after": 3,
    "who": "li",
    "why": "load test",
    "reverts": True,
    "at": "2026-11-22T08:00:00Z",
    "until": None,
}


class Running(Shop):
    """The shop with nodes, Secrets, a ledger and earlier versions; what is not there is not found."""

    def __init__(self, server: FakeServer, root: Path, planted: Planted) -> None:
        super().__init__(server, root)
        for n, pod in enumerate(self.answers["pods"]["items"]):
            pod["metadata"]["namespace"], pod["spec"]["nodeName"] = "dev", f"node-{n}"
        room = {"cpu": "2", "memory": "4Gi", "pods": "110"}
        nodes = [
            {
                "metadata": {"name": f"node-{n}"},
                "spec": {"unschedulable": n == 2},
                "status": {"allocatable": room},
            }
            for n in range(3)
        ]
        password = planted.values["password"]
        secret = {
            "metadata": {"name": "login"},
            "data": {"password": base64.b64encode(password.encode()).decode()},
        }
        set_of = {
            "metadata": {
                "name": "web-1",
                "ownerReferences": [{"uid": "web"}],
                "creationTimestamp": "2026-11-22T07:00:00Z",
                "annotations": {"deployment.kubernetes.io/revision": "1"},
            },
            "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "r/web:v7"}]}}},
        }
        self.answers["events"]["items"][0]["message"] = f"cannot log in as root with {password}"
        self.answers |= {
            "kube-system": {"metadata": {"uid": ""}},
            "api": {"items": []},
            "version": {"gitVersion": "v1.36.3"},
            "nodes": self.listed("Node", *nodes),
            "secrets": self.listed("Secret", secret),
            "replicasets": self.listed("ReplicaSet", set_of),
            "poscloud-manual": {
                "data": {"a": json.dumps(ENTRY | {"why": f"try {planted.marks['password']}"})}
            },
        }
        self.may_not: set[str] = set()

    def answer(self, asked: Request) -> Answer:
        last = asked.path.rpartition("/")[2]
        if last in self.may_not:
            return refusal(403, "Forbidden", f'User "u" cannot list {last}')
        if last not in self.answers and not asked.path.endswith("/log"):
            return refusal(404, "NotFound", f"{asked.path} is not there")
        return super().answer(asked)


@pytest.fixture
def planted() -> Planted:
    return Planted("password")


@pytest.fixture
def running(server: FakeServer, tmp_path: Path, planted: Planted) -> Running:
    return Running(server, tmp_path, planted)


async def report_of(shop: Shop, *words: str) -> tuple[Page, str, str]:
    """Return the page that the command writes, its text, and what the command says."""
    out, err = await shop.run("report", "-o", "page.html", *words)
    assert out == ""
    text = (shop.root / "page.html").read_text()
    return Page(text), text, err


async def test_states_causes_room_and_changes(running: Running, planted: Planted) -> None:
    page, text, err = await report_of(running)
    states = {c["name"]: (c["state"], c["pods"]) for c in page.data["components"]}
    assert states == {
        "late": ("not made", "1"),
        "pay": ("CrashLoopBackOff", "0 of 1 ready"),
        "web": ("ready", "1 of 1 ready"),
    }
    assert page.component("pay")["cause"]
    assert page.component("web")["live"] == [["web-1", "ready", "node-0", "0"]]
    labels = [attrs["aria-label"] for tag, attrs in page.tags if attrs.get("role") == "img"]
    assert labels[0] == "0.05 of 2 CPU requested, 0.05 of it by this environment"
    assert "node-2 (takes no pods)" in page.text
    assert "2026-11-22 07:00:00 web poscloud up version v7 (now)" in page.text
    assert "2026-11-22 08:00:00 web li Deployment web: scale, spec.replicas 1 → 3: try [secret]" in page.text
    assert (
        "2026-11-22 09:00:00 pay Pod pay-1 BackOff: cannot log in as root with [secret] (4 times)"
        in page.text
    )
    assert planted.found(text) == []
    assert "page.html: 3 components" in err


async def test_what_this_user_may_not_see_is_a_note(running: Running) -> None:
    running.may_not = {"nodes", "events", "secrets", "replicasets"}
    page, _, err = await report_of(running)
    for what in ("nodes", "events", "Secrets", "replicasets"):
        assert what in err, err
    assert page.component("web")["state"] == "ready"
    assert "requests of all pods" in page.text


async def test_an_environment_that_is_not_up(running: Running) -> None:
    del running.answers["dev"]
    page, _, err = await report_of(running)
    assert {c["state"] for c in page.data["components"]} == {"not made"}
    assert "dev is not up" in err
    assert "node-0" in page.text


@pytest.mark.parametrize("words", [(), ("--no-cluster",)], ids=["does not answer", "not asked"])
async def test_without_a_cluster(running: Running, words: tuple[str, ...]) -> None:
    running.refused = refusal(500, "InternalError", "broken")
    running.answers.clear()
    server = running.server
    server.answer = lambda _: refusal(401, "Unauthorized", "who are you?")
    page, _, err = await report_of(running, *words)
    assert {c["state"] for c in page.data["components"]} == {""}
    assert ("the cluster could not be asked" in err) is not bool(words)
    assert bool(server.requests) is not bool(words)


async def test_a_file_that_cannot_be_written_and_an_unknown_environment(running: Running) -> None:
    (running.root / "folder").mkdir()
    _, err = await running.run("report", "--no-cluster", "-o", "folder", code=1)
    assert "cannot write folder" in err
    _, err = await running.run("report", "--no-cluster", "-e", "dve", code=6)
    assert "did you mean 'dev'?" in err
