"""The likely cause in one line, from what can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from poscloud.cluster.watching.why.rules import RULES


@dataclass(frozen=True)
class Evidence:
    """What can be seen of a service that is not ready.

    Attributes:
        state: What its objects and pods say: the provider's own sentence, as ``up`` shows it.
        ended: How its containers ended last: ``exit code 137 (OOMKilled)``.
        events: What was told of it and its pods, ``Reason: message``, the newest last.
        log: The last lines of the container that is in trouble.
        waits_for: What it starts after that is not ready.
    """

    state: str = ""
    ended: str = ""
    events: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cause:
    """Why something is not ready, as far as can be told.

    Attributes:
        sentence: The cause.
        remedy: What to do about it; empty where nobody can say.
    """

    sentence: str
    remedy: str = ""


_GROUP = re.compile(r"\{(?P<name>\w+)(:(?P<form>[^{}]*\{\}[^{}]*))?\}")


def likely_cause(evidence: Evidence) -> Cause:
    """Return the likely cause; where no row fits, what it waits for, or what its objects say."""
    for rule in RULES:
        for text in _texts(evidence, rule.where):
            if match := re.search(rule.pattern, " ".join(text.split())):
                return Cause(_filled(rule.sentence, match, evidence), rule.remedy)
    if evidence.waits_for:
        name = evidence.waits_for[0]
        return Cause(f"it waits for {', '.join(evidence.waits_for)}", f"poscloud why {name}")
    return Cause(evidence.state or "nothing that can be seen from here")


def _texts(evidence: Evidence, where: str) -> Iterator[str]:
    """Yield the texts of a part of the evidence, the newest first."""
    for part in where.split():
        found = getattr(evidence, part)
        yield from (found,) if isinstance(found, str) else reversed(found)


def _filled(sentence: str, match: re.Match[str], evidence: Evidence) -> str:
    values = {name: (value or "").strip(" .") for name, value in match.groupdict().items()}
    values["waiting"] = f"; {', '.join(evidence.waits_for)} not ready" if evidence.waits_for else ""

    def put(found: re.Match[str]) -> str:
        value = values.get(found["name"], "")
        return found["form"].replace("{}", value) if found["form"] and value else value

    return _GROUP.sub(put, sentence)
