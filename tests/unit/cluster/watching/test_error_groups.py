"""Errors in logs: found with their traces, and told apart by what does not change from one to the next."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poscloud.cluster.watching.errors.blocks import blocks_of, is_error
from poscloud.cluster.watching.errors.fingerprint import fingerprint, stripped
from poscloud.cluster.watching.errors.groups import Group, groups_of, new_since, not_known
from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.source import Source
from poscloud.engine.errorlogs import _known
from poscloud.errors import UsageError

ONE, TWO = Source("web-1", "1", "web", service="web"), Source("web-2", "2", "web", service="web")

JAVA = """\
2026-11-22 09:55:{s:02}.123 ERROR 1 --- [nio-8080-exec-{n}] c.e.pay.PayController : order {order} failed
java.lang.IllegalStateException: no account {order}
\tat com.example.pay.Ledger.book(Ledger.java:4{n})
\tat com.example.pay.PayController.pay(PayController.java:88)
\tat java.base/java.lang.Thread.run(Thread.java:829)
Caused by: java.sql.SQLTimeoutException: after {n}00 ms
\t... 42 more
2026-11-22 09:55:{s:02}.200 INFO 1 --- [main] c.e.App : 0 errors
"""
PYTHON = """\
Traceback (most recent call last):
  File "/app/pay.py", line {n}, in book
    ledger[order]
KeyError: '{order}'
INFO:root:next
"""


def log(text: str, source: Source = ONE, start: int = 0) -> list[Line]:
    return [
        Line(f"2026-11-22T09:55:{start:02}.{number:09}".encode(), source, line.encode())
        for number, line in enumerate(text.splitlines())
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22 09:55:07 ERROR c.e.Pay - failed", True),
        ("2026-11-22 09:55:07 INFO c.e.Pay - ERROR count: 0", False),
        ("2026-11-22 09:55:07 WARN c.e.Pay - java.io.IOException: again", False),
        ('{"level":"error","msg":"no"}', True),
        ('{"level":"info","msg":"ERROR"}', False),
        ("time=09:55 level=fatal msg=gone", True),
        ("java.lang.NullPointerException", True),
        ("Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space", True),
        ("Traceback (most recent call last):", True),
        ("panic: runtime error: index out of range [5]", True),
        ("main.c:12: error: expected ';'", True),
        ("no errors were found", False),
        ("ErrorHandler is ready", False),
        ("", False),
    ],
)  # fmt: skip
def test_what_is_an_error(text: str, expected: bool) -> None:
    assert is_error(text) is expected


def test_a_stack_trace_belongs_to_its_error_though_other_pods_write_meanwhile() -> None:
    mixed = sorted(
        [*log(JAVA.format(s=1, n=1, order="A-1")), *log(JAVA.format(s=1, n=2, order="B-2"), TWO)],
        key=lambda line: line.time,
    )
    first, second = blocks_of(mixed)
    assert len(first.lines) == len(second.lines) == 7
    assert first.lines[-1] == "\t... 42 more"
    assert {first.source, second.source} == {ONE, TWO}


def test_a_python_trace_ends_with_its_exception() -> None:
    (block,) = blocks_of(log(PYTHON.format(n=3, order="A-1")))
    assert block.lines[-1] == "KeyError: 'A-1'"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order 17 failed after 12.5 s", "order 99812 failed after 3.1 s"),
        ("at 2026-11-22T09:55:07.123+08:00 lost", "at 2026-11-23 10:00:00,1 lost"),
        ("user 550e8400-e29b-41d4-a716-446655440000", "user 660e8400-e29b-41d4-a716-446655440fff"),
        ("object com.example.Pay@1b6d3586", "object com.example.Pay@4554617c"),
        ("pointer 0xc000012", "pointer 0xdeadbeef"),
        ("commit 9fceb02d0ae598e9", "commit 1c002dd4b536e747"),
        ("to 10.244.1.3:8080", "to 10.244.12.200:9090"),
        ("order K7F3X9Q2 failed", "order Z1A8B2C3 failed"),
    ],
)
def test_times_numbers_ids_and_addresses_make_no_difference(one: str, other: str) -> None:
    assert stripped(one) == stripped(other)
    assert fingerprint([one]) == fingerprint([other])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["order 1 failed"], ["order 1 refused"]),
        (["failed", "\tat a.B.c(B.java:1)"], ["failed", "\tat a.B.d(B.java:1)"]),
        (["failed", "java.io.IOException: x"], ["failed", "java.io.EOFException: x"]),
        (["failed in Http2Codec"], ["failed in Http2Stream"]),
    ],
)
def test_text_place_and_exception_make_a_difference(one: list[str], other: list[str]) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_all_that_are_alike_are_one() -> None:
    lines = [line for n in range(1, 6) for line in log(JAVA.format(s=n, n=n, order=f"A-{n}"), start=n)]
    lines += log("ERROR nothing else", TWO, start=9)
    many, once = groups_of(blocks_of(lines))
    assert (many.count, many.pods, once.count, once.pods) == (5, ("web-1",), 1, ("web-2",))
    assert (many.first.second, many.last.second) == (1, 5)
    assert many.example[1] == "java.lang.IllegalStateException: no account A-5"
    assert many.title == (
        "ERROR # --- [nio-#-exec-#] c.e.pay.PayController : order # failed … java.sql.SQLTimeoutException: after # ms"
    )


def test_one_new_kind_of_error_after_a_deploy(tmp_path: Path) -> None:
    """Two sets of lines, the second with one new stack trace among the known one, with other ids and times."""
    before = groups_of(blocks_of(log(JAVA.format(s=1, n=1, order="A-1"))))
    text = JAVA.format(s=41, n=7, order="Q-99") + PYTHON.format(n=9, order="x")
    after = groups_of(blocks_of([*log(JAVA.format(s=1, n=1, order="A-1")), *log(text, start=40)]))
    deployed = datetime(2026, 11, 22, 9, 55, 30, tzinfo=UTC)
    (new,) = new_since(after, {"web": deployed})
    assert new.title.startswith("Traceback")
    file = tmp_path / "before.json"
    file.write_text(
        json.dumps({"errors": [{"service": g.service, "fingerprint": g.fingerprint} for g in before]})
    )
    assert not_known(after, _known(file)) == [new]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(UsageError, match="is not what error-logs --json prints"):
        _known(tmp_path / "x.json")


def test_the_same_fingerprint_in_every_run() -> None:
    (group,) = groups_of(blocks_of(log("ERROR order 1 failed")))
    assert isinstance(group, Group)
    assert group.fingerprint == "e36c218f3b33"
