"""What ``pulumi up`` runs: the environment the stack is named after."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pulumi

from poscloud.cluster.target import Target, resolve
from poscloud.components import Environment
from poscloud.engine import unrecorded
from poscloud.engine.description import load_checked
from poscloud.engine.passwords import secret_digests, secret_manifests
from poscloud.engine.start import check_state
from poscloud.engine.statefile import state_file
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.launch import hide_configuration
from poscloud.local.paths import ProjectPaths
from poscloud.render import Manifest
from poscloud.render.secrets import random_sources, required, sources
from poscloud.spec import EnvironmentSpec
from poscloud.spec.release import releases


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
    """Declare the environment of the current stack.

    Args:
        root: The project's folder.

    Raises:
        pulumi.RunError: The description or the target is wrong; shown without a traceback.
    """
    hide_configuration()
    quiet_sdk()
    config = pulumi.Config("poscloud")
    try:
        check_state(root, pulumi.get_stack(), dry_run=pulumi.runtime.is_dry_run())
        spec = load_checked(root, pulumi.get_stack())
        keep_record(root, spec, dry_run=pulumi.runtime.is_dry_run())
        manifests = secret_manifests(spec)
        secrets = secret_configuration(manifests, config)
        digests = secret_digests(manifests, config.get)
        target = resolve(root, config.get("context") or "", config.get("cluster") or "")
        refuse_unpinned(target, dry_run=pulumi.runtime.is_dry_run())
    except PosCloudError as error:
        hint = f"\n{error.hint}" if error.hint else ""
        raise pulumi.RunError(f"{error}{hint}") from None
    environment = Environment(
        spec,
        secrets=secrets,
        digests=digests,
        cluster_uid=target.uid,
        opts=pulumi.ResourceOptions(providers=[_provider(target)]),
    )
    pulumi.export("namespace", spec.name)
    pulumi.export("cluster", target.server)
    pulumi.export("services", _urls(environment, spec.services))
    pulumi.export("backing", _urls(environment, spec.backing))
    if released := releases(spec):
        pulumi.export("releases", released)


def keep_record(root: Path, spec: EnvironmentSpec, *, dry_run: bool) -> None:
    """Refuse a run without checkpoints where it is not meant to be, and note one where it is.

    Raises:
        DeployError: The engine would write its state only at the end, and the environment is not a short-lived one.
    """
    paths, stack = ProjectPaths(root), spec.name
    unrecorded.settle(paths, stack, state_file(paths, stack))
    if unrecorded.skips_checkpoints(dict(os.environ)):
        if not spec.short_lived:
            raise DeployError(
                f"{unrecorded.SKIP_CHECKPOINTS} is set, and {stack} is not `short_lived`: if this run were killed, "
                "its state would tell nothing of what it did",
                hint=f"run: unset {unrecorded.SKIP_CHECKPOINTS}",
            )
        if not dry_run and not unrecorded.is_marked(paths, stack):
            unrecorded.mark(paths, stack, by_program=True)
    if unrecorded.is_forgotten(paths, stack):
        if not dry_run:
            unrecorded.mark(paths, stack)  # this run does not look at the cluster: its end proves nothing
        pulumi.log.warn(
            f"a run of {stack} was killed or did not end well, and the state may not tell what it did. Go on with: "
            f"poscloud up -s {stack}"
            f"   (or: pulumi up --refresh -s {stack})"
        )


def _urls(environment: Environment, names: Iterable[str]) -> dict[str, str]:
    outputs = {name: environment.parts[name].outputs for name in names}
    return {name: offered["url"] for name, offered in outputs.items() if "url" in offered}


def secret_configuration(
    manifests: Sequence[Manifest], config: pulumi.Config
) -> dict[str, pulumi.Output[str]]:
    """Return the stack's secret configuration that the environment's Secrets are filled from, by its name.

    Raises:
        DeployError: Some of it is not set; names all that is missing.
    """
    wanted = sorted({name for m in manifests for name in sources(m).values()})
    found = {name: value for name in wanted if (value := config.get_secret(name)) is not None}
    missing = sorted({name for m in manifests for name in required(m)} - set(found))
    if missing:
        commands = [f"pulumi config set --secret poscloud:{n} -s {pulumi.get_stack()}" for n in missing]
        if set(missing) <= {name for m in manifests for name in random_sources(m)}:
            commands.append(f"or let poscloud make them: poscloud up -s {pulumi.get_stack()}")
        raise DeployError(
            f"secret configuration is missing: {', '.join(missing)}", hint="run: " + "\n     ".join(commands)
        )
    return found


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


def _provider(target: Target) -> pulumi.ProviderResource:
    from pulumi_kubernetes import Provider

    return Provider(
        "cluster",
        kubeconfig=str(target.kubeconfig),
        context=target.context,
        cluster_identifier=target.identifier,
        # Pods carry a checksum of their configuration and roll when it changes, so that these two need not
        # be replaced, which would delete them for a moment under running pods.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
    )
