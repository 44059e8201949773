"""Passwords of an environment's own servers, which nobody has to think of."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex

from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import read_stack_config
from poscloud.local.progress import Reporter
from poscloud.render import Manifest, render_environment
from poscloud.render.secrets import random_sources, required, sources, used
from poscloud.spec import EnvironmentSpec

LENGTH = 16
"""Bytes of a password; it is written with two hexadecimal digits each, which need no escape anywhere."""

CHECKSUM_KEY = "checksumKey"
"""Secret configuration: the key of the checksums by which pods notice a new password.

A checksum without a key, which everybody can read who may list pods, would let a weak password be guessed offline.
"""


def secret_manifests(spec: EnvironmentSpec) -> Sequence[Manifest]:
    """Return the Secrets of an environment, without their content."""
    return [m for part in render_environment(spec) for m in part.manifests if m["kind"] == "Secret"]


def missing_passwords(root: Path, spec: EnvironmentSpec) -> list[str]:
    """Return the secret configuration of ``spec`` for which any word will do and that is not set, sorted."""
    wanted = {name for m in secret_manifests(spec) for name in random_sources(m) & required(m)}
    return sorted(wanted - read_stack_config(root, spec.name).keys)


def _needs_checksum_key(root: Path, spec: EnvironmentSpec) -> bool:
    """Whether pods of ``spec`` read Secrets of poscloud's, and the key of their checksums is not set."""
    if CHECKSUM_KEY in read_stack_config(root, spec.name).keys:
        return False
    manifests = [m for part in render_environment(spec) for m in part.manifests]
    made = {m["metadata"]["name"] for m in manifests if m["kind"] == "Secret"}
    return any(used(m) & made for m in manifests)


def make_passwords(pulumi: Pulumi, root: Path, spec: EnvironmentSpec, reporter: Reporter) -> None:
    """Store a random password, encrypted, for each that is missing; those that are set stay as they are.

    Raises:
        DeployError: The engine cannot store one.
    """
    for name in missing_passwords(root, spec):
        make_password(pulumi, spec.name, name)
        reporter.note(f"made a password: poscloud:{name} in Pulumi.{spec.name}.yaml (encrypted)")
    if _needs_checksum_key(root, spec):
        make_password(pulumi, spec.name, CHECKSUM_KEY)


def make_password(pulumi: Pulumi, stack: str, name: str) -> None:
    """Store a new random word as the secret configuration ``poscloud:NAME``, encrypted."""
    pulumi.set_secret(stack, f"poscloud:{name}", token_hex(LENGTH))


def secret_digests(manifests: Sequence[Manifest], value: Callable[[str], str | None]) -> dict[str, str]:
    """Return Secret → keyed digest of its content, of those with any; nothing without a key.

    Args:
        manifests: The environment's Secrets.
        value: Returns secret configuration by its name without ``poscloud:``.
    """
    key = value(CHECKSUM_KEY)
    if not key:
        return {}
    found = {}
    for manifest in manifests:
        content = {k: value(config) for k, config in sources(manifest).items()}
        if any(content.values()):
            text = json.dumps([manifest["metadata"]["name"], content], sort_keys=True)
            found[manifest["metadata"]["name"]] = hmac.digest(
                key.encode(), text.encode(), hashlib.sha256
            ).hex()
    return found
