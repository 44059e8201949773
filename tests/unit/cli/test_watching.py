"""What people look at, from the command line: a real process, a small API server, in a pipe and in a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster.watching.objects import CRASHING, pod, workload
from tests.unit.provider.conftest import Answer, FakeServer, Request, refusal, server

__all__ = ["server"]

POSCLOUD = Path(sys.executable).with_name("poscloud")
TRACE = "ERROR order {n} failed\njava.lang.IllegalStateException: {n}\n\tat a.B.c(B.java:{n})\n"


class Shop:
    """An environment with a service that is ready and one that crashes, and commands that look at it."""

    def __init__(self, server: FakeServer, root: Path) -> None:
        self.server, self.root = server, root
        said = {"poscloud.io/stack": "shop/dev"}
        self.answers: dict[str, Any] = {
            "dev": {"metadata": {"name": "dev", "annotations": said}},
            "apis": {"groups": []},
            "deployments": self.listed("Deployment", workload("web"), workload("pay", ready=0, after="redis,web")),
            "statefulsets": self.listed("StatefulSet", ),
            "pods": self.listed("Pod", pod("web"), pod("pay", ready=False, **CRASHING)),
            "events": self.listed("Event", {
                "involvedObject": {"kind": "Pod", "name": "pay-1"}, "lastTimestamp": "2026-11-22T09:00:00Z",
                "type": "Warning", "reason": "BackOff", "message": "Back-off restarting", "count": 4,
            }),
            "services": self.listed("Service"),
            "ingresses": self.listed("Ingress"),
        }  # fmt: skip
        self.refused: Answer | None = None
        self.no_logs: Answer | None = None
        server.answer = self.answer
        (root / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (root / "Pulumi.dev.yaml").write_text("config: {poscloud:context: here}\n")
        (root / "poscloud.yaml").write_text("environment: dev\n")
        (root / "stacks").mkdir()
        (root / "stacks" / "dev.yaml").write_text(
            "services: {web: java, pay: {kind: java, uses: [web]}, late: java}\n"
        )
        (root / "kubeconfig").write_text(json.dumps({
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        }))  # fmt: skip

    @staticmethod
    def listed(kind: str, *items: dict[str, Any]) -> dict[str, Any]:
        return {
            "kind": f"{kind}List",
            "apiVersion": "v1" if kind == "Pod" else "apps/v1",
            "items": list(items),
        }

    def answer(self, asked: Request) -> Answer:
        if self.refused:
            return self.refused
        if asked.path.endswith("/log"):
            if self.no_logs:
                return self.no_logs
            words = (
                "java.net.UnknownHostException: kafka"
                if "pay-1" in asked.path
                else TRACE.format(n=len(asked.path))
            )
            raw = [f"2026-11-22T09:55:07.{n:09}Z {line}" for n, line in enumerate(words.splitlines())]
            return Answer(body="\n".join([*raw, ""]).encode())
        return Answer(body=self.answers[asked.path.rpartition("/")[2]])

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "POSCLOUD_STACK")}
        own = {
            "POSCLOUD_USER_KUBECONFIG": str(self.root / "kubeconfig"),
            "XDG_CONFIG_HOME": str(self.root / "none"),
        }
        return {**kept, **own, "TERM": "xterm", **more}

    async def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        """Run a command with its output in pipes; return what it wrote to stdout and to stderr."""
        process = await asyncio.create_subprocess_exec(
            POSCLOUD, *words, cwd=self.root, env=self.environment(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = (text.decode() for text in await process.communicate())
        assert process.returncode == code, out + err
        assert "\x1b[" not in out + err
        return out, err

    async def in_terminal(self, *words: str, **more: str) -> str:
        """Run a command in a terminal; return what is shown."""
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            POSCLOUD,
            *words,
            cwd=self.root,
            env=self.environment(**more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = await asyncio.to_thread(read_all, ours)
        await process.wait()
        return shown


def read_all(terminal: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other side is gone
            part = b""
        if not part:
            os.close(terminal)
            return b"".join(parts).decode()
        parts.append(part)


@pytest.fixture
def shop(server: FakeServer, tmp_path: Path) -> Shop:
    return Shop(server, tmp_path)


async def test_status_in_a_pipe_and_in_a_terminal(shop: Shop) -> None:
    out, err = await shop.run("status", code=1)
    table = [line.split() for line in out.splitlines()]
    assert [row[:4] for row in table[1:4]] == [
        ["late", "java", "not", "made"], ["pay", "java", "CrashLoopBackOff", "0/1"], ["web", "java", "ready", "1/1"]
    ]  # fmt: skip
    assert (out.splitlines()[-1], err) == ("why: poscloud why pay -e dev", "")
    shown = await shop.in_terminal("status")
    assert "environment dev (from poscloud.yaml)" in shown
    assert "\x1b[31mCrashLoopBackOff\x1b[0m" in shown
    assert "\x1b[" not in await shop.in_terminal("status", NO_COLOR="1")


async def test_why_with_all_that_the_guess_is_made_of(shop: Shop) -> None:
    out, _ = await shop.run("why", "pay", code=1)
    lines = out.splitlines()
    assert lines[0].startswith(
        "pay: not ready: 0 of 1 pods available: pod pay-1, container pay: CrashLoopBackOff"
    )
    assert lines[1] == "likely cause: it does not find kafka"
    assert (
        "pod pay-1, pay: container waiting, CrashLoopBackOff, 5 restarts, last exit code 1 (Error)" in lines
    )
    assert any(line.endswith("4x  Pod pay-1  BackOff: Back-off restarting") for line in lines)
    assert lines[-2:] == ["last lines of pay-1, pay:", "  java.net.UnknownHostException: kafka"]
    out, _ = await shop.run("why", "late", "web", code=1)
    assert "late: not ready: it is described, but not in the cluster" in out
    assert "web: ready, 1 of 1 pods ready" in out


async def test_logs_and_the_errors_in_them(shop: Shop) -> None:
    out, _ = await shop.run("logs", "web-pay")
    assert len(out.splitlines()) == 4
    assert out.splitlines()[0].startswith("2026-11-22T09:55:07.000Z web-1 | ERROR order ")
    out, err = await shop.run("error-logs", "web", "--full", code=1)
    assert "1x  web  ERROR order # failed … java.lang.IllegalStateException: #" in out
    assert "    | \tat a.B.c(B.java:" in out
    assert err == "1 kind of errors, 1 in all, in 3 lines\n"
    out, _ = await shop.run("error-logs", "--json", code=1)
    (shop.root / "before.json").write_text(out)
    await shop.run("error-logs", "--new-since", "before.json")


@pytest.mark.parametrize(
    "answer",
    [
        refusal(500, "InternalError", "dial tcp: i/o timeout"),
        refusal(403, "Forbidden", 'User "ann" cannot get resource "pods/log"'),
    ],
)
async def test_why_goes_without_the_last_lines_that_cannot_be_read(shop: Shop, answer: Answer) -> None:
    shop.no_logs = answer
    out, err = await shop.run("why", "pay", code=1)
    assert out.splitlines()[1].startswith("likely cause: ")
    assert "BackOff: Back-off restarting" in out
    assert "last lines of" not in out
    assert err.startswith("note: no last lines of pay-1, pay: ")
    out, _ = await shop.run("why", "pay", "--json", code=1)
    assert len(json.loads(out)["services"][0]["notes"]) == 1


async def test_what_new_since_may_be_is_said(shop: Shop) -> None:
    _, err = await shop.run("error-logs", "--new-since", "yesterday", code=2)
    assert "'yesterday' is neither `deploy`, nor a duration as 30m, nor a file of error-logs --json" in err
    assert "--new-since deploy" in err


async def test_the_rest_of_the_commands(shop: Shop) -> None:
    graph, _ = await shop.run("graph")
    assert graph.splitlines()[1].split() == ["late", "java", "not", "made"]
    events, _ = await shop.run("events", "pay")
    assert "Back-off restarting" in events
    top, err = await shop.run("top")
    assert (top.splitlines()[0].split()[:2], err) == (
        ["SERVICE", "PODS"], "not measured: the cluster has no metrics server\n"
    )  # fmt: skip
    _, err = await shop.run("open", "web")
    assert err == "web has no port\n"


@pytest.mark.parametrize("command", [["status"], ["logs", "web"], ["why", "web"], ["events"], ["error-logs"]])
async def test_who_may_not_or_is_not_known_any_more(shop: Shop, command: list[str]) -> None:
    shop.refused = refusal(403, "Forbidden", 'User "ann" cannot list resource "pods" in API group ""')
    _, err = await shop.run(*command, code=3)
    assert "error: you may not look at that: " in err
    assert "poscloud access --user ann --namespace dev | kubectl apply -f -" in err
    shop.refused = refusal(401, "Unauthorized", "Unauthorized")
    _, err = await shop.run(*command, code=3)
    assert err.startswith(f"error: credentials rejected by {shop.server.url}: Unauthorized")


async def test_somebody_elses_namespace_and_services_that_are_not_there(shop: Shop) -> None:
    _, err = await shop.run("logs", "wbe", code=2)
    assert err == "error: dev has no service 'wbe'\n  did you mean 'web'?\n"
    shop.answers["dev"]["metadata"]["annotations"] = {}
    _, err = await shop.run("status", code=4)
    assert "namespace dev belongs to no stack" in err
