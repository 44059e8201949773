"""What is shown of a run, from the engine's events as they were recorded; trimmed to what is read of them."""

from __future__ import annotations

import io
import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from poscloud.engine.progress import summary
from poscloud.engine.progress.events import UnknownEventsError, parse, place_of
from poscloud.engine.progress.follow import Progress, last_words, lines_of, progress_for
from poscloud.engine.progress.run import Run
from poscloud.engine.progress.show import Lines, Tree, tree
from poscloud.render import render_environment
from poscloud.render.environment import RenderedPart
from tests.unit.conftest import Project

FOLDER = Path(__file__).parent
SHOP = """\
backing: {zookeeper: {}, kafka: {}, redis: {}, mysql: {}}
services:
  web: {kind: java, replicas: 2, uses: [redis, kafka]}
  pay: {kind: java, uses: [mysql, redis]}
  job: {kind: java, uses: [web]}
"""
BROKEN = """\
backing: {redis: {}}
services:
  good: {kind: java, uses: [redis]}
  bad: {kind: java, overrides: {Deployment: {spec: {template: {spec: {restartPolicy: Never}}}}}}
  late: {kind: java, env: {BAD: "${bad.url}"}}
"""


class Recorded:
    """A run that was recorded: its events with the seconds after its start."""

    def __init__(self, name: str, parts: list[RenderedPart]) -> None:
        rows = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
        self.run = Run(parts)
        self.steps = [(float(row.pop("at")), json.dumps(row)) for row in rows]

    def play(self, shown: Lines | None = None, until: float = float("inf")) -> Run:
        for at, line in self.steps:
            if at > until:
                break
            for event in parse(line):
                names = self.run.take(event, at)
                if shown:
                    shown.changed(self.run, names, at)
        return self.run


@pytest.fixture
def shop(project: Project) -> list[RenderedPart]:
    """As it was when it was recorded: without the Job that tries the Kafka."""
    parts = render_environment(project.load(SHOP, "shop"))
    return [replace(p, manifests=[m for m in p.manifests if m["kind"] != "Job"]) for p in parts]


@pytest.fixture
def broken(project: Project) -> list[RenderedPart]:
    return render_environment(project.load(BROKEN, "broken"))


def test_a_first_run_in_lines(shop: list[RenderedPart]) -> None:
    stream = io.StringIO()
    recorded = Recorded("created", shop)
    run = recorded.play(Lines(stream))
    said = [line.partition("] ")[2] for line in stream.getvalue().splitlines()]
    assert "pay: waits for mysql, redis" in said
    assert "kafka: waits for zookeeper" in said
    order = [line.partition(":")[0] for line in said if ": ready, " in line]
    assert sorted(order) == sorted(run.components)
    for name, component in run.components.items():
        assert all(order.index(other) < order.index(name) for other in component.after), order
    assert set(run.states().values()) == {"ready"}
    assert next(summary.lines(run, 75.0)).startswith("shop: 7 ready after 1 min 15 s; resources: 33 created")


def test_an_unchanged_run_says_nothing_but_its_summary(shop: list[RenderedPart]) -> None:
    stream = io.StringIO()
    run = Recorded("same", shop).play(Lines(stream))
    assert stream.getvalue() == ""
    assert list(summary.lines(run, 2.0)) == ["shop: 7 ready after 2.0 s; resources: 33 unchanged"]


def test_a_failure_its_reason_and_what_it_kept_from_being_made(broken: list[RenderedPart]) -> None:
    stream = io.StringIO()
    recorded = Recorded("failed", broken)
    end = next(at for at, line in recorded.steps if '"summaryEvent"' in line)
    run = recorded.play(Lines(stream), until=end - 0.001)
    assert run.told(run.components["late"]) == "cannot begin: bad failed"
    stream.truncate(0)
    run = Recorded("failed", broken).play(Lines(stream))
    run.over = True
    assert run.states() == {"bad": "failed", "redis": "ready", "good": "ready", "late": "skipped"}
    told = list(summary.lines(run, 3.0))
    assert told[0].startswith("broken: 2 ready, 1 failed, 1 skipped after 3.0 s")
    assert "  bad failed: Deployment bad" in told
    assert "restartPolicy" in run.components["bad"].why
    assert "restartPolicy" not in "".join([*told, stream.getvalue()]), "the engine says it, once is enough"
    assert "  late was not made: it starts after bad" in told
    assert "bad: failed: Deployment bad\n" in stream.getvalue()


def test_the_tree_in_the_middle_of_a_run_and_with_little_room(shop: list[RenderedPart]) -> None:
    recorded = Recorded("created", shop)
    begun = next(
        at for at, line in recorded.steps if '"resourcePreEvent"' in line and "StatefulSet::kafka" in line
    )
    run = recorded.play(until=begun)

    def drawn(room: int) -> list[str]:
        console = Console(width=100, file=io.StringIO(), color_system=None)
        console.print(tree(run, begun, room, 100))
        return str(console.file.getvalue()).splitlines()  # type: ignore[attr-defined]

    lines = drawn(20)
    assert lines[0].startswith("shop  ") and len(lines) == 8
    assert any("· pay" in line and "waits for" in line for line in lines)
    assert len(drawn(3)) == 4 and "and 5 more: " in drawn(3)[-1]


def test_where_the_time_went() -> None:
    run = Run([RenderedPart("env", "environment", [], frozenset()), *(
        RenderedPart(name, "java", [{"kind": "Deployment", "metadata": {"name": name}}], frozenset(after))
        for name, after in {"a": (), "b": ("a",), "c": ("b",), "fast": (), "late": ("fast",)}.items()
    )])  # fmt: skip
    for name, begin, end in (("a", 0, 5), ("fast", 0, 1), ("late", 1, 4), ("b", 5, 7), ("c", 7, 20)):
        for what, at in (("resourcePreEvent", begin), ("resOutputsEvent", end)):
            line = {what: {"metadata": {"op": "create", "urn": _urn(name), "new": {"parent": _parent(name)}}}}
            for event in parse(json.dumps(line)):
                run.take(event, float(at))
    assert list(summary.lines(run, 20.4)) == [
        "env: 5 ready after 20 s",
        "  slowest: c 13 s, a 5.0 s, late 3.0 s, b 2.0 s, fast 1.0 s",
        "  the end waited for: a 5.0 s → b 2.0 s → c 13 s, ready after 20 s",
    ]


def _urn(name: str) -> str:
    types = "poscloud:index:Environment$poscloud:index:JavaService$kubernetes:apps/v1:Deployment"
    return f"urn:pulumi:env::shop::{types}::env/{name}"


def _parent(name: str) -> str:
    return f"urn:pulumi:env::shop::poscloud:index:Environment$poscloud:index:JavaService::{name}"


def test_a_line_leaves_room_for_what_the_terminal_echoes_of_ctrl_c(shop: list[RenderedPart]) -> None:
    """Behind a full line at the bottom it would scroll, and the next picture would begin a line too low."""
    recorded = Recorded("created", shop)
    run = recorded.play(until=0.0)
    run.stop()
    console = Console(file=io.StringIO(), force_terminal=True, width=40, height=12, color_system=None)
    drawn = Tree(console)
    drawn.begin(run)
    drawn.end()
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", str(console.file.getvalue())).splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) == 37
    assert "stops after what is under way; Ctrl-…" in lines
    assert list(run.summary(1.0)) == ["  stopped after 1.0 s; to go on, run it again"]


def test_places() -> None:
    assert place_of(_urn("web"), _parent("web")) == ("web", "Deployment web")
    assert place_of(_parent("web"), "") == ("web", "")
    assert place_of("urn:pulumi:env::shop::pulumi:pulumi:Stack::shop-env", "")[0] == ""


@pytest.mark.parametrize("line", ["{", "[]", "1"])
def test_what_is_no_event_is_told(line: str) -> None:
    with pytest.raises(UnknownEventsError):
        list(parse(line))


def test_what_a_terminal_would_obey_is_not_in_messages() -> None:
    told = "<{%fg 1%}>a\x1b[2Jb\x1b]0;title\x07c \x1b[31md\x1b[0m\x1b\x9b e\nf"
    event = {"diagnosticEvent": {"severity": "error", "urn": _urn("web"), "message": told}}
    assert [e.text for e in parse(json.dumps(event))] == ["abc d e f"]


def test_lines_that_are_written_while_they_are_read(tmp_path: Path) -> None:
    file, over, seen = tmp_path / "events", threading.Event(), threading.Event()
    found: list[bytes] = []

    def read() -> None:
        for line in lines_of(file, over):
            found.append(line)
            seen.set()

    thread = threading.Thread(target=read)
    thread.start()
    with file.open("wb", buffering=0) as stream:
        stream.write(b"one\ntw")
        assert seen.wait(10)
        assert found == [b"one"]
        stream.write(b"o\n\nthree\n")
    over.set()
    thread.join(10)
    assert found == [b"one", b"two", b"three"]


def test_the_display_stands_in_for_the_engines_lines_and_keeps_its_last_words(
    shop: list[RenderedPart], capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=30)
    with Progress(Tree(console), instead=True, say=said.append).following(Run(shop)) as given:
        assert given.output is not None
        (flag,) = [f for f in given.flags if f.startswith("--event-log=")]
        steps = Recorded("created", shop).steps
        Path(flag.partition("=")[2]).write_text("".join(f"{line}\n" for _, line in steps))
        given.output.write_text(
            " +  kubernetes:core/v1:Namespace shop creating\nOutputs:\n    a: 1\n\nResources:\n    + 33 created\n"
        )
    assert capsys.readouterr().out == "Outputs:\n    a: 1\n\nResources:\n    + 33 created\n"
    assert said[0].startswith("shop: 7 ready after ")
    assert not given.output.parent.exists(), "events are kept nowhere"
    assert "\x1b[?25h" in str(console.file.getvalue()), "the cursor is back"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "line", ["no event", '{"resourcePreEvent": {"metadata": []}}', '{"diagnosticEvent": 1}']
)
def test_events_that_cannot_be_read_end_the_display_alone(shop: list[RenderedPart], line: str) -> None:
    said: list[str] = []
    with Progress(Lines(io.StringIO()), instead=False, say=said.append).following(Run(shop)) as given:
        (flag,) = given.flags
        Path(flag.partition("=")[2]).write_text(f"{line}\n")
    assert len(said) == 1 and said[0].startswith("the progress of this run cannot be shown")


def test_an_engine_that_says_nothing_known_is_quoted_whole(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("panic: x\n")
    assert last_words(tmp_path / "out") == "panic: x\n"
    assert last_words(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("confirmed", "wanted", "lines"), [(True, "", True), (False, "", False), (True, "engine", False)]
)
def test_the_engine_is_left_alone_where_it_asks(
    monkeypatch: pytest.MonkeyPatch, confirmed: bool, wanted: str, lines: bool
) -> None:
    monkeypatch.setenv("POSCLOUD_PROGRESS", wanted)
    environment: dict[str, Any] = {}
    assert (progress_for(environment, print, confirmed=confirmed) is not None) is lines


class _Terminal(io.TextIOWrapper):
    """A terminal of some encoding."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("encoding", "tree"), [("utf-8", True), ("gbk", False), ("latin-1", False)])
def test_a_terminal_that_cannot_show_the_signs_keeps_the_engines_display(
    monkeypatch: pytest.MonkeyPatch, encoding: str, tree: bool
) -> None:
    monkeypatch.setenv("POSCLOUD_PROGRESS", "")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", _Terminal(io.BytesIO(), encoding=encoding))
    opened = {"PULUMI_CONFIG_PASSPHRASE": "x"}
    assert (progress_for(opened, print, confirmed=True) is not None) is tree
