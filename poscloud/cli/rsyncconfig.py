"""``poscloud rsync-config``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Stack, root


def rsync_config(
    stack: Stack,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder for the files; by default .poscloud/rsync/STACK."),
    ] = None,
    installed: Annotated[
        str,
        typer.Option(
            "--installed-in", help="The folder that the server will have them in; by default that of --out."
        ),
    ] = "",
    module: Annotated[
        list[str] | None,
        typer.Option("--module", help="One more folder, NAME=PATH.", show_default=False),
    ] = None,
    user: Annotated[str, typer.Option("--user", help="Name of its user; by default the environment's.")] = "",
    uid: Annotated[
        str, typer.Option("--as", help="The server's own user that reads and writes the files.")
    ] = "nobody",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="TCP port of the server.")] = 873,
    new: Annotated[bool, typer.Option("--new", help="Make another password.")] = False,
    json: Json = False,
) -> None:
    """Write what an rsync server needs to give out an environment's shared volumes: rsyncd.conf and a password.

    One module ENVIRONMENT-VOLUME for each of the NFS volumes in the stack's file. The password is random, stays
    the same the next time, and is in files that only you can read.

    Example: poscloud rsync-config -e dac-test --out rsync --installed-in /etc/rsync/dac-test
    """
    from poscloud.engine import rsyncconfig as engine

    folder = out or root() / ".poscloud" / "rsync" / stack
    wanted = engine.Wanted(folder, installed, tuple(module or ()), user, uid, port, new)
    written = engine.rsync_config(root(), stack, wanted)
    if json:
        modules = [{"name": m.name, "path": m.path, "read_only": m.read_only} for m in written.modules]
        files = [str(file) for file in written.files]
        _output.write_json(
            {"files": files, "modules": modules, "user": written.user, "new_password": written.made}
        )
        return
    for file in written.files:
        _output.say(str(file))
    config, _, password = written.files
    _output.tell(f"on the server: rsync --daemon --config={installed or config.parent}/{config.name}")
    for each in written.modules:
        words = f"rsync -a --password-file={password} FILES rsync://{written.user}@HOST:{port}/{each.name}/"
        _output.tell(words if not each.read_only else f"{each.name} ({each.path}) may only be read")
