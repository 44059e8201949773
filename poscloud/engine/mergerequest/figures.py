"""Figures as people read them: ``+1.5 CPU``, ``−512 MiB``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from poscloud.engine.mergerequest.changes import Amounts, Comparison
from poscloud.engine.mergerequest.grade import count, verb
from poscloud.spec.values import MEBIBYTE

_GIBIBYTE = 1024 * MEBIBYTE
_CENT = Decimal("0.01")
_MILLI = Decimal("0.001")


def cores(amount: Decimal) -> str:
    """Return a number of cores, to a thousandth."""
    return f"{amount.quantize(_MILLI).normalize():f}"


def size(amount: Decimal) -> str:
    """Return a number of bytes in MiB or GiB, to a hundredth."""
    unit, name = (_GIBIBYTE, "GiB") if amount >= _GIBIBYTE else (MEBIBYTE, "MiB")
    return f"{(amount / unit).quantize(_CENT).normalize():f} {name}" if amount else "0"


def signed(amount: Decimal, write: Callable[[Decimal], str]) -> str:
    """Return a difference with its sign; that of less is a real minus."""
    return f"{'+' if amount > 0 else '−'}{write(abs(amount))}" if amount else "0"


def headline(comparison: Comparison) -> str:
    """Return in one line what changes, whatever it is; never more than 200 characters.

    Without a baseline it says how much there is, and that nothing can be said of risks.
    """
    if not comparison.published:
        all_of_it = [
            f"{count(int(comparison.after.pods), 'pod')}",
            *_sums(Amounts(), comparison.after, unsigned=True),
        ]
        parts = count(len(comparison.components), "component")
        return f"no baseline to compare with, {parts} in all: {', '.join(all_of_it)}, risk: unknown"
    if not comparison.components:
        return "nothing changes"
    parts = count(len(comparison.components), "component")
    said = [f"{parts} change{'s' if len(comparison.components) == 1 else ''}"]
    if comparison.restarts:
        said.append(verb(comparison.restarts, "restart"))
    pods = comparison.after.pods - comparison.before.pods
    if pods:
        said.append(f"{signed(pods, cores)} pod{'' if abs(pods) == 1 else 's'}")
    said += _sums(comparison.before, comparison.after)
    word = comparison.grade.word
    return f"{', '.join(said)}, risk: {word.upper() if comparison.lossy else word}"


def rows(comparison: Comparison) -> Iterator[tuple[str, str, str, str]]:
    """Yield what the environment takes: of what, before, after, the difference; only what differs."""
    before, after = comparison.before, comparison.after
    for name, write, old, new in (
        ("pods", cores, before.pods, after.pods),
        ("CPU requests", cores, before.cpu_requests, after.cpu_requests),
        ("CPU limits", cores, before.cpu_limits, after.cpu_limits),
        ("memory requests", size, before.memory_requests, after.memory_requests),
        ("memory limits", size, before.memory_limits, after.memory_limits),
        ("storage", size, before.storage, after.storage),
    ):
        if old != new:
            yield name, write(old), write(new), signed(new - old, write)


def _sums(before: Amounts, after: Amounts, *, unsigned: bool = False) -> list[str]:
    """Return what is requested, as differences that are not zero, or as it is."""
    pairs = (
        (after.cpu_requests - before.cpu_requests, cores, "CPU"),
        (after.memory_requests - before.memory_requests, size, "memory"),
        (after.storage - before.storage, size, "storage"),
    )
    return [
        f"{write(amount) if unsigned else signed(amount, write)} {name}"
        for amount, write, name in pairs
        if amount
    ]
