"""Settings of Kafka's brokers that could not work: no number, or more than there are brokers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from poscloud.spec.references import Finding

IN_SYNC = {1: 1, 3: 2}
"""Brokers → replicas that must have a write before it counts; one broker may be lost where there are three."""

_OF_BROKERS = re.compile(r"(replication\.factor|insync\.replicas|\.min\.isr)$")
_NUMBER = re.compile(r"\.(ms|bytes|seconds|minutes|hours|partitions|threads)$")
_PAIRS = (
    ("default.replication.factor", "min.insync.replicas"),
    ("offsets.topic.replication.factor", "min.insync.replicas"),
    ("transaction.state.log.replication.factor", "transaction.state.log.min.isr"),
)
"""Replicas that a topic has, and those of them that must have a write."""


def integer(value: object) -> int | None:
    """Return a setting's value as a number; ``None`` if it is none."""
    text = str(value)
    return int(text) if not isinstance(value, bool) and re.fullmatch(r"-?[0-9]{1,19}", text) else None


def check_brokers(config: Mapping[str, str | int | bool], brokers: int) -> Iterator[Finding]:
    """Yield settings that are no numbers, and those that so many brokers cannot keep.

    Args:
        config: Further server.properties settings.
        brokers: How many there are.
    """
    wrong = set()
    for key, value in config.items():
        number = integer(value)
        message = None
        if _OF_BROKERS.search(key):
            if number is None or not 1 <= number <= brokers:
                message = f"{value} is not possible with {brokers} broker(s): a number from 1 to {brokers}"
        elif _NUMBER.search(key) and number is None:
            message = f"expected a whole number, found {value!r}"
        if message:
            wrong.add(key)
            yield Finding(("config", key), "wrong-value", message)
    for factor, least in _PAIRS:
        given = [key for key in (factor, least) if key in config]
        if given and not wrong.intersection(given):
            replicas, needed = int(config.get(factor, brokers)), int(config.get(least, IN_SYNC[brokers]))
            if replicas < needed:
                message = f"{factor} {replicas} is less than {least} {needed}: nothing could be written with acks=all"
                yield Finding(("config", given[0]), "wrong-value", message)
