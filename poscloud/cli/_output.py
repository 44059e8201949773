"""The only place that prints: data to stdout, everything else to stderr."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from poscloud.errors import InputError, PosCloudError, Problem

SCHEMA = 1
"""Version of everything printed with ``--json``; a key is never renamed within one version."""


_MORE = "what a word in brackets means: poscloud explain"


def say(text: str = "") -> None:
    """Write a line of data to stdout."""
    print(text)


def say_bytes(data: bytes) -> None:
    """Write lines of data to stdout as they are, at once: what programs write need not be text."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def tell(text: str) -> None:
    """Write a line for the person at the terminal to stderr."""
    print(text, file=sys.stderr)


def write_json(data: dict[str, Any]) -> None:
    """Write machine-readable output."""
    say(_json(data))


def _json(data: dict[str, Any]) -> str:
    return json.dumps({"schema": SCHEMA, **data}, indent=2, ensure_ascii=False)


def write_json_file(file: Path, data: dict[str, Any]) -> None:
    """Write machine-readable output to a file."""
    write_file(file, f"{_json(data)}\n")


def write_file(file: Path, text: str) -> None:
    """Write a file that the person asked for, and make its folder.

    Raises:
        PosCloudError: It cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PosCloudError(
            f"cannot write {file}: {error.strerror}", hint=f"run: ls -ld {file.parent}"
        ) from None


def colours(stream: Any) -> bool:
    """Whether to colour what goes to ``stream``: on a terminal, unless NO_COLOR or a dumb terminal says no."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def paint(text: str, code: str, stream: Any) -> str:
    """Return ``text`` in an ANSI colour (``31`` red, ``32`` green, ``1`` bold) where ``stream`` takes it."""
    return f"\x1b[{code}m{text}\x1b[0m" if colours(stream) else text


def table(rows: Sequence[Sequence[str]]) -> None:
    """Write aligned columns to stdout; the last column is not padded."""
    for line in aligned(rows):
        say(line)


def aligned(
    rows: Sequence[Sequence[str]], colour: Callable[[int, int], str] = lambda line, column: ""
) -> list[str]:
    """Return the lines of a table with aligned columns; the last one is not padded.

    Args:
        rows: The cells.
        colour: From a cell's line and column to its ANSI colour; empty for none.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)] + [0]
    lines = []
    for number, row in enumerate(rows):
        cells = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            code = colour(number, column)
            cells.append((paint(cell, code, sys.stdout) if code else cell) + " " * (width - len(cell)))
        lines.append("  ".join(cells))
    return lines


def redraw(lines: Sequence[str]) -> None:
    """Write lines over what the terminal shows, as many as fit."""
    from shutil import get_terminal_size

    room = get_terminal_size().lines - 1
    if len(lines) > room:
        lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more lines"]
    sys.stdout.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
    sys.stdout.flush()


def show_error(error: PosCloudError) -> None:
    """Tell what is wrong, where, and what to do."""
    if isinstance(error, InputError):
        _tell_problems(error.problems)
    tell(f"{paint('error:', '31', sys.stderr)} {error.message}")
    if error.hint:
        tell(f"  {error.hint}")
    elif isinstance(error, InputError) and error.problems:
        tell(f"  {_MORE} {error.problems[0].code}")


def problem_as_data(problem: Problem) -> dict[str, Any]:
    """Return a problem for ``--json``."""
    return {
        "file": str(problem.file) if problem.file else None,
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }


def show_problems(problems: Sequence[Problem]) -> None:
    """Tell what is wrong, where, and what to do, and how much it is; nothing without problems."""
    if problems:
        _tell_problems(problems)
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} found"
        tell(f"{paint('error:', '31', sys.stderr)} {count}")
        tell(f"  {_MORE} {problems[0].code}")


def _tell_problems(problems: Sequence[Problem]) -> None:
    from poscloud.engine.stackconfig import project_root
    from poscloud.load.excerpt import excerpt

    try:
        root = project_root(Path.cwd())
    except PosCloudError:
        root = Path.cwd()
    for problem in problems:
        tell(f"{paint(problem.place, '1', sys.stderr)}: {problem.message} [{problem.code}]")
        if found := excerpt(problem, root):
            line, carets = found.lines()
            tell(f"{line}\n{paint(carets, '31', sys.stderr)}")
        if problem.hint:
            tell(f"    {problem.hint}")


def run(main: Callable[[], None], log: Callable[[], Path]) -> NoReturn:
    """Run the command line and end the process with the right exit code.

    Args:
        main: The command line.
        log: Where the traceback of a defect goes; made only when there is one.
    """
    try:
        main()
    except PosCloudError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        tell("stopped")
        sys.exit(130)
    except BrokenPipeError:
        os._exit(141)  # the reader of a pipe is gone; there is nobody left to tell
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        tell(f"{paint('defect:', '31', sys.stderr)} {type(error).__name__}: {error}")
        tell(f"  the full story is in {_write_traceback(log())}; please report it")
        sys.exit(255)
    finally:
        gc.freeze()  # at its end Python would look through everything there is for cycles, for a tenth of a second
    sys.exit(0)


def _write_traceback(file: Path) -> Path:
    import traceback

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(traceback.format_exc())
    file.chmod(0o600)
    return file
