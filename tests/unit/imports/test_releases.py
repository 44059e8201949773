"""Tracks of a service behind a Service that leads nowhere by itself."""

from __future__ import annotations

from typing import Any

from poscloud.imports.releases import one_version, released
from poscloud.imports.source import Source
from poscloud.render import names


def deployment(name: str, **labels: str) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {}}}
    return {"kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def test_a_service_without_a_selector_is_as_it_is() -> None:
    service = {"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    canary = deployment(names.tracked("web", "canary"), app="web", **{names.TRACK_LABEL: "canary"})
    source = Source("shop", [service, deployment("web", app="web"), canary])
    kept = one_version(source, released(source), beside=True)
    assert [(i["kind"], i["metadata"]["name"]) for i in kept.items] == [
        ("Service", "web"),
        ("Deployment", "web"),
    ]
    assert kept.items[0] == service
