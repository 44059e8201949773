"""``poscloud rsync-config``: what an rsync server needs to give an environment's shared folders to its people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from poscloud.engine.description import load_checked
from poscloud.engine.unpacking import write_secretly
from poscloud.errors import PosCloudError, UsageError
from poscloud.spec import EnvironmentSpec

CONFIG, SECRETS, PASSWORD = "rsyncd.conf", "rsyncd.secrets", "password"
"""Names of the files: for the server, for the server, for its clients."""

BYTES = 16
"""Bytes of the password; it is written with two hexadecimal digits each."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PATH = re.compile(r"/[^%\n\r#;\"\\]*")
"""Paths that mean themselves in the file: rsync expands ``%…%``, and goes on in the next line after a ``\\``."""


@dataclass(frozen=True)
class Module:
    """A folder that the server gives out.

    Attributes:
        name: Its name for clients.
        path: The folder on the server.
        read_only: Whether clients may only read it.
    """

    name: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        folder: Where the files go.
        installed: Folder that the server will have them in; empty: the same.
        modules: More folders, each ``NAME=PATH``.
        user: The name that clients give; empty: the environment's.
        uid: The server's user that files are read and written as.
        port: TCP port of the server.
        new: Make another password where there is one.
    """

    folder: Path
    installed: str = ""
    modules: tuple[str, ...] = ()
    user: str = ""
    uid: str = "nobody"
    port: int = 873
    new: bool = False


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        files: The files, each readable by this user only.
        modules: The folders that the server gives out.
        user: The name that clients give.
        made: Whether there is a new password.
    """

    files: tuple[Path, ...]
    modules: tuple[Module, ...]
    user: str
    made: bool


def rsync_config(root: Path, stack: str, wanted: Wanted) -> Written:
    """Write the configuration of an rsync server for an environment, with its password, and the client's.

    The folders are those of the environment's NFS volumes (``volumes``), and what is asked for besides. The password
    stays as it is where there is one.

    Raises:
        InputError: The description is wrong.
        UsageError: There is no folder to give out, or something that is asked for cannot stand in such a file.
        PosCloudError: A file cannot be read or written.
    """
    spec = load_checked(root, stack)
    user = wanted.user or stack
    for what, text in (("--user", user), ("--as", wanted.uid)):
        if not _NAME.fullmatch(text):
            raise UsageError(f"{what} {text}: letters, digits, '.', '_' and '-' are expected")
    modules = (*_volumes(spec), *map(_module, wanted.modules))
    _refuse_wrong(modules, stack)
    folder = wanted.folder.resolve()
    known = "" if wanted.new else _known(folder / SECRETS, user)
    password = known or token_hex(BYTES)
    installed = wanted.installed or str(folder)
    if not _PATH.fullmatch(installed):
        raise UsageError(f"--installed-in {installed}: a path from / without % # ; and quotes is expected")
    texts = {
        CONFIG: config_text(modules, f"{installed.rstrip('/')}/{SECRETS}", user, wanted.uid, wanted.port),
        SECRETS: f"{user}:{password}\n",
        PASSWORD: f"{password}\n",
    }
    for name, text in texts.items():
        write_secretly(
            folder / name, text, lambda words: PosCloudError(words, hint=f"ls -ld {folder}; or --out FOLDER")
        )
    return Written(tuple(folder / name for name in texts), modules, user, not known)


def config_text(modules: Iterable[Module], secrets: str, user: str, uid: str, port: int) -> str:
    """Return ``rsyncd.conf``."""
    lines = [
        "# Made by poscloud rsync-config; the next one writes it anew.",
        f"port = {port}",
        f"uid = {uid}",
        "use chroot = yes",
        "max connections = 10",
        "strict modes = yes",
        "list = no",
        "# Nothing of the server's own is given out by a link.",
        "munge symlinks = yes",
    ]
    for module in modules:
        lines += [
            "",
            f"[{module.name}]",
            f"path = {module.path}",
            f"read only = {'yes' if module.read_only else 'no'}",
            f"auth users = {user}",
            f"secrets file = {secrets}",
        ]
    return "\n".join([*lines, ""])


def _volumes(spec: EnvironmentSpec) -> list[Module]:
    return [
        Module(f"{spec.name}-{name}", volume.nfs.path, volume.read_only)
        for name, volume in spec.volumes.items()
    ]


def _module(text: str) -> Module:
    name, equals, path = text.partition("=")
    if not equals:
        raise UsageError(f"--module {text}: expected NAME=PATH", hint="for example --module jars=/srv/jars")
    return Module(name, path)


def _refuse_wrong(modules: Sequence[Module], stack: str) -> None:
    if not modules:
        raise UsageError(
            f"{stack} has no shared volumes, so that there is no folder to give out",
            hint=f"name one: poscloud rsync-config -s {stack} --module jars=/srv/jars",
        )
    seen: set[str] = set()
    for module in modules:
        if not _NAME.fullmatch(module.name) or module.name.lower() == "global" or module.name in seen:
            raise UsageError(
                f"'{module.name}' cannot be a module's name, or there is one already",
                hint="letters, digits, '.', '_' and '-'; not global",
            )
        if not _PATH.fullmatch(module.path):
            raise UsageError(
                f"module {module.name}: '{module.path}' cannot be given out",
                hint='a path from / is expected, without % # ; " and \\',
            )
        seen.add(module.name)


def _known(file: Path, user: str) -> str:
    """Return the password that a user has already; empty for none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise PosCloudError(f"cannot read {file}: {error}", hint="or make it anew: --new") from None
    return next((line.partition(":")[2] for line in lines if line.partition(":")[0] == user), "")
