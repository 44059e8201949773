"""The comment: a headline, what has to be acknowledged, the components that change, and all of it folded away.

A forge takes so many characters and no more. What is too long gets shorter from its end: first the list of all
changes, then each component to one line, then the components to a number. The headline is always whole.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence

from poscloud.engine.mergerequest.acknowledge import COMMAND, OURS, Acknowledged, open_losses
from poscloud.engine.mergerequest.changes import Comparison, ComponentChange, FieldChange, Grade, ObjectChange
from poscloud.engine.mergerequest.figures import headline, rows
from poscloud.engine.mergerequest.grade import count, verb
from poscloud.engine.mergerequest.markdown import code, plain

SHORTEST = 1000
"""Characters that a comment may have at least: a headline and the numbers of what was left out."""
_MORE = 200
"""Characters kept for the line that says how much was left out."""
_FIELDS = 5
"""Fields of an object that are shown outside the folded part."""


def marker(stack: str) -> str:
    """Return what the comment of a stack is found by; nobody sees it."""
    return f"{OURS}{stack} -->"


def write_comment(comparison: Comparison, known: Acknowledged, limit: int = sys.maxsize) -> str:
    """Return the comment's Markdown.

    Args:
        comparison: What changes.
        known: What is acknowledged, and by whom.
        limit: Characters it may have; at least ``SHORTEST``.
    """
    open_ones = open_losses(comparison, known)
    risk = f" ({len(open_ones)} of {len(comparison.lossy)} not acknowledged)" if open_ones else ""
    text = (
        f"{marker(comparison.stack)}\n### poscloud, {code(comparison.stack)}: {headline(comparison)}{risk}\n"
    )
    foot = _foot(comparison)
    room = limit - len(text) - len(foot)
    losses = _losses(comparison, known, room // 3)
    table = _table(comparison)
    # A headline alone says enough where there is room for no more.
    above = losses + (table if len(losses) + len(table) <= room // 2 else "")
    room -= len(above)
    components = _components(comparison, room)
    return text + above + components + _details(comparison, room - len(components)) + foot


def _foot(comparison: Comparison) -> str:
    if not comparison.published:
        return (
            "\nThere is no baseline of this environment yet, so everything counts as new. The next `poscloud up` "
            "publishes one, if the environment has a `baseline`.\n"
        )
    anew = ""
    if comparison.reencrypted:
        anew = " All secrets are encrypted anew (another passphrase), so each counts as changed."
    when = comparison.published.replace("T", " ").replace("+00:00", " UTC")
    return f"\nCompared with the baseline published at {when}.{anew}\n"


def _losses(comparison: Comparison, known: Acknowledged, room: int) -> str:
    """Return who acknowledged which loss of data, and how the others are."""
    if not comparison.lossy:
        return ""
    waiting = {item.id for item in open_losses(comparison, known)}
    lines = [
        f"- {code(item.id)}: write {code(f'{COMMAND} {item.id}')}\n"
        for item in comparison.lossy
        if item.id in waiting
    ]
    lines += [
        f"- {code(item.id)}: acknowledged by {', '.join(code(who) for who in known[item.id][:3])}\n"
        for item in comparison.lossy
        if item.id not in waiting
    ]
    title = "\n**Data is lost.** "
    if waiting:
        title += "This job fails until each is acknowledged, by a line of its own in a comment or the description:\n"
    else:
        title += "All of it is acknowledged:\n"
    return title + "\n" + _fit(lines, room - len(title), lambda left: f"- and {len(left)} more\n")


def _table(comparison: Comparison) -> str:
    found = list(rows(comparison)) if comparison.published else []
    if not found:
        return ""
    lines = [f"| {name} | {old} | {new} | {change} |\n" for name, old, new, change in found]
    return "\n| in all | before | after | change |\n|---|---|---|---|\n" + "".join(lines)


def _components(comparison: Comparison, room: int) -> str:
    """Return a section for each component; where that is too long a line for each, or as many as there is room for."""
    sections = [_section(component) for component in comparison.components]
    if sum(map(len, sections)) <= room:
        return "".join(sections)
    lines = [_line(component) for component in comparison.components]
    return "\n" + _fit(lines, room - 1, _rest(comparison.components))


def _rest(components: Sequence[ComponentChange]) -> Callable[[Sequence[str]], str]:
    def tell(left: Sequence[str]) -> str:
        grades = Counter(component.grade for component in components[-len(left) :])
        told = ", ".join(f"{number} {grade.word}" for grade, number in sorted(grades.items(), reverse=True))
        return f"- and {count(len(left), 'component')} more: {told}\n"

    return tell


def _line(component: ComponentChange) -> str:
    return f"- {_title(component)}\n"


def _title(component: ComponentChange) -> str:
    said = [_grade(component.grade)]
    if component.action != "changed":
        said.append({"added": "new", "removed": "removed"}[component.action])
    if component.restarts:
        said.append(verb(component.restarts, "restart"))
    return f"{code(component.name)} ({plain(component.kind)}): {', '.join(said)}"


def _grade(grade: Grade) -> str:
    return f"**{grade.word.upper()}**" if grade is Grade.DATA_LOSS else grade.word


def _section(component: ComponentChange) -> str:
    return f"\n#### {_title(component)}\n\n" + "".join(map(_object, component.objects))


def _object(item: ObjectChange) -> str:
    reasons = "; ".join(item.reasons)
    said = f": {reasons}" if reasons else "" if item.grade else ": labels or annotations only"
    lines = [f"- {code(item.id)} {_grade(item.grade)}{said}\n"]
    # What may be known says more than that something changed.
    fields = sorted(item.fields, key=lambda f: f.old is None and f.new is None)
    lines += [f"  - {code(f.path)}: {_values(f)}\n" for f in fields[:_FIELDS]]
    if len(fields) > _FIELDS:
        lines.append(f"  - and {count(len(fields) - _FIELDS, 'more field')}\n")
    return "".join(lines)


def _values(change: FieldChange) -> str:
    if change.old is not None and change.new is not None:
        return f"{code(change.old)} → {code(change.new)}"
    value = change.new if change.old is None else change.old
    return f"{change.kind}, {code(value)}" if value is not None and change.kind != "changed" else change.kind


def _details(comparison: Comparison, room: int) -> str:
    """Return all changes, folded away; as many objects as there is room for."""
    objects = [item for item in comparison.objects if item.fields]
    if not objects:
        return ""
    fields = sum(len(item.fields) for item in objects)
    summary = f"All changes: {count(fields, 'field')} of {count(len(objects), 'object')}"
    # The empty lines are what makes it Markdown again below HTML.
    start = f"\n<details><summary>{summary}</summary>\n\n```diff\n"
    end = "```\n\n</details>\n"
    text = _fit(
        [_diff(item) for item in objects],
        room - len(start) - len(end),
        lambda left: f"# {count(len(left), 'more object')}: too long for a comment, see the job's --json\n",
    )
    return f"{start}{text}{end}" if text else ""


def _diff(item: ObjectChange) -> str:
    signs = {"added": "+", "removed": "-", "changed": "!"}
    lines = [f"# {plain(item.id)} ({item.action}, {item.grade.word})\n"]
    for f in item.fields:
        known = f.old is not None or f.new is not None
        values = [plain(value) for value in (f.old, f.new) if value is not None]
        lines.append(f"{signs[f.kind]} {plain(f.path)}: {' → '.join(values) if known else f.kind}\n")
    return "".join(lines)


def _fit(pieces: Sequence[str], room: int, more: Callable[[Sequence[str]], str]) -> str:
    """Return as many pieces from the first as there is room for, and what is said of the others.

    Empty where there is not even room for that.
    """
    if sum(map(len, pieces)) <= room:
        return "".join(pieces)
    if room < _MORE:
        return ""
    text = ""
    for i, piece in enumerate(pieces):
        if len(text) + len(piece) > room - _MORE:
            return text + more(pieces[i:])
        text += piece
    return text
