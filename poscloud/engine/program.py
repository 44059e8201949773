"""What ``pulumi up`` runs: first the provider, whose process starts while the description is read, then the rest."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pulumi

from poscloud.cluster.target import Target, resolve
from poscloud.components.registration import PlainProvider, register_directly, sent
from poscloud.engine.providerinputs import PROVIDER, provider_inputs
from poscloud.engine.start import check_state
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.launch import hide_configuration
from poscloud.provider.install import sdk_version

SWITCH = 0.0005
"""Seconds after which rendering lets the SDK's threads talk to the engine; Python's own 5 ms, several times for each
answer, keep the engine waiting until the last part is rendered."""


def quiet_sdk() -> None:
    """Keep the SDK from sending its debug messages to the engine, which throws them away.

    It sends about five for each resource, and waits for the answer to each: a seventh of an unchanged preview's
    processor time (docs/decisions/0008). ``POSCLOUD_SDK_DEBUG=1`` leaves them for ``pulumi --debug``.
    """
    if not os.environ.get("POSCLOUD_SDK_DEBUG"):
        pulumi.log.debug = _discard


def _discard(*_: Any, **__: Any) -> None:
    """Do nothing with a message."""


def run(root: Path) -> None:
    """Declare the environment of the current stack, once the calling program has run to its end.

    Args:
        root: The project's folder.

    Raises:
        pulumi.RunError: The description or the target is wrong; shown without a traceback.
    """
    hide_configuration()
    quiet_sdk()
    register_directly()
    sys.setswitchinterval(SWITCH)
    pulumi.run(partial(_declare, root))


async def _declare(root: Path) -> dict[str, Any]:
    """Declare the environment and return what the stack exports."""
    config = pulumi.Config("poscloud")
    try:
        check_state(root, pulumi.get_stack(), dry_run=pulumi.runtime.is_dry_run())
        target = resolve(root, config.get("context") or "", config.get("cluster") or "")
        refuse_unpinned(target, dry_run=pulumi.runtime.is_dry_run())
        cluster = provider(target)
        await sent(cluster)
        # The specs take longer to import than the provider to start, and the two are different processes.
        from poscloud.engine.declaration import declare

        return await declare(root, target, cluster)
    except PosCloudError as error:
        hint = f"\n{error.hint}" if error.hint else ""
        raise pulumi.RunError(f"{error}{hint}") from None


def refuse_unpinned(target: Target, *, dry_run: bool) -> None:
    """Refuse to write to a named context whose cluster is not pinned: it may point anywhere tomorrow.

    Raises:
        DeployError: It is not pinned, and this is no preview.
    """
    if not target.uid and not dry_run:
        raise DeployError(
            f"the stack goes to {target}, but is not pinned to that cluster yet (poscloud:cluster)",
            hint=f"run once: poscloud up -s {pulumi.get_stack()}",
        )


def provider(target: Target) -> pulumi.ProviderResource:
    """Register a cluster's provider without importing ``pulumi_kubernetes``."""
    inputs = provider_inputs(target, os.environ)
    return PlainProvider("kubernetes", PROVIDER, inputs, pulumi.ResourceOptions(version=sdk_version()))
