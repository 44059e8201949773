"""Run the tools in turn, several times, and record what each step cost."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.peers.tools import Tool
from bench.peers.usage import Usage, run
from bench.peers.workload import Workload
from tests.workspace import Workspace


@dataclass(frozen=True)
class Measured:
    """One step of one tool, once.

    Attributes:
        tool: Its name.
        workload: The environment's name, ``17``.
        objects: How many objects it has.
        step: ``up``, ``preview``, ``unchanged``, ``change``, ``destroy``.
        round: Counted from 1.
        seconds: Wall time.
        cpu: Processor time in seconds.
        memory: Peak of the whole process tree, bytes.
        requests: API requests by verb; a dry run counts as ``dry-run``.
        state: Bytes the tool remembers after the step.
    """

    tool: str
    workload: str
    objects: int
    step: str
    round: int
    seconds: float
    cpu: float
    memory: int
    requests: dict[str, int]
    state: int

    def as_data(self) -> dict[str, Any]:
        """The row for JSON."""
        return asdict(self)


def rounds(
    workspace: Workspace, folder: Path, tools: Sequence[type[Tool]], workload: Workload, count: int
) -> Iterator[Measured]:
    """Let each tool live through the environment's life, one tool after the other, ``count`` times."""
    objects = len(workload.manifests(workspace.root, tools[0].name, changed=False))
    for number in range(1, count + 1):
        # Another order each time: whoever comes after a large destroy meets a busy control plane.
        for kind in random.Random(number).sample(tools, len(tools)):
            yield from _life(kind(workspace, folder, workload), objects, number)


def _life(tool: Tool, objects: int, number: int) -> Iterator[Measured]:
    tool.prepare()
    settle(tool.workspace)
    for step in tool.steps:
        if step == "change":
            tool.give(changed=True)
        mark = tool.workspace.audit_mark()
        used = [run(command, cwd=tool.cwd, env=tool.environment()) for command in tool.commands(step)]
        total = Usage(sum(u.seconds for u in used), sum(u.cpu for u in used), max(u.memory for u in used))
        if step in ("up", "change"):
            check(tool)
        requests = verbs(tool, mark)
        if step == "destroy":
            found = tool.workspace.ok(
                "kubectl", "get", "namespace", tool.namespace, "--ignore-not-found", "-o", "name"
            )
            assert not found, f"{tool.name} left {found}"
        print(f"  {tool.name} {tool.workload.name} {step}: {total.seconds:.2f} s", file=sys.stderr)
        yield Measured(
            tool.name,
            tool.workload.name,
            objects,
            step,
            number,
            round(total.seconds, 3),
            round(total.cpu, 3),
            total.memory,
            requests,
            tool.state() if step != "destroy" else 0,
        )
    tool.clean_up()


def check(tool: Tool) -> None:
    """Make sure that a tool that says it is done is done: every pod is ready, of the image that is wanted."""
    items = tool.workspace.get("deployments,statefulsets", "-n", tool.namespace)["items"]
    live = {(item["kind"], item["metadata"]["name"]): item for item in items}
    for manifest in tool.wanted():
        if manifest["kind"] not in ("Deployment", "StatefulSet"):
            continue
        found = live[manifest["kind"], manifest["metadata"]["name"]]
        template = manifest["spec"]["template"]["spec"]["containers"][0]["image"]
        assert found["spec"]["template"]["spec"]["containers"][0]["image"] == template
        assert found["status"].get("readyReplicas") == manifest["spec"]["replicas"], found["metadata"]["name"]


def settle(workspace: Workspace) -> None:
    """Wait until the control plane has nothing left to do: no namespace is being deleted."""
    workspace.ok(
        "kubectl", "wait", "--for=delete", "namespace", "-l", "app.kubernetes.io/managed-by=poscloud"
    )


def verbs(tool: Tool, mark: int) -> dict[str, int]:
    """The requests of the tool since ``mark`` by verb."""
    found: Counter[str] = Counter()
    try:
        events = tool.workspace.requests_since(mark, tool.user)
    except (AssertionError, json.JSONDecodeError):
        return {"unknown": 1}  # the audit log was rotated meanwhile
    for event in events:
        found["dry-run" if "dryRun=All" in event["requestURI"] else event["verb"]] += 1
    return dict(sorted(found.items()))
