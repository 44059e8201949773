"""A live namespace, as far as this user may look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.kubectl import ForbiddenError, Kubectl
from poscloud.imports import live

OFFICE = Target(Path("config"), "office", "https://office:6443", "u", local=False)
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}


def test_who_may_not_look_at_roles_can_import_all_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def get(_: Kubectl, kinds: str, *names: str) -> dict[str, Any]:
        if "roles" in kinds:
            raise ForbiddenError("roles is forbidden")
        if kinds == "namespace":
            return NAMESPACE if names == ("shop",) else {"metadata": {"uid": "u"}}
        return {"items": [SETTINGS]}

    monkeypatch.setattr(Kubectl, "get", get)
    monkeypatch.setattr(live, "context_target", lambda *_: OFFICE)
    found = live.read_namespace(tmp_path, "shop", "office", None)
    assert set(found.source.objects) == {("Namespace", "shop"), ("ConfigMap", "a")}
