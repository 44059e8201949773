"""One way to look at every state backend: names, contents, and the removal of one object.

The engine keeps the same names in all of them: ``.pulumi/stacks/PROJECT/STACK.json`` is a stack's state,
``.pulumi/locks/organization/PROJECT/STACK/ID.json`` a lock (its ``backend/diy``, layout version 1).
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Protocol

from poscloud.cluster.address import shown
from poscloud.engine.backends.address import backend_url, state_folder
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths

ANSWER_SECONDS = 4
"""How long a backend may take to answer a connection."""


class BackendUnreadableError(DeployError):
    """poscloud cannot look into this backend, though the engine may: its kind, or a package that is not installed."""


class Store(Protocol):
    """An open state backend."""

    def keys(self, folder: str) -> list[str]:
        """Return the names of all objects below a folder, sorted; it ends with a slash."""

    def read(self, key: str) -> bytes | None:
        """Return an object; ``None`` when there is none."""

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none."""


def open_store(paths: ProjectPaths) -> AbstractContextManager[Store]:
    """Open the backend of a project; the connection ends with the context.

    Raises:
        BackendUnreadableError: poscloud does not know this kind of backend, or lacks the package for it.
        DeployError: It cannot be reached, or refuses the credentials.
    """
    url = backend_url(paths)
    folder = state_folder(paths, url)
    if folder is not None:
        from poscloud.engine.backends.files import open_files

        return open_files(folder)
    if url.startswith("postgres://"):
        from poscloud.engine.backends.postgresql import open_postgresql

        return open_postgresql(url)
    if url.startswith("s3://"):
        from poscloud.engine.backends.s3 import open_s3

        return open_s3(url)
    raise BackendUnreadableError(
        f"poscloud cannot look into the state backend {shown(url)}: only into file://, postgres:// and s3://",
        hint="the engine itself tells who holds a stack, and removes all its locks: pulumi cancel",
    )


def missing_extra(url: str, extra: str, what: str = "the state backend") -> BackendUnreadableError:
    """Return the error for a backend whose optional package is not installed."""
    return BackendUnreadableError(
        f"to look into {what} {shown(url)}, poscloud[{extra}] has to be installed",
        hint=f"run: {sys.executable} -m pip install 'poscloud[{extra}]'",
    )
