"""The secret configuration of a stack: what there is, giving one, making a new one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poscloud.engine.deploy import install
from poscloud.engine.description import describe, load_checked
from poscloud.engine.passphrase import check_passphrase
from poscloud.engine.passwords import make_password
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name, read_stack_config
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.progress import Reporter
from poscloud.render import RenderedPart, render_environment
from poscloud.render.secrets import filled, random_sources, required, sources, used
from poscloud.spec.references import nearest

SHORTEST_HIDDEN = 4
"""Characters below which a value is not hidden in messages: most words would have it in them by chance."""


@dataclass(frozen=True)
class Entry:
    """One value of secret configuration.

    Attributes:
        name: Its name, ``poscloud:NAME`` in Pulumi.STACK.yaml.
        secret: The Secret it is written into.
        key: The key there.
        stored: Whether it is set.
        needed: Whether nothing can be deployed without it.
        random: Whether any word will do, so that poscloud makes one.
        readers: Workloads whose pods read the Secret when they start.
    """

    name: str
    secret: str
    key: str
    stored: bool
    needed: bool
    random: bool
    readers: tuple[str, ...]


def entries(root: Path, stack: str) -> list[Entry]:
    """Return the secret configuration that the environment of ``stack`` asks for, in the order it is used.

    Raises:
        InputError: The description is wrong.
    """
    spec = load_checked(root, stack)
    stored = read_stack_config(root, stack).keys
    manifests = [m for part in render_environment(spec) for m in part.manifests]
    found = []
    for item in (m for m in manifests if m["kind"] == "Secret"):
        secret = item["metadata"]["name"]
        readers = tuple(m["metadata"]["name"] for m in manifests if secret in used(m))
        random, needed = random_sources(item), required(item)
        found += [
            Entry(name, secret, key, name in stored, name in needed, name in random, readers)
            for key, name in sources(item).items()
        ]
    return found


def rendered(root: Path, stack: str) -> list[RenderedPart]:
    """Return the environment of ``stack`` rendered, with the content of its Secrets in clear text.

    Raises:
        InputError: The description is wrong.
        AuthError: The passphrase is wrong.
        DeployError: The engine cannot read the secret configuration.
    """
    parts = describe(root, stack, project_name(root)).parts
    pulumi = Pulumi(root, read_stack_config(root, stack).context)
    done = pulumi.quietly("config", "--show-secrets", "--json", "--stack", stack, "--non-interactive")
    if done.returncode != 0:
        check_passphrase(root, stack, pulumi.environment)
        raise DeployError(f"cannot read the secrets of stack {stack}: {done.stderr.strip()}")
    values = {
        name.removeprefix("poscloud:"): str(entry.get("value", ""))
        for name, entry in json.loads(done.stdout or "{}").items()
    }
    return [replace(part, manifests=[filled(m, values) for m in part.manifests]) for part in parts]


def give(root: Path, stack: str, name: str, value: str, reporter: Reporter) -> Entry:
    """Store a value, encrypted.

    Raises:
        PosCloudError: The environment asks for no such value, or this one is empty.
    """
    entry = _named(entries(root, stack), stack, name, whole=False)[0]
    if not value:
        raise PosCloudError(
            f"the value of {name} is empty", hint=f"poscloud secret set -s {stack} {name} < FILE"
        )
    if len(value) < SHORTEST_HIDDEN:
        reporter.note(f"a value of fewer than {SHORTEST_HIDDEN} characters is not hidden in messages")
    _opened(root, stack, reporter).set_secret(stack, f"poscloud:{name}", value)
    return entry


def rotate(root: Path, stack: str, name: str, reporter: Reporter) -> list[Entry]:
    """Store new random words for one value, or for all of a Secret's; the next ``up`` makes them count.

    Raises:
        PosCloudError: There is no such value, or the other side decides what it is.
    """
    chosen = _named(entries(root, stack), stack, name, whole=True)
    if given := [entry.name for entry in chosen if not entry.random]:
        raise PosCloudError(
            f"{', '.join(given)}: its value comes from elsewhere, so that poscloud cannot make a new one",
            hint=f"change it there, then: poscloud secret set -s {stack} {given[0]} < FILE",
        )
    pulumi = _opened(root, stack, reporter)
    for entry in chosen:
        make_password(pulumi, stack, entry.name)
    return chosen


def _named(known: Sequence[Entry], stack: str, name: str, *, whole: bool) -> list[Entry]:
    """Return the values of that name, or in the Secret of that name; each once, however many keys it feeds."""
    wanted = name.removeprefix("poscloud:")
    if found := [e for e in known if e.name == wanted] or [e for e in known if whole and e.secret == wanted]:
        return [
            _united([e for e in known if e.name == each]) for each in dict.fromkeys(e.name for e in found)
        ]
    names = sorted({e.name for e in known} | ({e.secret for e in known} if whole else set()))
    raise PosCloudError(f"stack {stack} has no secret '{name}'", hint=nearest(name, names))


def _united(same: Sequence[Entry]) -> Entry:
    """Return the first place of a value, with the readers of all."""
    return replace(
        same[0],
        needed=any(e.needed for e in same),
        random=all(e.random for e in same),
        readers=tuple(sorted({reader for e in same for reader in e.readers})),
    )


def _opened(root: Path, stack: str, reporter: Reporter) -> Pulumi:
    install(root, reporter)
    pulumi = Pulumi(root, read_stack_config(root, stack).context)
    pulumi.ensure_stack(stack)
    return pulumi
