"""What an API server answers to somebody who archives a namespace, and a collector of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poscloud.cluster.archive.collect import Collector
from poscloud.cluster.archive.manifest import Subject
from poscloud.cluster.archive.stores import Store
from poscloud.cluster.archive.stores.folder import FolderStore
from poscloud.provider.config import Access
from poscloud.provider.rest import Client
from tests.unit.provider.conftest import Answer, Request, refusal

Object = dict[str, Any]
RUNNING: Object = {"state": {"running": {}}, "restartCount": 0}
SUBJECT = Subject("shop", "poscloud/shop", "a test")


def pod(name: str, init: Object | None = None, **statuses: Object) -> Object:
    """A pod with a container for each status, and an init container for ``init``."""

    def listed(given: dict[str, Object]) -> list[Object]:
        return [{"name": container, **status} for container, status in given.items()]

    first = {"prepare": init} if init else {}
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "nodeName": "node1",
            "initContainers": [{"name": c, "image": f"{c}:1"} for c in first],
            "containers": [{"name": c, "image": f"{c}:1"} for c in statuses],
        },
        "status": {
            "phase": "Running",
            "initContainerStatuses": listed(first),
            "containerStatuses": listed(statuses),
        },
    }


class Namespace:
    """Answers for one namespace.

    Args:
        pods: The pods in it.

    Attributes:
        logs: ``POD/CONTAINER``, with ``?previous`` behind it, → what is answered instead of a text.
        gone: Pods that are listed and not there any more.
        answers: Path → what is answered instead of an empty list.
    """

    def __init__(self, *pods: Object) -> None:
        self.pods = list(pods)
        self.logs: dict[str, Answer] = {}
        self.gone: set[str] = set()
        self.answers: dict[str, Answer] = {}

    def __call__(self, request: Request) -> Answer:
        if answer := self.answers.get(request.path):
            return answer
        _, _, rest = request.path.partition("/namespaces/shop/")
        kind, _, name = rest.partition("/")
        if not name:
            items = self.pods if kind == "pods" else []
            return Answer(200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
        name = name.removesuffix("/log")
        if name in self.gone:
            return refusal(404, "NotFound", f'pods "{name}" not found')
        if not request.path.endswith("/log"):
            return Answer(200, {"metadata": {"name": name}})
        container = request.query.partition("container=")[2].partition("&")[0]
        key = f"{name}/{container}{'?previous' if 'previous=true' in request.query else ''}"
        return self.logs.get(key, Answer(200, f"log of {key}\n".encode()))


async def collect(
    access: Access, folder: Path, store: Store | None = None, **documents: str
) -> tuple[Path, bytes]:
    """Archive the namespace into ``folder``; return where, and the manifest."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    collector = Collector(Client(access), store or FolderStore(folder / "kept"), SUBJECT, scratch)
    manifest = await collector.run(documents, [], lambda _: None)
    assert not list(scratch.iterdir()), "what is in the store is not kept here as well"
    return folder / "kept" / collector.folder, manifest
