"""What ``poscloud doctor`` looks at."""

from __future__ import annotations

import os
from pathlib import Path

from poscloud.cluster.target import resolve
from poscloud.engine.machine import machine_checks
from poscloud.engine.stackconfig import StackConfig, read_stack_config
from poscloud.errors import PosCloudError
from poscloud.load import known_stacks, load_environment
from poscloud.local.checks import Check, local_checks
from poscloud.local.paths import ProjectPaths


def all_checks(root: Path, stack: str | None) -> list[Check]:
    """Return every check, run.

    Args:
        root: The project's folder.
        stack: Check the cluster that this stack goes to; by default the local one.
    """
    config = read_stack_config(root, stack) if stack else StackConfig("", "")
    paths = ProjectPaths(root)
    checks = [*local_checks(paths, config.context or None, config.cluster), _check_backend(paths)]
    checks += machine_checks(paths, _server(paths, config.context))
    return [*checks, *(_check_stack(root, name) for name in ([stack] if stack else known_stacks(root)))]


def _server(paths: ProjectPaths, context: str) -> str:
    """Return the address of the stack's API server; empty when it is not known, which another check tells."""
    try:
        return resolve(paths.root, context, "").server
    except PosCloudError:
        return ""


def _check_backend(paths: ProjectPaths) -> Check:
    url = os.environ.get("PULUMI_BACKEND_URL")
    if url and url != paths.state_url:
        return Check("state backend", True, f"{url.split('@')[-1]} (PULUMI_BACKEND_URL)")
    writable = os.access(paths.state if paths.state.exists() else paths.root, os.W_OK)
    return Check(
        "state backend", writable, f"embedded, {paths.state}", "" if writable else f"chmod u+w {paths.state}"
    )


def _check_stack(root: Path, stack: str) -> Check:
    try:
        spec = load_environment(root, stack)
    except PosCloudError as error:
        return Check(f"stack {stack}", False, error.message, f"poscloud validate -s {stack}")
    return Check(
        f"stack {stack}", True, f"{len(spec.services)} services, {len(spec.backing)} backing services"
    )
