"""Manifests without what they say: every value a keyed hash, except the few that ``plain`` lists."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from poscloud.engine.mergerequest.plain import Place, is_plain
from poscloud.engine.passwords import secret_digests
from poscloud.errors import PosCloudError
from poscloud.render import Manifest, RenderedPart
from poscloud.render.secrets import filled, with_checksum

VARIABLE = "POSCLOUD_BASELINE_KEY"
SHORTEST = 16
"""Characters that a key has at least."""
HASHED = "hmac:"
"""What a hashed value begins with."""
_BYTES = 16


class Key:
    """What values are hashed with: HMAC-SHA256, of which 128 bits are kept.

    Args:
        secret: Any text of at least 16 characters; who has it can find out a hashed value by trying.

    Raises:
        PosCloudError: It is shorter.
    """

    def __init__(self, secret: str) -> None:
        if len(secret) < SHORTEST:
            raise PosCloudError(
                f"{VARIABLE} has {len(secret)} characters, and a key has at least {SHORTEST}",
                hint="make one, and keep it as a masked variable of CI: openssl rand -hex 32",
            )
        self._values, self._seals, self._name = (
            hmac.digest(secret.encode(), f"poscloud baseline {use}".encode(), "sha256")
            for use in ("values", "seal", "name")
        )

    def hashed(self, place: str, value: Any) -> str:
        """Return the hash of a value; equal values at different places have different hashes."""
        text = f"{place}\0{json.dumps(value, sort_keys=True, default=str)}"
        return HASHED + hmac.digest(self._values, text.encode(), hashlib.sha256)[:_BYTES].hex()

    def seal(self, content: bytes) -> str:
        """Return what proves that nobody without the key wrote ``content``."""
        return hmac.digest(self._seals, content, hashlib.sha256).hex()

    @property
    def mark(self) -> str:
        """What tells this key from another one, and nothing more about it."""
        return self._name[:8].hex()


def is_hashed(value: Any) -> bool:
    """Whether a value of a sanitised manifest says only whether it is the same."""
    return isinstance(value, str) and value.startswith(HASHED)


def with_secrets(
    parts: Sequence[RenderedPart], stored: Mapping[str, str]
) -> list[tuple[RenderedPart, list[Manifest]]]:
    """Return each part with its manifests as ``up`` would make them, with ciphertexts in place of secrets.

    Secrets are filled, and pods carry their checksum, as if the ciphertexts were the values: so a secret that is
    encrypted anew shows in the same places as one that changed.

    Args:
        parts: The rendered environment.
        stored: Configuration as it stands in Pulumi.STACK.yaml.
    """
    secrets = [m for part in parts for m in part.manifests if m["kind"] == "Secret"]
    digests = secret_digests(secrets, stored.get)
    return [
        (
            part,
            [
                with_checksum(filled(m, stored) if m["kind"] == "Secret" else m, digests)
                for m in part.manifests
            ],
        )
        for part in parts
    ]


def sanitized(item: Manifest, key: Key, stack: str) -> Manifest:
    """Return a manifest with every value hashed that is not one of the plain ones."""
    kind = str(item["kind"])
    place = f"{stack}\0{kind}/{item['metadata']['name']}"
    found: Manifest = _sanitized(item, key, kind, (), place)
    return found


def _sanitized(value: Any, key: Key, kind: str, place: Place, text: str) -> Any:
    if isinstance(value, dict):
        return {
            str(k): _sanitized(below, key, kind, (*place, str(k)), f"{text}\0{k}")
            for k, below in value.items()
        }
    if isinstance(value, list):
        return [_sanitized(below, key, kind, place, text) for below in value]
    if value is None or is_plain(kind, place):
        return value
    return key.hashed(text, value)
