"""All errors that are alike as one: how often, since when, in which pods."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from poscloud.cluster.watching.errors.blocks import Block
from poscloud.cluster.watching.errors.fingerprint import fingerprint, title
from poscloud.cluster.watching.logs.line import Line


@dataclass(frozen=True)
class Group:
    """All errors of one kind in one service.

    Attributes:
        fingerprint: What they have in common; the same in every run.
        service: The service.
        title: In one line, without times and numbers.
        count: How many there are.
        first: When the first was written.
        last: When the last was.
        pods: In which pods.
        example: The last of them as it was written, with its stack trace.
    """

    fingerprint: str
    service: str
    title: str
    count: int
    first: datetime
    last: datetime
    pods: tuple[str, ...]
    example: tuple[str, ...]


def groups_of(blocks: Iterable[Block]) -> list[Group]:
    """Return errors by kind and service, those first that were written most often."""
    alike: dict[tuple[str, str], list[Block]] = {}
    for block in blocks:
        alike.setdefault((block.source.service, fingerprint(block.lines)), []).append(block)
    found = [_group(service, mark, each) for (service, mark), each in alike.items()]
    return sorted(found, key=lambda group: (-group.count, group.first, group.fingerprint))


def new_since(groups: Iterable[Group], moments: Mapping[str, datetime]) -> list[Group]:
    """Return those that were first written at or after a moment, which each service has its own of."""
    return [group for group in groups if group.service in moments and group.first >= moments[group.service]]


def not_known(groups: Iterable[Group], known: Collection[tuple[str, str]]) -> list[Group]:
    """Return those that are not known yet by service and fingerprint."""
    return [group for group in groups if (group.service, group.fingerprint) not in known]


def _group(service: str, mark: str, blocks: list[Block]) -> Group:
    moments = [Line(block.time, block.source, b"").moment for block in blocks]
    last = max(range(len(blocks)), key=moments.__getitem__)
    return Group(
        fingerprint=mark,
        service=service,
        title=title(blocks[last].lines),
        count=len(blocks),
        first=min(moments),
        last=max(moments),
        pods=tuple(sorted({block.source.pod for block in blocks})),
        example=blocks[last].lines,
    )
