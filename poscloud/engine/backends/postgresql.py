"""State in PostgreSQL: one table, a row an object, its content base64 in JSON (the engine's ``diy/postgres``).

The engine puts the path of the address, which is the database's name, before every key.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from poscloud.cluster.address import scrubbed, shown
from poscloud.engine.backends.store import ANSWER_SECONDS, missing_extra
from poscloud.errors import AuthError, DeployError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Identifier

TABLE = "pulumi_state"


@dataclass(frozen=True)
class PostgreSQLStore:
    """A table.

    Attributes:
        connection: Every statement is a transaction of its own.
        table: Its name.
        prefix: What stands before each key.
    """

    connection: Connection
    table: Identifier
    prefix: str

    def keys(self, folder: str) -> list[str]:
        """Return the keys below a folder; none while the engine has not made the table yet."""
        from psycopg import errors, sql

        query = sql.SQL("SELECT key FROM {} WHERE starts_with(key, %s) ORDER BY key").format(self.table)
        try:
            rows = self.connection.execute(query, (self.prefix + folder,)).fetchall()
        except errors.UndefinedTable:
            return []
        return [row[0].removeprefix(self.prefix) for row in rows]

    def read(self, key: str) -> bytes | None:
        """Return an object's content."""
        from psycopg import sql

        query = sql.SQL("SELECT data->>'data' FROM {} WHERE key = %s").format(self.table)
        row = self.connection.execute(query, (self.prefix + key,)).fetchone()
        return base64.b64decode(row[0]) if row else None

    def delete(self, key: str) -> None:
        """Remove a row."""
        from psycopg import sql

        query = sql.SQL("DELETE FROM {} WHERE key = %s").format(self.table)
        self.connection.execute(query, (self.prefix + key,))


@contextmanager
def open_postgresql(url: str) -> Iterator[PostgreSQLStore]:
    """Connect to the database of an address ``postgres://USER:PASSWORD@HOST:PORT/DATABASE?table=TABLE``.

    Raises:
        BackendUnreadableError: psycopg is not installed.
        AuthError: The server refuses the credentials.
        DeployError: The server cannot be reached, or ends the connection.
    """
    try:
        import psycopg
    except ImportError as error:
        raise missing_extra(url, "postgresql") from error
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query))
    table = parameters.pop("table", TABLE)
    address = parts._replace(query=urlencode(parameters)).geturl()
    prefix = unquote(parts.path).strip("/")
    try:
        with psycopg.connect(address, connect_timeout=ANSWER_SECONDS, autocommit=True) as connection:
            # The engine writes the name as it stands, so the server folds it.
            name = psycopg.sql.Identifier(*table.lower().split("."))
            yield PostgreSQLStore(connection, name, f"{prefix}/" if prefix else "")
    except psycopg.Error as error:
        raise _told(error, url) from None


def _told(error: Exception, url: str) -> DeployError | AuthError:
    said = scrubbed(" ".join(str(error).split()), url)
    message = f"the state backend {shown(url)} does not answer: {said}"
    if "authentication failed" in said or "no password supplied" in said or "permission denied" in said:
        return AuthError(
            f"the state backend {shown(url)} rejected the credentials: {said}",
            hint="they are in PULUMI_BACKEND_URL, PGPASSWORD or ~/.pgpass",
        )
    return DeployError(message, hint="start the server, or set PULUMI_BACKEND_URL to the right address")
