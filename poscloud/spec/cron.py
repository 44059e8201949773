"""When a CronJob begins: a cron line as the API server reads it."""

from __future__ import annotations

import re

DESCRIPTORS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "sun mon tue wed thu fri sat".split()
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
"""What each field is called, its least and its greatest number, and its names."""

_ITEM = re.compile(r"(?:[*?]|(?P<first>[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?)(?:/(?P<step>[0-9]+))?")


def check_schedule(line: str) -> str:
    """Return ``line`` if a CronJob may have it as its schedule, else raise ``ValueError``.

    Five fields, or one of ``DESCRIPTORS``: what Kubernetes reads with robfig/cron's standard parser, but for
    ``@every``, which begins anew whenever the controller does.
    """
    if line in DESCRIPTORS:
        return line
    if line.startswith("@"):
        raise ValueError(f"'{line}' is no schedule; known: {', '.join(DESCRIPTORS)}")
    if "TZ=" in line:
        raise ValueError("a schedule has no time zone in it; use time_zone")
    fields = line.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"'{line}' has {len(fields)} fields; a cron line has five: minute, hour, day of the month, month, day of "
            "the week, for example '*/10 * * * *'"
        )
    for text, (what, least, greatest, names) in zip(fields, _FIELDS, strict=True):
        for item in text.lower().split(","):
            if why := _wrong(item, least, greatest, names):
                raise ValueError(f"{what} '{text}': {why}")
    return line


def _wrong(item: str, least: int, greatest: int, names: dict[str, int]) -> str:
    """Return what is wrong with one item of a field's list; empty when nothing is."""
    found = _ITEM.fullmatch(item)
    if found is None:
        return f"'{item}' is none of *, N, N-M, and these with /STEP"
    step = found["step"]
    if step is not None and not 1 <= int(step) <= greatest:
        return f"a step is a number from 1 to {greatest}"
    numbers = [names.get(word, word) for word in (found["first"], found["last"]) if word is not None]
    for number in numbers:
        if not str(number).isdecimal() or not least <= int(number) <= greatest:
            known = f" or {next(iter(names))} to {list(names)[-1]}" if names else ""
            return f"'{number}' is no number from {least} to {greatest}{known}"
    if len(numbers) > 1 and int(numbers[0]) > int(numbers[1]):
        return f"'{item}' ends before it begins"
    return ""
