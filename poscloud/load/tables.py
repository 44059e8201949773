"""``locations_from``: tables of locations in files of their own, for the hundreds of an nginx."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

from poscloud.errors import InputError, Problem
from poscloud.load.textfile import leaves_project, read_text
from poscloud.load.yamlread import read_yaml
from poscloud.load.yamltree import Mark, Node
from poscloud.spec.locations import Location
from poscloud.spec.references import nearest

FIELD = "locations_from"
COLUMNS = ("location", *(name for name in Location.model_fields if name not in ("headers", "directives")))
"""Columns of a .csv table: the location and every field of it that is one value."""

_DIGITS = 20
"""A longer row of digits is no number that any field takes."""


def read_locations(file: Path) -> dict[str, Any]:
    """Return a table for ``NginxGatewaySpec(locations=…)``, in the order of the file.

    Raises:
        InputError: Everything that is wrong with the table itself.
    """
    problems: list[Problem] = []
    table = _read(file, file, problems)
    if problems:
        raise InputError(problems)
    return {key: node.plain() for key, node in table.items()}


def expand_tables(node: Node, file: Path, root: Path, problems: list[Problem]) -> None:
    """Replace each ``locations_from`` of an environment file by the locations of its table, in place.

    Args:
        node: What the file holds.
        file: The file; tables are relative to it.
        root: Messages name files relative to this folder.
        problems: Receives everything that is wrong.
    """
    for group in ("services", "defaults"):
        parts = node.value.get(group)
        for part in parts.value.values() if parts is not None and parts.is_map else ():
            if part.is_map and FIELD in part.value:
                _expand(part.value, file, root, problems)


def _expand(part: dict[str, Node], file: Path, root: Path, problems: list[Problem]) -> None:
    entry = part.pop(FIELD)
    if entry.value is None:
        return
    place = (entry.mark.file, entry.mark.line, entry.mark.column)
    table_file = file.parent / str(entry.value)
    if not isinstance(entry.value, str) or "\0" in entry.value:
        problems.append(Problem(*place, "wrong-type", f"{FIELD}: expected a file's name"))
        table: dict[str, Node] = {}
    elif leaves_project(table_file, root):
        problems.append(Problem(*place, "outside", f"'{entry.value}' lies outside of the project's folder"))
        table = {}
    elif not os.path.isfile(table_file):  # unlike Path.is_file, also where a name is too long
        known = [f.name for f in table_file.parent.glob("*.*")] if table_file.parent.is_dir() else []
        hint = nearest(table_file.name, known)
        hint = hint if hint.startswith("did you mean") else ""
        problems.append(
            Problem(*place, "unknown-file", f"there is no file '{entry.value}' beside this one", hint)
        )
        table = {}
    else:
        resolved = table_file.resolve()
        inside = resolved.is_relative_to(root.resolve())
        table = _read(table_file, resolved.relative_to(root.resolve()) if inside else table_file, problems)
    own = part.get("locations")
    if own is None or not own.is_map:
        part.setdefault("locations", Node(table, entry.mark, entry.key_mark))
        return
    for key, location in own.value.items():
        if key in table and location.key_mark:
            mark, first = location.key_mark, table[key].mark
            message = f"location '{key}' is in {first.file.name} as well, line {first.line}"
            problems.append(Problem(mark.file, mark.line, mark.column, "duplicate-location", message))
    part["locations"] = Node({**table, **own.value}, own.mark, own.key_mark)


def _read(file: Path, shown: Path, problems: list[Problem]) -> dict[str, Node]:
    if file.suffix == ".csv":
        return _read_csv(file, shown, problems)
    if file.suffix in (".yaml", ".yml"):
        node = read_yaml(file, shown, problems)
        if node is not None and node.is_map:
            return dict(node.value)
        if node is not None:
            problems.append(Problem(shown, 1, 1, "wrong-type", "expected a map of locations"))
        return {}
    problems.append(Problem(shown, 0, 0, "wrong-value", "a table of locations is a .csv or a .yaml file"))
    return {}


def _read_csv(file: Path, shown: Path, problems: list[Problem]) -> dict[str, Node]:
    table: dict[str, Node] = {}
    columns: list[str] = []
    try:
        lines = io.StringIO(read_text(file).removeprefix("\ufeff"), newline="")
        reader = csv.reader(lines, strict=True, skipinitialspace=True)
        for row in reader:
            mark = Mark(shown, reader.line_num, 1)
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if not columns:
                columns = cells
                if not _check_columns(columns, mark, problems):
                    return {}
            else:
                _add(table, columns, cells, mark, problems)
    except (ValueError, csv.Error) as error:
        problems.append(Problem(shown, 0, 0, "unreadable", f"cannot be read: {error}"))
    return table


def _check_columns(columns: list[str], mark: Mark, problems: list[Problem]) -> bool:
    found = [
        Problem(mark.file, mark.line, 1, "unknown-field", f"'{c}' is not a column", nearest(c, COLUMNS))
        for c in columns
        if c not in COLUMNS
    ]
    if len(set(columns)) != len(columns) or not {"location", "to"} <= set(columns):
        message = "the first line names the columns, each once, `location` and `to` among them"
        found.append(Problem(mark.file, mark.line, 1, "missing-field", message))
    problems += found
    return not found


def _add(
    table: dict[str, Node], columns: list[str], cells: list[str], mark: Mark, problems: list[Problem]
) -> None:
    if len(cells) != len(columns):
        message = f"{len(cells)} columns, the first line has {len(columns)}"
        problems.append(Problem(mark.file, mark.line, 1, "wrong-value", message))
        return
    values = dict(zip(columns, cells, strict=True))
    key = values.pop("location")
    if key in table:
        message = f"'{key}' is given twice (first at line {table[key].mark.line})"
        problems.append(Problem(mark.file, mark.line, 1, "duplicate-key", message))
        return
    fields = {name: Node(_scalar(cell), mark, mark) for name, cell in values.items() if cell}
    table[key] = Node(fields, mark, mark)


def _scalar(cell: str) -> Any:
    """Return a cell as YAML would read it: a whole number, true, false, or text."""
    return (
        int(cell)
        if cell.isdecimal() and len(cell) < _DIGITS
        else {"true": True, "false": False}.get(cell, cell)
    )
