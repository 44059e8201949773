"""The verbs of the old tool ``k8s`` whose name is another one here; those of the same name need nothing."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

ALIASES = {
    "get_all": "status",
    "init-yml": "render",
    "create_all": "up",
    "delall_app": "delete-apps",
    "delete_all": "delete-all",
    "push_jar": "push-jar",
    "login": "shell",
    "create_passwd": "passwd",
    "create_rsync": "rsync-config",
}
"""Old verb → command; they work and are not listed."""

PHRASES = {
    ("create", "rbac"): ("access", "create"),
    ("delete", "rbac"): ("access", "delete"),
}
"""Old verbs of two words → command and subcommand."""


class Commands(TyperGroup):
    """All commands, which understands the old verbs of two words as well."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; a service called rbac is not meant by ``create rbac``."""
        phrase = next((new for old, new in PHRASES.items() if list(old) == args[:2]), ())
        return super().parse_args(ctx, [*phrase, *args[2:]] if phrase else args)


def add(app: typer.Typer) -> None:
    """Give the commands of ``app`` their old verbs too, hidden."""
    functions = {each.name: each.callback for each in app.registered_commands if each.callback}
    for old, new in ALIASES.items():
        app.command(old, hidden=True)(functions[new])
