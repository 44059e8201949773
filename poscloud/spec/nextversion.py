"""The version beside the live one: the service's description with the fields of ``release.next`` over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from poscloud.spec.base import CHOSEN_KEYS
from poscloud.spec.kubernetes import check_image, check_tag
from poscloud.spec.references import Finding, Path, nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from poscloud.spec.release import Release
    from poscloud.spec.service import ServiceSpec

NOT_RELEASED = (
    "kind",
    "port",
    "replicas",
    "uses",
    "release",
    "rollout",
    "anti_affinity",
    "filebeat",
    "overrides",
)
"""Fields that both versions share."""

_NOUN = {
    "dict": "a map",
    "string": "text",
    "int": "a whole number",
    "bool": "true or false",
    "model": "a map of fields",
}


def next_spec(part: ServiceSpec) -> ServiceSpec | None:
    """Return the description of the version beside the live one, without ``release``; ``None`` without one.

    Raises:
        ValidationError: The fields in ``release.next`` do not fit the service.
    """
    changes = part.release.changes() if part.release else None
    if changes is None:
        return None
    data = part.model_dump(exclude_unset=True, exclude={"release"})
    return type(part).model_validate(_over(data, changes))


def _over(base: Any, change: Any, field: str = "") -> Any:
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    merged = dict(base)
    for key, value in change.items():
        if value is None and field in CHOSEN_KEYS:
            merged.pop(key, None)
        else:
            merged[key] = _over(base.get(key, {} if isinstance(value, dict) else None), value, key)
    return merged


def other_spec(part: ServiceSpec) -> ServiceSpec | None:
    """Return the next version if there is one that differs in more than its image, and its fields are right."""
    release = part.release
    changes = (release.changes() if release and release.strategy != "rolling" else None) or {}
    if changes.keys() <= {"version", "image"} or changes.keys() & set(NOT_RELEASED):
        return None
    try:
        return next_spec(part)
    except ValidationError:
        return None


def check_next(part: ServiceSpec, release: Release, path: Path) -> Iterator[Finding]:
    """Yield what is wrong with the fields of the next version by themselves.

    Args:
        part: The service.
        release: Its release, by which two versions run at once.
        path: Where ``next`` stands in the environment.
    """
    changes = release.changes()
    if changes is None:
        return
    if not changes:
        yield Finding(path, "bad-release", "`next` is empty; give a version, or null for none")
    at = {field: (*path, field) if isinstance(release.next, dict) else path for field in changes}
    yield from _check_fields(part, at)
    yield from _check_version(part, changes, path)
    try:
        beside = next_spec(part)
    except ValidationError as error:
        known = {place[-1] for place in at.values()} - set(type(part).model_fields)
        for detail in error.errors(include_url=False):
            if detail["type"] != "extra_forbidden" or detail["loc"][0] not in known:  # found above
                yield _wrong(detail, path, isinstance(release.next, dict))
        return
    if beside is not None and "image" in changes:
        yield from check_image(beside.image, at["image"])
    if beside is not None and "version" in changes:
        yield from check_tag(beside.version, at["version"])


def _check_fields(part: ServiceSpec, at: Mapping[str, Path]) -> Iterator[Finding]:
    """Yield the fields that only the service as a whole has, or that it does not have; ``at`` is their places."""
    known = set(type(part).model_fields)
    for field, place in at.items():
        if field in NOT_RELEASED:
            message = f"'{field}' is the same for both versions; change it outside `next`"
            yield Finding(place, "bad-release", message)
        elif field not in known:
            hint = nearest(field, known - set(NOT_RELEASED))
            yield Finding(place, "unknown-field", f"'{field}' is not a field here", hint)


def _check_version(part: ServiceSpec, changes: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    """Yield why another ``version`` would not be another program, or not the right one."""
    if "version" not in changes:
        return
    if part.image is not None and "image" not in changes:
        message = (
            "the service's `image` is given, so that another version changes nothing; give next: {image: …}"
        )
        yield Finding(path, "bad-release", message)
    if getattr(part, "git", None) and changes.keys() == {"version"}:
        message = (
            "the program comes from git.revision, so that another version changes only the image it runs in"
        )
        yield Finding(path, "bad-release", message, "give next: {git: {revision: …}}")
    jar, given = getattr(part, "jar", None), changes.get("jar", {})
    known = jar is not None and jar.sha256 is not None
    if known and changes["version"] != part.version and isinstance(given, dict) and "sha256" not in given:
        message = f"jar.sha256 is that of the jar of version '{part.version}', and no other has it"
        hint = f"give next: {{version: {changes['version']}, jar: {{sha256: …}}}}; null: from beside the jar"
        yield Finding(path, "bad-release", message, hint)


def _wrong(detail: ErrorDetails, path: Path, fields: bool) -> Finding:
    """Return what pydantic found in the next version, at the field that a person would change."""
    context, kind = detail.get("ctx", {}), detail["type"]
    # Steps of pydantic's own are the names of a union's branches and of validators.
    steps = [s for s in detail["loc"] if not str(s).endswith(("Spec", "]"))]
    steps += [context["field"]] if "field" in context else []
    where = ".".join(map(str, ("next", *steps)))
    place = (*path, *steps) if fields else path
    if kind == "extra_forbidden":
        return Finding(place, "unknown-field", f"'{steps[-1]}' is not a field here")
    if kind == "missing":
        return Finding(place, "missing-field", f"'{steps[-1]}' is required")
    if kind == "heap_too_large":
        return Finding(place, "heap-too-large", detail["msg"])
    if kind == "value_error":
        return Finding(place, "wrong-value", f"{where}: {context.get('error', detail['msg'])}")
    if kind.endswith(("_type", "_parsing")):
        noun, found = _NOUN.get(kind.split("_")[0], kind), detail["input"]
        shown = "nothing" if found is None else "a map" if isinstance(found, dict) else repr(found)
        return Finding(place, "wrong-type", f"{where}: expected {noun}, found {shown}")
    if kind == "literal_error":
        message = f"{where}: {detail['input']!r} is not one of {context['expected']}"
        return Finding(place, "wrong-value", message)
    return Finding(place, "wrong-value", f"{where}: {detail['msg']}")
