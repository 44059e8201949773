"""What a run declares of an environment, where it is not all of it: ``poscloud apply``, ``create``, ``delete``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from poscloud.render import Manifest

VARIABLE = "POSCLOUD_CHOICE"
"""Environment variable by which ``poscloud`` tells the program it has the engine run (docs/decisions/0041)."""


@dataclass(frozen=True)
class Choice:
    """What is not declared as it is described.

    Attributes:
        left_out: Services and backing services that are not declared, by name.
        skipped: Objects that are not declared, each ``Kind/name``.
        kept: Objects that are declared and stay as the state has them, each ``Kind/name``.
    """

    left_out: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()

    @classmethod
    def read(cls, text: str) -> Choice:
        """Return what ``text`` makes of it; everything is declared where that is empty."""
        return (
            cls(**{name: frozenset(values) for name, values in json.loads(text).items()}) if text else cls()
        )

    @property
    def text(self) -> str:
        """The same as a variable has it."""
        return json.dumps({name: sorted(values) for name, values in vars(self).items()})

    def declares(self, manifest: Manifest) -> bool:
        """Whether an object is declared."""
        return key(manifest) not in self.skipped

    def keeps(self, manifest: Manifest) -> bool:
        """Whether an object stays as the state has it."""
        return key(manifest) in self.kept


EVERYTHING = Choice()
"""All of it, as it is described."""


def key(manifest: Manifest) -> str:
    """Return what tells the objects of an environment apart: ``Kind/name``."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"
