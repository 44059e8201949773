"""``poscloud mr preview``: from a checkout and the baseline to a comment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from poscloud.engine.description import describe
from poscloud.engine.mergerequest.acknowledge import Acknowledged, acknowledged, commands, open_losses
from poscloud.engine.mergerequest.baseline import read, take
from poscloud.engine.mergerequest.changes import Amounts, Comparison, ObjectChange
from poscloud.engine.mergerequest.comment import marker, write_comment
from poscloud.engine.mergerequest.compare import compare
from poscloud.engine.mergerequest.figures import headline
from poscloud.engine.mergerequest.places import place_of
from poscloud.engine.mergerequest.publish import key_from
from poscloud.engine.mergerequest.sanitize import Key
from poscloud.engine.stackconfig import project_name, read_stored
from poscloud.errors import PosCloudError
from poscloud.forge import Forge, from_environment


@dataclass(frozen=True)
class Preview:
    """What a branch would change, and what people said to it.

    Attributes:
        comparison: What changes.
        comment: Its Markdown.
        known: What is acknowledged, and by whom.
        url: Where the comment stands; empty when it was not posted.
    """

    comparison: Comparison
    comment: str
    known: Acknowledged
    url: str = ""

    @property
    def blocked(self) -> list[ObjectChange]:
        """The losses of data that nobody acknowledged."""
        return open_losses(self.comparison, self.known)


def preview(root: Path, stack: str, environment: Mapping[str, str] | None = None) -> Comparison:
    """Compare the checkout's description of a stack with its baseline; needs neither engine, cluster nor passphrase.

    Args:
        root: The project's folder.
        stack: The environment.
        environment: The environment variables; by default this process'.

    Raises:
        InputError: The description is wrong.
        PosCloudError: The baseline cannot be read, or was published with another key.
    """
    environment = os.environ if environment is None else environment
    project = project_name(root)
    described = describe(root, stack, project)
    place = place_of(root, project, stack, described.spec.baseline, environment)
    content = place.read() if place else None
    if content is None or place is None:
        # Nothing is compared, so any key will do.
        return compare(None, take(stack, described.parts, read_stored(root, stack), Key(token_hex())))
    key = key_from(
        environment, f"give this job the one that `up` publishes {place} with, as a masked variable"
    )
    old = read(content, key, str(place), stack)
    return compare(old, take(stack, described.parts, read_stored(root, stack), key))


def written(comparison: Comparison, limit: int = sys.maxsize) -> Preview:
    """Return the comment without asking a forge: then nothing is acknowledged."""
    return Preview(comparison, write_comment(comparison, {}, limit), {})


def posted(comparison: Comparison, environ: Mapping[str, str]) -> Preview | None:
    """Write the comment into the merge request that a CI job runs for; ``None`` outside of CI.

    Raises:
        PosCloudError: As in ``post``; or the job runs for no merge request, or has no token.
    """
    forge = from_environment(environ)
    return post(forge, comparison) if forge else None


def whole(found: Preview, limit: int) -> str:
    """Return the comment as it is kept in a file: not shortened to what the forge takes."""
    return write_comment(found.comparison, found.known, limit)


def post(forge: Forge, comparison: Comparison) -> Preview:
    """Write the comment into the merge request, in the place of the one before.

    Args:
        forge: The forge, for this merge request.
        comparison: What changes.

    Raises:
        PosCloudError: The merge request is not open any more, or the forge refuses.
    """
    request = forge.request()
    if request.state != "open":
        raise PosCloudError(
            f"merge request {request.number} is {request.state}: no preview is posted",
            hint=f"to see it all the same: poscloud mr preview -s {comparison.stack}",
        )
    known = acknowledged(request, forge.comments())
    text = write_comment(comparison, known, forge.limit)
    return Preview(comparison, text, known, forge.put(marker(comparison.stack), text))


def blocked_error(blocked: list[ObjectChange], *, posted: bool) -> PosCloudError:
    """Return the error that the job ends with: data is lost, and nobody took that upon themselves."""
    names = ", ".join(item.id for item in blocked[:5])
    more = f" and {len(blocked) - 5} more" if len(blocked) > 5 else ""
    where = "in a comment or the description of the merge request, and run this job again"
    lines = "\n  ".join(commands(blocked[:5]))
    hint = f"undo the change; or write, {where}:\n  {lines}"
    if not posted:
        hint += "\n  (acknowledgements are read where the preview is posted)"
    return PosCloudError(f"data would be lost, and nobody acknowledged that: {names}{more}", hint=hint)


def as_data(found: Preview) -> dict[str, Any]:
    """Return a preview for ``--json``, with every field that changes; a value nobody may know is null."""
    comparison = found.comparison
    return {
        "stack": comparison.stack,
        "headline": headline(comparison),
        "grade": comparison.grade.word,
        "baseline": comparison.published or None,
        "restarts": comparison.restarts,
        "before": _amounts(comparison.before),
        "after": _amounts(comparison.after),
        "components": [
            {
                **asdict(component),
                "grade": component.grade.word,
                "objects": [{**asdict(item), "grade": item.grade.word} for item in component.objects],
            }
            for component in comparison.components
        ],
        "acknowledged": {item.id: found.known.get(item.id) for item in comparison.lossy},
        "blocked": [item.id for item in found.blocked],
        "comment": found.url or None,
    }


def _amounts(amounts: Amounts) -> dict[str, float]:
    return {name: float(value) for name, value in asdict(amounts).items()}
