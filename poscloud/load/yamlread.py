"""Strict YAML, read into a tree of values with places, within bounds that no file can pass.

PyYAML alone turns ``no`` into False, keeps the last of two equal keys without a word, and forgets where a value
stood. Here booleans are YAML 1.2's (true, false), and a key given twice is a problem. PyYAML's composer recurses
in C, where brackets in brackets end the process; here its parser's events are taken one by one, so that depth and
number are looked at before there is anything to hold.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from poscloud.errors import Problem
from poscloud.load.syntax import told
from poscloud.load.textfile import read_text
from poscloud.load.yamlscalars import CORE, TAGS, resolve, scalar
from poscloud.load.yamltree import Mark, Node

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 60
_MAX_VALUES = 100_000
"""Values of a file, aliases written out: a few lines of aliases of aliases can be more than fit in memory."""


_NO_SPACES = ("\u00a0", "\u3000", "\u2002", "\u2003", "\u2009", "\u200b", "\u202f")
"""What looks like a space before a key, and is part of it: word processors and web pages leave such."""

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no YAML file may hold (YAML 1.2, c-printable)."""


def read_yaml(file: Path, shown_as: Path, problems: list[Problem]) -> Node | None:
    """Read one YAML document.

    Args:
        file: What to read.
        shown_as: How messages name the file.
        problems: Receives everything that is wrong with it.

    Returns:
        The document, or ``None`` if it cannot be read or parsed at all. An empty file is an empty map.
    """
    try:
        text = read_text(file)
    except ValueError as error:
        problems.append(Problem(shown_as, 0, 0, "unreadable", f"cannot be read: {error}"))
        return None
    return parse_yaml(text, shown_as, problems)


def parse_yaml(text: str, shown_as: Path, problems: list[Problem]) -> Node | None:
    """Read one YAML document from text; otherwise as ``read_yaml``."""
    if wrong := _UNREADABLE.search(text):
        line, column = (
            text.count("\n", 0, wrong.start()) + 1,
            wrong.start() - text.rfind("\n", 0, wrong.start()),
        )
        message = f"not valid YAML: the character U+{ord(wrong[0]):04X} may not be in a file"
        problems.append(Problem(shown_as, line, column, "yaml-syntax", message))
        return None
    try:
        return Composer(text, shown_as, problems).document()
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(error, shown_as, text))
        return None


def _syntax_problem(error: yaml.YAMLError, file: Path, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    message = getattr(error, "problem", None) or str(error)
    found = told(message, text.splitlines(), line, column)
    return Problem(
        file, found.line, found.column, "yaml-syntax", f"not valid YAML: {found.message}", found.hint
    )


class _OutOfBoundsError(Exception):
    """The rest is not read; the problem has been noted."""


class Composer:
    """Reads one document.

    Args:
        text: The document.
        file: How messages name its file.
        problems: Receives everything that is wrong with it.
    """

    def __init__(self, text: str, file: Path, problems: list[Problem]) -> None:
        self._events, self._file, self._problems = _Loader(text), file, problems
        self._anchors: dict[str, Node | None] = {}  # None: not at its end yet
        self._values = 0

    def document(self) -> Node | None:
        """Return the document; ``None`` if it goes beyond a bound, or has an alias of nothing.

        Raises:
            yaml.YAMLError: It is no YAML, or more than one document.
        """
        try:
            return self._document()
        except _OutOfBoundsError:
            return None
        finally:
            self._events.dispose()

    def _document(self) -> Node:
        self._events.get_event()  # the stream's start
        if self._events.check_event(yaml.StreamEndEvent):
            return Node({}, Mark(self._file, 1, 1))
        self._events.get_event()  # the document's start
        root = self._value(self._events.get_event(), 0)
        self._events.get_event()  # its end
        if not self._events.check_event(yaml.StreamEndEvent):
            self._stop(self._events.get_event(), "yaml-syntax", "not valid YAML: more than one document")
        return root

    def _note(self, event: Any, code: str, message: str, hint: str = "") -> None:
        mark = self._mark(event)
        self._problems.append(Problem(mark.file, mark.line, mark.column, code, message, hint))

    def _stop(self, event: Any, code: str, message: str) -> None:
        self._note(event, code, message)
        raise _OutOfBoundsError

    def _mark(self, event: Any) -> Mark:
        return Mark(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _value(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self._count(event, depth)
        if event.anchor:
            if event.anchor in self._anchors:
                self._stop(event, "yaml-syntax", f"not valid YAML: anchor '{event.anchor}' is given twice")
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        else:
            self._refuse_tag(event)
            found = self._list(depth) if isinstance(event, yaml.SequenceStartEvent) else self._map(depth)
            node = Node(found, self._mark(event))
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _count(self, event: Any, depth: int) -> None:
        self._values += 1
        if depth > _MAX_DEPTH:
            self._stop(event, "too-deep", f"nested deeper than {_MAX_DEPTH} levels")
        if self._values > _MAX_VALUES:
            self._stop(event, "too-large", f"more than {_MAX_VALUES} values")

    def _alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self._anchors:
            self._stop(event, "yaml-syntax", f"not valid YAML: there is no anchor '{event.anchor}' above")
        node = self._anchors[event.anchor]
        if node is None:
            self._stop(event, "yaml-syntax", f"not valid YAML: '{event.anchor}' contains itself")
        return self._copy(node, event, depth)

    def _copy(self, node: Any, event: Any, depth: int) -> Node:
        """Return a value as if it stood here once more; its places stay those of the anchor."""
        self._count(event, depth)
        value = node.value
        if isinstance(value, dict):
            value = {key: self._copy(child, event, depth + 1) for key, child in value.items()}
        elif isinstance(value, list):
            value = [self._copy(child, event, depth + 1) for child in value]
        return Node(value, node.mark, node.key_mark, node.written)

    def _refuse_tag(self, event: Any) -> None:
        if event.tag not in (None, "!", *TAGS):
            tag = event.tag.replace(CORE, "!!")
            self._note(event, "tag", f"tags are not supported: '{tag}'", "leave it out")

    def _scalar(self, event: Any) -> Node:
        self._refuse_tag(event)
        tagged = event.tag not in (None, "!")
        kind = (
            event.tag.removeprefix(CORE) if tagged else resolve(event.value) if event.implicit[0] else "str"
        )
        value, wrong = scalar(kind, event.value)
        if wrong:
            self._note(event, "wrong-value", wrong)
        written = event.value if kind == "int" and event.value != str(value) else ""
        return Node(value, self._mark(event), written=written)

    def _list(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := self._events.get_event(), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _map(self, depth: int) -> dict[str, Node]:
        result: dict[str, Node] = {}
        while not isinstance(event := self._events.get_event(), yaml.MappingEndEvent):
            key = self._key(event, result, depth)
            child = self._value(self._events.get_event(), depth + 1)
            if key is not None:
                result[key] = Node(child.value, child.mark, self._mark(event), child.written)
        return result

    def _key(self, event: Any, known: dict[str, Node], depth: int) -> str | None:
        """Return a key; ``None`` if it cannot be one, which has been noted."""
        if not isinstance(event, yaml.ScalarEvent):
            self._note(event, "bad-key", "a key must be a word")
            self._value(event, depth + 1)
            return None
        self._refuse_tag(event)
        self._count(event, depth)
        key = str(event.value)
        if event.anchor:
            self._anchors[event.anchor] = Node(key, self._mark(event))
        if key[:1] in _NO_SPACES:
            name, sign = key.strip("".join(_NO_SPACES)), f"U+{ord(key[0]):04X}"
            message = f"not valid YAML: '{name}' is indented with {sign}, which is not the space of YAML"
            self._note(event, "yaml-syntax", message, "indent with plain spaces")
            return None
        if key == "<<":
            self._note(event, "merge-key", "merge keys are not supported; use defaults or extends")
            return None
        if key in known:
            first = known[key].key_mark
            at = f" (first at line {first.line})" if first else ""
            self._note(event, "duplicate-key", f"'{key}' is given twice{at}")
            return None
        return key
