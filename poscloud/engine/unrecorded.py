"""The mark of a stack whose state may not tell what is there: a run was killed before it wrote that down.

It is a small file of this machine, because the engine's own lock, which tells the same, is gone after ``pulumi
cancel`` and is not seen here with a backend elsewhere. It stays until a run that looked at the cluster ended well.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from poscloud.local.paths import ProjectPaths, private_directory, write_private

SKIP_CHECKPOINTS = "PULUMI_SKIP_CHECKPOINTS"
"""The engine's variable: write the state once, at the end, instead of before and after every step."""


def skips_checkpoints(environment: dict[str, str]) -> bool:
    """Whether an engine with these variables would write its state only at the end; it reads them as Go's cmdutil."""
    return environment.get(SKIP_CHECKPOINTS, "").lower() in ("1", "true")


def mark(paths: ProjectPaths, stack: str, *, by_program: bool = False) -> None:
    """Note that the state of ``stack`` is not to be trusted until a run has ended well.

    Args:
        paths: The project.
        stack: The stack.
        by_program: Whether a program under plain ``pulumi`` notes it, after whose end nobody takes the mark away.
    """
    file = _file(paths, stack)
    paths.prepare()
    private_directory(file.parent)
    write_private(file, json.dumps({"pid": os.getpid(), "by_program": by_program}))


def is_marked(paths: ProjectPaths, stack: str) -> bool:
    """Whether the last run of ``stack`` may have done more than its state tells."""
    return _file(paths, stack).exists()


def clear(paths: ProjectPaths, stack: str) -> None:
    """Trust the state of ``stack`` again."""
    _file(paths, stack).unlink(missing_ok=True)


def clear_if_written(paths: ProjectPaths, stack: str, state: Path | None) -> None:
    """Trust the state again after a run that failed, if the engine wrote it at the end of that run.

    Args:
        paths: The project.
        stack: The stack.
        state: Its state file; ``None`` when the backend keeps none, and then nothing is known.
    """
    try:
        if state is None or state.stat().st_mtime_ns <= _file(paths, stack).stat().st_mtime_ns:
            return
        latest = json.loads(state.read_bytes())["checkpoint"]["latest"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if isinstance(latest, dict) and not latest.get("pending_operations"):
        clear(paths, stack)


def settle(paths: ProjectPaths, stack: str, state: Path | None) -> None:
    """Do the same for the mark of a plain ``pulumi up`` that has ended since."""
    try:
        by_program = json.loads(_file(paths, stack).read_text(encoding="utf-8")).get("by_program")
    except (OSError, ValueError, AttributeError):
        return
    if by_program and is_forgotten(paths, stack):
        clear_if_written(paths, stack, state)


def is_forgotten(paths: ProjectPaths, stack: str) -> bool:
    """Whether a mark is there whose process is gone: nobody is at it now."""
    try:
        pid = int(json.loads(_file(paths, stack).read_text(encoding="utf-8"))["pid"])
        os.kill(pid, 0)
    except FileNotFoundError:
        return False
    except (ProcessLookupError, ValueError, KeyError, TypeError):
        return True
    except OSError:
        return False
    return False


def _file(paths: ProjectPaths, stack: str) -> Path:
    return paths.owned / "unrecorded" / f"{stack}.json"
