"""A WebSocket to the API server: for a command in a container, or a port of a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from poscloud.errors import AuthError
from poscloud.provider.cluster import Cluster
from poscloud.provider.expiry import rejection
from poscloud.provider.proxy import proxy_of
from poscloud.provider.rest import ApiError, UnreachableError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

CONNECT_SECONDS = 20.0
"""Longest time until a connection stands."""

UNSURE = (TimeoutError, ConnectionResetError, BrokenPipeError, EOFError)
"""How a connection fails whose request may have arrived, and the command with it."""


class NotBegunError(UnreachableError):
    """There was no connection, and the command was not run."""


async def connected(cluster: Cluster, target: str, protocol: str, what: str) -> ClientConnection:
    """Return a WebSocket to the API server; nothing pings it.

    Args:
        cluster: The cluster.
        target: Path and query.
        protocol: The subprotocol.
        what: What it is a connection to, for messages: ``a command in pod web-1``.

    Raises:
        ApiError: The API server refuses: no such pod, no right.
        AuthError: It does not know us.
        NotBegunError: There was no connection, so nothing was begun.
        UnreachableError: It was lost at once; whether anything was begun, nobody knows.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException
    from websockets.typing import Subprotocol

    client, access = cluster.client, cluster.access
    await cluster.guard()
    secure = await _secured(cluster)
    try:
        return await connect(
            access.server.rstrip("/").replace("http", "ws", 1) + target,
            subprotocols=[Subprotocol(protocol)],
            additional_headers=await client.credentials.headers(),
            user_agent_header="poscloud",
            compression=None,
            max_size=None,
            open_timeout=CONNECT_SECONDS,
            ping_interval=None,  # whoever reads it asks, and knows why an answer may be late
            close_timeout=2,
            proxy=proxy_of(access) or None,
            **secure,
        )
    except InvalidStatus as error:
        refusal = ApiError(error.response.status_code, bytes(error.response.body or b""))
        if refusal.status == 401:
            raise AuthError(
                rejection(access, refusal.message), hint=f"run: {access.kubectl} get pods"
            ) from None
        raise refusal from None
    except (WebSocketException, OSError, TimeoutError) as error:
        unsure = isinstance(error, UNSURE) or isinstance(error.__cause__, UNSURE)
        raise (UnreachableError if unsure else NotBegunError)(
            f"no connection to {what} by {access.server}: {error or 'no answer in time'}",
            hint="poscloud doctor looks at the way there; a proxy between has to let WebSockets through",
        ) from None


async def _secured(cluster: Cluster) -> dict[str, Any]:
    """Return what a connection needs for TLS."""
    tls = await cluster.client.credentials.tls()
    name = cluster.access.cluster.get("tls-server-name")
    return ({"ssl": tls} if tls else {}) | ({"server_hostname": name} if tls and name else {})
