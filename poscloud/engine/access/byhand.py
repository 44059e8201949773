"""Giving a team access by hand: what its description would make, so often as one likes."""

from __future__ import annotations

from typing import Any

from poscloud.errors import PosCloudError
from poscloud.provider.cluster import Cluster, label
from poscloud.provider.rest import MERGE, ApiError
from poscloud.render.manifest import annotated
from poscloud.render.names import GIVEN_BY_ANNOTATION
from poscloud.render.teams import render_team
from poscloud.spec.teams import Right

Object = dict[str, Any]

MANAGER = "poscloud-access"


async def give(cluster: Cluster, stack: str, team: str, may: tuple[Right, ...], who: str) -> None:
    """Make what the description of a team would, but for the mark of the stack, so that nobody takes it for its own.

    What a run that was killed half way has left gets the rights that are asked for now.

    Args:
        cluster: Where the environment is.
        stack: The environment.
        team: The team.
        may: Its rights beyond looking.
        who: Who gives it access.

    Raises:
        PosCloudError: Something of that name is there, and was made otherwise; nothing was done.
        ApiError: The server refuses.
    """
    labels = {"app.kubernetes.io/part-of": stack, "app.kubernetes.io/managed-by": "poscloud"}
    made = [annotated(m, {GIVEN_BY_ANNOTATION: who}) for m in render_team(stack, team, may, labels)]
    for manifest in made:
        if live := await cluster.get(manifest):
            _refuse_foreign(manifest, live)
    for manifest in (*made[1:], made[0]):  # the account last: by it a team is known, and it is whole then
        try:
            await cluster.create(manifest, MANAGER)
        except ApiError as error:
            if error.status != 409:
                raise
            await _mend(cluster, manifest, error)


async def _mend(cluster: Cluster, manifest: Object, taken: ApiError) -> None:
    """Make what is there already as it is asked for, where it is one's own."""
    live = await cluster.get(manifest)
    if live is None:
        raise taken
    _refuse_foreign(manifest, live)
    if manifest["kind"] == "Role" and live.get("rules") != manifest["rules"]:
        path = await cluster.path(manifest)
        await cluster.client.request("PATCH", path, body={"rules": manifest["rules"]}, content_type=MERGE)


def _refuse_foreign(manifest: Object, live: Object) -> None:
    """Refuse what somebody else made, or what gives rights to others or of others."""
    if not (live["metadata"].get("annotations") or {}).get(GIVEN_BY_ANNOTATION):
        raise PosCloudError(
            f"{label(manifest)} is there, and was not made by poscloud access; nothing was done",
            hint="give the team another name, or remove what is there",
        )
    if manifest["kind"] == "RoleBinding" and (
        live.get("roleRef") != manifest["roleRef"] or _subjects(live) != _subjects(manifest)
    ):
        raise PosCloudError(
            f"{label(manifest)} was changed: it binds another role, or binds it to others; nothing was done",
            hint="take the team away first: poscloud access delete",
        )


def _subjects(binding: Object) -> list[tuple[object, ...]]:
    return [
        (each.get("kind"), each.get("name"), each.get("namespace")) for each in binding.get("subjects") or []
    ]
