"""Whether a time zone is one: what only the IANA database knows, as this machine has it."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from poscloud.spec.references import Finding, Path, nearest

_ALWAYS_THERE = "Asia/Shanghai"


def check_time_zone(name: str | None, path: Path) -> list[Finding]:
    """Return a finding if ``name`` is given and no time zone; none on a machine without a database."""
    if name is None or _known(name) or not _known(_ALWAYS_THERE):
        return []
    hint = nearest(name, available_timezones())
    message = f"'{name}' is no time zone of the IANA database"
    return [Finding(path, "unknown-time-zone", message, hint if hint.startswith("did you mean") else "")]


def _known(name: str) -> bool:
    try:
        ZoneInfo.no_cache(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
