"""A stack in Python: its file is run, and every mistake is told at the call or the argument that it is in."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from poscloud.errors import InputError, Problem
from poscloud.load.calls import Calls, Source
from poscloud.load.problems import from_findings, from_validation, loose_messages
from poscloud.load.yamltree import Mark, Node
from poscloud.spec import EnvironmentSpec


def load_python(file: Path, root: Path, name: str | None) -> tuple[EnvironmentSpec, Node]:
    """Run a Python file and return its ``environment``, with the tree that knows the place of each value.

    Args:
        file: The file.
        root: Messages name it relative to this folder.
        name: The name that the environment must have; ``None``: any.

    Raises:
        InputError: Everything that is wrong with it, sorted by place.
    """
    inside = file.resolve().is_relative_to(root.resolve())
    shown = file.resolve().relative_to(root.resolve()) if inside else file
    calls = Calls(Source(str(file), shown))
    found = _run(file, calls)
    if calls.wrong:
        problems = [p for error, node, model in calls.wrong for p in from_validation(error, node, model)]
        raise InputError(list(dict.fromkeys(problems)))
    if not isinstance(found, EnvironmentSpec):
        message = "defines no `environment` of type EnvironmentSpec"
        raise InputError(
            [Problem(shown, 0, 0, "no-environment", message, "environment = EnvironmentSpec(name=…)")]
        )
    node = calls.node_of(found, None, Mark(shown, 0, 0))
    if name is not None and found.name != name:
        mark = node.locate(("name",))
        message = f"name: '{found.name}' differs from the stack's name '{name}'"
        hint = f'write EnvironmentSpec(name="{name}", …)'
        raise InputError([Problem(shown, mark.line, mark.column, "wrong-name", message, hint)])
    if findings := calls.findings.get(id(found)):
        raise InputError(from_findings(findings, node))
    return found, node


def _run(file: Path, calls: Calls) -> Any:
    """Run the file and return what it calls ``environment``; ``None`` if arguments were refused on the way.

    Raises:
        InputError: It is not Python, or ended with an error.
    """
    shown = calls.source.shown
    namespace: dict[str, Any] = {"__name__": "__stack__", "__file__": str(file)}
    try:
        text = file.read_bytes()
        calls.source.parse(text)
        with calls.recorded():
            exec(compile(text, str(file), "exec"), namespace)
    except SyntaxError as error:
        problem = Problem(shown, error.lineno or 0, error.offset or 0, "python-syntax", error.msg)
        raise InputError([problem]) from error
    except (Exception, SystemExit) as error:
        if calls.wrong:
            return None  # what came after the first refused argument may well be its consequence
        raise InputError(_problems(error, file, shown)) from error
    return namespace.get("environment")


def _problems(error: BaseException, file: Path, shown: Path) -> list[Problem]:
    """Return what an error says, at the line of the file where it came from."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    line, column = (frames[-1].lineno or 0, (frames[-1].colno or 0) + 1) if frames else (0, 0)
    messages = loose_messages(error) if isinstance(error, ValidationError) else [str(error)]
    return [
        Problem(shown, line, column, "python-error", f"{type(error).__name__}: {text}") for text in messages
    ]
