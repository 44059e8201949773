"""MySQL, in the environment or outside of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from poscloud.spec.base import Model
from poscloud.spec.external import ExternalServer
from poscloud.spec.password import ExistingSecret, Password, WithPassword
from poscloud.spec.references import Finding
from poscloud.spec.values import Resources, resources

MAX_SQL = 900_000
"""Bytes of initial SQL together; a ConfigMap may have 1 MiB, with everything around it."""

ROOT_PASSWORD_KEY = "root-password"
"""Key in the Secret: root's password where applications have a user of their own."""

_COMMENT = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`)"""
    # What stands in a comment for some versions is run.
    r"|/\*M?!\d*|/\*.*?\*/|\*/|--(?=\s|$)[^\n]*|\#[^\n]*",
    re.DOTALL,
)
_PASSWORD = re.compile(
    r"\bidentified\s+(by|(with|via)\b[^;]*?\b(by|as|using))\b"
    r"|\bset\s+password\b"
    r"|\b(master|source)_password\s*="
    r"|\bpassword\s*\(?\s*['\"]"  # PASSWORD('…'), OPTIONS (… PASSWORD '…'); not a column of that name
    r"|\bstart\s+(slave|replica)\b[^;]*\bpassword\s*="
    r"|\b(update|into)\s+`?mysql`?\s*\.\s*`?(global_priv|user)\b",
    re.IGNORECASE,
)


def _without_comments(sql: str) -> str:
    return _COMMENT.sub(lambda match: match["text"] or " ", sql)


class InitSql(Model):
    """SQL that is run at the first start: a file, or statements."""

    file: str | None = Field(
        None,
        description="File with SQL, relative to the file it is named in.",
        min_length=1,
        examples=["sql/schema.sql"],
    )
    sql: str | None = Field(
        None, description="The statements; from a file, they are filled in when it is read."
    )

    @model_validator(mode="after")
    def _has_statements(self) -> InitSql:
        if self.sql is None:
            raise ValueError(
                "has neither `file` nor `sql`"
                if self.file is None
                else f"'{self.file}' was not read; in Python give its text as well: sql=Path(…).read_text()"
            )
        if not self.sql.strip():
            raise ValueError("is empty")
        if _PASSWORD.search(_without_comments(self.sql)):
            raise ValueError(
                "sets a password, which everybody in the namespace could read; use the field `user`, "
                "whose password is in a Secret"
            )
        return self

    @property
    def name(self) -> str:
        """The file's name without its folder; empty for statements given in place."""
        return re.sub(r"[^-._a-zA-Z0-9]", "_", PurePosixPath(self.file).name) if self.file else ""


def _statements(value: Any) -> Any:
    return {"sql": value} if isinstance(value, str) else value


DatabaseName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][-A-Za-z0-9_$]{0,63}$")]


_WITH_EXTERNAL = {"kind", "external", "databases", "user", "password", "overrides"}


def _belongs(collation: str, charset: str) -> bool:
    """Whether a collation is of a character set: ``utf8`` and ``utf8mb3`` are one; MariaDB's uca1400 are of several."""
    first = collation.partition("_")[0]
    same = {"utf8": "utf8mb3"}
    return same.get(first, first) == same.get(charset, charset) or first == "uca1400"


class MySQLSpec(WithPassword):
    """A single MySQL; or, with ``external``, one that is outside and is only referred to."""

    least_memory: ClassVar[str] = "512Mi"
    managed: ClassVar[dict[str, str]] = {
        "port": "it is always 3306",
        "bind?address": "clients connect by the Service's name",
        "datadir": "the volume is always at /var/lib/mysql; its size is storage.size",
        "socket": "the probes need it where it is",
        "pid?file": "it belongs to the container",
        "log?error": "it logs to stderr",
        "user": "it runs as user 999; for an application's user use the field user",
        "init?file": "use init_sql for what is run at the first start",
        "character?set?server": "use the field charset",
        "collation?server": "use the field collation",
        "skip?networking": "clients connect by the Service's name",
        "skip?grant?tables": "everybody could do everything",
    }
    kind: Literal["mysql"] = Field("mysql", description="MySQL.")
    version: str = Field("5.6.41", description="Version, the tag in the image pattern.")
    config: dict[str, str | int | bool] = Field(
        {},
        description="Further my.cnf settings of section [mysqld].",
        examples=[{"max_connections": 500, "lower_case_table_names": 1}],
    )
    charset: str = Field(
        "utf8mb4", description="Character set of server and new databases.", pattern=r"^[a-z0-9]+$"
    )
    collation: str | None = Field(
        None,
        description="Collation of server and new databases; left out, the character set's own.",
        pattern=r"^[a-z0-9_]+$",
        examples=["utf8mb4_unicode_ci"],
    )
    databases: tuple[DatabaseName, ...] = Field(
        (),
        description="Databases, made where they are missing; the first is in `url` and is the one that initial SQL "
        "begins in. With `external` they are only named.",
        examples=[["dac"]],
    )
    user: str | None = Field(
        None,
        description="A user for applications, who may do everything in `databases`; left out, applications are root.",
        pattern=r"^[A-Za-z0-9_]{1,16}$",
        examples=["dac"],
    )
    password: Password = Field(
        True,
        description="true: a Secret with the part's name, key `password`, and with `user` also `root-password`, from "
        "the secret configuration `poscloud:NAME.KEY`, which `poscloud up` makes where it is missing; {secret: NAME}: "
        "a Secret that has these keys.",
    )
    init_sql: tuple[
        Annotated[InitSql, BeforeValidator(_statements, json_schema_input_type=str | InitSql)], ...
    ] = Field(
        (),
        description="SQL for the first start, run once and in this order: `{file: NAME}` or statements.",
        examples=[[{"file": "sql/schema.sql"}, "INSERT INTO t VALUES (1)"]],
    )
    external: ExternalServer | None = Field(
        None,
        description="The server is outside the environment; nothing but a Service with its address is made.",
    )
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("512Mi", "1Gi")), description="CPU, memory."
    )

    @field_validator("user")
    @classmethod
    def _not_root(cls, user: str | None) -> str | None:
        if user == "root":
            raise ValueError("'root' is there already; leave `user` out and applications are root")
        return user

    @field_validator("password")
    @classmethod
    def _has_one(cls, password: bool | ExistingSecret) -> bool | ExistingSecret:
        if password is False:
            raise ValueError("a MySQL without password is not supported")
        return password

    @field_validator("init_sql")
    @classmethod
    def _fits(cls, init_sql: tuple[InitSql, ...]) -> tuple[InitSql, ...]:
        size = sum(len((piece.sql or "").encode()) for piece in init_sql)
        if size > MAX_SQL:
            raise ValueError(
                f"{size} bytes together, at most {MAX_SQL} fit; load larger data from a service of its own"
            )
        return init_sql

    def check(self) -> Iterator[Finding]:
        """Yield fields that an external server cannot have, a user without database, a collation of another set."""
        yield from super().check()
        if self.user and not self.databases:
            message = f"user '{self.user}' has no database; name at least one in `databases`"
            yield Finding(("user",), "wrong-value", message)
        if self.external:
            for name in sorted(self.model_fields_set - _WITH_EXTERNAL):
                message = (
                    f"{name}: not possible with `external`, a server that poscloud neither makes nor changes; remove "
                    "one or the other"
                )
                yield Finding((name,), "wrong-value", message)
        elif self.collation and not _belongs(self.collation, self.charset):
            message = (
                f"'{self.collation}' is no collation of charset {self.charset}: its names begin with that"
            )
            yield Finding(("collation",), "wrong-value", message)

    @property
    def with_password(self) -> bool:
        """Whether its clients get a user and a password from poscloud."""
        return not self.external or bool(self.user)

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys that the Secret must have."""
        root = (ROOT_PASSWORD_KEY,) if self.user and not self.external else ()
        return (*super().secret_keys, *root)

    def offered(self) -> tuple[str, ...]:
        """Return the outputs, which besides the usual ones are database, user and Secret."""
        outputs = (*super().offered(), *(("database",) if self.databases else ()))
        return (*outputs, "username") if self.with_password else outputs
