"""Which MySQL of an environment is meant, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from poscloud.cluster.database.ledger import State
from poscloud.cluster.database.server import Server
from poscloud.engine.manual.container import Container, container_of
from poscloud.engine.manual.place import Place, refuse_others
from poscloud.errors import PosCloudError, UsageError
from poscloud.load import load_environment
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError
from poscloud.render import names
from poscloud.render.mysqlstart import initial_pieces
from poscloud.spec import EnvironmentSpec, MySQLSpec
from poscloud.spec.references import nearest


@dataclass(frozen=True)
class Found:
    """A MySQL.

    Attributes:
        name: Its name in the description.
        spec: Its description.
        pieces: Its initial SQL by name, in its order.
        server: Where it runs.
        container: The same for people.
        state: What is in it.
        unlike: Names of pieces that are other ones than those of the last ``up``.
    """

    name: str
    spec: MySQLSpec
    pieces: Mapping[str, str]
    server: Server
    container: Container
    state: State
    unlike: tuple[str, ...]


def described(environment: EnvironmentSpec, wanted: str) -> tuple[str, MySQLSpec]:
    """Return the MySQL that is meant, by its name, or the only one.

    Raises:
        UsageError: There is none, there are several, or it is outside of the environment.
    """
    known = {name: part for name, part in environment.backing.items() if isinstance(part, MySQLSpec)}
    if wanted and wanted not in known:
        hint = nearest(wanted, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
        raise UsageError(f"{environment.name} has no MySQL '{wanted}'", hint=hint)
    if not known:
        raise UsageError(f"{environment.name} has no MySQL", hint="a backing service of kind: mysql")
    if not wanted and len(known) > 1:
        raise UsageError(
            f"{environment.name} has {len(known)} MySQLs", hint=f"name one: {', '.join(sorted(known))}"
        )
    name = wanted or next(iter(known))
    if known[name].external:
        raise UsageError(
            f"{name} is a server outside of {environment.name}, which poscloud neither makes nor changes",
            hint="ask whoever runs it",
        )
    return name, known[name]


async def look(place: Place, cluster: Cluster, wanted: str) -> Found:
    """Return the MySQL that is meant, and what is in it; writes nothing.

    Args:
        place: Where the environment is.
        cluster: Its cluster.
        wanted: Its name; empty: the only one.

    Raises:
        UsageError: There is none such.
        PosCloudError: The environment is not this stack's, or has no description.
        DeployError: It does not run, or does not answer.
    """
    name, spec = described(load_environment(place.root, place.stack), wanted)
    await refuse_others(place, cluster)
    container = await container_of(place, cluster, name, "")
    server = Server(cluster, place.stack, container.pod, container.name)
    pieces = initial_pieces(spec)
    live = await _live_pieces(cluster, place.stack, name)
    unlike = tuple(piece for piece in sorted({*pieces, *live}) if pieces.get(piece) != live.get(piece))
    return Found(name, spec, pieces, server, container, await server.state(), unlike)


async def _live_pieces(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    path = f"/api/v1/namespaces/{namespace}/configmaps/{names.initial_data(name)}"
    try:
        return dict((await cluster.client.request("GET", path)).get("data") or {})
    except ApiError as error:
        if error.status == 404:
            return {}
        raise


def refuse_unlike(found: Found, stack: str) -> None:
    """Make sure that the initial SQL is that of the last ``up``.

    Raises:
        PosCloudError: It is not; says which piece.
    """
    if found.unlike:
        raise PosCloudError(
            f"the initial SQL of {found.name} is not that of the last up: {', '.join(found.unlike)}",
            hint=f"poscloud up -s {stack}",
        )
