"""Lines of many logs in one order: none lost, none twice."""

from __future__ import annotations

import random

import pytest

from poscloud.cluster.watching.logs.line import Line, lines_of
from poscloud.cluster.watching.logs.merge import Merger
from poscloud.cluster.watching.logs.read import _Place
from poscloud.cluster.watching.logs.show import as_json, plain
from poscloud.cluster.watching.logs.source import Source, sources_of
from poscloud.errors import UsageError

WEB, PAY = Source("web-1", "1", "web", service="web"), Source("pay-1", "2", "pay", service="pay")


def line(millisecond: int, source: Source = WEB) -> Line:
    return Line(f"2026-11-22T09:55:07.{millisecond:03}000000".encode(), source, b"%d" % millisecond)


@pytest.mark.parametrize(
    ("raw", "time", "text"),
    [
        (b"2026-11-22T09:55:07.123456789Z a b", b"2026-11-22T09:55:07.123456789", b"a b"),
        (b"2026-11-22T09:55:07.123456789Z ", b"2026-11-22T09:55:07.123456789", b""),
        (b"2026-11-22T17:55:07.5+08:00 a", b"2026-11-22T09:55:07.500000000", b"a"),
        (b"2026-11-22T09:55:07Z a", b"2026-11-22T09:55:07.000000000", b"a"),
        (b"unable to retrieve", b"2026", b"unable to retrieve"),
        (b"", b"2026", b""),
        (b"2020-01-01T00:00:00.000000000Z the clock went back", b"2026", b"the clock went back"),
    ],
)
def test_the_time_of_a_line(raw: bytes, time: bytes, text: bytes) -> None:
    (found,) = lines_of([raw], WEB, b"2026")
    assert (found.time, found.text) == (time, text)


def test_a_line_waits_for_earlier_ones_of_others_but_not_for_ever() -> None:
    merger = Merger(hold=0.5)
    merger.open(WEB)
    merger.open(PAY)
    merger.add(WEB, [line(1), line(3)], now=0.0)
    assert merger.take(0.1) == []
    merger.add(PAY, [line(2, PAY)], now=0.2)
    assert [each.text for each in merger.take(0.2)] == [b"1", b"2"]
    assert [each.text for each in merger.take(0.5)] == [b"3"]


def test_a_log_that_was_written_to_all_the_time_is_awaited_longer_than_a_quiet_one() -> None:
    merger = Merger(hold=0.5, longest=3)
    quiet = Source("quiet-1", "3", "quiet")
    for source in (WEB, PAY, quiet):
        merger.open(source)
    for step in range(20):
        merger.add(WEB, [line(step * 10)], now=step / 10)
        merger.add(PAY, [line(step * 10 + 1, PAY)], now=step / 10)
    assert [each.text for each in merger.take(2.5)][-1] == b"190"
    merger.add(WEB, [line(300)], now=2.0)  # from now on nothing comes of pay
    assert merger.take(2.6) == [line(191, PAY)], "web's next line waits longer than for a quiet one"
    merger.add(PAY, [line(250, PAY)], now=3.0)
    merger.add(PAY, [line(310, PAY)], now=3.1)
    assert [each.text for each in merger.take(3.1)] == [b"250", b"300"], "though 250 has only just come"
    assert merger.take(6.2) == [line(310, PAY)], "for good it is not awaited"


def test_nobody_waits_for_a_log_that_has_ended() -> None:
    merger = Merger(hold=10)
    merger.open(WEB)
    merger.open(PAY)
    merger.add(WEB, [line(1)], now=0.0)
    merger.close(PAY)
    assert merger.take(0.0) == [line(1)]


def test_in_order_and_without_loss_however_they_come() -> None:
    dice, merger = random.Random(7), Merger(hold=0.5)
    sources = [Source(f"web-{number}", str(number), "web") for number in range(20)]
    written = sorted(
        (line(dice.randrange(1000), dice.choice(sources)) for _ in range(5000)), key=lambda x: x.time
    )
    waiting = {source: [each for each in written if each.source == source] for source in sources}
    shown: list[Line] = []
    for source in sources:
        merger.open(source)
    now = 0.0
    while any(waiting.values()):
        now += 0.01
        for source, left in waiting.items():
            count = dice.randrange(4)
            merger.add(source, left[:count], now)
            waiting[source] = left[count:]
        if dice.random() < 0.3:
            shown += merger.take(0)  # as long as nobody has waited too long
    shown += merger.rest()
    assert [each.time for each in shown] == [each.time for each in written]
    assert sorted(shown) == sorted(written)


def test_after_a_lost_connection_no_line_is_shown_twice_and_none_is_missing() -> None:
    place = _Place()
    assert place.query({"tailLines": "5"}) == {"tailLines": "5"}
    first = [line(1), line(2), Line(line(2).time, WEB, b"also")]
    assert place.new(first) == first
    assert place.query({}) == {"sinceTime": "2026-11-22T09:55:07Z"}
    third = Line(line(2).time, WEB, b"third of that moment")
    assert place.new([line(0), line(1), line(2)]) == []
    assert place.new([first[2], third, line(4)]) == [third, line(4)]
    assert place.new([line(5)]) == [line(5)]


def test_how_lines_look_in_a_pipe() -> None:
    helper = Source("web-1", "1", "filebeat", is_main=False, service="web")
    assert plain([line(1)._replace(source=helper)]) == b"2026-11-22T09:55:07.001Z web-1/filebeat | 1\n"
    assert b'"pod": "web-1", "container": "web", "line": "\xef\xbf\xbd"' in as_json(
        [line(1)._replace(text=b"\xff")]
    )


def pod(*initial: dict[str, object]) -> dict[str, object]:
    names = [str(each["name"]) for each in initial]
    return {
        "metadata": {"name": "web-1", "uid": "1", "labels": {"app": "web"}},
        "spec": {
            "initContainers": [{"name": n} for n in names],
            "containers": [{"name": "web"}, {"name": "ship"}],
        },
        "status": {"initContainerStatuses": list(initial)},
    }


FETCHED = {"name": "fetch-jar", "state": {"terminated": {"exitCode": 0}}}
FAILED = {
    "name": "fetch-jar",
    "state": {"waiting": {}},
    "lastState": {"terminated": {"exitCode": 1}},
    "restartCount": 2,
}


@pytest.mark.parametrize(
    ("given", "container", "expected"),
    [
        (pod(), "", ["web-1"]),
        (pod(FETCHED), "", ["web-1"]),
        (pod(FAILED), "", ["web-1/fetch-jar"]),
        (pod(FETCHED), "ship", ["web-1/ship"]),
        (pod(FETCHED), "all", ["web-1/fetch-jar", "web-1", "web-1/ship"]),
    ],
)
def test_whose_log_is_meant(given: dict[str, object], container: str, expected: list[str]) -> None:
    assert [source.label for source in sources_of(given, container)] == expected


def test_an_unknown_container_is_told_which_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        sources_of(pod(FETCHED), "wbe")
    assert caught.value.hint == "it has: web, ship, fetch-jar; all of them: -c all"
