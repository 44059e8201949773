"""The environment of a stack, declared part by part from its description."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pulumi

from poscloud.cluster.target import Target
from poscloud.components import Environment
from poscloud.components.choice import VARIABLE, Choice
from poscloud.engine import unrecorded
from poscloud.engine.description import describe
from poscloud.engine.passwords import secret_digests
from poscloud.engine.registryauth import CONFIG, refuse_emptied
from poscloud.engine.statefile import state_file
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths
from poscloud.render import Manifest
from poscloud.render.environment import start_order
from poscloud.render.secrets import random_sources, required, sources
from poscloud.spec import EnvironmentSpec
from poscloud.spec.release import releases


async def declare(root: Path, target: Target, cluster: pulumi.ProviderResource) -> dict[str, Any]:
    """Declare the environment of the current stack and return what the stack exports.

    Args:
        root: The project's folder.
        target: The cluster it goes to.
        cluster: That cluster's provider.

    Raises:
        PosCloudError: The description is wrong, or the stack lacks what it needs.
    """
    config = pulumi.Config("poscloud")
    described = describe(root, pulumi.get_stack(), pulumi.get_project())
    spec = described.spec
    if config.get_secret(CONFIG) is None:
        refuse_emptied(target, spec, dry_run=pulumi.runtime.is_dry_run())
    keep_record(root, spec, dry_run=pulumi.runtime.is_dry_run())
    choice = Choice.read(os.environ.get(VARIABLE, ""))
    parts = [part for part in described.parts if part.name not in choice.left_out]
    manifests = [m for part in parts for m in part.manifests if m["kind"] == "Secret" and choice.declares(m)]
    environment = Environment(
        spec,
        secrets=secret_configuration(manifests, config),
        digests=secret_digests(manifests, config.get),
        cluster_uid=target.uid,
        rendered=parts,
        choice=choice,
        opts=pulumi.ResourceOptions(providers=[cluster]),
    )
    for name in start_order(spec):
        if name in choice.left_out:
            continue
        environment.add(name)
        await asyncio.sleep(0)  # the engine gets this part while the next one is rendered
    released = releases(spec)
    return {
        "namespace": spec.name,
        "cluster": target.server,
        "services": _urls(environment, spec.services),
        "backing": _urls(environment, spec.backing),
        **({"releases": released} if released else {}),
    }


def keep_record(root: Path, spec: EnvironmentSpec, *, dry_run: bool) -> None:
    """Refuse a run without checkpoints where it is not meant to be, and note one where it is.

    Raises:
        DeployError: The engine would write its state only at the end, the environment is not a short-lived one, and it
            is not ``poscloud`` that runs the engine so.
    """
    paths, stack = ProjectPaths(root), spec.name
    unrecorded.settle(paths, stack, state_file(paths, stack))
    if unrecorded.skips_checkpoints(dict(os.environ)):
        under_command = unrecorded.is_marked(paths, stack) and not unrecorded.is_forgotten(paths, stack)
        if not spec.short_lived and not under_command:
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
    outputs = {name: environment.parts[name].outputs for name in names if name in environment.parts}
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
