"""Prints how many inputs went through."""

from __future__ import annotations

from typing import Any

from tests.fuzz.profile import LEFT_OUT, LONG, TRIED
from tests.unit.conftest import project as project


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not LONG or not TRIED:
        return
    terminalreporter.section("inputs tried")
    for sort, count in sorted(TRIED.items()):
        terminalreporter.write_line(f"{count:>9,}  {sort}")
    terminalreporter.write_line(f"{TRIED.total():>9,}  together")
    if LEFT_OUT:
        terminalreporter.write_line(f"never other than by default: {', '.join(LEFT_OUT)}")
