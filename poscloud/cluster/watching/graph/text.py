"""The picture as text: lines for a terminal, or Mermaid for a document."""

from __future__ import annotations

from collections.abc import Sequence

from poscloud.cluster.watching.graph.model import COLOURS, Component, columns


def as_lines(name: str, components: Sequence[Component]) -> str:
    """Return one line a component, in the order they start in, with what each needs."""
    ordered = [each for column in columns(components) for each in column]
    cells = [(each.name, each.kind, each.state, each.detail, ", ".join(each.needs)) for each in ordered]
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(4)]
    lines = []
    for row in cells:
        front = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False) if width)
        lines.append(f"{front}  → {row[4]}" if row[4] else front.rstrip())
    return "\n".join([name, *(f"  {line}" for line in lines)]) + "\n"


def as_mermaid(name: str, components: Sequence[Component]) -> str:
    """Return a Mermaid flowchart; an arrow leads from a component to what it needs."""
    ids = {each.name: f"n{number}" for number, each in enumerate(components)}
    lines = ["---", f"title: {name}", "---", "flowchart RL"]
    for each in components:
        words = "<br/>".join(filter(None, (each.name, each.kind, each.state, each.detail)))
        lines.append(f'  {ids[each.name]}["{words.replace(chr(34), "#quot;")}"]:::{each.mood}')
    lines += [f"  {ids[each.name]} --> {ids[need]}" for each in components for need in each.needs]
    lines += [f"  classDef {mood} stroke:{colour},stroke-width:2px" for mood, colour in COLOURS.items()]
    return "\n".join(lines) + "\n"
