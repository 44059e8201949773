"""Passwords of an environment's own servers, which nobody has to think of."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import read_stack_config
from poscloud.local.progress import Reporter
from poscloud.render import render_environment
from poscloud.render.secrets import random_sources, required
from poscloud.spec import EnvironmentSpec

LENGTH = 16
"""Bytes of a password; it is written with two hexadecimal digits each, which need no escape anywhere."""


def missing_passwords(root: Path, spec: EnvironmentSpec) -> list[str]:
    """Return the secret configuration of ``spec`` for which any word will do and that is not set, sorted."""
    manifests = [m for part in render_environment(spec) for m in part.manifests if m["kind"] == "Secret"]
    wanted = {name for m in manifests for name in random_sources(m) & required(m)}
    return sorted(wanted - read_stack_config(root, spec.name).keys)


def make_passwords(pulumi: Pulumi, root: Path, spec: EnvironmentSpec, reporter: Reporter) -> None:
    """Store a random password, encrypted, for each that is missing; those that are set stay as they are.

    Raises:
        DeployError: The engine cannot store one.
    """
    for name in missing_passwords(root, spec):
        pulumi.set_secret(spec.name, f"poscloud:{name}", token_hex(LENGTH))
        reporter.note(f"made a password: poscloud:{name} in Pulumi.{spec.name}.yaml (encrypted)")
