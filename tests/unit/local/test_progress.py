from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from poscloud.local import progress
from poscloud.local.progress import ConsoleReporter, seconds


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.4, "59 s"), (185, "3 min 05 s")]
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


def test_plain_lines_say_what_how_far_how_long_and_where_the_log_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.0)
    stream = io.StringIO()
    reporter = ConsoleReporter(stream)
    reporter.plan(2)
    with reporter.step("building kwok", log=Path("/logs/toolchain.log")):
        reporter.update("12 of at most 100 packages compiled")
        reporter.done("63 MB")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[1/2] building kwok ... (log: /logs/toolchain.log)"
    assert re.fullmatch(r"\[1/2\] building kwok: 12 of at most 100 packages compiled, \d\.\d s", lines[1])
    assert re.fullmatch(r"\[1/2\] building kwok: 63 MB, done in \d\.\d s", lines[2])
    assert "\x1b" not in stream.getvalue()


def test_plain_lines_are_few() -> None:
    stream = io.StringIO()
    reporter = ConsoleReporter(stream)
    with reporter.step("building"):
        for number in range(1000):
            reporter.update(str(number))
    assert len(stream.getvalue().splitlines()) == 2


def test_a_failed_step_is_not_called_done() -> None:
    stream = io.StringIO()
    with pytest.raises(RuntimeError), ConsoleReporter(stream).step("building"):
        raise RuntimeError
    assert "failed after" in stream.getvalue()
    assert "done" not in stream.getvalue()


def test_a_terminal_gets_one_live_line() -> None:
    stream = io.StringIO()
    reporter = ConsoleReporter(stream, live=True)
    with reporter.step("building"):
        reporter.update("half")
        reporter.note("found something")
    assert "found something\n" in stream.getvalue()
    assert stream.getvalue().count("\n") == 2
