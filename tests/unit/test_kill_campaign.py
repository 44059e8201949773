"""What the kill points' campaign counts as survived, and what it does again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults import arena
from tests.faults.killcampaign import Campaign, Job, kept, table, unkilled
from tests.faults.killpoints import Point
from tests.workspace import Workspace

GOOD = Point("checkpoints", "up", "engine", 1)
BAD = Point("checkpoints", "up", "engine", 2, ["left"])
NOBODY = Point("checkpoints", "up", "program", 3, fired=False)


def test_only_what_was_survived_by_this_code_is_not_done_again(tmp_path: Path) -> None:
    file = tmp_path / "results"
    lines = [
        {"code": "this", "point": GOOD},
        {"code": "this", "point": BAD},
        {"code": "older", "point": GOOD},
    ]
    file.write_text(
        "".join(json.dumps({**line, "point": asdict(cast(Point, line["point"]))}) + "\n" for line in lines)
    )
    assert kept(file, "this") == [GOOD]


def test_a_point_without_a_kill_has_not_converged() -> None:
    lines = list(table([GOOD, BAD, NOBODY]))
    assert "1 of 2 kills converged" in lines
    assert "no kill: 1, of which 0 where the run had fewer requests" in lines
    assert unkilled([GOOD, BAD, NOBODY]) == {("checkpoints", "up", "program")}


def test_a_job_that_cannot_be_done_is_told_and_the_next_one_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(cast(Workspace, SimpleNamespace(root=tmp_path)), tmp_path / "results", range(1, 3))
    campaign.requests = {
        ("checkpoints", "up"): 2,
        ("checkpoints", "update"): 0,
        ("checkpoints", "destroy"): 0,
    }
    lane: Any = SimpleNamespace(__exit__=lambda: None)
    monkeypatch.setattr(campaign, "lane", lambda *_: SimpleNamespace(__enter__=lambda: lane))

    def do(_: object, job: Job) -> None:
        if job[3] == [1]:
            raise OSError("no such stack")
        campaign.points.append(Point(job[0], job[2], job[1], job[3][0]))

    monkeypatch.setattr(campaign, "do", do)
    queue: SimpleQueue[Job] = SimpleQueue()
    for job in campaign.jobs(["checkpoints"], ["engine"]):
        queue.put(job)
    campaign.work("a", queue)
    assert campaign.missing(["checkpoints"], ["engine"]) == ["checkpoints up engine 1 was not done"]
    assert "no such stack" in campaign.broken[0]


def test_a_limit_stays_one_on_a_loaded_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena.os, "getloadavg", lambda: (400.0, 0.0, 0.0))
    with pytest.raises(AssertionError, match=r"61\.0 s, at most 60\.0 s"):
        arena.shows(arena.Outcome(0, "", 61), code=0, within=5)
    assert arena.timed.pop() == (61, 5)
