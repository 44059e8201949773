"""References between the parts of an environment: ``${redis.host}`` and ``uses``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import TopologicalSorter

OUTPUTS = ("host", "port", "url")
"""What every service and backing service offers to others: DNS name, TCP port, and both as its clients
write it (``redis://…:6379``, ``zookeeper-0…:2181,zookeeper-1…:2181``, ``http://…:9090``)."""

_MAX_WORDS = 10
"""Known words that a message lists at most."""

REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
"""``${name.output}``; or ``$${``, which stands for a literal ``${`` and has no group."""

_TARGET = re.compile(r"(?P<name>[a-z0-9-]+)\.(?P<output>[a-z]+)")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """Something wrong between parts that are each right by themselves.

    Attributes:
        path: Keys from the environment down to the value, for example ``("services", "a", "uses", 0)``.
        code: Stable identifier.
        message: What is wrong and what is allowed.
        hint: What to do.
    """

    path: Path
    code: str
    message: str
    hint: str = ""


def nearest(word: str, known: Iterable[str], *, ending: str = "") -> str:
    """Return a hint naming the word the writer probably meant, or the known words.

    ``ending`` is shown behind each; it is what all files of a kind have, and so is no likeness.
    """
    words = sorted(known)
    match = get_close_matches(word, words, n=1, cutoff=0.6)
    if match:
        return f"did you mean '{match[0]}{ending}'?"
    words = [word + ending for word in words]
    shown = words if len(words) <= _MAX_WORDS else [*words[:_MAX_WORDS], "…"]
    return f"known: {', '.join(shown)}" if words else "none is defined"


def _references(text: str) -> list[str]:
    return [match[1] for match in REFERENCE.finditer(text) if match[1] is not None]


def targets(text: str) -> list[str]:
    """Return the names that ``text`` refers to, in order."""
    return [m["name"] for ref in _references(text) if (m := _TARGET.fullmatch(ref))]


def substitute(text: str, outputs: Mapping[str, Mapping[str, str]]) -> str:
    """Replace each ``${name.output}`` in ``text``, and ``$${`` by ``${``; the text must have been checked."""

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        name, _, output = match[1].partition(".")
        return outputs[name][output]

    return REFERENCE.sub(value, text)


def check_text(text: str, path: Path, offered: Mapping[str, tuple[str, ...]]) -> list[Finding]:
    """Return a finding for each reference in ``text`` that leads nowhere.

    Args:
        text: A value with references.
        path: Where it stands.
        offered: Name of a part → the outputs it has.
    """
    findings = []
    if "${" in REFERENCE.sub(" ", text):
        hint = "write ${NAME.OUTPUT}; or $${ for a literal ${"
        findings.append(Finding(path, "bad-reference", "a '${' has no '}'", hint))
    for reference in _references(text):
        target = _TARGET.fullmatch(reference)
        if target is None:
            findings.append(
                Finding(
                    path,
                    "bad-reference",
                    f"'${{{reference}}}' is not of the form ${{NAME.OUTPUT}}",
                    f"outputs: {', '.join(OUTPUTS)}; write $${{{reference}}} for a literal ${{{reference}}}",
                )
            )
        elif target["name"] not in offered:
            findings.append(
                Finding(
                    path,
                    "unknown-reference",
                    f"'${{{reference}}}' names no service or backing service",
                    nearest(target["name"], offered),
                )
            )
        elif target["output"] not in offered[target["name"]]:
            findings.append(
                Finding(
                    path,
                    "unknown-output",
                    f"'{target['name']}' has no output '{target['output']}'",
                    nearest(target["output"], offered[target["name"]]),
                )
            )
    return findings


def find_cycle(after: Mapping[str, Iterable[str]]) -> list[str]:
    """Return one cycle of the start order as names, first repeated last; empty when there is none."""
    done: set[str] = set()
    for start in sorted(after):
        trail: list[str] = []
        stack = [(start, iter(sorted(after.get(start, ()))))] if start not in done else []
        if stack:
            trail.append(start)
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done.add(name)
                stack.pop()
                trail.pop()
            elif following in trail:
                return [*trail[trail.index(following) :], following]
            elif following not in done:
                trail.append(following)
                stack.append((following, iter(sorted(after.get(following, ())))))
    return []


def in_order(after: Mapping[str, Iterable[str]]) -> list[str]:
    """Return all names so that each comes after those it needs; equal ones by name. There must be no cycle."""
    sorter = TopologicalSorter(after)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order
