"""Check: names, namespaces and tidy inputs, without asking the API server."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Literal

from poscloud.provider.crud import SERVER_SIDE
from poscloud.provider.diff import get
from poscloud.provider.kinds import AUTONAMED, is_namespaced, longest_name, name_problem
from poscloud.provider.unknowns import UNKNOWNS
from poscloud.provider.values import Mask, has_unknowns

Object = dict[str, Any]

HASH_LENGTH = 8


@dataclass(frozen=True)
class Naming:
    """How an object without a name gets one.

    Attributes:
        resource: The resource's name in the program.
        seed: Random bytes that stay the same for one update.
        mode: ``disable`` wants a name from the program; ``enforce`` takes the proposed one as it is.
        proposed: The engine's proposal; may be empty.
    """

    resource: str
    seed: bytes = b""
    mode: Literal["propose", "enforce", "disable"] = "propose"
    proposed: str = ""


@dataclass
class Checked:
    """The result of a check.

    Attributes:
        inputs: What Diff, Create and Update receive.
        mask: What in them is secret.
        failures: Property and reason of everything that is wrong.
    """

    inputs: Object
    mask: Mask
    failures: list[tuple[str, str]] = field(default_factory=list)


def check(olds: Object, news: Object, mask: Mask, naming: Naming, namespace: str) -> Checked:
    """Complete and verify the inputs of one object.

    Args:
        olds: The inputs of the last run; empty for a new object.
        news: What the program says.
        mask: What in it is secret.
        naming: How to name it if the program does not.
        namespace: The default namespace.
    """
    given = news.get("metadata") or {}
    if not isinstance(given, dict):  # known after the deployment
        return Checked(news, mask)
    metadata = {k: v for k, v in given.items() if k not in SERVER_SIDE}
    checked = Checked({**news, "metadata": metadata}, mask)
    kind = str(news.get("kind", ""))
    if kind == "CustomResourceDefinition":
        checked.inputs.pop("status", None)
    if kind == "Secret":
        _fold_string_data(checked)
    if not metadata.get("name"):
        _name(checked, olds, kind, naming)
    elif metadata["name"] not in UNKNOWNS and (problem := name_problem(kind, str(metadata["name"]))):
        checked.failures.append(("metadata.name", problem))
    if is_namespaced(news) and not metadata.get("namespace"):
        metadata["namespace"] = namespace
    elif is_namespaced(news) is False:
        metadata.pop("namespace", None)
    return checked


def _fold_string_data(checked: Checked) -> None:
    """The server turns stringData into data and never shows it again; so do we, to compare like with like."""
    inputs = checked.inputs
    extra = inputs.get("stringData")
    if not isinstance(extra, dict) or has_unknowns(extra) or has_unknowns(inputs.get("data")):
        return
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in extra.items()}
    inputs["data"] = {**(inputs.get("data") or {}), **encoded}
    del inputs["stringData"]


def _name(checked: Checked, olds: Object, kind: str, naming: Naming) -> None:
    metadata = checked.inputs["metadata"]
    if metadata.get("generateName"):
        checked.failures.append(
            ("metadata.generateName", "give metadata.name instead; Pulumi must know the name")
        )
        return
    old_name = get(olds, "metadata", "name")
    if old_name and get(olds, "metadata", "annotations", AUTONAMED) == "true":
        name = old_name
    elif naming.mode == "disable":
        reason = "autonaming is disabled, so the object needs an explicit metadata.name"
        checked.failures.append(("metadata.name", reason))
        return
    elif naming.proposed:
        name = naming.proposed
    else:
        name = f"{naming.resource[: longest_name(kind) - HASH_LENGTH - 1]}-{naming.seed.hex()[:HASH_LENGTH]}"
    if problem := name_problem(kind, name):
        checked.failures.append(("metadata.name", problem))
    metadata["name"] = name
    metadata["annotations"] = {**(metadata.get("annotations") or {}), AUTONAMED: "true"}
