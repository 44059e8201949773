"""A report as one page that needs nothing else: style, script, picture and data are in it (docs/decisions/0043)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from poscloud import __version__
from poscloud.engine.report import sections
from poscloud.engine.report.drawing import SIGNS, as_svg
from poscloud.engine.report.model import Change, Component, Report
from poscloud.engine.report.words import age, amount, amounts, tag, time

MOODS = {"ready": "ready", "waiting": "waiting or asleep", "failed": "failed", "unknown": "not asked"}
"""What each class of state is called."""


def as_page(report: Report) -> str:
    """Return a report as an HTML page."""
    picture = as_svg(report.components)
    shape = " / ".join(picture.partition('viewBox="0 0 ')[2].partition('"')[0].split())
    script, style = _asset("page.js"), _asset("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Template(_asset("page.html")).substitute(
        hash=digest,
        name=escape(report.name),
        style=style,
        script=script,
        about=_about(report),
        chips=_chips(report),
        notes=_notes(report),
        picture=picture,
        shape=shape,
        legend=_legend(report),
        components=sections.components(report),
        findings=sections.findings(report),
        capacity=sections.capacity(report),
        changes=sections.changes(report),
        version=escape(__version__),
        data=_embedded(_data(report)),
    )


def _asset(name: str) -> str:
    return files("poscloud.engine.report").joinpath(name).read_text(encoding="utf-8")


def _about(report: Report) -> str:
    planned = report.planned
    asleep = f"asleep since {report.asleep_since}" if report.asleep_since else ""
    words = [
        f"As of {time(report.made)} UTC",
        report.cluster or "from the description alone, no cluster was asked",
        f"{len(report.components)} components",
        f"{amount('pods', planned['pods'])} pods planned, which request {amounts(planned) or 'nothing'}",
        asleep,
    ]
    return escape(" · ".join(filter(None, words)))


def _chips(report: Report) -> str:
    moods = Counter(component.drawn.mood for component in report.components)
    chips = [
        tag("li", f"{SIGNS[mood]} {moods[mood]} {words}", class_=mood)
        for mood, words in MOODS.items()
        if moods[mood]
    ]
    count = len(report.all_problems)
    words = f"{count} finding{'' if count == 1 else 's'}"
    return "".join([*chips, tag("li", words, class_="failed" if count else "ready")])


def _legend(report: Report) -> str:
    moods = {component.drawn.mood for component in report.components}
    return "".join(
        tag("li", f"{SIGNS[mood]} {words}", class_=mood) for mood, words in MOODS.items() if mood in moods
    )


def _notes(report: Report) -> str:
    if not report.notes:
        return ""
    items = "".join(tag("li", escape(note)) for note in dict.fromkeys(report.notes))
    return tag("div", tag("ul", items, class_="notes"), class_="note", role="note", aria_label="Notes")


def _embedded(data: dict[str, Any]) -> str:
    """Return data as JSON that no parser of HTML takes for a tag's end or a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


class _Lines:
    """Every line that any text has, once: manifests of services differ in few of them."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, text: str) -> list[int]:
        """Return the numbers of the lines of a text."""
        lines = text.removesuffix("\n").split("\n")
        return [self.numbers.setdefault(line, len(self.numbers)) for line in lines]


def _data(report: Report) -> dict[str, Any]:
    lines = _Lines()
    before: dict[str, list[str]] = {component.name: [] for component in report.components}
    for component in report.components:
        for need in component.after:
            before[need].append(component.name)
    events: dict[str, list[Change]] = {}
    for event in report.events:
        events.setdefault(event.component, []).append(event)
    return {
        "components": [
            _component(each, before[each.name], events.get(each.name, []), lines)
            for each in report.components
        ],
        "lines": list(lines.numbers),
    }


def _component(
    each: Component, before: Iterable[str], events: Iterable[Change], lines: _Lines
) -> dict[str, Any]:
    state, drawn = each.state, each.drawn
    made = state is not None and state.word != "not made"
    return {
        "name": each.name,
        "kind": each.kind,
        "state": drawn.state,
        "mood": drawn.mood,
        "cause": state.cause if state else "",
        "pods": f"{state.ready} of {state.wanted} ready" if state and made else str(each.pods or ""),
        "version": state.version if state else "",
        "age": age(state.age) if state else "",
        "restarts": str(state.restarts) if state and made else "",
        "waits": state.waits_for if state else (),
        "requests": amounts(each.requests),
        "after": each.after,
        "before": sorted(before),
        "place": each.place,
        "addresses": state.addresses if state else (),
        "outputs": each.outputs,
        "findings": [
            {"place": p.place, "code": p.code, "message": p.message, "hint": p.hint} for p in each.problems
        ],
        "live": [[pod.name, pod.state, pod.node, str(pod.restarts)] for pod in (state.pods if state else ())],
        "events": [[time(event.at), event.who, event.what] for event in events],
        "spec": lines.of(each.spec),
        "objects": [{"kind": o.kind, "name": o.name, "lines": lines.of(o.text)} for o in each.objects],
    }
