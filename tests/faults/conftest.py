"""The arena, and a table of what was survived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena
from tests.workspace import Workspace

ROWS = 25
"""Rows of the fault table."""


@pytest.fixture(scope="package")
def arena(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    found = Arena(workspace, tmp_path_factory.mktemp("faults"))
    with found.proxy:
        found.prepare()
        yield found
        found.remove()


@pytest.fixture
def absent(arena: Arena) -> Iterator[Arena]:
    """The environment is not there; when the case is over, the next ``up`` has to converge."""
    arena.passes()
    done = arena.run("poscloud", "destroy", "--yes")
    assert done.code == 0, done.text
    yield arena
    arena.converges()


@pytest.fixture
def present(arena: Arena) -> Iterator[Arena]:
    """The environment is there as described; when the case is over, the next ``up`` has to converge."""
    arena.converges()
    yield arena
    arena.restore()
    arena.converges()


_results: dict[int, list[tuple[str, bool]]] = defaultdict(list)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    mark = item.get_closest_marker("fault")
    if mark is not None and (report.when == "call" or report.failed):
        _results[mark.args[0]].append((item.name, report.passed))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _results:
        return
    terminalreporter.section("faults")
    survived = 0
    for number, cases in sorted(_results.items()):
        good = all(passed for _, passed in cases)
        survived += good
        terminalreporter.write_line(
            f"{number:3}  {'survived' if good else 'NOT SURVIVED':12}  {len(cases)} cases"
        )
        for name, passed in cases:
            if not passed:
                terminalreporter.write_line(f"     {name}")
    terminalreporter.write_line(f"passed {survived}/{ROWS}; rows tried: {len(_results)}")
