"""The arena, and a table of what was survived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.arena import Arena, timed
from tests.faults.rows import ROWS
from tests.workspace import Workspace


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
    if not arena.gone:
        done = arena.run("poscloud", "destroy", "--yes")
        assert done.code == 0, done.text
    arena.converged = arena.gone = False
    yield arena
    arena.converges()


@pytest.fixture
def present(arena: Arena) -> Iterator[Arena]:
    """The environment is there as described; when the case is over, the next ``up`` has to converge."""
    if not arena.converged:
        arena.restore()
        arena.converges()
    arena.converged = arena.gone = False
    yield arena
    arena.restore()
    arena.converges()


@dataclass(frozen=True)
class Result:
    """How one case ended, with what it took, its set-up and convergence included, and the times that have a limit."""

    name: str
    passed: bool
    seconds: float
    timed: tuple[tuple[float, float], ...] = ()


PROPERTY = "fault"

_results: dict[int, dict[str, Result]] = defaultdict(dict)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Send the row and the times of a case along with its report: it may be another process that counts them."""
    report = yield
    mark = item.get_closest_marker("fault")
    if mark is not None:
        report.user_properties.append((PROPERTY, [mark.args[0], item.name, list(timed)]))
        timed.clear()
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, value in report.user_properties:
        if name == PROPERTY:
            number, case, took = value
            before = _results[number].get(report.nodeid, Result(case, True, 0))
            seconds, passed = before.seconds + report.duration, before.passed and report.passed
            times = (*before.timed, *((float(one), float(limit)) for one, limit in took))
            _results[number][report.nodeid] = Result(case, passed, seconds, times)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _results:
        return
    terminalreporter.section("faults")
    survived = 0
    for number, words in ROWS.items():
        cases = list(_results.get(number, {}).values())
        good = bool(cases) and all(case.passed for case in cases)
        survived += good
        verdict = "survived" if good else "NOT SURVIVED" if cases else "not tried"
        seconds = sum(case.seconds for case in cases)
        times = sorted({f"{took:.1f} s of {limit:g} s" for case in cases for took, limit in case.timed})
        terminalreporter.write_line(
            f"{number:3}  {words:52}  {verdict:12}  {len(cases):2} cases  {seconds:5.0f} s  {', '.join(times)}".rstrip()
        )
        for case in cases:
            if not case.passed:
                terminalreporter.write_line(f"     {case.name}")
    terminalreporter.write_line(f"passed {survived}/{len(ROWS)}")
