"""What a scalar means by YAML 1.2's core schema, of which octal and hexadecimal numbers are left out."""

from __future__ import annotations

import math
import re

CORE = "tag:yaml.org,2002:"
_FORMS = {
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "int": re.compile(r"[-+]?[0-9]+"),
    "float": re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
    "null": re.compile(r"~|null|Null|NULL|"),
}
_FIRST = frozenset("tTfFnN~-+.0123456789")
"""What any of these begins with; most scalars are text, and need not be looked at further."""

TAGS = frozenset({CORE + kind for kind in (*_FORMS, "str", "map", "seq")})
_MAX_DIGITS = 1000


def resolve(text: str) -> str:
    """Return the kind of a scalar without quotes: ``bool``, ``int``, ``float``, ``null`` or ``str``."""
    if text and text[0] not in _FIRST:
        return "str"
    return next((kind for kind, form in _FORMS.items() if form.fullmatch(text)), "str")


def scalar(kind: str, text: str) -> tuple[str | bool | int | float | None, str]:
    """Return the value of a scalar, and what is wrong with it; empty when nothing is."""
    form = _FORMS.get(kind)
    if form is None:
        return text, ""
    if not form.fullmatch(text) or len(text) > _MAX_DIGITS:
        shown = text if len(text) <= 60 else f"{text[:57]}…"
        why = f"is no {kind}" if len(text) <= _MAX_DIGITS else f"has more than {_MAX_DIGITS} digits"
        return text, f"'{shown}' {why}"
    if kind == "bool":
        return text.lower() == "true", ""
    if kind == "int":
        return int(text), ""
    if kind == "float":
        number = float(text)
        return number, "" if math.isfinite(number) else f"'{text}' is too large a number"
    return None, ""
