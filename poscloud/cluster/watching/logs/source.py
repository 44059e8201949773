"""Which containers' logs are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from poscloud.cluster.watching.services import name_of
from poscloud.errors import UsageError
from poscloud.provider.diff import get

Object = dict[str, Any]

ALL = "all"
"""Instead of a container's name: all of a pod's."""


LOGS_VOLUME = "logs"
"""The volume of a pod's log files, as poscloud/render/logs.py names it."""

SHIPPER = "filebeat"
"""The sidecar that sends them elsewhere, as poscloud/render/filebeat.py names it."""


@dataclass(frozen=True, order=True)
class Source:
    """One container of one pod.

    Attributes:
        pod: The pod.
        uid: Its uid: a stateful set's new pod has the name of the old one.
        container: The container.
        is_main: Whether it is the one that the pod is there for.
        service: The service it belongs to.
        node: The node its pod is on; empty where that is not known.
        file: A log file in the container, by its path in the folder of such; empty: what it writes to stdout.
    """

    pod: str
    uid: str
    container: str
    is_main: bool = True
    service: str = ""
    node: str = field(default="", compare=False)
    file: str = ""

    @property
    def label(self) -> str:
        """How it is named in front of each line."""
        container = self.pod if self.is_main else f"{self.pod}/{self.container}"
        return f"{container}:{self.file}" if self.file else container


def sources_of(pod: Object, container: str = "") -> list[Source]:
    """Return the logs of a pod that are meant.

    Without a name that of its first container, as the others are its helpers; while that has not begun because an
    init container is not done, that one's.

    Args:
        pod: The live pod.
        container: A container's name, or ``all``.

    Raises:
        UsageError: No container of the pod has that name.
    """
    spec, meta = pod.get("spec") or {}, pod["metadata"]
    before = [str(each["name"]) for each in spec.get("initContainers") or ()]
    main, *helpers = [str(each["name"]) for each in spec["containers"]]
    if container == ALL:
        wanted = [*before, main, *helpers]
    elif container:
        if container not in {*before, main, *helpers}:
            raise UsageError(
                f"pod {meta['name']} has no container '{container}'",
                hint=f"it has: {', '.join([main, *helpers, *before])}; all of them: -c {ALL}",
            )
        wanted = [container]
    else:
        wanted = [_held_by(pod) or main]
    service, uid, node = name_of(pod), str(meta.get("uid", "")), str(spec.get("nodeName", ""))
    return [Source(str(meta["name"]), uid, name, name == main, service, node) for name in wanted]


def has_begun(pod: Object, container: str) -> bool:
    """Whether a container runs or has run, so that there is a log."""
    for status in _statuses(pod):
        if status.get("name") == container:
            state = status.get("state") or {}
            return "running" in state or "terminated" in state or bool(status.get("restartCount"))
    return False


def is_running(pod: Object, container: str) -> bool:
    """Whether a container runs, so that a command can run in it."""
    return any(
        each.get("name") == container and "running" in (each.get("state") or {}) for each in _statuses(pod)
    )


def folder_of(pod: Object, container: str) -> str:
    """Return the folder that a container of a live pod writes its log files to; empty where it has none.

    The sidecar that ships them has it, too, and writes none.
    """
    for each in get(pod, "spec", "containers", default=[]):
        if each.get("name") == container != SHIPPER:
            for mount in each.get("volumeMounts") or ():
                if mount.get("name") == LOGS_VOLUME:
                    return str(mount.get("mountPath", ""))
    return ""


def _held_by(pod: Object) -> str:
    """Return the init container that is not done, where there is one that runs or failed."""
    for status in get(pod, "status", "initContainerStatuses", default=[]):
        state = status.get("state") or {}
        is_sidecar = "running" in state and status.get("ready")
        if get(state, "terminated", "exitCode") != 0 and not is_sidecar:
            return str(status["name"]) if has_begun(pod, str(status["name"])) else ""
    return ""


def _statuses(pod: Object) -> Iterable[Object]:
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()
