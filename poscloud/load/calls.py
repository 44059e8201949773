"""Where a Python stack makes its specs: the call of each constructor, and each argument in it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import BaseModel, ValidationError

from poscloud.load.yamltree import Mark, Node
from poscloud.spec.base import Model
from poscloud.spec.references import Finding


@dataclass
class Source:
    """A Python stack's text, and what is called in it.

    Attributes:
        code: The file's name as the compiled code has it.
        shown: How messages name the file.
        lines: Its lines, encoded: positions of code count bytes.
        calls: Each call, by the place where its code says it is.
    """

    code: str
    shown: Path
    lines: list[bytes] = field(default_factory=list)
    calls: dict[tuple[int, int, int, int], ast.Call] = field(default_factory=dict)

    def parse(self, text: bytes) -> None:
        """Note the calls of the file's text; raises ``SyntaxError`` if it is not Python."""
        self.lines = text.splitlines()
        for node in ast.walk(ast.parse(text, self.code)):
            if isinstance(node, ast.Call):
                place = (node.lineno, node.end_lineno or 0, node.col_offset, node.end_col_offset or 0)
                self.calls[place] = node

    def mark(self, node: ast.expr | ast.keyword | None, otherwise: Mark) -> Mark:
        """Return the place of a piece of the file."""
        if node is None:
            return otherwise
        line = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else b""
        return Mark(self.shown, node.lineno, len(line[: node.col_offset].decode(errors="replace")) + 1)

    def call_in(self, frame: FrameType | None) -> tuple[ast.Call | None, Mark]:
        """Return the call that the file is in the midst of, and its place; line 0 when it is not in any."""
        while frame is not None and frame.f_code.co_filename != self.code:
            frame = frame.f_back
        if frame is None:
            return None, Mark(self.shown, 0, 0)
        places = list(frame.f_code.co_positions())
        line, end, column, end_column = places[frame.f_lasti // 2]
        call = self.calls.get((line or 0, end or 0, column or 0, end_column or 0))
        return call, self.mark(call, Mark(self.shown, frame.f_lineno, 1))


@dataclass
class Calls:
    """What was made while a Python stack ran.

    Attributes:
        source: Its file.
        made: Each spec that was made, by its identity, with the call.
        wrong: Constructors that refused their arguments: the error, the arguments with their places, the class.
        findings: What does not fit together in each environment that was made, by its identity.
    """

    source: Source
    made: dict[int, tuple[BaseModel, ast.Call | None, Mark]] = field(default_factory=dict)
    wrong: list[tuple[ValidationError, Node, type[BaseModel]]] = field(default_factory=list)
    findings: dict[int, list[Finding]] = field(default_factory=dict)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record every constructor of a spec that is called meanwhile.

        One that refuses its arguments is noted, and makes something all the same, so that the file runs on and all its
        mistakes are found in one run; what comes of that is of no use.
        """
        original: Callable[..., None] = Model.__init__

        def make(spec: Model, /, *unnamed: Any, **arguments: Any) -> None:
            if unnamed:
                raise TypeError(f"{type(spec).__name__} takes its fields by name: write FIELD=VALUE")
            call, mark = self.source.call_in(sys._getframe(1))
            findings: list[Finding] = []
            try:
                type(spec).__pydantic_validator__.validate_python(
                    arguments, self_instance=spec, context={"findings": findings}
                )
            except ValidationError as error:
                self.wrong.append((error, self._arguments(arguments, call, mark), type(spec)))
                _fill(spec, arguments)
            self.made[id(spec)] = (spec, call, mark)
            self.findings[id(spec)] = findings

        Model.__init__ = make  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            Model.__init__ = original  # type: ignore[method-assign]

    def node_of(self, value: Any, written: ast.expr | None, mark: Mark, key: Mark | None = None) -> Node:
        """Return a value as a tree with places, as far as the file says where it is from.

        Args:
            value: A spec, a map, a list or a scalar.
            written: Where the file writes it, if it does so as a literal.
            mark: Its place.
            key: The place of its key.
        """
        if isinstance(value, BaseModel):
            _, call, place = self.made.get(id(value), (None, None, mark))
            arguments = {name: getattr(value, name) for name in value.model_fields_set}
            place = place if place.line else mark
            return Node(self._arguments(arguments, call or written, place).value, place, key)
        if isinstance(value, dict):
            return Node(self._arguments(value, written, mark).value, mark, key)
        if isinstance(value, (list, tuple)):
            items = written.elts if isinstance(written, (ast.List, ast.Tuple)) else []
            literal = len(items) == len(value) and not any(isinstance(i, ast.Starred) for i in items)
            pieces: list[ast.expr | None] = [*items] if literal else [None] * len(value)
            nodes = [
                self.node_of(v, p, self.source.mark(p, mark)) for v, p in zip(value, pieces, strict=True)
            ]
            return Node(nodes, mark, key)
        return Node(value, mark, key)

    def _arguments(self, values: dict[str, Any], written: ast.expr | None, mark: Mark) -> Node:
        """Return named values as a tree: keywords of a call, or entries of a literal map."""
        keys: dict[Any, tuple[ast.expr | ast.keyword, ast.expr]] = {}
        if isinstance(written, ast.Call):
            keys = {k.arg: (k, k.value) for k in written.keywords if k.arg}
        elif isinstance(written, ast.Dict):
            pairs = zip(written.keys, written.values, strict=True)
            keys = {k.value: (k, v) for k, v in pairs if isinstance(k, ast.Constant)}
        result = {}
        for name, value in values.items():
            key, piece = keys.get(name, (None, None))
            place, key_place = self.source.mark(piece, mark), self.source.mark(key, mark)
            result[name] = self.node_of(value, piece, place, key_place)
        return Node(result, mark)


def _fill(spec: Model, arguments: dict[str, Any]) -> None:
    """Give a spec whose arguments were refused the attributes of one, unchecked."""
    made = type(spec).model_construct(**arguments)
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
        object.__setattr__(spec, name, getattr(made, name))
