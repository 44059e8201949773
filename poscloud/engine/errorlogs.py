"""Errors in the logs of services of an environment, and which of them are new."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from poscloud.cluster.watching.errors.blocks import blocks_of
from poscloud.cluster.watching.errors.groups import Group, groups_of, new_since, not_known
from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.read import NO_LOG, read_all
from poscloud.cluster.watching.logs.source import folder_of, has_begun, is_running, sources_of
from poscloud.cluster.watching.namespace import Namespace
from poscloud.cluster.watching.services import Object, Service, moment, statuses
from poscloud.engine import watching
from poscloud.engine.logs import lines_of, seconds_of
from poscloud.errors import UsageError
from poscloud.provider.diff import get

DEPLOY = "deploy"
"""Instead of a duration: since the pods of a service are of the version that they are of now."""

REVISIONS = ("pod-template-hash", "controller-revision-hash")
"""Labels that tell pods of one version from those of another."""


@dataclass(frozen=True)
class Errors:
    """What was found.

    Attributes:
        environment: The environment.
        groups: The errors, all that are alike as one.
        lines: How many lines were read.
    """

    environment: str
    groups: tuple[Group, ...]
    lines: int


async def errors_of(
    root: Path, stack: str, names: Sequence[str], since: str, new: str, note: Callable[[str], None]
) -> Errors:
    """Return the errors that pods of services wrote, of the run before the last restart, too.

    Args:
        root: The project's folder.
        stack: The environment.
        names: Which services; all of them where none is named.
        since: How old at most: ``1h``; empty for any age.
        new: Only those that are new: since a duration ago, since ``deploy``, or compared with a file of ``--json``.
        note: Gets in a line whose log cannot be read.

    Raises:
        UsageError: There is no such service, or one of these is of another form.
        PosCloudError: The cluster does not answer, or not to this user.
    """
    query = {"sinceSeconds": str(seconds_of(since, "--since"))} if since else {}
    known = _known(Path(new)) if _is_file(new) else None
    ago = _ago(new) if new and known is None and new != DEPLOY else None
    namespace = watching.namespace_of(root, stack)
    services = await watching.services(root, namespace, names)
    lines = await _lines(namespace, services, query, note)
    groups = groups_of(blocks_of(lines))
    if known is not None:
        groups = not_known(groups, known)
    elif ago is not None:
        groups = new_since(groups, dict.fromkeys((each.name for each in services), datetime.now(UTC) - ago))
    elif new:
        groups = new_since(groups, {each.name: at for each in services if (at := deployed_at(each))})
    return Errors(stack, tuple(groups), len(lines))


def _ago(text: str) -> timedelta:
    try:
        return timedelta(seconds=seconds_of(text, "--new-since"))
    except UsageError:
        raise UsageError(
            f"--new-since: '{text}' is neither `{DEPLOY}`, nor a duration as 30m, nor a file of error-logs --json",
            hint=f"--new-since {DEPLOY}",
        ) from None


async def _lines(
    namespace: Namespace, services: Sequence[Service], query: dict[str, str], note: Callable[[str], None]
) -> list[Line]:
    """Return the lines of all pods, of the run before the last restart first."""
    now, before, folders = [], [], []
    for service in services:
        for pod in service.pods:
            for source in sources_of(pod):
                restarted, waits = _runs(pod, source.container)
                if has_begun(pod, source.container) and not (restarted and waits):
                    now.append(source)
                if restarted:
                    before.append(source)
                folder = folder_of(pod, source.container)
                if folder and namespace.target.runs_commands and is_running(pod, source.container):
                    folders.append((source, folder))
    notes: dict[str, None] = {}
    earlier = await read_all(namespace, before, {**query, "previous": "true"}, notes.setdefault, NO_LOG)
    lines = [*earlier, *await lines_of(namespace, now, folders, query, notes.setdefault)]
    for each in notes:  # of both runs of a container the same is said
        note(each)
    return sorted(lines, key=lambda line: line.time)


def deployed_at(service: Service) -> datetime | None:
    """Return when the first pod of a service's newest version was made; ``None`` without a pod."""
    versions: dict[str, list[datetime]] = {}
    for pod in service.pods:
        labels = get(pod, "metadata", "labels", default={})
        version = next((str(labels[name]) for name in REVISIONS if name in labels), "")
        versions.setdefault(version, []).append(moment(get(pod, "metadata", "creationTimestamp")))
    newest = max(versions.values(), key=max, default=None)
    return min(newest) if newest else None


def _runs(pod: Object, container: str) -> tuple[bool, bool]:
    """Whether a container was started again, and whether it waits to be: its last run is the one before then."""
    found = next((each for each in statuses(pod) if each.get("name") == container), {})
    return bool(found.get("restartCount")), "waiting" in (found.get("state") or {})


def _is_file(text: str) -> bool:
    return bool(text) and ("/" in text or text.endswith(".json") or Path(text).is_file())


def _known(file: Path) -> set[tuple[str, str]]:
    """Return the errors in what an earlier ``error-logs --json`` printed, by service and fingerprint.

    Raises:
        UsageError: It cannot be read, or is something else.
    """
    try:
        errors = json.loads(file.read_text(encoding="utf-8"))["errors"]
        return {(str(each["service"]), str(each["fingerprint"])) for each in errors}
    except OSError as error:
        why = str(error.strerror)
    except (ValueError, KeyError, TypeError):
        why = "it is not what error-logs --json prints"
    raise UsageError(
        f"--new-since: {file} cannot be read: {why}", hint="poscloud error-logs --json > before.json"
    )
