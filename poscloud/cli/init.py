"""``poscloud init``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json


class Forge(StrEnum):
    """Forges whose pipeline can be written."""

    gitlab = "gitlab"
    gitea = "gitea"


def init(
    name: Annotated[str, typer.Argument(help="The environment's name, and its namespace's.")] = "dev",
    ci: Annotated[Forge | None, typer.Option("--ci", help="Write a pipeline for this forge as well.")] = None,
    json: Json = False,
) -> None:
    """Write a project with a running example; in a project, one more environment.

    Asks nothing and overwrites nothing: what is there stays as it is, and is named.

    Example: poscloud init dev && poscloud up -s dev
    """
    from poscloud.engine.newproject import make

    made = make(Path.cwd(), name, forge=ci.value if ci else "")
    following = f"poscloud up -s {name}"
    if json:
        _output.write_json(
            {
                "root": str(made.root),
                "written": list(made.written),
                "kept": list(made.kept),
                "schema_outdated": made.outdated,
                "next": following,
            }
        )
        return
    if made.root != Path.cwd():
        _output.tell(f"in the project {made.root}:")
    for file in made.written:
        _output.tell(f"wrote {file}")
    for file in made.kept:
        _output.tell(f"kept  {file}")
    if made.outdated:
        _output.tell(
            "the schema is another version's; renew it: poscloud schema -o schemas/environment.schema.json"
        )
    _output.tell(f"next: {following}")
