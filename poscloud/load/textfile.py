"""Read a text file that a description is, or names: of the project, of a bounded size, and nothing but a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_BYTES = 1024 * 1024
"""Longest file in bytes. A description of a hundred services has 20 kB, and a ConfigMap, where most files that a
description names end, holds no more (Kubernetes, ConfigMap: "cannot exceed 1 MiB")."""


def read_text(file: Path) -> str:
    """Return what a file holds.

    Nothing that is no ordinary file is read: a pipe would be waited for, a device never ends.

    Raises:
        ValueError: It cannot be read as text; says why, without the file's name.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("is no ordinary file")
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            data = opened.read(MAX_BYTES + 1)  # not st_size, which is 0 under /proc
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        size = f"has {about.st_size} bytes, " if about.st_size > MAX_BYTES else "is too large, "
        raise ValueError(f"{size}at most {MAX_BYTES} are read")
    return _decoded(data)


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is not UTF-8: byte 0x{data[error.start]:02x} in line {line}") from None


OWN = (".poscloud", ".git")
"""Folders inside a project that are no part of what it describes: the passphrase, keys, state, remotes' credentials."""


def leaves_project(file: Path, root: Path) -> bool:
    """Whether a file that a description names lies outside the project or in one of ``OWN``, links followed.

    Whoever writes a description chooses what is read with the rights of whoever deploys it.
    """
    real, project = Path(os.path.realpath(file)), Path(os.path.realpath(root))
    if not real.is_relative_to(project):
        return True
    # Not every file system tells .git and .GIT apart.
    if not {*OWN}.isdisjoint(part.casefold() for part in real.relative_to(project).parts):
        return True
    return any(real.is_relative_to(os.path.realpath(project / own)) for own in OWN)
