"""The sections of a report's page that need no script: components, findings, capacity, what changed."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from html import escape

from poscloud.engine.report.drawing import SIGNS
from poscloud.engine.report.model import RESOURCES, Amounts, Change, Component, NodeRoom, Report, total
from poscloud.engine.report.words import UNITS, age, amount, cell, opener, table, tag, time

MOST = 200
"""Rows of a table of changes."""


def components(report: Report) -> str:
    """Return the table of all components, in start order; what nobody has is no column."""
    rows = [(each.name, _cells(each)) for each in report.components]
    shown = [n for n, _ in enumerate(_COLUMNS) if any(cells[n] for _, cells in rows)]
    written = [
        tag(
            "tr",
            tag("th", opener(name), scope="row", class_="wide")
            + "".join(cell(cells[n], _COLUMNS[n], _classes(n)) for n in shown),
            data_row=name,
        )
        for name, cells in rows
    ]
    numbers = [1 + place for place, n in enumerate(shown) if n in _NUMBERS]
    return table(("Component", *(_COLUMNS[n] for n in shown)), written, numbers=numbers)


_COLUMNS = ("Kind", "State", "Pods", "Version", "Restarts", "Age", "CPU", "Memory", "Findings")
_NUMBERS, _AGE = (2, 4, 6, 7, 8), 5


def _classes(column: int) -> str:
    return "number" if column in _NUMBERS else "when" if column == _AGE else ""


def _cells(each: Component) -> list[str]:
    state, drawn, asked = each.state, each.drawn, each.requests
    sign = f"{SIGNS[drawn.mood]} {escape(drawn.state)}" if drawn.state else ""
    waits = f" for {escape(', '.join(state.waits_for))}" if state and state.waits_for else ""
    return [
        escape(each.kind),
        tag("span", sign, class_=f"state {drawn.mood}") + waits if sign else "",
        f"{state.ready}/{state.wanted}" if state and state.word != "not made" else str(each.pods or ""),
        escape(state.version) if state else "",
        str(state.restarts) if state and state.restarts else "",
        age(state.age) if state else "",
        amount("cpu", asked["cpu"]) if asked["cpu"] else "",
        amount("memory", asked["memory"]) if asked["memory"] else "",
        tag("span", str(len(each.problems)), class_="failed") if each.problems else "",
    ]


def findings(report: Report) -> str:
    """Return what a check found, by place."""
    found = report.all_problems
    if not found:
        where = "in the description and in the cluster" if report.cluster else "in the description"
        return tag("p", f"Nothing found {where}.")
    rows = [
        tag(
            "tr",
            cell(escape(problem.place), "Place", "code")
            + cell(opener(name), "Component")
            + cell(
                escape(problem.message)
                + f' <span class="code">[{escape(problem.code)}]</span>'
                + (f'<br><span class="code">{escape(problem.hint)}</span>' if problem.hint else ""),
                "Finding",
                "wide",
            ),
        )
        for name, problem in found
    ]
    return table(("Place", "Component", "Finding"), rows)


def capacity(report: Report) -> str:
    """Return what the nodes can give and what is asked of them, and what the description plans."""
    return (_nodes(report.nodes) if report.nodes else "") + _planned(report)


def _nodes(nodes: list[NodeRoom]) -> str:
    legend = "".join(
        tag("li", tag("span", "", class_=f"swatch {kind}") + words)
        for kind, words in (("own", "this environment"), ("others", "all else"), ("free", "free"))
    )
    rows = [
        tag(
            "tr",
            tag(
                "th",
                escape(node.name) + (" (takes no pods)" if node.cordoned else ""),
                scope="row",
                class_="wide",
            )
            + "".join(cell(_bar(name, node), UNITS[name], "wide") for name in RESOURCES),
        )
        for node in nodes
    ]
    everything = NodeRoom(
        "All nodes", False, *(total([getattr(n, f) for n in nodes]) for f in ("allocatable", "own", "others"))
    )
    if len(nodes) > 1:
        cells = "".join(cell(_bar(name, everything), UNITS[name], "wide") for name in RESOURCES)
        rows.append(tag("tr", tag("th", "All nodes", scope="row", class_="wide") + cells, class_="total"))
    heads = ("Node", "CPU requested", "Memory requested", "Pods")
    return tag("ul", legend, class_="legend", aria_label="Legend of the bars") + table(
        heads, rows, caption="What pods request of what each node can give"
    )


def _bar(resource: str, node: NodeRoom) -> str:
    room, own, others = (each[resource] for each in (node.allocatable, node.own, node.others))
    words = f"{amount(resource, own + others)} of {amount(resource, room)}"
    label = f"{words} {UNITS[resource]} requested, {amount(resource, own)} of it by this environment"
    return f"{escape(words)}{_drawn_bar(own, others, room, label)}"


def _drawn_bar(own: Decimal, others: Decimal, room: Decimal, label: str) -> str:
    most = max(room, own + others, Decimal(1))
    parts = "".join(
        f'<i class="{kind}" style="width:{part / most * 100:.1f}%"></i>'
        for kind, part in (("own", own), ("others", others))
        if part
    )
    return tag(
        "div", parts, class_="bar over" if own + others > room else "bar", role="img", aria_label=label
    )


def _planned(report: Report) -> str:
    """Return what the description asks for by kind, and of its quota."""
    kinds: dict[str, list[Component]] = defaultdict(list)
    for component in report.components:
        kinds[component.kind].append(component)
    rows = [
        _planned_row(kind, len(of_kind), total([each.requests for each in of_kind]))
        for kind, of_kind in sorted(kinds.items())
    ]
    rows.append(_planned_row("All", len(report.components), report.planned, kind="total"))
    if report.quota:
        rows.append(_quota_row(report))
    heads = ("Kind", "Components", "Pods", "CPU", "Memory")
    return table(
        heads, rows, caption="What the description plans: requests of all pods", numbers=(1, 2, 3, 4)
    )


def _planned_row(name: str, count: int, asked: Amounts, kind: str = "") -> str:
    cells = (
        tag("th", escape(name), scope="row", class_="wide")
        + cell(str(count), "Components", "number")
        + cell(amount("pods", asked["pods"]), "Pods", "number")
        + cell(amount("cpu", asked["cpu"]), "CPU", "number")
        + cell(amount("memory", asked["memory"]), "Memory", "number")
    )
    return tag("tr", cells, **({"class_": kind} if kind else {}))


def _quota_row(report: Report) -> str:
    def one(resource: str) -> str:
        most = report.quota.get(resource)
        if most is None:
            return cell("", UNITS[resource])
        asked = report.planned[resource]
        label = f"{amount(resource, asked)} of the quota's {amount(resource, most)} {UNITS[resource]}"
        shown = f"{amount(resource, most)}{_drawn_bar(asked, Decimal(), most, label)}"
        return cell(shown, f"Quota {UNITS[resource]}", "number wide")

    cells = tag("th", "Quota of the namespace", scope="row", class_="wide") + cell("", "")
    return tag("tr", cells + "".join(map(one, ("pods", "cpu", "memory"))))


UNREAD = "Not known: this user may not look at them, or the cluster did not answer."


def changes(report: Report) -> str:
    """Return which versions services were given, what was changed by hand, and what the cluster told."""
    if not report.cluster:
        return tag("p", "No cluster was asked; what changed is known there.")
    groups = (
        ("versions", "Versions", "Who", report.versions, "No versions are kept."),
        ("by_hand", "Changes by hand", "Who", report.by_hand, "None on record."),
        ("events", "Events", "About", report.events, "None are kept; a cluster forgets them after an hour."),
    )
    return "".join(
        tag("h3", title) + _changes(who, found, UNREAD if key in report.unread else none)
        for key, title, who, found, none in groups
    )


def _changes(who: str, found: list[Change], none: str) -> str:
    if not found:
        return tag("p", none, class_="quiet")
    rows = [
        tag(
            "tr",
            cell(time(each.at), "Time", "when")
            + cell(opener(each.component), "Component")
            + cell(escape(each.who), who)
            + cell(
                tag("span", escape(each.what), class_="failed") if each.warning else escape(each.what),
                "",
                "wide",
            ),
        )
        for each in found[:MOST]
    ]
    more = tag("p", f"and {len(found) - MOST} earlier ones", class_="quiet") if len(found) > MOST else ""
    return table(("Time (UTC)", "Component", who, "What"), rows) + more
