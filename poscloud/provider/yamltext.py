"""YAML that a program hands over as text: manifests, and kubeconfigs; bounded, because aliases can make it huge."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

from poscloud.errors import PosCloudError
from poscloud.provider.shape import BY_HAND, MAX_DEPTH, misshapen

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 16 * 1024 * 1024
"""Of one text; the largest known file of manifests (all CustomResourceDefinitions of one operator) has 5 MB."""
_MAX_VALUES = 1_000_000

Object = dict[str, Any]


def documents_of(text: str, what: str) -> list[Any]:
    """Return the documents of a text as JSON has them: keys are text, dates are.

    Raises:
        PosCloudError: It is no YAML, or too large; the message holds nothing of the text, which may hold credentials.
    """
    import yaml

    if len(text) > MAX_BYTES:
        raise PosCloudError(f"{what} has more than {MAX_BYTES} characters")
    try:
        documents = [json.loads(text)] if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        documents = None
    try:
        found = list(yaml.load_all(text, _loader(what))) if documents is None else documents
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise PosCloudError(f"{what} is not valid YAML{place}") from None
    except (ValueError, RecursionError, TypeError) as error:
        why = (
            "nested too deep"
            if isinstance(error, RecursionError)
            else "a value is not what it is marked to be"
        )
        raise PosCloudError(f"{what} is not valid YAML: {why}") from None
    budget = [_MAX_VALUES]
    return [_plain(document, what, budget, 0) for document in found]


def _loader(what: str) -> type[yaml.SafeLoader]:
    """Return a loader that counts what merge keys (``<<``) copy, before they copy it: it may grow tenfold a line.

    Not the loader in C: its recursion ends the process.
    """
    import yaml

    class Bounded(yaml.SafeLoader):
        merged = 0

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            for key, value in list(node.value):
                if key.tag == "tag:yaml.org,2002:merge":
                    sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                    for source in (s for s in sources if isinstance(s, yaml.MappingNode)):
                        self.flatten_mapping(source)
                        self.merged += 1 + len(source.value)
                        if self.merged > _MAX_VALUES:
                            raise PosCloudError(f"{what} is of more than {_MAX_VALUES} values")
            super().flatten_mapping(node)

    return Bounded


def _plain(value: Any, what: str, budget: list[int], depth: int) -> Any:
    budget[0] -= 1
    if budget[0] < 0 or depth > MAX_DEPTH:
        bound = (
            f"nested deeper than {MAX_DEPTH} levels; {BY_HAND}"
            if depth > MAX_DEPTH
            else f"of more than {_MAX_VALUES} values"
        )
        raise PosCloudError(f"{what} is {bound}")
    if isinstance(value, dict):
        return {_key(k): _plain(v, what, budget, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item, what, budget, depth + 1) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return float(value) if isinstance(value, int) and abs(value) > 2**63 and len(str(value)) < 300 else value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key) if isinstance(key, (int, float)) else str(key)


def objects_of(text: str, namespace: str) -> list[Object]:
    """Return the objects of a text of manifests, those of Lists one by one.

    Args:
        text: YAML, of several documents perhaps.
        namespace: Where objects go that name none; empty: left out.

    Raises:
        PosCloudError: The text is no YAML, or a document no object.
    """
    objects: list[Object] = []
    for document in documents_of(text, "the text of manifests"):
        if not document:
            continue
        is_list = isinstance(document, dict) and document.get("kind") == "List"
        items = (document.get("items") or []) if is_list else [document]
        for item in items if isinstance(items, list) else [items]:
            if wrong := misshapen(item):
                where, why = wrong[0]
                raise PosCloudError(f"the text of manifests: {where or 'a document'} {why}")
            objects.append(item)
    for item in objects:
        if namespace and not (item.get("metadata") or {}).get("namespace"):
            item["metadata"] = {**(item.get("metadata") or {}), "namespace": namespace}
    return objects
