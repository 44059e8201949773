"""Which kinds the API server has, under which path, and in which scope."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.provider.rest import ApiError, Client
from poscloud.provider.shape import understanding

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
# Asking again more often than this for a kind that is not there would only burden the server.
AGAIN = 0.2

Object = dict[str, Any]


class NoSuchKindError(PosCloudError):
    """The API server does not know the kind: perhaps its CustomResourceDefinition is not there yet."""


@dataclass(frozen=True)
class Resource:
    """How one kind is addressed.

    Attributes:
        api_version: Group and version.
        plural: Last part of the path.
        namespaced: Whether its objects live in namespaces.
    """

    api_version: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """The path of an object, or of the collection it belongs to.

        Raises:
            PosCloudError: A name would lead to another path.
        """
        for given in (namespace, name):
            if "/" in given or given in (".", "..") or "\0" in given:
                raise PosCloudError(f"{given!r} is no name of an object")
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        where = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}{where}/{self.plural}" + (f"/{name}" if name else "")


class Discovery:
    """The kinds of one API server: asked for when first needed, again when one is missing."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._found: dict[tuple[str, str], Resource] = {}
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """Ask again next time, because a CustomResourceDefinition changed."""
        self._found, self._asked = {}, float("-inf")

    async def find(self, api_version: str, kind: str) -> Resource:
        """How the kind is addressed.

        Raises:
            NoSuchKindError: The API server does not know it.
        """
        async with self._lock:
            return await self._find((api_version, kind))

    async def _find(self, key: tuple[str, str]) -> Resource:
        api_version, kind = key
        if key not in self._found and self._client.clock.now() - self._asked > AGAIN:
            for root in ("/api", "/apis"):
                answer = await self._client.request("GET", root, accept=AGGREGATED)
                with understanding("its kinds"):
                    self._read(answer)
            self._asked = self._client.clock.now()
        if key not in self._found:
            await self._ask_version(api_version)
        if key not in self._found:
            raise NoSuchKindError(
                f"kind {kind} ({api_version}) is not installed in the cluster",
                hint=f"install the CustomResourceDefinition of {kind} first, or correct apiVersion and kind",
            )
        return self._found[key]

    async def version_of(self, plural: str, group: str) -> tuple[str, str] | None:
        """An apiVersion, and the kind, by which the resources ``plural.group`` are served; ``None`` when unknown."""
        await self.find("v1", "Namespace")  # makes sure that the server was asked at all
        for (api_version, kind), resource in self._found.items():
            if resource.plural == plural and (api_version.rpartition("/")[0] == group):
                return api_version, kind
        return None

    def _read(self, answer: Object) -> None:
        for group in answer.get("items") or []:
            name = group.get("metadata", {}).get("name", "")
            for version in group.get("versions") or []:
                api_version = f"{name}/{version['version']}" if name else str(version["version"])
                for entry in version.get("resources") or []:
                    kind = entry.get("responseKind", {}).get("kind", "")
                    self._add(api_version, kind, entry["resource"], entry.get("scope") == "Namespaced")

    async def _ask_version(self, api_version: str) -> None:
        """Older servers, and groups served by others, do not aggregate; ask for the one version."""
        root = "/apis" if "/" in api_version else "/api"
        try:
            answer = await self._client.request("GET", f"{root}/{api_version}")
        except ApiError as error:
            if error.status == 404:
                return
            raise
        with understanding(f"the kinds of {api_version}"):
            for entry in answer.get("resources") or []:
                if "/" not in entry["name"]:
                    self._add(api_version, entry["kind"], entry["name"], entry["namespaced"])

    def _add(self, api_version: str, kind: str, plural: str, namespaced: bool) -> None:
        self._found.setdefault((api_version, kind), Resource(api_version, plural, namespaced))
