"""Every error a user can meet, and the exit code it ends with.

::

    PosCloudError              1   something expected went wrong
    ├── ArchiveError           1   what is to be kept cannot be read, written or read back
    ├── InputError             2   the description is wrong; holds every Problem found
    ├── UsageError             2   the command line names something that is not there, or not enough
    ├── AuthError              3   the cluster, backend or forge rejected the credentials
    ├── RemainsError           3   something is left after a destroy, which goes on when it is run again
    ├── DeployError            4   the engine or the cluster refused or failed
    ├── StackNotFoundError     6   no stack of that name
    └── WaitTimeoutError       9   something did not become ready in time

The codes are Pulumi's own, so that a script can treat ``poscloud`` and ``pulumi`` alike; of a ``destroy``, 3 means
that something is left as well.
A ``PosCloudError`` is shown as text, never as a traceback; anything else is a defect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a file.

    Sorts by place, so that a list of problems reads from top to bottom.

    Attributes:
        file: The file it was found in; ``None`` when there is none (Python-made specs).
        line: First line is 1; 0 when unknown.
        column: First column is 1; 0 when unknown.
        code: Stable identifier, for example ``unknown-field``.
        message: What is wrong and what was expected.
        hint: What to do about it; empty when the message says it all.
    """

    file: Path | None
    line: int
    column: int
    code: str
    message: str
    hint: str = field(default="", compare=False)

    @property
    def place(self) -> str:
        """``file:line:column`` as editors and terminals understand it."""
        if self.file is None:
            return "(python)"
        return f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)

    def __str__(self) -> str:
        text = f"{self.place}: {self.message} [{self.code}]"
        return f"{text}\n    {self.hint}" if self.hint else text


class PosCloudError(Exception):
    """Base of all errors meant for a person.

    Args:
        message: What happened and where.
        hint: The next command to run or thing to change; empty when there is none.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(PosCloudError):
    """The description of an environment is wrong; ``problems`` lists everything found, sorted by place."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        self.problems = sorted(problems, key=lambda p: (str(p.file or ""), p.line, p.column, p.code))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} found", hint=hint)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.problems), self.message])


class ArchiveError(PosCloudError):
    """What is to be kept of an environment cannot be read, written or read back; so nothing of it may be deleted."""


class UsageError(PosCloudError):
    """The command line names something that is not there, or too little to know what is meant."""

    exit_code = 2


class AuthError(PosCloudError):
    """The cluster, the state backend or the forge rejected the credentials."""

    exit_code = 3


class DeployError(PosCloudError):
    """The engine, the cluster or the local control plane refused or failed."""

    exit_code = 4


class RemainsError(DeployError):
    """Something is left of an environment; who holds it has to let it go, then ``destroy`` is run again."""

    exit_code = 3


class StackNotFoundError(PosCloudError):
    """There is no stack of that name."""

    exit_code = 6


class WaitTimeoutError(PosCloudError):
    """Something did not become ready in time."""

    exit_code = 9
