"""Whether a JVM fits its container: the heap, and what it needs beside it."""

from __future__ import annotations

import re
from decimal import Decimal

from poscloud.spec import EnvironmentSpec
from poscloud.spec.jvm import JvmServiceSpec
from poscloud.spec.references import Finding
from poscloud.spec.values import MEBIBYTE, mebibytes, parse_jvm_size, parse_quantity

CODE = "memory-too-small"

LEAST = {"MaxMetaspaceSize": 96, "ReservedCodeCacheSize": 48, "MaxDirectMemorySize": 16}
"""Mebibytes that a small Spring application takes of each, where no option says how much it may take."""

THREADS = 40
"""Threads of the same: Tomcat's, the collector's, the compiler's and a pool or two."""

STACK = 1
"""Mebibytes of a thread's stack without -Xss."""

OWN = 24
"""Mebibytes of the JVM itself: its program, symbols and the collector's tables."""

_SIZED = re.compile(r"-XX:(MaxMetaspaceSize|ReservedCodeCacheSize|MaxDirectMemorySize)=(\S+)")
_HEAP = re.compile(r"-(?:Xmx|XX:MaxHeapSize=)(\S+)")
_SHARE = re.compile(r"-XX:MaxRAMPercentage=([0-9.]+)")
_STACK = re.compile(r"-(?:Xss|XX:ThreadStackSize=)(\S+)")


def check_jvm(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each service whose heap and the rest of its JVM together exceed its memory limit.

    That the heap alone is at most three quarters of it has been checked; here the options count that give the rest
    a size of its own, and what a small application needs at least.
    """
    findings = []
    for name, service in spec.services.items():
        if not isinstance(service, JvmServiceSpec) or not service.resources.limits.memory:
            continue
        options, limit = service.jvm_options(), service.resources.limits.memory
        parts = {"heap": _heap(options, limit), **_beside(options)}
        needed = sum(parts.values())
        if needed <= parse_quantity(limit):
            continue
        listed = ", ".join(f"{what} {int(size // MEBIBYTE)}Mi" for what, size in parts.items())
        message = (
            f"the JVM of '{name}' may need {mebibytes(needed)}, but its memory limit is {limit}: {listed}; "
            "the kernel would kill it"
        )
        hint = f"raise resources.limits.memory to {mebibytes(needed)}, or give a smaller heap by java_opts"
        field = ("java_opts",) if service.java_opts is not None else ("resources", "limits", "memory")
        findings.append(Finding(("services", name, *field), CODE, message, hint))
    return findings


def _heap(options: str, limit: str) -> Decimal:
    """Return the largest heap in bytes; without an option, what the JVM takes by itself, a quarter."""
    if sizes := _HEAP.findall(options):
        return Decimal(parse_jvm_size(sizes[-1]))
    shares = _SHARE.findall(options)
    return parse_quantity(limit) * (Decimal(shares[-1]) / 100 if shares else Decimal("0.25"))


def _beside(options: str) -> dict[str, Decimal]:
    """Return what the JVM needs beside its heap, in bytes, by what it is for."""
    given = {name: _size(text) for name, text in _SIZED.findall(options)}
    names = {
        "MaxMetaspaceSize": "classes", "ReservedCodeCacheSize": "compiled code", "MaxDirectMemorySize": "buffers",
    }  # fmt: skip
    found = {names[n]: given.get(n) or Decimal(least * MEBIBYTE) for n, least in LEAST.items()}
    stacks = [_size(text) for text in _STACK.findall(options)]
    stack = (stacks[-1] if stacks else None) or Decimal(STACK * MEBIBYTE)
    return {**found, f"{THREADS} threads": stack * THREADS, "itself": Decimal(OWN * MEBIBYTE)}


def _size(text: str) -> Decimal | None:
    try:
        return Decimal(parse_jvm_size(text))
    except ValueError:
        return None
