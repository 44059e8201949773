"""What pydantic finds in words of our own: what is allowed, and what was found, as YAML writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

_NOUN = {
    "int": "a whole number", "string": "text", "bool": "true or false", "dict": "a map", "list": "a list",
    "tuple": "a list", "model": "a map of fields", "float": "a number", "none": "null",
}  # fmt: skip

_BOUND = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "multiple_of": "a multiple of {multiple_of}",
}

_LENGTH = {
    "too_short": ("at least {min_length}", "entry", "entries"),
    "too_long": ("at most {max_length}", "entry", "entries"),
    "string_too_short": ("at least {min_length}", "character", "characters"),
    "string_too_long": ("at most {max_length}", "character", "characters"),
}


def is_mismatch(kind: str) -> bool:
    """Whether an error of this kind says that the value is of another type than expected."""
    return kind.endswith(("_type", "_parsing")) or kind in (
        "literal_error",
        "int_from_float",
        "none_required",
    )


def expected(detail: ErrorDetails) -> str:
    """Return what would have been right instead of a value of another type."""
    if detail["type"] == "literal_error":
        return literals(detail.get("ctx", {}).get("expected", ""))
    kind = detail["type"]
    return _NOUN.get(kind.split("_")[0], kind)


def literals(words: object) -> str:
    """Return pydantic's list of allowed values as YAML writes them."""
    return re.sub(r"(?<!['\w])(True|False)(?!['\w])", lambda match: match[1].lower(), str(words))


def constraint(detail: ErrorDetails) -> str:
    """Return what a value that is out of bounds would have to be."""
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind in _BOUND:
        return f"must be {_BOUND[kind].format(**context)}, found {shown(found)}"
    if kind in _LENGTH:
        return _length(kind, found, context)
    if kind == "string_pattern_mismatch":
        return f"{shown(found)} is not of the form {context['pattern'].removeprefix('^').removesuffix('$')}"
    if kind in ("environment", "between_fields"):  # errors of our own
        return detail["msg"]
    return f"{detail['msg']}, found {shown(found)}"


def _length(kind: str, found: Any, context: Mapping[str, Any]) -> str:
    bound, one, several = _LENGTH[kind]
    limit = context.get("min_length", context.get("max_length"))
    if not (found.strip() if isinstance(found, str) else found):
        return "is empty" + (f"; give {bound.format(**context)} {one}" if limit == 1 else "")
    noun = one if limit == 1 else several
    return f"must have {bound.format(**context)} {noun}, found {len(found)}"


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, and as YAML writes it."""
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
