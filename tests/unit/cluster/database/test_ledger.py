"""What a MySQL says of its databases, and the SQL that makes them anew."""

from __future__ import annotations

import pytest

from poscloud.cluster.database.ledger import (
    Reinit,
    digest,
    has_ledger,
    literal,
    name_of,
    rows,
    state_of,
    steps_of,
)
from poscloud.engine.database.found import described
from poscloud.errors import UsageError
from poscloud.spec import EnvironmentSpec

LOOKED = b"V\t5.6.41\nD\tdac\t12\t3145728\nD\tby hand\t1\t0\nL\t2\n"
READ = (
    b"R\t1\t2026-11-22T09:00:00Z\t2026-11-22T09:00:05Z\tli\t/kept/1\n"
    b"R\t2\t2026-11-22T10:00:00Z\t\twang\ta\\tb\\\\n\\n\n"
    + f"F\t1\t001-a.sql\t{digest('one')}\nF\t1\t002.sql\t{digest('two')}\nF\t2\t001-a.sql\t{digest('x')}\n".encode()
)


def test_the_state_is_read_off_what_the_client_prints() -> None:
    assert has_ledger(rows(LOOKED)) and not has_ledger(rows(b"V\t5\nL\t0\n"))
    state = state_of(rows(LOOKED), rows(READ))
    assert [str(each) for each in state.databases] == ["dac (12 tables, 3.0 MiB)", "by hand (1 table, 0 KiB)"]
    assert state.version == "5.6.41" and state.last and state.completed
    assert (state.last.who, state.last.completed, state.last.snapshot) == ("wang", "", "a\tb\\n\n")
    assert state.completed.who == "li", "one that was not completed tells nothing of what is there"
    assert state.compared({"001-a.sql": "one", "002.sql": "other", "003.sql": "x"}) == [
        ("001-a.sql", "unchanged"), ("002.sql", "changed"), ("003.sql", "new"),
    ]  # fmt: skip
    assert state.compared({}) == [("001-a.sql", "gone"), ("002.sql", "gone")]


def test_completion_comes_last_and_each_piece_is_recorded_after_it_was_run() -> None:
    run = Reinit("7", "2026", "", "li'; DROP", "/kept")
    steps = steps_of(run, ["a`b", "c"], ["CREATE DATABASE c;"], {"1.sql": "ONE", "2.sql": "TWO"}, "c")
    assert [step.label for step in steps] == [
        "", "drop a`b, c", "create databases", "initial SQL 1.sql", "", "initial SQL 2.sql", "", "",
    ]  # fmt: skip
    assert [step.database for step in steps if step.database] == ["c", "c"]
    assert "DROP DATABASE IF EXISTS `a``b`;" in steps[1].sql
    assert digest("ONE") in steps[4].sql and digest("TWO") in steps[6].sql
    assert [number for number, step in enumerate(steps) if "SET completed" in step.sql] == [7]
    assert not any("DROP" in step.sql for step in (steps[0], steps[7])), "no word of a person is SQL"


def test_words_and_names_are_sql_whatever_is_in_them() -> None:
    assert literal("a'\\") == "CONVERT(X'61275c' USING utf8mb4)"
    assert name_of("a`b") == "`a``b`"


BACKING = {"db": {"kind": "mysql"}, "redis": {"kind": "redis"}}


@pytest.mark.parametrize(
    ("backing", "wanted", "told"),
    [
        ({}, "", "shop has no MySQL"),
        (BACKING, "bd", "shop has no MySQL 'bd'"),
        (BACKING, "redis", "shop has no MySQL 'redis'"),
        ({**BACKING, "other": {"kind": "mysql"}}, "", "shop has 2 MySQLs"),
        ({"db": {"kind": "mysql", "external": {"host": "10.0.0.1"}}}, "", "db is a server outside of shop"),
    ],
)
def test_which_mysql_is_meant_has_to_be_clear(backing: dict[str, object], wanted: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        described(EnvironmentSpec.model_validate({"name": "shop", "backing": backing}), wanted)


def test_the_only_mysql_needs_no_name() -> None:
    environment = EnvironmentSpec.model_validate({"name": "shop", "backing": BACKING})
    assert described(environment, "")[0] == described(environment, "db")[0] == "db"
