"""What of a cluster's answers is on a report's page: its secrets nowhere, and what was refused as such."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.description import describe
from poscloud.engine.manual.entry import Change, Entry, as_text
from poscloud.engine.report.described import report_of
from poscloud.engine.report.live import add_state
from poscloud.engine.report.masking import Masker
from poscloud.engine.report.model import Report
from poscloud.engine.report.sections import UNREAD, changes, components
from tests.unit.cluster.watching.objects import pod, workload
from tests.unit.conftest import Project
from tests.unit.provider.conftest import Answer, FakeServer, Request, refusal

MARK = "q7Zx-not-to-be-seen"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CHANGE = Change(("spec", "replicas"), 1, 2)
ENTRY = Entry("scale", "apps/v1", "Deployment", "web", (CHANGE,), f"ann {MARK}", "load", NOW)


def _answers(refused: frozenset[str]) -> dict[str, Any]:
    space = {"poscloud.io/stack": "poscloud/env", "poscloud.io/cluster": "uid-1"}
    deployments = [workload("web", image=f"r/web:{MARK}"), workload(f"x-{MARK}")]
    return {
        "deployments": {
            "kind": "DeploymentList",
            "apiVersion": "apps/v1",
            "items": deployments,
        },
        "pods": {"kind": "PodList", "apiVersion": "v1", "items": [pod("web")]},
        "env": {"metadata": {"name": "env", "annotations": space}},
        "secrets": {"items": [{"data": {"p": base64.b64encode(MARK.encode()).decode()}}]},
        "ingresses": {
            "items": [
                {
                    "metadata": {"name": "i"},
                    "spec": {
                        "rules": [
                            {
                                "host": "shop.example.com",
                                "http": {
                                    "paths": [{"path": f"/{MARK}", "backend": {"service": {"name": "web"}}}]
                                },
                            }
                        ]
                    },
                }
            ]
        },
        "services": {
            "items": [
                {
                    "metadata": {"name": "web", "labels": {"app": "web"}},
                    "spec": {"selector": {"app": "web"}, "ports": [{"port": 9090}]},
                }
            ]
        },
        "events": {
            "items": [
                {
                    "metadata": {"creationTimestamp": "2026-11-22T11:00:00Z"},
                    "involvedObject": {"kind": "Pod", "name": f"x-{MARK}"},
                    "reason": "Killing",
                    "message": "stopped",
                }
            ]
        },
        "poscloud-changes": {"data": {"a": as_text(ENTRY)}},
    } | dict.fromkeys(refused)


def _report(
    project: Project, server: FakeServer, tmp_path: Path, refused: frozenset[str] = frozenset()
) -> Report:
    from poscloud.render.names import LEDGER

    lists = _answers(refused)
    lists[LEDGER] = lists.pop("poscloud-changes") if LEDGER not in refused else None

    def answer(asked: Request) -> Answer:
        last = asked.path.partition("?")[0].rpartition("/")[2]
        if lists.get(last, {}) is None:
            return refusal(403, "Forbidden", f"{last} is forbidden")
        return Answer(body=lists.get(last, {"items": []}))

    server.answer = answer
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps({
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}], "current-context": "here",
    }))  # fmt: skip
    project.write("env.yaml", "services: {web: java}\n")
    masker = Masker(["env", "web", "java"])
    report = report_of(describe(project.root, "env", "test"), masker, NOW)
    report.cluster = "test"
    add_state(report, project.root, Target(file, "here", server.url, "uid-1", local=False), masker)
    return report


async def test_a_secret_in_versions_addresses_and_names_of_people_is_hidden(
    project: Project, server: FakeServer, tmp_path: Path
) -> None:
    report = await asyncio.to_thread(_report, project, server, tmp_path)
    state = report.components[0].state
    assert state is not None and state.ready == 1
    assert state.addresses == ("http://shop.example.com/[secret]",)
    assert state.version == "[secret]"
    page = components(report) + changes(report)
    assert "ann [secret]" in page and MARK not in page + repr(report)
    assert report.unread == set() and UNREAD not in page and "Pod x-[secret]" in page
    assert "in the namespace and not in the description: x-[secret]" in report.notes


@pytest.mark.parametrize(
    ("refused", "unread"), [("events", "events"), ("replicasets", "versions"), ("ledger", "by_hand")]
)
async def test_what_may_not_be_looked_at_is_not_told_as_none(
    project: Project, server: FakeServer, tmp_path: Path, refused: str, unread: str
) -> None:
    from poscloud.render.names import LEDGER

    kinds = frozenset({LEDGER if refused == "ledger" else refused})
    report = await asyncio.to_thread(_report, project, server, tmp_path, kinds)
    assert report.unread == {unread}
    assert changes(report).count(UNREAD) == 1
    assert any("this user may not" in note for note in report.notes)
