"""The graph of a report: components in layers by what they start after, as SVG for mouse, finger and keyboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from poscloud.cluster.watching.graph.model import Component as Drawn
from poscloud.cluster.watching.graph.model import columns
from poscloud.engine.report.model import Component

WIDTH, HEIGHT = 196, 46
"""Of a box, in pixels."""

DOWN, ACROSS, LAYER = 14, 22, 96
"""Between two boxes: one below the other, of one layer, of two layers."""

MARGIN = 20
SHAPE = 1.7
"""How much wider than high a picture is at best."""

MANY = 120
"""Arrows above which each is drawn so faintly that the boxes stay readable."""

SIGNS = {"ready": "✓", "waiting": "…", "failed": "✕", "unknown": "○"}
"""What tells a state to those who do not tell its colour."""

Place = tuple[int, int]


def as_svg(components: Sequence[Component]) -> str:
    """Return the picture; an arrow leads from a component to what it starts after."""
    drawn = [component.drawn for component in components]
    places, width, height = placed(columns(drawn))
    arrows = [
        _arrow(places[each.name], places[need], each.name, need) for each in drawn for need in each.needs
    ]
    found = {component.name: len(component.problems) for component in components}
    boxes = [_box(each, places[each.name], found[each.name], first=n == 0) for n, each in enumerate(drawn)]
    faint = ' class="many"' if len(arrows) > MANY else ""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" id="picture"{faint} viewBox="0 0 {width} {height}" '
            f'data-width="{width}" data-height="{height}" role="group" aria-label="Graph of the environment">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerUnits="userSpaceOnUse" '
            'markerWidth="9" markerHeight="9" orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
            f'<g aria-hidden="true">{"".join(arrows)}</g>',
            *boxes,
            *(_badge(places[name], count) for name, count in found.items() if count),
            "</svg>",
        ]
    )


def placed(layers: Sequence[Sequence[Drawn]]) -> tuple[Mapping[str, Place], int, int]:
    """Return where each box stands, and the picture's width and height.

    A layer with many boxes gets several columns, as many as make the whole as wide as a screen is.
    """
    most = max((len(layer) for layer in layers), default=1)
    rows = min(range(1, most + 1), key=lambda n: _size(layers, n), default=1)
    places: dict[str, Place] = {}
    x, highest = MARGIN, min(most, rows)
    for layer in layers:
        top = MARGIN + (highest - min(len(layer), rows)) * (HEIGHT + DOWN) // 2
        for number, each in enumerate(layer):
            column, row = divmod(number, rows)
            places[each.name] = (x + column * (WIDTH + ACROSS), top + row * (HEIGHT + DOWN))
        x += _across(len(layer), rows) + LAYER
    width = max(x - LAYER, WIDTH) + MARGIN
    return places, width, 2 * MARGIN + highest * (HEIGHT + DOWN) - DOWN


def _across(count: int, rows: int) -> int:
    columns_needed = -(-count // rows)
    return columns_needed * (WIDTH + ACROSS) - ACROSS


def _size(layers: Sequence[Sequence[Drawn]], rows: int) -> float:
    """Return how large a picture with so many rows is, in heights of a screen of the right shape."""
    width = sum(_across(len(layer), rows) + LAYER for layer in layers)
    return max(width / SHAPE, rows * (HEIGHT + DOWN))


def _box(each: Drawn, place: Place, problems: int, *, first: bool) -> str:
    x, y = place
    words = " · ".join(filter(None, (each.kind, each.state, each.detail)))
    needs = f"; starts after {', '.join(each.needs)}" if each.needs else ""
    findings = f"; {problems} finding{'s' if problems > 1 else ''}" if problems else ""
    label = escape(f"{each.name} {words}{needs}{findings}")
    return (
        f'<g class="node {each.mood}" data-name="{escape(each.name)}" data-x="{x}" data-y="{y}" role="button" '
        f'tabindex="{0 if first else -1}" aria-label="{label}">'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text class="sign" aria-hidden="true" x="{x + 11}" y="{y + 20}">{SIGNS[each.mood]}</text>'
        f'<text class="name" x="{x + 28}" y="{y + 20}">{escape(_short(each.name, 21))}</text> '
        f'<text class="words" x="{x + 28}" y="{y + 36}">{escape(_fitting(each, 26))}</text></g>'
    )


def _arrow(start: Place, end: Place, name: str, need: str) -> str:
    (x, y), (to_x, to_y) = (start[0], start[1] + HEIGHT // 2), (end[0] + WIDTH, end[1] + HEIGHT // 2)
    bend = max(min((x - to_x) // 2, 160), 30)
    return (
        f'<path class="arrow" data-from="{escape(name)}" data-to="{escape(need)}" marker-end="url(#tip)" '
        f'd="M{x},{y} C{x - bend},{y} {to_x + bend},{to_y} {to_x},{to_y}"/>'
    )


def _badge(place: Place, problems: int) -> str:
    x, y = place[0] + WIDTH - 4, place[1] + 4
    return (
        f'<g class="badge" aria-hidden="true"><circle cx="{x}" cy="{y}" r="10"/>'
        f'<text x="{x}" y="{y + 4}">{problems}</text></g>'
    )


def _fitting(each: Drawn, most: int) -> str:
    """Return of kind, state and detail what there is room for, from the left."""
    words = [word for word in (each.kind, each.state, each.detail) if word]
    while len(words) > 1 and len(" · ".join(words)) > most:
        words.pop()
    return _short(" · ".join(words), most)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
