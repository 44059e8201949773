"""What ``poscloud doctor`` looks at."""

from __future__ import annotations

import os
from pathlib import Path

from poscloud.cluster.address import shown
from poscloud.cluster.target import resolve
from poscloud.engine.backends.address import backend_url, state_folder
from poscloud.engine.backends.store import BackendUnreadableError, open_store
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
    """The state backend answers, within its own limit of time; its password is never shown."""
    url = backend_url(paths)
    name = f"embedded, {paths.state}" if url == paths.state_url else f"{shown(url)} (PULUMI_BACKEND_URL)"
    folder = state_folder(paths, url)
    if folder is not None:
        writable = os.access(folder if folder.exists() else folder.parent, os.W_OK)
        return Check("state backend", writable, name, "" if writable else f"chmod u+w {folder}")
    try:
        with open_store(paths) as store:
            store.keys(".pulumi/locks/")
    except BackendUnreadableError as error:
        return Check("state backend", True, f"{name}; not asked: {error.message}")
    except PosCloudError as error:
        return Check("state backend", False, error.message, error.hint)
    return Check("state backend", True, f"{name}, answers")


def _check_stack(root: Path, stack: str) -> Check:
    try:
        spec = load_environment(root, stack)
    except PosCloudError as error:
        return Check(f"stack {stack}", False, error.message, f"poscloud validate -s {stack}")
    return Check(
        f"stack {stack}", True, f"{len(spec.services)} services, {len(spec.backing)} backing services"
    )
