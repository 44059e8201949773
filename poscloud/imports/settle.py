"""A description that the language accepts: what it refuses is taken out, and said."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from poscloud.errors import PosCloudError
from poscloud.load.excerpt import masked
from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS
from poscloud.spec.references import Finding

Path = tuple[Any, ...]
_ROUNDS = 200


def settled(data: dict[str, Any], notes: list[str]) -> EnvironmentSpec:
    """Return the description, from which everything that is refused has been removed; ``data`` is changed.

    Args:
        data: The description as a map.
        notes: Receives a line for each thing that was removed.

    Raises:
        PosCloudError: What is refused is nothing that could be left out.
    """
    wrong: list[tuple[Path, str]] = []
    for _ in range(_ROUNDS):
        findings: list[Finding] = []
        try:
            spec = EnvironmentSpec.model_validate(data, context={"findings": findings})
            wrong = [(tuple(f.path), f.message) for f in findings]
        except ValidationError as error:
            spec = None
            wrong = [(_path(d["loc"], d.get("ctx", {})), d["msg"]) for d in error.errors(include_url=False)]
        if spec is not None and not wrong:
            return spec
        before = len(notes)
        for path, message in wrong:
            if removed := _remove(data, path):
                notes.append(f"{'.'.join(map(str, removed))} is left out: {masked(message)}")
        if len(notes) == before:
            break
    what = "; ".join(f"{'.'.join(map(str, path))}: {masked(message)}" for path, message in wrong)
    raise PosCloudError(
        f"the manifests cannot be described: {what}",
        hint="change it in the manifests, or leave out the object, and import again",
    )


def _path(loc: tuple[Any, ...], context: dict[str, Any]) -> Path:
    """Return the place of an error without what pydantic calls the branches of a union."""
    kinds = {*SERVICE_KINDS, *BACKING_KINDS}
    steps = [
        step
        for i, step in enumerate(loc)
        if not (isinstance(step, str) and (step.endswith(("Spec", "]")) or (i == 2 and step in kinds)))
    ]
    return (*steps, *([context["field"]] if "field" in context else []))


def _remove(data: dict[str, Any], path: Path) -> Path:
    """Remove what stands at a path, or the nearest thing above it that is there; return its path."""
    place: Any = data
    for depth, step in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(place, dict) and step in place:
            if last:
                del place[step]
                return path
            below = place[step]
            if not isinstance(below, (dict, list)):
                del place[step]
                return path[: depth + 1]
            place = below
        elif isinstance(place, list) and isinstance(step, int) and step < len(place):
            if last:
                del place[step]
                return path
            place = place[step]
        else:  # a field that is missing: what it is missing in has to go
            return _remove(data, path[:depth]) if depth else ()
    return ()
