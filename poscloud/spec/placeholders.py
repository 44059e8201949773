"""Patterns with ``{placeholders}``: names of images, addresses of jars, builds of a merge request."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter


def placeholders(pattern: str, allowed: Sequence[str]) -> set[str]:
    """Return the placeholders that a pattern has.

    Args:
        pattern: Text for ``str.format``.
        allowed: Names that something is known for.

    Raises:
        ValueError: It is no pattern, or has a placeholder that is not allowed, or one with a format or conversion.
    """
    try:
        fields = [field for field in Formatter().parse(pattern) if field[1] is not None]
    except ValueError as error:
        raise ValueError(f"'{pattern}' is no pattern: {error}") from None
    for _, name, form, conversion in fields:
        if name not in allowed or form or conversion:
            given = f"{{{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
            known = ", ".join(f"{{{each}}}" for each in allowed)
            raise ValueError(f"'{given}' is not known here; its placeholders may be {known}")
    return {str(name) for _, name, *_ in fields}
