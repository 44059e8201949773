"""The baseline: what runs, as the last ``up`` published it, without a value that anybody might want to hide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from poscloud.engine.mergerequest.sanitize import Key, sanitized, with_secrets
from poscloud.engine.stackconfig import SALT
from poscloud.errors import PosCloudError
from poscloud.render import Manifest, RenderedPart

SCHEMA = 1
"""Version of the document, of what is hashed and of how."""


@dataclass(frozen=True)
class Component:
    """One component of an environment.

    Attributes:
        name: The service's or backing service's name.
        kind: Kind in the language.
        objects: Its manifests, sanitised.
    """

    name: str
    kind: str
    objects: list[Manifest]


@dataclass(frozen=True)
class Baseline:
    """A sanitised environment.

    Attributes:
        stack: Its name.
        components: All of them.
        published: When, in UTC, as ISO 8601; empty for what is not published.
        salt: Hash of what the secrets are encrypted with; another one means that all are encrypted anew.
    """

    stack: str
    components: list[Component]
    published: str = ""
    salt: str = ""


def take(stack: str, parts: Sequence[RenderedPart], stored: Mapping[str, str], key: Key) -> Baseline:
    """Return a rendered environment, sanitised.

    Args:
        stack: Its name.
        parts: Its parts.
        stored: Configuration as it stands in Pulumi.STACK.yaml.
        key: What values are hashed with.
    """
    components = [
        Component(part.name, part.kind, [sanitized(item, key, stack) for item in manifests])
        for part, manifests in with_secrets(parts, stored)
    ]
    salt = key.hashed(f"{stack}\0{SALT}", stored[SALT]) if SALT in stored else ""
    return Baseline(stack, components, salt=salt)


def write(baseline: Baseline, key: Key, now: datetime) -> bytes:
    """Return the document; it is sealed, so that whoever reads it knows who wrote it."""
    published = now.astimezone(UTC).isoformat(timespec="seconds")
    body = {"schema": SCHEMA, **asdict(baseline), "published": published}
    return _text({**body, "key": key.mark, "seal": key.seal(_text(body))}) + b"\n"


def read(content: bytes, key: Key, where: str, stack: str) -> Baseline:
    """Return a baseline from its document.

    Args:
        content: The document.
        key: The key it was published with.
        where: Where it was found, for messages.
        stack: The stack it is expected to be of.

    Raises:
        PosCloudError: It is damaged, or of another stack, version or key.
    """
    publish = f"publish it anew, from what is deployed: poscloud mr baseline publish -s {stack}"
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PosCloudError(f"the baseline {where} is damaged: {error}", hint=publish) from None
    if not isinstance(document, dict) or "schema" not in document:
        raise PosCloudError(f"{where} is no baseline", hint=publish)
    if document["schema"] != SCHEMA:
        raise PosCloudError(f"the baseline {where} is of another version of poscloud", hint=publish)
    if document.get("key") != key.mark:
        raise PosCloudError(
            f"the baseline {where} was published with another POSCLOUD_BASELINE_KEY than the one set here",
            hint=f"give this job the key that `up` has; or {publish}",
        )
    seal = str(document.pop("seal", ""))
    document.pop("key")
    if seal != key.seal(_text(document)):
        raise PosCloudError(
            f"the baseline {where} was changed by somebody without the key, or is damaged", hint=publish
        )
    if document["stack"] != stack:
        raise PosCloudError(f"the baseline {where} is that of stack {document['stack']}", hint=publish)
    # From here on it is known to be of our own making.
    components = [Component(**component) for component in document["components"]]
    return Baseline(document["stack"], components, document["published"], document["salt"])


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
