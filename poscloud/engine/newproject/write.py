"""Writing the files of a new project or environment; what is there already is never touched."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from poscloud import __version__
from poscloud.engine.newproject.pipeline import pipeline
from poscloud.engine.stackconfig import PROJECT_FILE
from poscloud.errors import PosCloudError
from poscloud.load import environment_schema, known_stacks
from poscloud.load.stacks import STACKS
from poscloud.spec.base import check_name

DEFAULT_STACK = "dev"
SCHEMA = "schemas/environment.schema.json"
SHARED = "stacks/base/shared.yaml"

_FILES = Path(__file__).with_name("files")


class StackNameError(PosCloudError):
    """What was asked for cannot be an environment's name."""

    exit_code = 2


@dataclass(frozen=True)
class Made:
    """What was done.

    Attributes:
        root: The project's folder.
        written: Files that are new, by their path in the project.
        kept: Files that were there already and are as they were.
        outdated: Whether the schema that was kept is another one than this version's.
    """

    root: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]
    outdated: bool


def make(folder: Path, stack: str = DEFAULT_STACK, *, forge: str = "") -> Made:
    """Write a project into ``folder``, or an environment into the project that it belongs to.

    Args:
        folder: An empty folder, or one in a project.
        stack: The environment's name.
        forge: Write a pipeline for this forge as well; empty for none.

    Raises:
        StackNameError: The name cannot be a namespace's.
        PosCloudError: There is such an environment, or a program that is not poscloud's; nothing was written.
    """
    _check(stack)
    root = _project(folder)
    if root is None:
        root, files = folder.absolute(), _project_files(folder.absolute().name)
        _refuse_other_program(root, files["__main__.py"])
    else:
        files = {}
    if stack in known_stacks(root):
        raise PosCloudError(
            f"there is an environment {stack} already in {root / STACKS}; nothing was written",
            hint=f"bring it up: poscloud up -s {stack}   or choose another name: poscloud init NAME",
        )
    template = "extending" if SHARED in files or (root / SHARED).is_file() else "alone"
    text = json.dumps(environment_schema(), indent=2) + "\n"
    files |= {SCHEMA: text, f"{STACKS}/{stack}.yaml": _filled(f"{template}.yaml", stack)}
    if forge:
        files |= pipeline(forge, stack)
    written = [name for name, content in files.items() if _write(root / name, content)]
    kept = [name for name in files if name not in written]
    outdated = SCHEMA in kept and (root / SCHEMA).read_text(encoding="utf-8") != text
    return Made(root, tuple(written), tuple(kept), outdated)


def _check(stack: str) -> None:
    try:
        check_name(stack)
    except ValueError as error:
        message = f"{error}; the environment's namespace is called the same"
        raise StackNameError(message, hint="for example: poscloud init dev") from None


def _project(folder: Path) -> Path | None:
    """Return the project of poscloud at or above ``folder``, if there is one.

    Raises:
        PosCloudError: The folder holds another project of Pulumi.
    """
    for place in (folder.absolute(), *folder.absolute().parents):
        if (place / PROJECT_FILE).is_file() and (place / STACKS).is_dir():
            return place
    if (folder / PROJECT_FILE).is_file():
        raise PosCloudError(
            f"{folder / PROJECT_FILE} is of another project of Pulumi: it has no folder {STACKS}",
            hint="run this in an empty folder: mkdir environments && cd environments && poscloud init",
        )
    return None


def _project_files(name: str) -> dict[str, str]:
    project = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "environments"
    return {
        PROJECT_FILE: _filled("Pulumi.yaml", project),
        "__main__.py": _filled("program.py.txt", project),
        "requirements.txt": _filled("requirements.txt", __version__),
        ".gitignore": _filled("gitignore", project),
        SHARED: _filled("shared.yaml", project.lower()),
    }


def _refuse_other_program(root: Path, ours: str) -> None:
    program = root / "__main__.py"
    if program.exists() and program.read_text(encoding="utf-8", errors="replace") != ours:
        raise PosCloudError(
            f"{program} is a program of yours; nothing was written",
            hint="run this in an empty folder: mkdir environments && cd environments && poscloud init",
        )


def _filled(name: str, value: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8").replace("NAME", value)


def _write(file: Path, text: str) -> bool:
    """Write a file that is not there yet; return whether it was not.

    Raises:
        PosCloudError: It cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    except OSError as error:
        raise PosCloudError(
            f"cannot write {file}: {error.strerror}", hint=f"run: ls -ld {file.parent}"
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    return True
