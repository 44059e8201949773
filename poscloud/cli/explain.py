"""``poscloud explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json


def explain(
    code: Annotated[
        str, typer.Argument(help="The word in brackets behind a message; left out, all are listed.")
    ] = "",
    json: Json = False,
) -> None:
    """Say what a code such as unknown-field means: its cause, an example, and what mends it.

    Example: poscloud explain unknown-reference
    """
    from poscloud.load.codes import explained, known_codes, meaning

    if json:
        codes = [code] if code else list(known_codes())
        _output.write_json({"codes": [meaning(each).as_data() for each in codes]})
    elif code:
        _output.say(explained(code))
    else:
        _output.table([(each, meaning(each).title) for each in known_codes()])
