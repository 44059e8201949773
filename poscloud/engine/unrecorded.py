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


def mark(paths: ProjectPaths, stack: str) -> None:
    """Note that the state of ``stack`` is not to be trusted until a run has ended well."""
    file = _file(paths, stack)
    paths.prepare()
    private_directory(file.parent)
    write_private(file, json.dumps({"pid": os.getpid()}))


def is_marked(paths: ProjectPaths, stack: str) -> bool:
    """Whether the last run of ``stack`` may have done more than its state tells."""
    return _file(paths, stack).exists()


def clear(paths: ProjectPaths, stack: str) -> None:
    """Trust the state of ``stack`` again."""
    _file(paths, stack).unlink(missing_ok=True)


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
