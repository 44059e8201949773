"""What all tests share: a workspace with a running cluster, and an environment without a developer's settings."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.engine import deploy
from poscloud.local.progress import ConsoleReporter
from tests.workspace import Workspace, without_settings


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A project with toolchain and running local cluster; everything is removed at the end."""
    found = Workspace(tmp_path_factory.mktemp("project"))
    reporter = ConsoleReporter(sys.__stderr__)
    deploy.install(found.root, reporter)
    try:
        found.control_plane.up(reporter)
        yield found
        # All that the session's end-to-end tests made poscloud do, it did with the roles of docs/access.md.
        assert not (denied := found.denied()), f"asked for and not in poscloud/local/roles.yaml: {denied}"
    finally:
        found.control_plane.down(delete=True)


@pytest.fixture(scope="session")
def kubeconfig(workspace: Workspace) -> Path:
    """The kubeconfig of a real API server's administrator: the provider is tested with kinds poscloud never makes."""
    return workspace.paths.admin_kubeconfig


@pytest.fixture(autouse=True, scope="session")
def _own_environment() -> Iterator[None]:
    """Keep a developer's activated shell out of the tests."""
    saved = without_settings()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # So a script's background jobs are started, and whatever they start could not be interrupted either.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    os.environ.update(saved)
