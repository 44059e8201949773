"""The short form of a description: only what changes what is rendered, and what services share said once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError

from poscloud.errors import PosCloudError
from poscloud.render import Manifest
from poscloud.render.environment import render_environment, render_part
from poscloud.render.kinds import outputs_of
from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import AnyBackingSpec, AnyServiceSpec

_KEPT = ("kind",)
_CHOSEN = ("env", "locations", "config", "webapps", "ports", "mounts", "databases", "init_sql")
"""Fields that are kept as a whole: what is in them is nobody's default."""
NOT_SHARED = ("kind", "containers", "locations", "image", "webapps", "release")
_OWN_FIELDS = ("name", "backing", "services")
_ADAPTERS: dict[str, Any] = {"backing": TypeAdapter(AnyBackingSpec), "services": TypeAdapter(AnyServiceSpec)}


def shortened(data: dict[str, Any], spec: EnvironmentSpec) -> dict[str, Any]:
    """Return the shortest map of fields that renders the same, without ``defaults`` and bases.

    Args:
        data: The description with every field given.
        spec: The same, validated.
    """
    found: dict[str, Any] = {}
    for group in ("backing", "services"):
        parts = {name: _part(spec, group, name, fields) for name, fields in data.get(group, {}).items()}
        found |= {group: parts} if parts else {}
    return _environment(data, spec) | found


def _part(spec: EnvironmentSpec, group: str, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a part without which it renders otherwise."""
    wanted, offered = render_part(spec, name).manifests, outputs_of(spec)[name]

    def same(changed: dict[str, Any]) -> bool:
        try:
            part = _ADAPTERS[group].validate_python(changed)
            other = spec.model_copy(update={group: {**getattr(spec, group), name: part}})
            if list(part.check()) or outputs_of(other)[name] != offered:
                return False
            return render_part(other, name).manifests == wanted
        except (ValidationError, PosCloudError, ValueError, KeyError, AttributeError):
            return False

    return _without_needless(fields, same)


def _without_needless(fields: dict[str, Any], same: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the fields without those that ``same`` does not miss, also within maps."""
    result = dict(fields)
    for key in [k for k in fields if k not in _KEPT]:
        fewer = {k: v for k, v in result.items() if k != key}
        if same(fewer):
            result = fewer
        elif isinstance(result[key], dict) and key not in _CHOSEN:
            result[key] = _without_needless(result[key], partial(_same_below, same, result, key))
    return result


def _same_below(
    same: Callable[[dict[str, Any]], bool], fields: dict[str, Any], key: str, value: dict[str, Any]
) -> bool:
    return same({**fields, key: value})


def _environment(data: dict[str, Any], spec: EnvironmentSpec) -> dict[str, Any]:
    """Return the environment's own fields without which something renders otherwise."""
    parts = {group: getattr(spec, group) for group in ("backing", "services")}
    wanted = _all(spec)

    def same(changed: dict[str, Any]) -> bool:
        try:
            return _all(EnvironmentSpec.model_validate({**changed, **parts, "name": spec.name})) == wanted
        except (ValidationError, PosCloudError, ValueError, KeyError):
            return False

    return _without_needless({k: v for k, v in data.items() if k not in _OWN_FIELDS}, same)


def _all(spec: EnvironmentSpec) -> list[Manifest]:
    return [m for part in render_environment(spec) for m in part.manifests]


def shared(
    spec: EnvironmentSpec, services: dict[str, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ``defaults`` and ``services``: what most services of a kind say alike is said once.

    A list or a single value that at least three in four have is shared, and the others say theirs. Of maps, which are
    merged, only what all have.

    Args:
        spec: The environment, which knows what a service has that says nothing.
        services: Each with its own fields.
    """
    defaults: dict[str, dict[str, Any]] = {}
    found: dict[str, Any] = {}
    for kind in dict.fromkeys(s["kind"] for s in services.values()):
        of_kind = {name: s for name, s in services.items() if s["kind"] == kind}
        common = common_fields(list(of_kind.values())) | _usual(of_kind) if len(of_kind) > 1 else {}
        common = {k: v for k, v in common.items() if k not in NOT_SHARED}
        if common:
            defaults[kind] = common
        for name, service in of_kind.items():
            rest = without_common(service, common)
            rest |= {k: _said(spec, name, k) for k in common if k not in service}
            found[name] = kind if rest == {"kind": kind} else rest
    return defaults, {name: found[name] for name in services}


def _usual(services: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the values, but for maps, that at least three in four services have."""
    counted = Counter(
        (key, json.dumps(value))
        for service in services.values()
        for key, value in service.items()
        if not isinstance(value, dict)
    )
    return {key: json.loads(value) for (key, value), n in counted.items() if 4 * n >= 3 * len(services)}


def _said(spec: EnvironmentSpec, name: str, field: str) -> Any:
    """Return the value that a service has by default, to be said where others share another one."""
    value = spec.services[name].model_dump(mode="json", include={field})[field]
    return value


def common_fields(services: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what all services say alike, also within maps."""
    found = {}
    for key, value in services[0].items():
        if all(key in s for s in services):
            values = [s[key] for s in services]
            if all(v == value for v in values):
                found[key] = value
            elif all(isinstance(v, dict) for v in values) and (below := common_fields(values)):
                found[key] = below
    return found


def without_common(fields: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a service without what is said for all."""
    result = {}
    for key, value in fields.items():
        if key not in common:
            result[key] = value
        elif value != common[key]:
            both = isinstance(value, dict) and isinstance(common[key], dict)
            result[key] = without_common(value, common[key]) if both else value
    return result
