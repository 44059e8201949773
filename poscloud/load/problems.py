"""From pydantic's errors to problems a person can act on: place, what was found, what is allowed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from poscloud.errors import Problem
from poscloud.load.yamltree import Node
from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import BACKING_KINDS
from poscloud.spec.references import Finding, nearest

_NOUN = {
    "int": "a whole number", "string": "text", "bool": "true or false", "dict": "a map", "list": "a list",
    "tuple": "a list", "model": "a map of fields", "float": "a number",
}  # fmt: skip


FILE_FIELDS = ("defaults", "extends")
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
    return [_problem(d, node, model) for d in details if not _is_noise(d, details)]


def _mendable(detail: ErrorDetails) -> bool:
    """Whether a further field can mend an error: one is missing, or several do not fit together."""
    between = detail["type"] in {"value_error", "heap_too_large"} and not isinstance(detail["input"], str)
    return detail["type"] == "missing" or between


def from_findings(findings: list[Finding], node: Node) -> list[Problem]:
    """Return a problem for each finding, at its place in ``node``."""
    problems = []
    for finding in findings:
        mark = node.locate(finding.path, key=finding.code.startswith(("duplicate", "name-")))
        where = "" if mark.line else f"{'.'.join(map(str, finding.path))}: "  # made in Python
        problems.append(
            Problem(mark.file, mark.line, mark.column, finding.code, where + finding.message, finding.hint)
        )
    return problems


def _is_noise(detail: ErrorDetails, others: list[ErrorDetails]) -> bool:
    """Whether this is only a union's other branch: ``false`` was not given, but a map with its own error."""
    loc = detail["loc"]
    branch = next((i for i, step in enumerate(loc) if str(step).startswith(("literal[", "model"))), None)
    if branch is None or detail["type"] != "literal_error":
        return False
    return any(o["loc"][:branch] == loc[:branch] and o is not detail for o in others)


def _problem(detail: ErrorDetails, node: Node, model: type[BaseModel]) -> Problem:
    # An error between a model's fields names the one that a person would change.
    field = detail.get("ctx", {}).get("field")
    loc = (*(step for step in detail["loc"] if step != "[key]"), *([field] if field else []))
    kind = detail["type"]
    about_key = kind in {"extra_forbidden", "missing"} or "[key]" in detail["loc"]
    if kind == "union_tag_invalid":
        loc = (*loc, "kind")
    mark = node.locate(loc, key=about_key)
    code, message, hint = _describe(detail, loc, model)
    return Problem(mark.file, mark.line, mark.column, code, message, hint)


def _describe(detail: ErrorDetails, loc: tuple[Any, ...], model: type[BaseModel]) -> tuple[str, str, str]:
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    where = ".".join(str(step) for i, step in enumerate(loc) if not _is_tag(step, loc[:i]))
    if kind == "extra_forbidden":
        fields = _fields_at(model, loc[:-1])
        if loc[:-1] == () and model is EnvironmentSpec:
            fields += FILE_FIELDS
        return "unknown-field", f"'{loc[-1]}' is not a field here", nearest(str(loc[-1]), fields)
    if kind == "missing":
        return "missing-field", f"'{loc[-1]}' is required", ""
    if kind in {"literal_error", "union_tag_invalid"}:
        expected = context.get("expected") or context.get("expected_tags", "")
        value = context.get("tag", found)
        words = [w.strip(" '") for w in str(expected).replace(" or ", ",").split(",")]
        return "wrong-value", f"{where}: '{value}' is not one of {expected}", _close(str(value), words)
    if kind == "union_tag_not_found":
        return (
            "missing-field",
            f"{where}: 'kind' is required",
            f"write kind: {', '.join(sorted(BACKING_KINDS))}",
        )
    if kind.endswith("_type") or kind.endswith("_parsing"):
        noun = _NOUN.get(kind.split("_")[0], kind)
        return "wrong-type", f"{where}: expected {noun}, found {_shown(found)}", ""
    if kind == "heap_too_large":
        return "heap-too-large", detail["msg"], ""
    if kind == "value_error":
        return "wrong-value", f"{where}: {context.get('error', detail['msg'])}", ""
    return "wrong-value", f"{where}: {detail['msg']}, found {_shown(found)}", ""


def _close(word: str, words: list[str]) -> str:
    hint = nearest(word, words)
    return hint if hint.startswith("did you mean") else ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _is_tag(step: Any, before: tuple[Any, ...]) -> bool:
    """Whether a step of pydantic's location is the name of a union's branch rather than a key."""
    if len(before) == 2 and before[0] in ("backing", "services", "images"):
        return True
    return isinstance(step, str) and (step.endswith(("Sidecar", "Spec")) or step.startswith("literal["))


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
