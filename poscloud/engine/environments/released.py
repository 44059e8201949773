"""Copies whose release was cut short: no namespace and no description any more, and still a stack.

A copy's description is often in no clone but the one that made it, and its namespace goes first. So ``env destroy``
writes into the stack's configuration that it began, and the engine keeps that in the history of the stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from poscloud.cluster.target import resolve
from poscloud.engine.environments.listing import annotation
from poscloud.engine.fence import NAMESPACE_TYPE
from poscloud.engine.inventory import deployment
from poscloud.engine.kubectl import Kubectl, stamp_of
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.progress import Reporter
from poscloud.render.names import COPY_ANNOTATION

MARK = "released"
"""``poscloud:released`` in a stack's configuration: ``env destroy`` has begun with it."""


def begin(pulumi: Pulumi, stack: str) -> None:
    """Note that a copy is being released, for the sweep that goes on where this is cut short; nothing without a stack.

    Raises:
        DeployError: It cannot be written.
    """
    done = pulumi.quietly("config", "set", f"poscloud:{MARK}", "true", "--stack", stack, "--non-interactive")
    if done.returncode != 0 and "no stack named" not in done.stderr:
        raise DeployError(
            f"cannot note that {stack} is being released: {done.stderr.strip()}", hint="run: poscloud doctor"
        )


def cut_short(root: Path, stacks: Iterable[str], reporter: Reporter) -> set[str]:
    """Return those of some stacks that are left of copies, whose namespaces are gone.

    Args:
        root: The project's folder.
        stacks: Stacks of the backend without a description here.
        reporter: Told which stack's cluster cannot be looked at; that is no finding.

    Raises:
        DeployError: The backend does not answer.
    """
    pulumi = Pulumi(root)
    return {stack for stack in stacks if _is_cut_short(pulumi, stack, reporter)}


def _is_cut_short(pulumi: Pulumi, stack: str, reporter: Reporter) -> bool:
    config = _last_config(pulumi, stack)
    if not (_said(config, MARK) or _was_copy(pulumi, stack)):
        return False
    try:
        target = resolve(pulumi.root, _said(config, "context"), _said(config, "cluster"))
        live = Kubectl(target, pulumi.environment).get("namespace", stack)
        return stamp_of(live) != f"{project_name(pulumi.root)}/{stack}"
    except PosCloudError as error:
        reporter.note(f"not looked at, the cluster of {stack}: {error.message}")
        return False


def _last_config(pulumi: Pulumi, stack: str) -> dict[str, Any]:
    """Return the configuration of a stack's last run, secrets left out; empty when there was none."""
    done = pulumi.quietly(
        "stack", "history", "--json", "--page-size", "1", "--stack", stack, "--non-interactive"
    )
    if done.returncode != 0:
        raise DeployError(
            f"cannot read the history of stack {stack}: {done.stderr.strip()}", hint="run: poscloud doctor"
        )
    runs = json.loads(done.stdout or "[]") or []
    return dict(runs[0].get("config") or {}) if runs else {}


def _said(config: dict[str, Any], key: str) -> str:
    return str((config.get(f"poscloud:{key}") or {}).get("value") or "")


def _was_copy(pulumi: Pulumi, stack: str) -> bool:
    """Whether the state has a namespace that says that it is a copy."""
    resources = deployment(pulumi, stack).get("resources") or []
    spaces = [r for r in resources if r.get("type") == NAMESPACE_TYPE and r.get("id") == stack]
    return any(annotation(r.get("inputs") or {}, COPY_ANNOTATION) for r in spaces)
