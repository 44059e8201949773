"""What somebody probably meant who wrote something of another type, or at another place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from poscloud.load.yamltree import Mark, Node
from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import SERVICE_KINDS

HIDDEN = "********"
"""What is shown in place of a secret."""

_GLUED = re.compile(r"([A-Za-z][\w.-]*):(\S+)")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE)
_CORES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:v?cpus?|cores?)", re.IGNORECASE)
_MANIFEST = "that is a Kubernetes manifest; what describes it is written by: poscloud import FILE"


def for_type(wanted: str, found: Any, path: Sequence[Any], mark: Mark, written: str = "") -> str:
    """Return how to write what was meant by a value of another type; empty where that is not clear.

    Args:
        wanted: What was expected, in words.
        found: What is there.
        path: Where it stands in the description.
        mark: Where it stands in a file.
        written: How a number stands there, where that is not how it is written here.
    """
    python = mark.file.suffix == ".py"
    if isinstance(found, str) and HIDDEN in found:
        return ""
    if wanted == "text":
        return _for_text(found, written)
    if isinstance(found, str) and not python:
        return _for_word(wanted, found)
    if wanted == "a list" and isinstance(found, str):
        return f'write ["{found}"]' if found.isprintable() and len(found) < 40 else ""
    if wanted.startswith("a map") and isinstance(found, (list, tuple)):
        value = "VALUE" if path and path[-1] == "env" else "…"
        return "" if python else f"write NAME: {value}, without '-' before it"
    if wanted.startswith("a map") and found is None:
        return "indent what belongs to it below it; or write {} for nothing"
    return ""


def _for_text(found: Any, written: str) -> str:
    if isinstance(found, bool):
        return f'put it in quotes: "{str(found).lower()}"'
    if isinstance(found, int):
        return f'put it in quotes: "{written or found}"'
    if isinstance(found, float):
        return f"put it in quotes as it stands there; without them it is the number {found}"
    return 'for empty text write ""' if found is None else ""


def _for_word(wanted: str, found: str) -> str:
    if wanted == "a whole number" and re.fullmatch(r"-?\d{1,9}", found):
        return f"without quotes: {found}"
    if wanted == "true or false" and found.lower() in ("true", "false", "yes", "no", "on", "off"):
        return f"write {'true' if found.lower() in ('true', 'yes', 'on') else 'false'}, without quotes"
    if wanted == "a list" and re.fullmatch(r"[\w.-]{1,40}", found):
        return f"write [{found}]"
    if wanted.startswith("a map") and (glued := _GLUED.fullmatch(found)):
        return f"a space is missing after ':'; write {glued[1]}: {glued[2]}" if len(found) < 60 else ""
    return ""


def for_value(message: str, found: Any) -> str:
    """Return a value that is allowed and near to one that is not; empty where there is none.

    Args:
        message: What is wrong with it.
        found: What is there.
    """
    if not isinstance(found, str):
        return ""
    if "is not a DNS name" in message and "'-' and '.'" not in message:
        near = re.sub(r"[^a-z0-9]+", "-", found.lower()).strip("-")
        return f"did you mean '{near}'?" if near[:1].isalpha() and near != found else ""
    if "is not a quantity" in message:
        if cores := _CORES.fullmatch(found.strip()):
            return f"did you mean {cores[1]}?"
        if amount := _AMOUNT.fullmatch(found.strip()):
            if amount[2] == "m" and found.strip().endswith("m"):
                return f"did you mean {amount[1]}m for a CPU, or {amount[1]}Mi for memory?"
            suffix = (amount[2] or "").rstrip("iI").upper()
            return f"did you mean {amount[1]}{suffix}i?" if suffix else ""
    return ""


def for_field(loc: Sequence[Any], node: Node) -> str:
    """Return where a field belongs that stands at a place that has no such field; empty where that is not clear.

    Args:
        loc: Its path.
        node: The description.
    """
    name = str(loc[-1])
    part = len(loc) == 3 and loc[0] in ("services", "backing")
    if (part or (len(loc) > 3 and loc[-3] == "containers")) and name in ("limits", "requests"):
        return f"write resources: {{{name}: …}}"
    if part and name == "name":
        return f"'{loc[1]}' before the ':' is its name; leave the field out"
    if len(loc) > 1:
        known = node.is_map and loc[0] in ("services", "backing", "defaults")
        elsewhere = known and name in EnvironmentSpec.model_fields
        return (
            f"'{name}' is a field of the environment: write it at the left, outside of {loc[0]}"
            if elsewhere
            else ""
        )
    if name == "apiVersion" and "kind" in node.value:
        return _MANIFEST
    value = node.value[name].value if node.is_map and name in node.value else None
    kind = value["kind"].value if isinstance(value, dict) and "kind" in value else value
    if isinstance(kind, str) and kind in SERVICE_KINDS and name not in EnvironmentSpec.model_fields:
        return f"if '{name}' is a service: indent it, below `services:`"
    return ""
