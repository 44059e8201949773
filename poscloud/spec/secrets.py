"""Secrets that the environment makes: whether they have the keys that its parts ask them for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from poscloud.spec.base import SecretKey
from poscloud.spec.password import ExistingSecret, WithPassword
from poscloud.spec.references import Finding, Path, nearest

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec

LOGIN = ("username", "password")
"""Keys of a Secret that a field ``credentials`` names: HTTP basic authentication, as git and jar stores take it."""

_DIFFERENT = 2
"""Most characters in which a misspelt name differs from the one that is meant; of a short one, a quarter."""


def check_secrets(spec: EnvironmentSpec) -> list[Finding]:
    """Return each key that a Secret of this environment has not, and each name that is nearly one of `secrets`.

    Kubernetes would take the pod and never start it. A Secret of another name may be there without poscloud.
    """
    findings = []
    if spec.pull_secret in spec.secrets:
        message = f"'{spec.pull_secret}' is the Secret with the registry's credentials (pull_secret)"
        findings.append(
            Finding(
                ("secrets", spec.pull_secret), "duplicate-name", message, "rename it, or name another there"
            )
        )
    made = _made(spec)
    if spec.filebeat:
        findings += _check(spec.filebeat, ("filebeat",), made, spec.secrets)
    for group, parts in (("backing", spec.backing), ("services", spec.services)):
        for name, part in parts.items():
            findings += _check(part, (group, name), made, spec.secrets)
    return findings


def _made(spec: EnvironmentSpec) -> dict[str, tuple[str, ...]]:
    """Return the keys of every Secret with passwords that the environment makes."""
    own = {
        name: part.secret_keys
        for name, part in spec.backing.items()
        if isinstance(part, WithPassword)
        and part.with_password
        and not isinstance(part.password, ExistingSecret)
    }
    return {**own, **spec.secrets}


def _check(
    value: Any, path: Path, made: Mapping[str, tuple[str, ...]], declared: Mapping[str, object]
) -> Iterator[Finding]:
    for where, secret, keys in _asked(value, path):
        login = keys == LOGIN
        place = where if login else (*where, "secret")
        if secret in made:
            for key in (k for k in keys if k not in made[secret]):
                at = where if login else (*where, "key")
                message = f"Secret '{secret}' has no key '{key}'"
                hint = nearest(key, made[secret])
                if not hint.startswith("did you mean") and secret in declared:
                    hint = f"add it to secrets.{secret}"
                yield Finding(at, "unknown-reference", message, hint)
        elif meant := next((name for name in declared if _nearly(secret, name)), None):
            message = f"'{secret}' is none of this environment's secrets"
            yield Finding(place, "unknown-reference", message, f"did you mean '{meant}'?")


def _asked(value: Any, path: Path) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """Yield every place inside ``value`` that names a Secret, with the Secret and the keys that are needed.

    Whether the Secret of a backing service's own ``password`` has its keys, the backing service checks.
    """
    if isinstance(value, SecretKey):
        yield path, value.secret, (value.key,)
    elif isinstance(value, ExistingSecret):
        yield path, value.secret, ()
    elif isinstance(value, BaseModel):
        if secret := getattr(value, "credentials", None):
            yield (*path, "credentials"), secret, LOGIN
        for name in type(value).model_fields:
            yield from _asked(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _asked(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _asked(item, (*path, i))


def _nearly(name: str, other: str) -> bool:
    """Whether ``name`` is likely ``other``, misspelt; with other digits it is another name."""
    if re.findall(r"\d", name) != re.findall(r"\d", other):
        return False
    same = sum(block.size for block in SequenceMatcher(None, name, other).get_matching_blocks())
    longest = max(len(name), len(other))
    return longest - same <= min(_DIFFERENT, longest // 4)
