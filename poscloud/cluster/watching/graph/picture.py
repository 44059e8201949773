"""The picture as SVG, by itself or in a page that needs nothing else (docs/decisions/0031)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from poscloud.cluster.watching.graph.model import COLOURS, Component, columns

WIDTH, HEIGHT = 210, 46
"""Of a box, in pixels."""
ACROSS, DOWN = 110, 16
"""Between two boxes."""
MARGIN, HEAD = 24, 40

_STYLE = "".join(
    f".{mood} rect{{stroke:{colour}}} .{mood} .s{{fill:{colour}}} " for mood, colour in COLOURS.items()
) + (
    "text{font:13px system-ui,sans-serif;fill:#1b1b1b} .t{font-weight:600;font-size:16px} .n{font-weight:600} "
    ".s{font-size:11px} rect{fill:#fff;stroke-width:2} path{fill:none;stroke:#90a4ae;stroke-width:1.3} "
    ".dim{opacity:.15} path.on{stroke:#1565c0;stroke-width:2.2}"
)

_SCRIPT = """
const boxes = [...document.querySelectorAll('g.c')], arrows = [...document.querySelectorAll('path.a')];
function light(name) {
  const near = new Set([name]);
  for (const a of arrows) {
    const on = name && (a.dataset.from === name || a.dataset.to === name);
    a.classList.toggle('on', !!on); a.classList.toggle('dim', !!name && !on);
    if (on) { near.add(a.dataset.from); near.add(a.dataset.to); }
  }
  for (const b of boxes) b.classList.toggle('dim', !!name && !near.has(b.dataset.name));
}
for (const b of boxes) {
  b.addEventListener('mouseenter', () => light(b.dataset.name));
  b.addEventListener('mouseleave', () => light(''));
}
"""


def as_svg(name: str, components: Sequence[Component]) -> str:
    """Return an SVG image; an arrow leads from a component to what it needs."""
    table = columns(components)
    place = {
        each.name: (MARGIN + x * (WIDTH + ACROSS), HEAD + MARGIN + y * (HEIGHT + DOWN))
        for x, column in enumerate(table)
        for y, each in enumerate(column)
    }
    width = 2 * MARGIN + max(len(table), 1) * (WIDTH + ACROSS) - ACROSS
    height = HEAD + 2 * MARGIN + max((len(column) for column in table), default=1) * (HEIGHT + DOWN) - DOWN
    arrows = [_arrow(each.name, need, place) for each in components for need in each.needs]
    boxes = [_box(each, *place[each.name]) for each in components]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label="environment {escape(name)}">',
            f"<style>{_STYLE}</style>",
            '<defs><marker id="e" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0,0 L8,4 L0,8 z" style="fill:#90a4ae;stroke:none"/></marker></defs>',
            f'<text class="t" x="{MARGIN}" y="{HEAD - 8}">{escape(name)}</text>',
            *arrows,
            *boxes,
            "</svg>",
            "",
        ]
    )


def as_page(name: str, components: Sequence[Component]) -> str:
    """Return an HTML page with the image; who points at a component sees what it needs, and who needs it."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title></head>\n'
        f'<body style="margin:0;background:#f5f7f8">\n{as_svg(name, components)}<script>{_SCRIPT}</script>\n'
        "</body></html>\n"
    )


def _box(component: Component, x: int, y: int) -> str:
    name, words = (
        escape(component.name),
        " · ".join(filter(None, (component.kind, component.state, component.detail))),
    )
    return (
        f'<g class="c {component.mood}" data-name="{name}"><title>{name}: {escape(words)}</title>'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text class="n" x="{x + 10}" y="{y + 19}">{escape(_short(component.name, 26))}</text>'
        f'<text class="s" x="{x + 10}" y="{y + 36}">{escape(_short(words, 34))}</text></g>'
    )


def _arrow(name: str, need: str, place: dict[str, tuple[int, int]]) -> str:
    (x, y), (to_x, to_y) = place[name], place[need]
    begin, end = (x, y + HEIGHT // 2), (to_x + WIDTH, to_y + HEIGHT // 2)
    bend = max((begin[0] - end[0]) // 2, 40)
    return (
        f'<path class="a" data-from="{escape(name)}" data-to="{escape(need)}" marker-end="url(#e)" '
        f'd="M{begin[0]},{begin[1]} C{begin[0] - bend},{begin[1]} {end[0] + bend},{end[1]} {end[0]},{end[1]}"/>'
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
