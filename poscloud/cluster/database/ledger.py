"""What a MySQL says of its databases and of the initial SQL that was run in it, and the SQL that writes that: pure.

The ledger is a database of its own beside the environment's: it outlives their being dropped, and goes with the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

LEDGER = "poscloud_ledger"
"""The database with the ledger; only root may read it."""

_OWN = ("information_schema", "performance_schema", "mysql", "sys", LEDGER)
"""Databases that are the server's, or the ledger: they are no part of the environment's data."""

_OF_OTHERS = ", ".join(f"'{name}'" for name in _OWN)

LOOK = f"""
SELECT 'V', VERSION();
SELECT 'D', s.SCHEMA_NAME, COUNT(t.TABLE_NAME), IFNULL(SUM(t.DATA_LENGTH + t.INDEX_LENGTH), 0)
  FROM information_schema.SCHEMATA s LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME
  WHERE LOWER(s.SCHEMA_NAME) NOT IN ({_OF_OTHERS}) GROUP BY s.SCHEMA_NAME ORDER BY s.SCHEMA_NAME;
SELECT 'L', COUNT(*) FROM information_schema.TABLES
  WHERE TABLE_SCHEMA = '{LEDGER}' AND TABLE_NAME IN ('reinit', 'initial_sql');
"""
"""Asks for version and databases, and whether there is a ledger."""

READ = f"""
SELECT 'R', id, began, IFNULL(completed, ''), who, snapshot FROM {LEDGER}.reinit ORDER BY id;
SELECT 'F', run, name, sha256 FROM {LEDGER}.initial_sql ORDER BY run, position;
"""
"""Asks for the ledger."""

_TABLES = f"""
CREATE DATABASE IF NOT EXISTS {LEDGER} CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS {LEDGER}.reinit (
  id VARCHAR(64) CHARACTER SET ascii NOT NULL PRIMARY KEY, began VARCHAR(32) NOT NULL, completed VARCHAR(32),
  who TEXT NOT NULL, snapshot TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS {LEDGER}.initial_sql (
  run VARCHAR(64) CHARACTER SET ascii NOT NULL, position INT NOT NULL, name TEXT NOT NULL, sha256 CHAR(64) NOT NULL,
  PRIMARY KEY (run, position)
);
"""

_NOW = "DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ')"


@dataclass(frozen=True)
class Database:
    """A database.

    Attributes:
        name: Its name.
        tables: How many tables and views it has.
        size: Their bytes, as the server estimates them.
    """

    name: str
    tables: int = 0
    size: int = 0

    def __str__(self) -> str:
        size = f"{self.size / 2**20:.1f} MiB" if self.size >= 2**20 else f"{self.size / 2**10:.0f} KiB"
        return f"{self.name} ({self.tables} table{'' if self.tables == 1 else 's'}, {size})"


@dataclass(frozen=True)
class Reinit:
    """One time that the databases were made anew.

    Attributes:
        id: Which one; a later one sorts after it.
        began: When, ``2026-11-22T09:55:07Z``.
        completed: When it was done; empty: it is under way, or was killed.
        who: Who did it.
        snapshot: Where what was there before is; empty where nothing was.
        files: SHA-256 of each piece of initial SQL that was run, by its name.
    """

    id: str
    began: str
    completed: str
    who: str
    snapshot: str
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """What a MySQL says.

    Attributes:
        version: Of the server.
        databases: All that are not the server's own.
        runs: When they were made anew, the latest last.
    """

    version: str
    databases: tuple[Database, ...]
    runs: tuple[Reinit, ...] = ()

    @property
    def last(self) -> Reinit | None:
        """The latest one, completed or not."""
        return self.runs[-1] if self.runs else None

    @property
    def completed(self) -> Reinit | None:
        """The latest one that was completed."""
        return next((run for run in reversed(self.runs) if run.completed), None)

    def compared(self, pieces: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return each piece of initial SQL with ``unchanged``, ``changed``, ``new``, ``gone``, or ``not recorded``.

        Args:
            pieces: SQL by name, in its order.
        """
        if self.completed is None:
            return [(name, "not recorded") for name in pieces]
        before = self.completed.files
        found = [
            (name, "new" if name not in before else "unchanged" if before[name] == digest(sql) else "changed")
            for name, sql in pieces.items()
        ]
        return [*found, *((name, "gone") for name in before if name not in pieces)]


@dataclass(frozen=True)
class Step:
    """A piece of SQL to be run.

    Attributes:
        label: What is said before it; empty: nothing.
        database: Where it begins; empty: nowhere.
        sql: The SQL.
    """

    label: str
    database: str
    sql: str


def rows(output: bytes) -> list[list[str]]:
    """Return the rows that the client wrote in its batch form."""
    return [
        [_unescaped(cell) for cell in line.split("\t")]
        for line in output.decode(errors="replace").split("\n")
        if line
    ]


def _unescaped(cell: str) -> str:
    parts = [
        part.replace("\\t", "\t").replace("\\n", "\n").replace("\\0", "\0") for part in cell.split("\\\\")
    ]
    return "\\".join(parts)


def has_ledger(looked: Iterable[Sequence[str]]) -> bool:
    """Whether the answer to ``LOOK`` tells of a ledger."""
    return ["L", "2"] in [list(row) for row in looked]


def state_of(looked: Iterable[Sequence[str]], read: Iterable[Sequence[str]] = ()) -> State:
    """Return what the answers to ``LOOK`` and ``READ`` tell."""
    looked, read = list(looked), list(read)
    databases = tuple(Database(row[1], int(row[2]), int(row[3])) for row in looked if row[0] == "D")
    files: dict[str, dict[str, str]] = {}
    for row in read:
        if row[0] == "F":
            files.setdefault(row[1], {})[row[2]] = row[3]
    runs = tuple(
        Reinit(row[1], row[2], row[3], row[4], row[5], files.get(row[1], {})) for row in read if row[0] == "R"
    )
    return State(next((row[1] for row in looked if row[0] == "V"), ""), databases, runs)


def digest(sql: str) -> str:
    """Return the SHA-256 of a piece of SQL."""
    return hashlib.sha256(sql.encode()).hexdigest()


def steps_of(
    run: Reinit, drop: Sequence[str], create: Sequence[str], pieces: Mapping[str, str], first: str
) -> list[Step]:
    """Return everything that makes databases anew: recorded first, marked as completed last.

    Args:
        run: What is recorded.
        drop: Databases to be dropped.
        create: Statements that make the described ones.
        pieces: Initial SQL by name, in its order.
        first: The database in which that begins; empty: none.
    """
    values = ", ".join(map(literal, (run.id, run.began, run.who, run.snapshot)))
    begin = f"{_TABLES}INSERT INTO {LEDGER}.reinit (id, began, who, snapshot) VALUES ({values});\n"
    drops = "".join(f"DROP DATABASE IF EXISTS {name_of(name)};\n" for name in drop)
    steps = [Step("", "", begin)]
    if drop:
        steps.append(Step(f"drop {', '.join(drop)}", "", f"SET SESSION FOREIGN_KEY_CHECKS = 0;\n{drops}"))
    if create:
        steps.append(Step("create databases", "", "".join(f"{each}\n" for each in create)))
    for position, (name, sql) in enumerate(pieces.items(), 1):
        row = f"{literal(run.id)}, {position}, {literal(name)}, '{digest(sql)}'"
        record = f"INSERT INTO {LEDGER}.initial_sql (run, position, name, sha256) VALUES ({row});\n"
        steps += [Step(f"initial SQL {name}", first, sql), Step("", "", record)]
    done = f"UPDATE {LEDGER}.reinit SET completed = {_NOW} WHERE id = {literal(run.id)};\n"
    return [*steps, Step("", "", done)]


def literal(text: str) -> str:
    """Return a word as SQL, whatever is in it and whatever the server's mode is."""
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)"


def name_of(database: str) -> str:
    """Return a database's name as SQL."""
    return f"`{database.replace('`', '``')}`"
