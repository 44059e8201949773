"""Files that a description names: their text is put beside the name."""

from __future__ import annotations

from pathlib import Path

from poscloud.errors import Problem
from poscloud.load.textfile import leaves_project, read_text
from poscloud.load.yamltree import Node


def include_files(node: Node, root: Path, problems: list[Problem]) -> None:
    """Read the files of every ``init_sql``, each relative to the file it is named in, in place.

    Args:
        node: A merged description.
        root: Places are relative to this folder.
        problems: Receives what cannot be read, at the place where it is named.
    """
    backing = node.value.get("backing")
    if backing is None or not backing.is_map:
        return
    for part in backing.value.values():
        pieces = part.value.get("init_sql") if part.is_map else None
        if pieces is None or not isinstance(pieces.value, list):
            continue
        for piece in pieces.value:
            if piece.is_map and isinstance(getattr(piece.value.get("file"), "value", None), str):
                _include(piece, root, problems)


def _include(piece: Node, root: Path, problems: list[Problem]) -> None:
    file: Node = piece.value["file"]
    mark = file.mark
    text = ""
    if "sql" in piece.value:
        mark = piece.value["sql"].key_mark or mark
        message = "init_sql: `file` and `sql` in one entry; make two"
        problems.append(Problem(mark.file, mark.line, mark.column, "wrong-value", message))
        return
    try:
        path = (root / mark.file).parent / file.value
        if leaves_project(path, root):
            raise ValueError("it lies outside of the project's folder")
        text = read_text(path)
    except ValueError as error:
        message = f"init_sql: '{file.value}' cannot be read: {error}"
        hint = f"the path is relative to {mark.file.parent}"
        problems.append(Problem(mark.file, mark.line, mark.column, "unreadable", message, hint))
        text = "-- unreadable"
    piece.value["sql"] = Node(text, mark)
