"""``poscloud validate``."""

from __future__ import annotations

from poscloud.cli import _output
from poscloud.cli._options import Json, Offline, Stack, root


def validate(stack: Stack, json: Json = False, offline: Offline = False) -> None:
    """Check an environment's description: every problem at once, with file, line and column.

    Names the services that are released by blue-green or canary. Needs no cluster. Asks the store whether a
    jar of that version exists, where services fetch one; what cannot be asked is told, and is no error.
    Exit code 2 when something is wrong.

    Example: poscloud validate -s wbyh-stage
    """
    from poscloud.engine.description import check_versions, describe
    from poscloud.errors import InputError
    from poscloud.spec.release import releases

    try:
        found = describe(root(), stack)
        if not offline:
            check_versions(found, _output.tell)
    except InputError as error:
        if json:
            _output.write_json(
                {"ok": False, "problems": [_output.problem_as_data(p) for p in error.problems]}
            )
        raise
    released, parts = releases(found.spec), found.parts
    objects = sum(len(part.manifests) for part in parts)
    if json:
        _output.write_json(
            {
                "ok": True,
                "problems": [],
                "components": len(parts) - 1,
                "objects": objects,
                "releases": released,
            }
        )
    else:
        _output.say(f"{stack}: valid, {len(parts) - 1} components, {objects} objects")
        for name, text in released.items():
            _output.say(f"{name}: {text}")
