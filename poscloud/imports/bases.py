"""The same description over bases that it ``extends``: only what they do not say, and what is otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poscloud.errors import InputError, Problem
from poscloud.imports.shorten import NOT_SHARED, common_fields, without_common
from poscloud.load.merge import merge, read_with_bases
from poscloud.load.yamltree import Node
from poscloud.spec import EnvironmentSpec
from poscloud.spec.base import CHOSEN_KEYS

_PARTS = ("backing", "services")
_NOT_COMPARED = ("name", "defaults", "extends", *_PARTS)


def over_bases(
    data: dict[str, Any], spec: EnvironmentSpec, bases: Sequence[str], draft: Path, root: Path
) -> dict[str, Any]:
    """Return the description with ``extends``.

    Args:
        data: The description that stands alone, without ``defaults``.
        spec: The same, validated.
        bases: Files, relative to ``draft``.
        draft: A file that may be written, in the folder of the stacks.
        root: The project's folder.

    Raises:
        InputError: A base is not there, or wrong.
    """
    base = _read(bases, draft, root)
    given = base.plain()
    own = {k: v for k, v in data.items() if k not in _NOT_COMPARED}
    full = spec.model_dump(mode="json")
    result: dict[str, Any] = {"extends": list(bases)}
    result |= _rest(own, full, {k: v for k, v in given.items() if k not in _NOT_COMPARED})
    for group in _PARTS:
        inherited = {name: _effective(base, group, name) for name in given.get(group) or {}}
        parts = {}
        for name, part in data.get(group, {}).items():
            have = inherited.get(name) or {**_defaults(base, part["kind"]).plain(), "kind": None}
            rest = _rest(part, full[group][name], have)
            parts[name] = {"kind": rest.pop("kind"), **rest} if "kind" in rest else rest
        if group == "services":
            kinds = {name: part["kind"] for name, part in data.get(group, {}).items()}
            result["defaults"] = _share(parts, kinds, given.get(group) or {})
        found = {
            n: p["kind"] if p.keys() == {"kind"} and group == "services" else p for n, p in parts.items() if p
        }
        found |= {name: None for name in inherited if name not in parts}
        result |= {group: found} if found else {}
    return result


def _share(parts: dict[str, Any], kinds: Mapping[str, str], inherited: Mapping[str, Any]) -> dict[str, Any]:
    """Take what all services of a kind say alike out of ``parts``, and return it by kind.

    What a base says of a service itself would win over such a default, and so is not shared.
    """
    defaults = {}
    for kind in set(kinds.values()):
        of_kind = [name for name in parts if kinds[name] == kind]
        taken = {key for name in of_kind for key in inherited.get(name) or {}} | {*NOT_SHARED}
        common = common_fields([parts[name] for name in of_kind]) if len(of_kind) > 1 else {}
        common = {k: v for k, v in common.items() if k not in taken}
        if common:
            defaults[kind] = common
        for name in of_kind:
            parts[name] = without_common(parts[name], common)
    return dict(sorted(defaults.items()))


def _read(bases: Sequence[str], draft: Path, root: Path) -> Node:
    problems: list[Problem] = []
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.write_text(f"extends: [{', '.join(bases)}]\n", encoding="utf-8")
        node = read_with_bases(draft, root, problems, draft.stem)
    finally:
        draft.unlink(missing_ok=True)
    if node is None or problems:
        raise InputError(problems, hint="give bases relative to stacks/, such as base/spring-cloud.yaml")
    return node


def _defaults(base: Node, kind: str) -> Node:
    defaults = base.value.get("defaults")
    found = defaults.value.get(kind) if defaults is not None and defaults.is_map else None
    return found if found is not None and found.is_map else Node({}, base.mark)


def _effective(base: Node, group: str, name: str) -> dict[str, Any]:
    """Return a part as the bases have it, over their defaults of its kind."""
    part = base.value[group].value[name]
    kind = part.value.get("kind") if part.is_map else None
    if group == "services" and kind is not None:
        part = merge(_defaults(base, kind.value), part)
    found: dict[str, Any] = part.plain() or {}
    return found


def _rest(own: Mapping[str, Any], full: Mapping[str, Any], have: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be said over ``have``: what it lacks, and what it says otherwise.

    Args:
        own: The short form.
        full: Every field with its value.
        have: What is inherited.
    """
    result = {key: value for key, value in own.items() if key not in have}
    for key, value in have.items():
        wanted = full.get(key)
        if _same(wanted, value):
            continue
        if isinstance(value, dict) and isinstance(wanted, dict):
            short = own.get(key) if isinstance(own.get(key), dict) else {}
            if key in CHOSEN_KEYS:
                below = {k: v for k, v in wanted.items() if value.get(k) != v}
                below |= {k: None for k in value if k not in wanted}
            else:
                below = _rest(short or {}, wanted, value)
            if below:
                result[key] = below
        else:
            result[key] = own.get(key, wanted)
    return result


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, list) and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return sorted(wanted) == sorted(value)
    return bool(wanted == value)
