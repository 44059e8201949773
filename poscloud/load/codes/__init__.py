"""What each code means: the one place of these texts, which docs/errors.md and ``poscloud explain`` show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from poscloud.errors import PosCloudError
from poscloud.spec.references import nearest

GROUPS = {
    "files": "Files",
    "fields": "Fields",
    "references": "Parts and what they say of each other",
    "running": "What would go wrong when it runs",
    "preflight": "What `poscloud check` finds",
}
"""File of this package → heading."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Meaning:
    """What a code means.

    Attributes:
        code: The word in brackets behind a message.
        title: What is wrong, in a sentence.
        cause: Why that is wrong, and how it comes about.
        mend: What to do.
        example: Something that is wrong in this way.
        mended: The same, right; empty where there is nothing to write.
        given: What the example is: a description (``env``), images.yaml, a Python stack, a description that is wrong
            in some cluster only, or another text.
    """

    code: str
    title: str
    cause: str
    mend: str
    example: str
    mended: str
    given: Literal["env", "images", "python", "cluster", "text"]

    def as_data(self) -> dict[str, str]:
        """Return it for ``--json``."""
        return asdict(self)


@cache
def _group(name: str) -> dict[str, Meaning]:
    text = (Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8")
    return {
        code: Meaning(
            code=code,
            title=_line(entry["title"]),
            cause=_line(entry["cause"]),
            mend=_line(entry["mend"]),
            example=entry["example"],
            mended=entry.get("mended", ""),
            given=entry.get("in", "env"),
        )
        for code, entry in yaml.load(text, Loader=_Loader).items()
    }


def _line(text: str) -> str:
    return " ".join(text.split())


def known_codes() -> Iterator[str]:
    """Yield every code, group by group."""
    for name in GROUPS:
        yield from _group(name)


def meaning(code: str) -> Meaning:
    """Return what a code means.

    Raises:
        PosCloudError: There is no such code; names the nearest.
    """
    for name in GROUPS:
        if code in _group(name):
            return _group(name)[code]
    raise PosCloudError(f"there is no code '{code}'", hint=nearest(code, known_codes()))


def explained(code: str) -> str:
    """Return what a code means as a person reads it at a terminal; raises as ``meaning`` does."""
    found = meaning(code)
    text = f"{code}: {found.title}\n\n{found.cause}\n\nWrong:\n{_indented(found.example)}\n\n{found.mend}"
    return f"{text}\n\nRight:\n{_indented(found.mended)}" if found.mended else text


def as_markdown() -> str:
    """Return the page of all codes, docs/errors.md."""
    pieces = [
        "# Errors\n",
        "Every message about a description ends with a code in brackets, which stays the same. "
        "`poscloud explain CODE` shows what is below; `make errors` makes this page of the same texts.\n",
    ]
    for name, heading in GROUPS.items():
        pieces.append(f"## {heading}\n")
        for found in _group(name).values():
            pieces.append(f"### {found.code}\n\n{found.title} {found.cause}\n")
            language = {"text": "yaml", "env": "yaml", "images": "yaml", "cluster": "yaml"}.get(
                found.given, "python"
            )
            pieces.append(f"```{language}\n{found.example.rstrip()}\n```\n\n{found.mend}\n")
            if found.mended:
                pieces.append(f"```{language}\n{found.mended.rstrip()}\n```\n")
    return "\n".join(pieces)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())
