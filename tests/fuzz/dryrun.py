"""Strict dry runs on a real API server, one after another over one connection."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from poscloud.local.api import LocalApi
from tests.fuzz.strategies import LONG_NAME, NAME


class DryRun:
    """Asks an API server whether it would take objects; each different one once.

    Args:
        api: The administrator's connection.
    """

    def __init__(self, api: LocalApi) -> None:
        self._api, self._paths, self._asked = api, dict[tuple[str, str], tuple[str, bool]](), set[str]()
        self.objects = 0
        for name in (NAME, LONG_NAME):
            api.create("/api/v1/namespaces", {"metadata": {"name": name}})

    def refusals(self, manifests: list[dict[str, Any]]) -> list[str]:
        """Return what the API server says against the objects, each with the object."""
        return [why for item in manifests if (why := self._refusal(item))]

    def _refusal(self, item: dict[str, Any]) -> str:
        text = json.dumps(item, sort_keys=True)
        if text in self._asked:
            return ""
        self._asked.add(text)
        self.objects += 1
        plural, namespaced = self._path(item["apiVersion"], item["kind"])
        root = f"{'/apis' if '/' in item['apiVersion'] else '/api'}/{item['apiVersion']}"
        where = f"/namespaces/{quote(str(item['metadata']['namespace']), safe='')}" if namespaced else ""
        status, answer = self._api.request(
            "POST", f"{root}{where}/{plural}?dryRun=All&fieldValidation=Strict&fieldManager=fuzz", item
        )
        if status < 300 or (status == 409 and json.loads(answer).get("reason") == "AlreadyExists"):
            return ""
        message = json.loads(answer).get("message", answer)
        return f"{item['kind']} {item['metadata']['name']}: {status} {message}\n{json.dumps(item)[:3000]}"

    def _path(self, api_version: str, kind: str) -> tuple[str, bool]:
        if (api_version, kind) not in self._paths:
            root = "/apis" if "/" in api_version else "/api"
            for found in (self._api.get(f"{root}/{api_version}") or {}).get("resources", []):
                if "/" not in found["name"]:
                    self._paths[api_version, found["kind"]] = found["name"], found["namespaced"]
        return self._paths[api_version, kind]
