"""``poscloud why``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from poscloud.cli import _output
from poscloud.cli._options import Json, SomeServices, Stack, root

if TYPE_CHECKING:
    from poscloud.cluster.watching.why.look import Report

EVENTS = 10


def why(
    services: SomeServices,
    stack: Stack,
    json: Json = False,
) -> None:
    """Say why a service is not ready: the likely cause, who it waits for, its containers, events and last lines.

    Exit code 1 when one is not ready.

    Example: poscloud why api -e dac-test
    """
    import asyncio

    from poscloud.engine.why import reports_of

    reports = asyncio.run(reports_of(root(), stack, services))
    if json:
        _output.write_json({"environment": stack, "services": [_as_data(report) for report in reports]})
    else:
        for report in reports:
            _show(report)
            for note in report.notes:
                _output.tell(f"note: {note}")
    sys.exit(0 if all(report.ready for report in reports) else 1)


def _show(report: Report) -> None:
    from poscloud.cluster.watching import words

    def paint(text: str, code: str) -> str:
        return _output.paint(text, code, sys.stdout)

    if report.ready:
        _output.say(f"{paint(report.service, '1')}: {paint('ready', '32')}, {report.summary}")
        return
    _output.say(f"{paint(report.service, '1')}: {paint('not ready', '31')}: {report.summary}")
    _output.say(f"likely cause: {paint(report.cause.sentence, '1')}")
    if report.cause.remedy:
        _output.say(f"  look at: {report.cause.remedy}")
    if report.waits_for:
        _output.say(f"waits for: {', '.join(report.waits_for)}")
    for each in report.containers:
        ended = f", last {each.ended}" if each.ended else ""
        _output.say(f"pod {each.pod}, {each.name}: {each.state}, {each.restarts} restarts{ended}")
    if report.events:
        _output.say("events:")
    for event in report.events[-EVENTS:]:
        _output.say(
            f"  {words.clock(event.seen)}  {event.count}x  {event.about}  {event.reason}: {event.message}"
        )
    if report.log:
        _output.say(f"last lines of {report.whose_log}:")
        for line in report.log:
            _output.say(f"  {line}")


def _as_data(report: Report) -> dict[str, Any]:
    return {
        "service": report.service,
        "ready": report.ready,
        "summary": report.summary,
        "cause": report.cause.sentence or None,
        "remedy": report.cause.remedy or None,
        "waits_for": list(report.waits_for),
        "containers": [vars(each) for each in report.containers],
        "events": [{**vars(each), "seen": each.seen.isoformat()} for each in report.events],
        "log": list(report.log),
        "notes": list(report.notes),
    }
