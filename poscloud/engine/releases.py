"""Promote and abort: edits of a stack's file. The cluster follows with the next ``up``, and not before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.engine.description import load_checked
from poscloud.errors import PosCloudError
from poscloud.load.edit import remove_value, set_value, write_flow
from poscloud.load.environment import load_file
from poscloud.load.stacks import STACKS
from poscloud.render.check import check_rendering
from poscloud.spec import EnvironmentSpec, Release, ServiceSpec
from poscloud.spec.base import CHOSEN_KEYS
from poscloud.spec.nextversion import next_spec
from poscloud.spec.references import nearest

Change = tuple[tuple[str, ...], Any]
"""Place in a service's description → its new value."""


@dataclass(frozen=True)
class Edit:
    """What was changed in a file.

    Attributes:
        file: The file, relative to the project's folder.
        lines: Each new value with its place, as it could be written by hand.
        service: The service as it is described now.
    """

    file: Path
    lines: list[str]
    service: ServiceSpec


def promote(root: Path, stack: str, service: str) -> Edit:
    """Make the version beside the live one live: in the stack's file.

    Of a canary nothing is left beside it; with blue-green the old version stays, to go back to.

    Raises:
        PosCloudError: There is nothing to promote, or the file cannot be changed in place.
    """
    spec = load_checked(root, stack)
    part, release, changes = _released(spec, stack, service)
    edits = [*_leaves(changes, part.model_dump(exclude_unset=True))]
    if release.strategy == "canary":
        becomes: dict[str, Any] = {"next": None}
    else:
        back = _back(part, changes)
        becomes = {"next": back["version"] if isinstance(release.next, str) else back, "live": release.idle}
    edits += [(("release", field), value) for field, value in becomes.items()]
    promoted = next_spec(part) or part
    meant = promoted.model_copy(update={"release": release.model_copy(update=becomes)})
    return _write(root, stack, spec, service, edits, meant)


def abort(root: Path, stack: str, service: str) -> Edit:
    """Take the version beside the live one out of the stack's file.

    Raises:
        PosCloudError: There is none, or the file cannot be changed in place.
    """
    spec = load_checked(root, stack)
    part, release, _ = _released(spec, stack, service)
    meant = part.model_copy(update={"release": release.model_copy(update={"next": None})})
    return _write(root, stack, spec, service, [(("release", "next"), None)], meant)


def set_version(root: Path, stack: str, service: str, version: str) -> Edit:
    """Set a service's version in the stack's file: the next one, where it is released beside the live one.

    Raises:
        PosCloudError: The service's image is given as a whole, or the file cannot be changed in place.
    """
    spec = load_checked(root, stack)
    part = _service(spec, stack, service)
    release = part.release
    if part.image is not None:
        raise PosCloudError(f"'{service}' has an `image` of its own in {stack}; its version changes nothing")
    if release is None or release.strategy == "rolling":
        meant = part.model_copy(update={"version": version})
        return _write(root, stack, spec, service, [(("version",), version)], meant)
    fields = isinstance(release.next, dict)
    following = {**release.next, "version": version} if isinstance(release.next, dict) else version
    meant = part.model_copy(update={"release": release.model_copy(update={"next": following})})
    where = ("release", "next", "version") if fields else ("release", "next")
    return _write(root, stack, spec, service, [(where, version)], meant)


def _service(spec: EnvironmentSpec, stack: str, service: str) -> ServiceSpec:
    if service not in spec.services:
        raise PosCloudError(f"{stack} has no service '{service}'", hint=nearest(service, spec.services))
    return spec.services[service]


def _released(spec: EnvironmentSpec, stack: str, service: str) -> tuple[ServiceSpec, Release, dict[str, Any]]:
    part = _service(spec, stack, service)
    changes = part.release.changes() if part.release else None
    if part.release is None or changes is None:
        raise PosCloudError(
            f"nothing runs beside the live version of '{service}' in {stack}",
            hint="give it `release: {strategy: canary, next: VERSION}` or `blue-green` (docs/releases.md)",
        )
    return part, part.release, changes


def _leaves(changes: dict[str, Any], live: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[Change]:
    """Yield each value that ``changes`` set, as deep as ``live`` has maps for them to stand in."""
    for key, item in changes.items():
        below = live.get(key, {})
        if isinstance(item, dict) and isinstance(below, dict):
            yield from _leaves(item, below, (*path, key))
        else:
            yield (*path, key), item


def _back(part: ServiceSpec, changes: dict[str, Any]) -> dict[str, Any]:
    """Return what leads back from the next version: of each field it changes, the live value.

    A field that the live version does not have at all is null as a whole, which takes it away again.
    """
    live, defaults = part.model_dump(exclude_unset=True), part.model_dump()
    back: dict[str, Any] = {}
    for path, _ in _leaves(changes, live):
        target: dict[str, Any] = back
        known: Any = defaults
        for i, step in enumerate(path):
            known = known.get(step)
            if i == len(path) - 1 or not isinstance(known, dict):
                value = _at(live, path[: i + 1])
                target[step] = known if value is None else value
                break
            target = target.setdefault(step, {})
    return back


def _is_removal(path: tuple[str, ...], value: Any) -> bool:
    """Whether a null takes a key away, which the writer chose, instead of being a value."""
    return value is None and len(path) > 1 and path[-2] in CHOSEN_KEYS


def _at(data: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _write(
    root: Path, stack: str, spec: EnvironmentSpec, service: str, edits: list[Change], meant: ServiceSpec
) -> Edit:
    """Write the edits into the stack's file, if it then says what was meant and nothing else."""
    paths = [(("services", service, *path), value) for path, value in edits]
    lines = [
        f"{'.'.join(path)}: {'(remove)' if _is_removal(path, value) else write_flow(value)}"
        for path, value in paths
    ]
    by_hand = "set by hand:\n    " + "\n    ".join(lines)
    file = root / STACKS / f"{stack}.yaml"
    shown = file.relative_to(root)
    if not file.is_file():
        raise PosCloudError(f"{STACKS}/{stack}.py is a program, which is not changed from here", hint=by_hand)
    draft = file.with_name(f".{file.name}.draft")
    try:
        text = file.read_text(encoding="utf-8")
        for path, value in paths:
            text = remove_value(text, path) if _is_removal(path, value) else set_value(text, path, value)
        draft.write_text(text, encoding="utf-8")
        draft.chmod(file.stat().st_mode & 0o777)
        after = load_file(draft, root, stack)
        if hidden := [p for p, value in paths if _is_removal(p, value) and _inherited(after, p)]:
            for path in hidden:
                text = set_value(text, path, None)
            draft.write_text(text, encoding="utf-8")
            after = load_file(draft, root, stack)
        findings = check_rendering(after)
        if findings:
            raise PosCloudError("; ".join(f.message for f in findings))
        if not _only(spec, after, service, meant):
            raise PosCloudError("it would say something else, because a base has a part in it")
        os.replace(draft, file)
    except PosCloudError as error:
        message = str(error).replace(draft.name, file.name)
        raise PosCloudError(f"{shown} is left as it is: {message}", hint=by_hand) from error
    finally:
        draft.unlink(missing_ok=True)
    return Edit(shown, lines, after.services[service])


def _inherited(spec: EnvironmentSpec, path: tuple[str, ...]) -> bool:
    """Whether a key is there although the stack's own file has it no more: a base or ``defaults`` has it too."""
    return _at(spec.model_dump(), path) is not None


def _only(before: EnvironmentSpec, after: EnvironmentSpec, service: str, meant: ServiceSpec) -> bool:
    """Whether nothing but one service changed, and that one to what was meant."""
    data, expected = after.model_dump(), before.model_dump()
    expected["services"][service] = meant.model_dump()
    return data == expected
