"""The channels of ``v5.channel.k8s.io``: one WebSocket for a command's input, output, size of terminal and end.

The first byte of each message says which channel it is of.
"""

from __future__ import annotations

import json
import re
from enum import IntEnum
from typing import Any

from poscloud.errors import DeployError

PROTOCOL = "v5.channel.k8s.io"


class Channel(IntEnum):
    """What a message is about."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


NO_MORE_INPUT = bytes([Channel.CLOSE, Channel.STDIN])
"""The message that says the command's input is over."""

_IN_WORDS = re.compile(r"exit status (\d{1,3})$")
"""How a node tells an exit code that is no kubelet; Go's own words."""


def message(channel: Channel, data: bytes) -> bytes:
    """Return a message of a channel."""
    return bytes([channel]) + data


def size_message(columns: int, rows: int) -> bytes:
    """Return the message that tells the size of the terminal."""
    return message(Channel.RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())


def exit_code(status: bytes) -> int:
    """Return the exit code that a ``Status`` on the error channel tells.

    Raises:
        DeployError: The command was not run, or nobody knows how it ended; says what the node said.
    """
    try:
        told: Any = json.loads(status)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise DeployError(f"the end of the command is not understood: {status[:200]!r}")
    if told.get("status") == "Success":
        return 0
    why = str(told.get("message") or told.get("reason") or "no reason given")
    details = told.get("details")
    causes = (details.get("causes") if isinstance(details, dict) else None) or []
    for cause in causes:
        if (
            isinstance(cause, dict)
            and cause.get("reason") == "ExitCode"
            and str(cause.get("message")).isdigit()
        ):
            return int(cause["message"])
    if found := _IN_WORDS.search(why.strip()):
        return int(found[1])
    raise DeployError(f"the command was not run: {why}", hint=_hint(why))


def _hint(why: str) -> str:
    if "no exec found" in why or "exec target not found" in why:
        return "simulated containers run nothing; commands beside them: poscloud cluster up --run-commands"
    if "not found" in why or "no such file" in why:
        return "the image does not have that program; another one: poscloud exec SERVICE -- PROGRAM …"
    return ""
