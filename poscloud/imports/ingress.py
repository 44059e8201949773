"""Ingress rules: the paths of one host or several, read off an Ingress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poscloud.imports.normal import IGNORED_ANNOTATIONS
from poscloud.imports.pods import given
from poscloud.imports.source import Source
from poscloud.render import Manifest


def ingress_rule(item: Manifest, source: Source) -> dict[str, Any] | None:
    """Return the rule of an Ingress; ``None`` for what the language has no rule for, such as one for any host."""
    spec, name = item["spec"], item["metadata"]["name"]
    found = list(_hosts(spec, source))
    if not found or None in found or spec.get("defaultBackend"):
        return None
    hosts = sorted(
        (h for h in found if h), key=lambda h: "tls" in h
    )  # what the first one has, the others have too
    first, rest = hosts[0], hosts[1:]
    also = [further if len(further) > 1 else further["host"] for h in rest for further in [_beside(first, h)]]
    annotations = {
        key: value
        for key, value in (item["metadata"].get("annotations") or {}).items()
        if not IGNORED_ANNOTATIONS.fullmatch(key)
    }
    ingress_class = spec.get("ingressClassName")
    return {
        **first,
        **({"also": also} if also else {}),
        **given(
            ingress_class=None if ingress_class == "nginx" else ingress_class,
            annotations=annotations or None,
            name=None if name == first["host"].replace("*.", "any.") else name,
        ),
    }


def leads_to(rule: dict[str, Any]) -> set[str]:
    """Return the names of all that answer a path of a rule."""
    maps = [
        each["paths"] for each in (rule, *rule.get("also", [])) if isinstance(each, dict) and "paths" in each
    ]
    return {t if isinstance(t, str) else str(t.get("service")) for paths in maps for t in paths.values()}


def _hosts(spec: Manifest, source: Source) -> Iterator[dict[str, Any] | None]:
    """Yield every host with its paths, for each way of matching them on its own; ``None`` for what cannot be said."""
    certificates = {
        host: tls["secretName"]
        for tls in spec.get("tls") or []
        for host in tls.get("hosts") or []
        if tls.get("secretName")
    }
    for rule in spec.get("rules") or []:
        host, by_type = rule.get("host"), dict[str, dict[str, Any]]()
        for path in (rule.get("http") or {}).get("paths") or []:
            service = (path.get("backend") or {}).get("service") or {}
            paths = by_type.setdefault(path.get("pathType") or "ImplementationSpecific", {})
            paths[path.get("path") or "/"] = _target(service, source)
        if not host or not by_type or any(not t for paths in by_type.values() for t in paths.values()):
            yield None
        for path_type, paths in by_type.items():
            yield {
                "host": host,
                "paths": paths,
                **given(path_type=None if path_type == "Prefix" else path_type, tls=certificates.get(host)),
            }


def _beside(first: dict[str, Any], further: dict[str, Any]) -> dict[str, Any]:
    """Return what a further host has to say beside the rule's own."""
    found = {"host": further["host"]}
    found |= {"paths": further["paths"]} if further["paths"] != first["paths"] else {}
    for field, default in (("path_type", "Prefix"), ("tls", None)):
        value = further.get(field, default)
        if value != first.get(field, default):
            found[field] = value
    return found


def _target(backend: Manifest, source: Source) -> Any:
    """Return what answers a path: a service's name alone, where it is the first port that is meant."""
    name, port = backend.get("name"), backend.get("port") or {}
    service = source.get("Service", str(name))
    ports = ((service or {}).get("spec") or {}).get("ports") or [{}]
    meant = [p for p in ports if p.get("port") == port.get("number") or p.get("name", "") == port.get("name")]
    if not meant:
        return given(service=name, port=port.get("number"))
    return name if meant[0] is ports[0] else {"service": name, "port": source.listens_at(str(name), meant[0])}
