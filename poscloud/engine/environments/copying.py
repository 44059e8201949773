"""Making a copy of an environment: its description, its configuration, and then ``up``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from poscloud.engine.description import load_checked
from poscloud.engine.environments.builds import Build
from poscloud.engine.passwords import CHECKSUM_KEY, secret_manifests
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import read_stack_config
from poscloud.errors import DeployError, PosCloudError
from poscloud.load import known_stacks, load_environment
from poscloud.load.edit import set_value, write_flow
from poscloud.load.stacks import STACKS
from poscloud.render.secrets import random_sources, required
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import nearest

MODELINE = "# yaml-language-server: $schema=../schemas/environment.schema.json\n"


@dataclass(frozen=True)
class Order:
    """What a copy is to be.

    Attributes:
        name: Its name.
        original: The environment it is a copy of.
        ttl: How long it stays without activity, or ``forever``.
        owner: Who asks for it.
        merge_request: ``PROJECT!NUMBER``; empty for none.
        only: Services to run, with what they need; empty for all.
        team: The team it counts for; empty for none.
        changes: ``SERVICE.FIELD=VALUE``, or ``FIELD=VALUE`` of the environment; they go before ``builds``.
        builds: Builds of merge requests that services run.
    """

    name: str
    original: str
    ttl: str
    owner: str
    merge_request: str = ""
    only: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    team: str = ""
    builds: tuple[Build, ...] = ()


def describe_copy(root: Path, order: Order) -> Path:
    """Write the description of a copy, once it is known to be a right one, and return its file.

    One of the same environment for the same owner or merge request is described anew.

    Raises:
        PosCloudError: There is another description of that name, or it would be a wrong one; nothing was written.
    """
    file = root / STACKS / f"{order.name}.yaml"
    if order.name in known_stacks(root) and not _is_same(root, order):
        raise PosCloudError(
            f"there is an environment {order.name} already ({_said(root, order.name)})",
            hint=f"to bring it up to date: poscloud up -s {order.name}; for another one, choose another name",
        )
    text = MODELINE + _document(root, order)
    before = file.read_text(encoding="utf-8") if file.is_file() else None
    try:
        file.write_text(text, encoding="utf-8")
        load_checked(root, order.name)
    except BaseException:
        if before is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(before, encoding="utf-8")
        raise
    return file


def _is_same(root: Path, order: Order) -> bool:
    """Whether the environment of that name is a copy of the same one, for the same owner or merge request."""
    try:
        spec = load_environment(root, order.name)
    except PosCloudError:
        return False
    found = spec.lifetime
    if found is None or spec.copy_of != order.original:
        return False
    return same_asker(order, found.owner, found.merge_request or "")


def same_asker(order: Order, owner: str, merge_request: str) -> bool:
    """Whether a copy is for the same owner, or for the same merge request, whoever pushed to it."""
    return merge_request == order.merge_request if merge_request else owner == order.owner


def _document(root: Path, order: Order) -> str:
    spec = load_environment(root, order.original)
    lifetime: dict[str, Any] = {"ttl": order.ttl, "owner": order.owner}
    lifetime |= {"merge_request": order.merge_request} if order.merge_request else {}
    lifetime |= {"team": order.team} if order.team else {}
    lifetime |= {"made_with": [build.request for build in order.builds]} if order.builds else {}
    text = f"copy_of: {order.original}\nlifetime: {write_flow(lifetime)}\n"
    if order.only:
        text += f"only: {write_flow(list(order.only))}\n"
    for path, value in [field for build in order.builds for field in build.fields.items()]:
        text = set_value(text, path, value)
    for change in order.changes:
        path, value = _change(change, spec)
        text = set_value(text, path, value)
    return text


def _change(text: str, spec: EnvironmentSpec) -> tuple[tuple[str, ...], Any]:
    """Return place and value of ``SERVICE.FIELD=VALUE``.

    Raises:
        PosCloudError: It is of another form, or no service has that name.
    """
    path, equals, given = text.partition("=")
    steps = tuple(path.split("."))
    if not equals or not all(steps):
        raise PosCloudError(
            f"--set {text}: expected SERVICE.FIELD=VALUE", hint="for example --set dac-task.version=v2"
        )
    try:
        value = yaml.safe_load(given) if given else ""
    except yaml.YAMLError:
        value = given
    for group, parts in (("services", spec.services), ("backing", spec.backing)):
        if steps[0] in parts:
            return (group, *steps), value
    if steps[0] in EnvironmentSpec.model_fields:
        return steps, value
    raise PosCloudError(
        f"--set {text}: {spec.name} has no service or backing service '{steps[0]}'",
        hint=nearest(steps[0], {*spec.services, *spec.backing}),
    )


def _said(root: Path, name: str) -> str:
    """Return what an environment that is there already says about itself."""
    try:
        spec = load_environment(root, name)
    except PosCloudError:
        return f"{STACKS}/{name}.*"
    if not spec.lifetime:
        return f"{STACKS}/{name}.*, one of the project's own"
    return f"a copy of {spec.copy_of}, of {spec.lifetime.owner}"


def copy_configuration(pulumi: Pulumi, root: Path, order: Order) -> Sequence[str]:
    """Give a stack the configuration of the one it is a copy of, but for passwords that poscloud makes.

    Returns:
        What was taken over, by name.

    Raises:
        DeployError: The engine cannot read or write it.
    """
    stored = read_stack_config(root, order.original).keys
    own = _own(root, order.name)
    wanted = sorted(stored - own - read_stack_config(root, order.name).keys)
    options = ("--stack", order.original, "--dest", order.name, "--non-interactive")
    # All at once is one start of the engine, and takes over passwords as well where there are any.
    each = [(f"poscloud:{key}",) for key in wanted] if len(wanted) < len(stored) else [()]
    for key in each if wanted else ():
        done = pulumi.quietly("config", "cp", *key, *options)
        if done.returncode != 0:
            raise DeployError(
                f"cannot take over the configuration of stack {order.original}: {done.stderr.strip()}",
                hint="is it the same passphrase? poscloud doctor",
            )
    return wanted


def remembered(pulumi: Pulumi, root: Path, name: str) -> bool:
    """Give a stack that is deployed the configuration of its last run, where this clone does not have it.

    Without it there would be new passwords for servers that have theirs already.

    Returns:
        Whether the stack is there.

    Raises:
        DeployError: The engine cannot tell.
    """
    if (root / f"Pulumi.{name}.yaml").is_file():
        return True
    if not pulumi.in_embedded_state(name):
        if pulumi.embedded:
            return False
        done = pulumi.quietly("stack", "select", "--stack", name, "--non-interactive")
        if "no stack named" in done.stderr:
            return False
    done = pulumi.quietly("config", "refresh", "--force", "--stack", name, "--non-interactive")
    if done.returncode != 0 and "no previous deployment" not in done.stderr:
        raise DeployError(
            f"cannot recall the configuration of stack {name}: {done.stderr.strip()}",
            hint="is it the same passphrase? poscloud doctor",
        )
    return True


def _own(root: Path, name: str) -> set[str]:
    """Return the names of what every environment has words of its own for: passwords that poscloud makes."""
    spec = load_environment(root, name)
    return {n for m in secret_manifests(spec) for n in random_sources(m) & required(m)} | {CHECKSUM_KEY}
