"""Manifests as plain dicts: how they begin, how they are patched, how they are written."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import yaml

from poscloud.errors import PosCloudError
from poscloud.render import names
from poscloud.spec.references import Finding, Path, nearest

Manifest = dict[str, Any]
"""One Kubernetes object in the API's own camelCase."""


def manifest(
    api_version: str,
    kind: str,
    name: str,
    *,
    namespace: str | None,
    labels: dict[str, str],
    annotations: dict[str, str] | None = None,
    **body: Any,
) -> Manifest:
    """Return an object; ``body`` is ``spec``, ``data``, ``type`` and so on."""
    metadata: dict[str, Any] = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def is_cluster_wide(item: Manifest) -> bool:
    """Whether no namespace holds the object, so that it does not go when the environment's namespace goes."""
    return "namespace" not in item["metadata"]


def stamp(manifests: Iterable[Manifest], stack: str) -> list[Manifest]:
    """Return the manifests with the annotation that names the stack (``project/stack``) owning them."""
    return [annotated(item, {names.STACK_ANNOTATION: stack}) for item in manifests]


def annotated(item: Manifest, annotations: dict[str, str]) -> Manifest:
    """Return a manifest with more annotations."""
    metadata = item["metadata"]
    return {
        **item,
        "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **annotations}},
    }


def checksum(*data: Any) -> str:
    """Return a short, stable checksum of JSON-like data."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def patch(target: Any, change: Any) -> Any:
    """Return ``target`` with ``change`` merged in.

    Maps are merged; lists whose items all have a ``name`` are merged by it; ``None`` removes a key;
    anything else is replaced.
    """
    if isinstance(target, dict) and isinstance(change, dict):
        result = {k: copy.deepcopy(v) for k, v in target.items()}
        for key, value in change.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = patch(result[key], value) if key in result else copy.deepcopy(value)
        return result
    if _named(target) and _named(change):
        merged = {item["name"]: item for item in target}
        for item in change:
            merged[item["name"]] = patch(merged.get(item["name"], {}), item)
        return list(merged.values())
    return copy.deepcopy(change)


_FIXED = (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("spec", "selector"))
_MAPS = (("metadata",), ("metadata", "labels"), ("metadata", "annotations"), ("spec",))


def check_overrides(
    manifests: list[Manifest], overrides: dict[str, dict[str, Any]], path: Path
) -> list[Finding]:
    """Return a finding for each thing that ``overrides`` (kind → patch) may not do to ``manifests``.

    Args:
        manifests: What one part renders.
        overrides: Its patches.
        path: Where they stand in the environment.
    """
    kinds = list(dict.fromkeys(m["kind"] for m in manifests))
    findings: list[Finding] = []
    for kind, change in overrides.items():
        if kind not in kinds:
            message = f"overrides has '{kind}', but it renders only {', '.join(kinds)}"
            hint = nearest(kind, kinds)
            hint = hint if hint.startswith("did you mean") else ""  # the message has the known ones
            findings.append(Finding((*path, kind), "bad-override", message, hint))
        wrong: dict[Path, str] = dict.fromkeys(_nameless(change), "must be text")
        for item in () if wrong else manifests:
            if item["kind"] == kind:
                wrong |= _broken(item, patch(item, change))
        findings += [
            Finding((*path, kind, *at), "bad-override", f"overrides.{'.'.join(map(str, (kind, *at)))} {why}")
            for at, why in wrong.items()
        ]
    return findings


def _broken(before: Manifest, after: Manifest) -> dict[Path, str]:
    """Return what a patch changed that must not change, by its place in the manifest."""
    wrong: dict[Path, str] = {
        at: "must be a map"
        for at in _MAPS
        if not isinstance(_at(after, at), dict)
        and (_at(after, at) is not None or (len(at) == 1 and _at(before, at) is not None))
    }
    labels: Path = ("spec", "template", "metadata", "labels")
    matched = _at(before, ("spec", "selector", "matchLabels")) or {}
    fixed: list[Path] = [*_FIXED, *((*labels, label) for label in matched)]
    for at in fixed:
        if _at(before, at) != _at(after, at) and at[:1] not in wrong:
            wrong[at] = "may not be changed; the object is known by it"
    return wrong


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _nameless(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the place of each name in a list's items that is no text; lists are merged by name."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _nameless(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            if isinstance(item, dict) and not isinstance(item.get("name", ""), str):
                yield (*path, i, "name")
            yield from _nameless(item, (*path, i))


def override(manifests: list[Manifest], overrides: dict[str, dict[str, Any]], name: str) -> list[Manifest]:
    """Apply ``overrides`` (kind → patch) to the manifests of ``name``.

    Raises:
        PosCloudError: A kind that was not rendered, or a patch of what must not change.
    """
    findings = check_overrides(manifests, overrides, ())
    if findings:
        raise PosCloudError("\n".join(f"{name}: {finding.message}" for finding in findings))
    return [patch(m, overrides[m["kind"]]) if m["kind"] in overrides else m for m in manifests]


def to_yaml(manifests: Iterable[Manifest]) -> str:
    """Return the manifests as YAML documents as a person would write them, in the given order."""
    return "".join(f"---\n{_dump(m)}" for m in manifests)


def _named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) and "name" in v for v in value)


_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # in C: three times as fast


def config_yaml(value: Any, width: int = 80) -> str:
    """Return ``value``, which is JSON-like, as the YAML of a configuration file, with its keys in their order."""
    return _config_yaml(json.dumps(value), width)


@cache
def _config_yaml(text: str, width: int) -> str:
    """An environment is rendered more than once in a run, and writing YAML is a third of rendering."""
    return str(yaml.dump(json.loads(text), Dumper=_BaseDumper, sort_keys=False, width=width))


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """Writes text of several lines as a block, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _dump(item: Manifest) -> str:
    return str(yaml.dump(item, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True))
