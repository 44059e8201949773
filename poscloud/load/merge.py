"""``extends`` and ``defaults``: several files become one description.

A later file overrides an earlier one field by field. Maps are merged, anything else is replaced. In maps
whose keys the writer chooses (services, env, …) ``null`` removes what was inherited; elsewhere ``null`` is
a value like any other.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from poscloud.errors import Problem
from poscloud.load.copy import as_copy, original
from poscloud.load.problems import from_validation
from poscloud.load.tables import expand_tables
from poscloud.load.textfile import leaves_project
from poscloud.load.yamlread import read_yaml
from poscloud.load.yamltree import Node
from poscloud.spec.base import CHOSEN_KEYS
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS
from poscloud.spec.references import nearest

_MAX_BASES = 100
"""Files that one description may be made of: two files that each extend the next pair are soon a million."""

_MAX_VALUES = 1_000_000
"""Values that ``defaults`` may add to the services of a description."""


def merge(base: Node, over: Node, key: str = "") -> Node:
    """Return ``base`` overridden by ``over``; neither is changed.

    Args:
        base: What was inherited.
        over: What overrides it.
        key: Name of the field both stand in.
    """
    if not (base.is_map and over.is_map):
        return over
    result = dict(base.value)
    for name, node in over.value.items():
        if node.value is None and key in CHOSEN_KEYS and name in result:
            del result[name]
        elif name in result:
            result[name] = merge(result[name], node, _field(key, name))
        else:
            result[name] = node
    return Node(result, over.mark, over.key_mark)


def _field(outer: str, name: str) -> str:
    """Return the field that the map ``name`` is: none for a name the writer chose, such as a service called env."""
    if outer == "overrides":
        return outer  # all below are Kubernetes' fields, where null has to reach the manifest
    return "" if outer in CHOSEN_KEYS else name


def read_with_bases(file: Path, root: Path, problems: list[Problem], name: str = "") -> Node | None:
    """Read ``file`` merged over everything it ``extends``, nearest last, and over what it is a copy of.

    Args:
        file: The environment or base to read.
        root: Messages name files relative to this folder, and bases lie in it.
        problems: Receives everything that is wrong.
        name: The environment's; by default the file's, without its ending.
    """
    return _Bases(root, problems, name or file.stem).read(file, ())


class _Bases:
    """Reads files with those they extend; the same file by two ways is read twice, as the order decides."""

    def __init__(self, root: Path, problems: list[Problem], name: str) -> None:
        self._root, self._problems, self._name, self._read = root, problems, name, 0

    def read(self, file: Path, trail: tuple[Path, ...]) -> Node | None:
        """Return a file merged over its bases; ``trail`` are the files that led here."""
        shown = _shown(file, self._root)
        node = read_yaml(file, shown, self._problems)
        if node is None:
            return None
        if not node.is_map:
            self._note(node, "wrong-type", "expected a map of fields")
            return None
        expand_shorthand(node)
        expand_tables(node, file, self._root, self._problems)
        merged: Node | None = None
        trail = (*trail, file.resolve())
        if (copied := original(node, file, self._problems)) and not self._refused(*copied, trail):
            whole = self.read(copied[1], trail)
            merged = whole and as_copy(whole, copied[0], self._name, self._problems)
        for entry in _extended(node, self._problems):
            base_file = Path(os.path.realpath(file.parent / str(entry.value)))
            if self._refused(entry, base_file, trail):
                continue
            self._read += 1
            if self._read > _MAX_BASES:
                if self._read == _MAX_BASES + 1:
                    self._note(entry, "too-large", f"more than {_MAX_BASES} files are read by extends")
                break
            base = self.read(base_file, trail)
            if base is not None:
                merged = merge(merged, base) if merged else base
        own = Node({k: v for k, v in node.value.items() if k != "extends"}, node.mark)
        return merge(merged, own) if merged else own

    def _refused(self, entry: Node, file: Path, trail: tuple[Path, ...]) -> bool:
        problem = _base_problem(entry, file, trail, self._root)
        self._problems += [problem] if problem else []
        return problem is not None

    def _note(self, node: Node, code: str, message: str) -> None:
        self._problems.append(Problem(node.mark.file, node.mark.line, node.mark.column, code, message))


def _extended(node: Node, problems: list[Problem]) -> list[Node]:
    entry = node.value.get("extends")
    if entry is None:
        return []
    entries = entry.value if isinstance(entry.value, list) else [entry]
    wrong = [e for e in entries if not isinstance(e.value, str) or "\0" in e.value]
    problems += [
        Problem(
            e.mark.file,
            e.mark.line,
            e.mark.column,
            "wrong-type",
            "extends: expected a file name or a list of them",
        )
        for e in wrong
    ]
    return [e for e in entries if e not in wrong]


MOST_BASES = 5
"""Files of a folder that are named."""


def _base_problem(entry: Node, file: Path, trail: tuple[Path, ...], root: Path) -> Problem | None:
    place = (entry.mark.file, entry.mark.line, entry.mark.column)
    if file in trail:
        chain = " → ".join(str(_shown(f, root)) for f in (*trail[trail.index(file) :], file))
        return Problem(*place, "extends-cycle", f"extends itself: {chain}")
    if leaves_project(file, root):
        message = f"'{entry.value}' lies outside of the project's folder"
        return Problem(*place, "outside", message, "copy it into the project")
    if not os.path.isfile(file):  # unlike Path.is_file, also where a name is too long
        return Problem(*place, "unknown-base", f"there is no file '{entry.value}'", _meant(file, root))
    return None


def _meant(file: Path, root: Path) -> str:
    """Return a hint to the file that the writer of a name without a file probably meant."""
    if not os.path.isdir(file.parent):  # unlike Path.is_dir, also where a name is too long
        return f"there is no folder {_shown(file.parent, root)}"
    inside = file.glob("*.yaml") if os.path.isdir(file) else []
    if bases := sorted(f"{file.name}/{f.name}" for f in inside):
        return f"that is a folder; it has {', '.join(bases[:MOST_BASES])}"
    others = (f.stem for f in file.parent.glob("*.yaml"))
    return nearest(file.stem, others, ending=".yaml")


def expand_shorthand(node: Node) -> None:
    """Write ``name: java`` out as ``name: {kind: java}``, in place."""
    services = node.value.get("services")
    if services is not None and services.is_map:
        for name, service in services.value.items():
            if isinstance(service.value, str):
                kind = Node(service.value, service.mark)
                services.value[name] = Node({"kind": kind}, service.mark, service.key_mark)
    backing = node.value.get("backing")
    if backing is not None and backing.is_map:
        for name, part in backing.value.items():
            if part.is_map and "kind" not in part.value and name in BACKING_KINDS:
                part.value["kind"] = Node(name, part.key_mark or part.mark)


def apply_defaults(node: Node, problems: list[Problem]) -> Node:
    """Put each service over the ``defaults`` of its kind and drop ``defaults``."""
    defaults = node.value.get("defaults")
    result = {k: v for k, v in node.value.items() if k != "defaults"}
    services = result.get("services")
    if defaults is None:
        return Node(result, node.mark)
    if not defaults.is_map:
        place = defaults.mark
        problems.append(
            Problem(place.file, place.line, place.column, "wrong-type", "defaults: expected a map of kinds")
        )
        return Node(result, node.mark)
    for kind, part in defaults.value.items():
        place = part.key_mark or part.mark
        if kind not in SERVICE_KINDS:
            message = f"defaults: no kind of service is '{kind}'"
            hint = nearest(kind, SERVICE_KINDS)
            problems.append(Problem(place.file, place.line, place.column, "unknown-kind", message, hint))
        elif part.is_map:
            problems += _defaults_problems(kind, part)
        elif part.value is not None:
            message = f"defaults.{kind}: expected a map of fields"
            problems.append(Problem(place.file, place.line, place.column, "wrong-type", message))
    if services is not None and services.is_map:
        if _added(services, defaults) > _MAX_VALUES:
            place = defaults.mark
            message = f"defaults add more than {_MAX_VALUES} values to {len(services.value)} services"
            problems.append(Problem(place.file, place.line, place.column, "too-large", message))
            return Node(result, node.mark)
        merged = {name: _with_defaults(service, defaults) for name, service in services.value.items()}
        result["services"] = Node(merged, services.mark, services.key_mark)
    return Node(result, node.mark)


def _defaults_problems(kind: str, part: Node) -> list[Problem]:
    """Return what is wrong with ``defaults`` of a kind by themselves; what is missing a service may add."""
    try:
        SERVICE_KINDS[kind].model_validate({"kind": kind, **part.plain()})
    except ValidationError as error:
        return from_validation(error, part, SERVICE_KINDS[kind], partial=True)
    return []


def _added(services: Node, defaults: Node) -> int:
    """Return how many values ``defaults`` add to all services."""
    sizes = {kind: part.count() for kind, part in defaults.value.items()}
    kinds = (service.value.get("kind") for service in services.value.values() if service.is_map)
    return sum(sizes.get(k.value, 0) for k in kinds if k is not None and isinstance(k.value, str))


def _with_defaults(service: Node, defaults: Node) -> Node:
    kind = service.value.get("kind") if service.is_map else None
    base = defaults.value.get(kind.value) if kind is not None and isinstance(kind.value, str) else None
    return merge(base, service) if base is not None and base.is_map else service


def _shown(file: Path, root: Path) -> Path:
    resolved = file.resolve()
    return resolved.relative_to(root.resolve()) if resolved.is_relative_to(root.resolve()) else file
