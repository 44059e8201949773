"""Which revision of a project is built: from its git or Subversion working copy.

A tag is ``DATE-TIME-REVISION`` (document 004: the time stamp, then ``svn_version``), for example
``20261101-1531-r1842`` or ``20261101-1531-g1a2b3c4``, in UTC.
"""

from __future__ import annotations

import re
import subprocess
from datetime import datetime
from pathlib import Path

from poscloud.errors import PosCloudError

_MARKS = {"M": "changed files", "S": "switched", "P": "partial"}
"""What svnversion puts behind the number."""


def revision(folder: Path, *, dirty: bool = False) -> str:
    """Return the revision of a working copy: ``g`` and seven digits of git, or ``r`` and the number of Subversion.

    Args:
        folder: The project's folder, anywhere in a working copy.
        dirty: Mark a working copy with changes by ``-dirty`` instead of refusing it.

    Raises:
        PosCloudError: It is no working copy, or has changes; or the program is not installed.
    """
    top = next((f for f in (folder.absolute(), *folder.absolute().parents) if _is_copy(f)), None)
    if top is None:
        raise PosCloudError(f"{folder} is no working copy of git or Subversion", hint="give --tag TAG")
    found, changes = _git(folder) if (top / ".git").exists() else _subversion(folder)
    if changes and not dirty:
        raise PosCloudError(
            f"{folder} is not exactly revision {found}: {changes}",
            hint="commit it (svn: and update), or build it marked as such with --dirty",
        )
    return f"{found}-dirty" if changes else found


def tag(found: str, now: datetime) -> str:
    """Return the tag of a revision built at ``now``."""
    return f"{now:%Y%m%d-%H%M}-{found}"


def _is_copy(folder: Path) -> bool:
    return (folder / ".git").exists() or (folder / ".svn").is_dir()


def _git(folder: Path) -> tuple[str, str]:
    commit = _run("git", "-C", str(folder), "rev-parse", "--short=7", "HEAD")
    changed = _run("git", "-C", str(folder), "status", "--porcelain", "--", ".").splitlines()
    return f"g{commit}", f"{len(changed)} changed or new files, first {changed[0][3:]}" if changed else ""


def _subversion(folder: Path) -> tuple[str, str]:
    # svnversion says 1842; 1840:1842 of several revisions; behind it M changed, S switched, P partial.
    text = _run("svnversion", "--no-newline", str(folder))
    match = re.fullmatch(r"(?:(\d+):)?(\d+)([MSP]*)", text)
    if match is None:
        raise PosCloudError(
            f"{folder}: svnversion says '{text}', which is no revision", hint="give --tag TAG"
        )
    changes = [f"revisions {match[1]} to {match[2]}"] if match[1] else []
    changes += [word for letter, word in _MARKS.items() if letter in match[3]]
    new = [line for line in _run("svn", "status", str(folder)).splitlines() if line.startswith("?")]
    changes += [f"{len(new)} new files"] if new else []
    return f"r{match[2]}", ", ".join(changes)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise PosCloudError(
            f"{command[0]} is not installed, which tells the revision", hint="give --tag TAG"
        ) from error
    if done.returncode != 0:
        raise PosCloudError(f"{' '.join(command)}: {done.stderr.strip()}", hint="give --tag TAG")
    return done.stdout.rstrip("\n")
