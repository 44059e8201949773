"""What an object has to look like before anything is done with it, whoever sent it.

The API server judges what objects mean. Here is only looked at what the provider itself relies on: that metadata is
a map, that a name is text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from poscloud.errors import DeployError, PosCloudError
from poscloud.provider.kinds import is_built_in
from poscloud.provider.unknowns import UNKNOWNS

Object = dict[str, Any]

MAX_DEPTH = 30
"""Maps and lists in each other. Protobuf takes 100 levels, and each of these is three of its own."""
BY_HAND = "what has to be so deep, kubectl apply --server-side makes"
_MAX_DIGITS = 30
"""A longer whole number is none that Kubernetes has; the largest has 19 digits."""

_TEXT = (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid"))
_MAPS = (("metadata",), ("metadata", "annotations"), ("metadata", "labels"))
_BUILT_IN_MAPS = (("spec",), ("status",))
_DATA = (("data",), ("stringData",))
_LISTS = (("metadata", "managedFields"), ("status", "conditions"))
_API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-zA-Z0-9]+")


class NotUnderstoodError(DeployError):
    """The API server, or what stands in its place, answered with something that Kubernetes does not answer."""


def misshapen(obj: Any) -> list[tuple[str, str]]:
    """Return what is not as in any object of Kubernetes: the field, and what it has to be. Null and unknown will do."""
    if not isinstance(obj, dict):
        return [("", "an object has to be a map")]
    wrong = [(path, str, "has to be text") for path in _TEXT] + [(p, dict, "has to be a map") for p in _MAPS]
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    if isinstance(api_version, str):
        if is_built_in(api_version):
            wrong += [(path, dict, "has to be a map") for path in _BUILT_IN_MAPS]
        if kind in ("Secret", "ConfigMap"):
            wrong += [(path, dict, "has to be a map") for path in _DATA]
    found = [(".".join(p), why) for p, form, why in wrong if not _is(_at(obj, p), form)]
    for path in _LISTS:
        items = _at(obj, path)
        if not _is(items, list) or (isinstance(items, list) and not all(isinstance(i, dict) for i in items)):
            found.append((".".join(path), "has to be a list of maps"))
    found += _bad_fields(obj)
    if (
        isinstance(api_version, str)
        and api_version not in UNKNOWNS
        and not _API_VERSION.fullmatch(api_version)
    ):
        found.append(("apiVersion", "has to be VERSION or GROUP/VERSION"))
    if _depth(obj) > MAX_DEPTH:
        found.append(("", f"is nested deeper than {MAX_DEPTH} levels; {BY_HAND}"))
    return found


def shaped(obj: Any, whose: str) -> Object:
    """Return an object without containers that are null, and with metadata, once it is one.

    Raises:
        PosCloudError: It is none; the message begins with ``whose``.
    """
    if wrong := misshapen(obj):
        raise PosCloudError(f"{whose}: " + "; ".join(f"{where} {why}".strip() for where, why in wrong))
    return {"metadata": {}, **_without_nulls(obj)}


def answered(obj: Any, what: str) -> Object:
    """Return an object from the API server, once it is one.

    Raises:
        NotUnderstoodError: It is none.
    """
    try:
        found = shaped(obj, f"the API server's answer to {what} is no object of Kubernetes")
        if not _at(found, ("metadata", "name")):
            raise PosCloudError(f"the API server's answer to {what} is no object: it has no metadata.name")
        return found
    except PosCloudError as error:
        raise NotUnderstoodError(error.message, hint=_HINT) from None


_HINT = "is there a proxy, or something else than an API server, at that address?"


def parse(data: bytes, what: str) -> Any:
    """Return JSON from the API server.

    Raises:
        NotUnderstoodError: It is none, or holds what no answer of an API server does.
    """
    try:
        found = json.loads(data, parse_int=_whole)
        if b"\\u" in data:
            json.dumps(found, ensure_ascii=False).encode()  # half a character is none that can be sent on
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else f"{error}"[:200]
        start = data[:80].decode(errors="replace").strip()
        message = f"the API server's answer to {what} is not JSON: {why}; it begins with {start!r}"
        raise NotUnderstoodError(message, hint=_HINT) from None
    return found


@contextmanager
def understanding(what: str) -> Iterator[None]:
    """Say that the API server's answer is not understood, where code that reads it finds other types than it has to.

    Raises:
        NotUnderstoodError: Such a thing was found.
    """
    try:
        yield
    except (TypeError, AttributeError, KeyError, IndexError, ValueError) as error:
        message = f"the API server's answer about {what} is not as Kubernetes answers ({type(error).__name__}: {error})"
        raise NotUnderstoodError(message, hint=_HINT) from error


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


def _at(obj: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def _bad_fields(obj: Any) -> list[tuple[str, str]]:
    """Return managedFields of which the fields are not maps all the way down."""
    entries = _at(obj, ("metadata", "managedFields"))
    open_ = [e.get("fieldsV1") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    while open_:
        item = open_.pop()
        if isinstance(item, dict):
            open_ += item.values()
        elif item is not None:
            return [("metadata.managedFields", "has to be of maps")]
    return []


def _is(value: Any, form: type) -> bool:
    return value is None or isinstance(value, form) or (isinstance(value, str) and value in UNKNOWNS)


def _depth(value: Any) -> int:
    deepest, open_ = 0, [(value, 1)]
    while open_:
        item, depth = open_.pop()
        deepest = max(deepest, depth)
        if depth > MAX_DEPTH:
            return depth
        if isinstance(item, dict | list):
            below = item.values() if isinstance(item, dict) else item
            open_ += [(child, depth + 1) for child in below if isinstance(child, dict | list)]
    return deepest


def _without_nulls(obj: Object) -> Object:
    """Return the object without containers that are null, which mean the same as none."""
    holders = {path[-1] for path in (*_MAPS, *_BUILT_IN_MAPS, *_DATA, *_LISTS)} | {"apiVersion", "kind"}
    result = {key: value for key, value in obj.items() if value is not None or key not in holders}
    metadata = result.get("metadata")
    if isinstance(metadata, dict):
        result["metadata"] = {k: v for k, v in metadata.items() if v is not None or k not in holders}
    return result
