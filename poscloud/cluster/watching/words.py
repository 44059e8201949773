"""Amounts and times as people read them in a table."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def duration(seconds: float | None) -> str:
    """Return a time span in one unit, two where the first is small: ``45s``, ``12m``, ``3h20m``, ``2d``."""
    if seconds is None:
        return "-"
    left = max(int(seconds), 0)
    for size, unit in _UNITS:
        if left >= size:
            whole, rest = divmod(left, size)
            smaller = next(((s, u) for s, u in _UNITS if s < size), None)
            more = (
                f"{rest // smaller[0]}{smaller[1]}" if smaller and whole < 10 and rest >= smaller[0] else ""
            )
            return f"{whole}{unit}{more}"
    return "0s"


def cores(amount: float) -> str:
    """Return processors: ``50m``, ``1.5``."""
    if amount < 1:
        return f"{round(amount * 1000)}m"
    return f"{amount:.1f}".removesuffix(".0")


def memory(amount: float) -> str:
    """Return bytes: ``512Mi``, ``1.5Gi``."""
    mebibytes = amount / 2**20
    if mebibytes < 1024:
        return f"{round(mebibytes)}Mi"
    return f"{mebibytes / 1024:.1f}".removesuffix(".0") + "Gi"


def clock(moment: datetime) -> str:
    """Return a time in this machine's zone; with its day when that is not today."""
    local = moment.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%m-%d %H:%M:%S}"
