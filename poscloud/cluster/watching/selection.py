"""Which services are meant by what a person typed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from poscloud.errors import UsageError


def selected(wanted: Sequence[str], known: Collection[str], environment: str) -> list[str]:
    """Return the services that are meant, each once; all of them where nothing was typed.

    ``api-geo`` means api and geo where no service has that name, as for the old tool k8s.

    Args:
        wanted: What was typed.
        known: The names that there are.
        environment: Whose, for messages.

    Raises:
        UsageError: There is no such service, or several readings of a name.
    """
    if not wanted:
        return sorted(known)
    return list(dict.fromkeys(name for text in wanted for name in _meant(text, known, environment)))


def _meant(text: str, known: Collection[str], environment: str) -> Sequence[str]:
    if text in known:
        return [text]
    readings = list(_split(text.split("-"), known))
    if len(readings) == 1:
        return readings[0]
    if readings:
        ways = "; ".join(" ".join(reading) for reading in readings[:4])
        raise UsageError(
            f"'{text}' can be read in {len(readings)} ways: {ways}", hint="name each by itself, with spaces"
        )
    raise unknown(text, known, environment)


def unknown(text: str, known: Collection[str], environment: str) -> UsageError:
    """Return the error for a service that is not there, with the nearest name."""
    from poscloud.spec.references import nearest

    hint = nearest(text, known) if known else f"poscloud status -e {environment}"
    return UsageError(f"{environment} has no service '{text}'", hint=hint)


def _split(words: Sequence[str], known: Collection[str]) -> Iterator[list[str]]:
    """Yield each way to read words with hyphens between them as names one after another."""
    if not words:
        yield []
    for end in range(1, len(words) + 1):
        if (name := "-".join(words[:end])) in known:
            for rest in _split(words[end:], known):
                yield [name, *rest]
