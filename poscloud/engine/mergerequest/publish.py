"""Publishing the baseline: after each successful ``up``, or by hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from poscloud.engine.description import Description, describe
from poscloud.engine.mergerequest.baseline import take, write
from poscloud.engine.mergerequest.places import VARIABLE as PLACE
from poscloud.engine.mergerequest.places import Place, place_of
from poscloud.engine.mergerequest.sanitize import VARIABLE, Key
from poscloud.engine.stackconfig import project_name, read_stored
from poscloud.errors import PosCloudError
from poscloud.local.progress import Reporter


def key_from(environment: Mapping[str, str], hint: str) -> Key:
    """Return the key that values are hashed with.

    Raises:
        PosCloudError: It is not set, or too short; ``hint`` says what to do about the first.
    """
    if not environment.get(VARIABLE):
        raise PosCloudError(f"{VARIABLE} is not set: the key that the baseline is hashed with", hint=hint)
    return Key(environment[VARIABLE])


def publish(root: Path, stack: str) -> Place:
    """Publish the checkout's description as what runs, and return where it is.

    Raises:
        InputError: The description is wrong.
        PosCloudError: There is no place for it, no key, or the place cannot be written.
    """
    described = describe(root, stack, project_name(root))
    place = place_of(root, project_name(root), stack, described.spec.baseline)
    if place is None:
        raise PosCloudError(
            f"{stack} has no place for its baseline",
            hint=f"give it one in stacks/{stack}.yaml, `baseline: s3://BUCKET/FOLDER` or a folder; or set {PLACE}",
        )
    _publish(root, place, described)
    return place


def publish_after_up(root: Path, stack: str, described: Description, reporter: Reporter) -> None:
    """Publish what was just deployed, where the stack has a place for it; that this fails is no more than a note.

    A copy has no merge requests that are compared with it.
    """
    if described.spec.copy_of:
        return
    try:
        place = place_of(root, project_name(root), stack, described.spec.baseline)
        if place is None:
            return
        _publish(root, place, described)
    except PosCloudError as error:
        told = f"{error.message}; {error.hint}" if error.hint else error.message
        reporter.note(
            f"the environment is up, but its baseline was not published: {told}\n"
            f"  until then merge requests are compared with the one before: poscloud mr baseline publish -s {stack}"
        )
    else:
        reporter.note(f"published the baseline for merge requests: {place}")


def _publish(root: Path, place: Place, described: Description) -> None:
    key = key_from(os.environ, "give it the one that merge requests have; to make one: openssl rand -hex 32")
    baseline = take(place.stack, described.parts, read_stored(root, place.stack), key)
    place.write(write(baseline, key, datetime.now(UTC)))
