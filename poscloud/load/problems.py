"""From pydantic's errors to problems a person can act on: place, what was found, what is allowed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from poscloud.errors import Problem
from poscloud.load import hints
from poscloud.load.hints import HIDDEN
from poscloud.load.words import constraint, expected, is_mismatch, literals, shown
from poscloud.load.yamltree import Mark, Node
from poscloud.spec import EnvironmentSpec
from poscloud.spec.cleartext import is_named
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS
from poscloud.spec.redaction import redacted
from poscloud.spec.references import Finding, Path, nearest

FILE_FIELDS = ("defaults", "extends", "only")
"""Top-level fields that only files have."""


def from_validation(
    error: ValidationError, node: Node, model: type[BaseModel], *, partial: bool = False
) -> list[Problem]:
    """Return a problem for each error, at its place in ``node``.

    Args:
        error: What pydantic found.
        node: What was validated.
        model: As what it was validated.
        partial: More fields will be added, so that only what no further field can mend is a problem.
    """
    details = [d for d in error.errors(include_url=False) if not (partial and _mendable(d))]
    problems = []
    for detail, others in _told(details, node):
        problems.append(_problem(detail, node, model, others))
    return problems


def _mendable(detail: ErrorDetails) -> bool:
    """Whether a further field can mend an error: one is missing, or several do not fit together."""
    between = detail["type"] in {"value_error", "heap_too_large", "between_fields"} and not isinstance(
        detail["input"], str
    )
    return detail["type"] == "missing" or between


def from_findings(findings: list[Finding], node: Node) -> list[Problem]:
    """Return a problem for each finding, at its place in ``node``."""
    problems = []
    for finding in findings:
        mark = node.locate(finding.path, key=finding.code.startswith(("duplicate", "name-", "deprecated")))
        # In Python one call may make several parts, by a function or a loop.
        path = ".".join(map(str, finding.path))
        told = mark.line and (mark.file.suffix != ".py" or finding.message.startswith(f"{path} "))
        where = "" if told else f"{path}: "
        problems.append(
            Problem(mark.file, mark.line, mark.column, finding.code, where + finding.message, finding.hint)
        )
    return problems


def _told(details: list[ErrorDetails], node: Node) -> Iterator[tuple[ErrorDetails, list[ErrorDetails]]]:
    """Yield each error to report, with those that say what else the same value could have been.

    Where a value may be one of several things (a map of fields or ``false``), pydantic reports each of them.
    """
    paths = [None if "[key]" in d["loc"] else node.known(d["loc"]) for d in details]
    below: dict[Path, list[tuple[ErrorDetails, Path]]] = defaultdict(list)
    for detail, path in zip(details, paths, strict=True):
        if path is not None:
            for length in range(len(path) + 1):
                below[path[:length]].append((detail, path))
    reported: set[Path] = set()
    for detail, path in zip(details, paths, strict=True):
        if path is None or not is_mismatch(detail["type"]):
            yield detail, []
            continue
        if path in reported:
            continue  # together with another error of the same value
        around = [(o, p) for o, p in below[path] if o is not detail]
        meant = any(len(p) > len(path) or not is_mismatch(o["type"]) for o, p in around)
        if meant:
            continue  # the value was meant as one of the others
        reported.add(path)
        yield detail, [o for o, _ in around]


def _problem(
    detail: ErrorDetails, node: Node, model: type[BaseModel], others: Iterable[ErrorDetails]
) -> Problem:
    detail = _without_secret(detail, node.known(detail["loc"]))
    # An error between a model's fields names the one that a person would change.
    field = detail.get("ctx", {}).get("field")
    loc = (*(step for step in detail["loc"] if step != "[key]"), *([field] if field else []))
    kind = detail["type"]
    about_key = kind in {"extra_forbidden", "missing"} or "[key]" in detail["loc"]
    if kind == "union_tag_invalid":
        loc = (*loc, "kind")
    mark = node.locate(loc, key=about_key)
    where = ".".join(map(str, (*node.known(detail["loc"]), *([field] if field else []))))
    code, message, hint = _describe(detail, loc, model, others)
    hint = _meant(code, message, detail, loc, node, mark) or hint
    if code not in ("unknown-field", "missing-field", "heap-too-large") and where:
        message = f"{where}: {message}"
    return Problem(mark.file, mark.line, mark.column, code, message, hint)


def _without_secret(detail: ErrorDetails, path: Path) -> ErrorDetails:
    """Return an error whose value is shown to nobody, if it is a secret by its name or has one in its text."""
    found = detail["input"]
    if "[key]" not in detail["loc"] and path and is_named(str(path[-1])):
        hidden = isinstance(found, (str, int, float)) and not isinstance(found, bool)
        return {**detail, "input": HIDDEN} if hidden else detail
    return {**detail, "input": redacted(found, HIDDEN)} if isinstance(found, str) else detail


def _meant(
    code: str, message: str, detail: ErrorDetails, loc: tuple[Any, ...], node: Node, mark: Mark
) -> str:
    """Return what was probably meant; empty where that is not clear."""
    if code == "unknown-field":
        return hints.for_field(node.known(loc), node) if mark.file.suffix != ".py" else ""
    if code == "wrong-type":
        written = node.written_at(loc)
        return hints.for_type(expected(detail), detail["input"], node.known(loc), mark, written)
    return hints.for_value(message, detail["input"]) if code == "wrong-value" else ""


def _describe(
    detail: ErrorDetails, loc: tuple[Any, ...], model: type[BaseModel], others: Iterable[ErrorDetails]
) -> tuple[str, str, str]:
    """Return code, message and hint of an error; ``others`` say what else the value could have been."""
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        fields = _fields_at(model, loc[:-1])
        if loc[:-1] == () and model is EnvironmentSpec:
            fields += FILE_FIELDS
        return "unknown-field", f"'{loc[-1]}' is not a field here", nearest(str(loc[-1]), fields)
    if kind == "missing":
        return "missing-field", f"'{loc[-1]}' is required", ""
    if kind == "union_tag_not_found":
        kinds = SERVICE_KINDS if loc[0] == "services" else BACKING_KINDS
        return "missing-field", "'kind' is required", f"write kind: {', '.join(sorted(kinds))}"
    if kind == "union_tag_invalid" or (kind == "literal_error" and not others):
        allowed = literals(context.get("expected") or context.get("expected_tags", ""))
        value = context.get("tag", found)
        words = [w.strip(" '") for w in allowed.replace(" or ", ",").split(",")]
        quoted = f"'{value}'" if isinstance(value, str) else shown(value)
        return "wrong-value", f"{quoted} is not one of {allowed}", _close(str(value), words)
    if is_mismatch(kind):
        alternatives = " or ".join(dict.fromkeys(expected(d) for d in (detail, *others)))
        return "wrong-type", f"expected {alternatives}, found {shown(found)}", ""
    if kind == "heap_too_large":
        return "heap-too-large", detail["msg"], ""
    if kind == "value_error":
        return "wrong-value", str(context.get("error", detail["msg"])), ""
    return "wrong-value", constraint(detail), ""


def _close(word: str, words: list[str]) -> str:
    hint = nearest(word, words)
    return hint if hint.startswith("did you mean") else ""


def loose_messages(error: ValidationError) -> list[str]:
    """Return a message for each error of what was made in Python, where no tree tells keys from pydantic's steps."""
    found = []
    for detail in error.errors(include_url=False):
        path = [str(s) for s in detail["loc"] if isinstance(s, int) or re.fullmatch(r"[A-Za-z0-9_.-]+", s)]
        _, message, _ = _describe(detail, detail["loc"] or ("",), BaseModel, ())
        found.append(f"{'.'.join(path)}: {message}" if path else message)
    return found


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Return the field names of the model at ``path``, by following annotations."""
    candidates: list[Any] = [model]
    for step in path:
        following: list[Any] = []
        for candidate in candidates:
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                info = candidate.model_fields.get(str(step))
                if info is not None:
                    following += _models_in(info.annotation)
        if following:
            tagged = [m for m in following if m.__name__ == step]
            candidates = tagged or following
        else:
            named = [c for c in candidates if _has_kind(c, step) or c.__name__ == step]
            candidates = named or candidates
    return sorted({name for c in candidates for name in c.model_fields})


def _has_kind(model: type[BaseModel], kind: Any) -> bool:
    info = model.model_fields.get("kind")
    return info is not None and info.default == kind


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)] + (
        _models_in(annotation.__origin__) if hasattr(annotation, "__metadata__") else []
    )
