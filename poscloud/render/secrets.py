"""Secrets: rendered without their values, which the stack's secret configuration has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, checksum, manifest, patch

ROLLING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds that replace their pods when the template changes; a Job's template cannot be changed."""


def render_secret(
    context: Context, name: str, labels: dict[str, str], keys: Iterable[str], *, random: bool = False
) -> Manifest:
    """Return a Secret whose ``keys`` are filled from the secret configuration ``<name>.<key>``.

    With ``random``, any word will do, and ``poscloud up`` makes one for each key that is not configured.
    """
    wanted = tuple(keys)
    sources = ",".join(f"{key}={name}.{key}" for key in wanted)
    annotations = {names.SECRET_SOURCE_ANNOTATION: sources}
    if random:
        annotations[names.SECRET_RANDOM_ANNOTATION] = ",".join(wanted)
    return manifest(
        "v1",
        "Secret",
        name,
        namespace=context.namespace,
        labels=labels,
        annotations=annotations,
        type="Opaque",
        stringData={},
    )


def sources(item: Manifest) -> Mapping[str, str]:
    """Return the data keys of a manifest that secret configuration fills: key → name of the configuration.

    What is no such pair is passed over: a manifest that is imported may have anything there.
    """
    text = item["metadata"].get("annotations", {}).get(names.SECRET_SOURCE_ANNOTATION, "")
    return dict(entry.split("=", 1) for entry in text.split(",") if "=" in entry)


def required(item: Manifest) -> set[str]:
    """Return the secret configuration without which ``item`` cannot be made."""
    return {config for key, config in sources(item).items() if key not in item["stringData"]}


def filled(item: Manifest, values: Mapping[str, str]) -> Manifest:
    """Return a Secret with its content: ``values`` by the name of the secret configuration; others as they are."""
    found = {key: values[config] for key, config in sources(item).items() if config in values}
    return {**item, "stringData": {**item["stringData"], **found}} if found else item


def random_sources(item: Manifest) -> set[str]:
    """Return the secret configuration of ``item`` for which any random word will do."""
    text = item["metadata"].get("annotations", {}).get(names.SECRET_RANDOM_ANNOTATION, "")
    return {sources(item)[key] for key in text.split(",") if key}


def used(item: Manifest) -> set[str]:
    """Return the Secrets that the pods of a workload read when they start, as variables or as files."""
    pod = item.get("spec", {}).get("template", {}).get("spec", {}) if item["kind"] in ROLLING else {}
    return set(_named(pod))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("secretKeyRef", "secretRef", "secret") and isinstance(below, dict):
                yield str(below.get("name") or below.get("secretName"))
            else:
                yield from _named(below)
    elif isinstance(value, list):
        for below in value:
            yield from _named(below)


def with_checksum(item: Manifest, digests: Mapping[str, str]) -> Manifest:
    """Return a workload whose pods carry a checksum of the Secrets they read, so that they roll with them.

    Args:
        item: Any manifest; others are returned as they are.
        digests: Secret → keyed digest of its content.
    """
    found = {name: digests[name] for name in used(item) if name in digests}
    if not found:
        return item
    annotations = {names.SECRET_CHECKSUM_ANNOTATION: checksum(found)}
    changed: Manifest = patch(item, {"spec": {"template": {"metadata": {"annotations": annotations}}}})
    return changed
