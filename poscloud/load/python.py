"""A stack in Python: its file is run, and every mistake is told at the call or the argument that it is in."""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from poscloud.errors import InputError, Problem
from poscloud.load.calls import Calls, Source
from poscloud.load.problems import from_findings, from_validation, loose_messages
from poscloud.load.yamltree import Mark, Node
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import nearest

_NO_NAME = re.compile(r"cannot import name '(\w+)' from 'poscloud' ")


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
    namespace = _run(file, calls)
    found = namespace.get("environment")
    if calls.wrong:
        problems = [p for error, node, model in calls.wrong for p in from_validation(error, node, model)]
        raise InputError(list(dict.fromkeys(problems)))
    if not isinstance(found, EnvironmentSpec):
        message = "defines no `environment` of type EnvironmentSpec"
        raise InputError([Problem(shown, 0, 0, "no-environment", message, _hint(found, namespace))])
    node = calls.node_of(found, None, Mark(shown, 0, 0))
    if name is not None and found.name != name:
        mark = node.locate(("name",))
        message = f"name: '{found.name}' differs from the stack's name '{name}'"
        hint = f'write EnvironmentSpec(name="{name}", …)'
        raise InputError([Problem(shown, mark.line, mark.column, "wrong-name", message, hint)])
    if findings := calls.findings.get(id(found)):
        raise InputError(from_findings(findings, node))
    return found, node


def _hint(found: Any, namespace: dict[str, Any]) -> str:
    """Return what to write so that a file has an environment."""
    if callable(found):
        return "`environment` is a function here: write environment = EnvironmentSpec(…), or the call of a function"
    others = [name for name, value in namespace.items() if isinstance(value, EnvironmentSpec)]
    return f"rename `{others[0]}`: environment = …" if others else "environment = EnvironmentSpec(name=…)"


def _run(file: Path, calls: Calls) -> dict[str, Any]:
    """Run the file and return its names; none if arguments were refused on the way.

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
            return {}  # what came after the first refused argument may well be its consequence
        raise InputError(_problems(error, file, shown)) from error
    return namespace


def _problems(error: BaseException, file: Path, shown: Path) -> list[Problem]:
    """Return what an error says, at the line of the file where it came from."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    line, column = (frames[-1].lineno or 0, (frames[-1].colno or 0) + 1) if frames else (0, 0)
    told = [_in_words(error)] if not isinstance(error, ValidationError) else loose_messages(error)
    if isinstance(error, ValidationError) and any(d["type"] == "frozen_instance" for d in error.errors()):
        names = ", ".join(f"{d['loc'][0]}" for d in error.errors())
        hint = f"give {names} when it is made: {error.title}({names}=…)"
        message = f"{error.title} cannot be changed once it is made"
        return [Problem(shown, line, column, "python-error", message, hint)]
    hint = _nearest_name(error)
    return [
        Problem(shown, line, column, "python-error", f"{type(error).__name__}: {text}", hint) for text in told
    ]


def _in_words(error: BaseException) -> str:
    """Return what an error says; of an import without the path of the package, which is nobody's mistake."""
    return str(error).removesuffix(f" ({error.path})") if isinstance(error, ImportError) else str(error)


def _nearest_name(error: BaseException) -> str:
    """Return a hint to the name that was meant by one that poscloud does not have."""
    wanted = _NO_NAME.match(str(error)) if isinstance(error, ImportError) else None
    return nearest(wanted[1], sys.modules["poscloud"].__all__) if wanted else ""
