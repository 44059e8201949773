"""Amounts, ages and times as a page shows them, and pieces of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape

from poscloud.engine.report.model import Amounts

UNITS = {"cpu": "CPU", "memory": "memory", "pods": "pods"}

_GIB = Decimal(2**30)
_MIB = Decimal(2**20)


def amount(resource: str, value: Decimal) -> str:
    """Return an amount: ``0.25``, ``1.5 GiB``, ``7``."""
    if resource == "memory":
        return f"{_plain(value / _GIB)} GiB" if value >= _GIB else f"{_plain(value / _MIB, 0)} MiB"
    return _plain(value, 2)


def amounts(found: Amounts) -> str:
    """Return amounts of CPU and memory in a few words."""
    return ", ".join(
        f"{amount(name, found[name])} {UNITS[name]}" for name in ("cpu", "memory") if found.get(name)
    )


def age(seconds: float | None) -> str:
    """Return an age in the two largest units that it has; empty where there is none."""
    if seconds is None:
        return ""
    minutes = max(int(seconds), 0) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{max(int(seconds), 0)} s"
    )


def time(moment: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def tag(name: str, content: str, **attributes: str) -> str:
    """Return an element; ``content`` is HTML already, attributes are not."""
    written = "".join(
        f' {key.strip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items()
    )
    return f"<{name}{written}>{content}</{name}>"


def table(
    heads: Sequence[str], rows: Iterable[str], *, caption: str = "", numbers: Sequence[int] = ()
) -> str:
    """Return a table that becomes a list of cards on a small screen.

    Args:
        heads: What stands over the columns.
        rows: Each as HTML, a whole ``tr``.
        caption: What stands over the table.
        numbers: Which columns have numbers.
    """
    cells = "".join(
        f'<th scope="col"{" class=number" if n in numbers else ""}>{escape(head)}</th>'
        for n, head in enumerate(heads)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table class="cards">{title}<thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def cell(content: str, label: str, kind: str = "") -> str:
    """Return a cell; ``content`` is HTML already, ``label`` says on a small screen what it is."""
    return tag("td", content, **({"class_": kind} if kind else {}), data_label=label)


def opener(name: str) -> str:
    """Return what opens a component, nothing where there is none."""
    return tag("button", escape(name), class_="link", type="button", data_open=name) if name else ""


def _plain(value: Decimal, places: int = 1) -> str:
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
