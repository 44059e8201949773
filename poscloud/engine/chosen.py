"""Which environment is meant where a command names none; production never is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.engine.stackconfig import project_name
from poscloud.errors import UsageError
from poscloud.load.skim import documents
from poscloud.load.stacks import STACKS, known_stacks

VARIABLE = "POSCLOUD_STACK"
"""Environment variable that names the environment for a shell or a CI job."""

PROJECT_FILE = "poscloud.yaml"
"""Beside Pulumi.yaml, for everybody who works in the project: ``environment: NAME``."""

_SAYS_PRODUCTION = re.compile(r"production\s*=\s*True")


@dataclass(frozen=True)
class Chosen:
    """An environment that was not named.

    Attributes:
        name: The environment.
        source: What says so, for messages.
    """

    name: str
    source: str


def user_file(environ: Mapping[str, str]) -> Path:
    """Return the file of this user: ``environments: {PROJECT: NAME}``."""
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "poscloud" / "config.yaml"


def default_environment(root: Path, environ: Mapping[str, str] = os.environ) -> Chosen:
    """Return the environment that is meant where none is named: the variable's, the user's, the project's.

    Raises:
        UsageError: Nothing says which, one of the files is of another form, or it is production.
    """
    found = _chosen(root, environ)
    if found is None:
        known = known_stacks(root)
        raise UsageError(
            "which environment? None is named, and none is the default",
            hint=f"name it, as in -e {known[0] if known else 'NAME'}, or write `environment: NAME` into {PROJECT_FILE}",
        )
    if is_production(root, found.name):
        raise UsageError(
            f"{found.name} is production, which is never the default ({found.source})",
            hint=f"if it is meant, name it: -e {found.name}",
        )
    return found


def _chosen(root: Path, environ: Mapping[str, str]) -> Chosen | None:
    if name := environ.get(VARIABLE):
        return Chosen(name, VARIABLE)
    own, shared = user_file(environ), root / PROJECT_FILE
    wanted = _map(own).get("environments") or {}
    if not isinstance(wanted, dict):
        raise UsageError(f"{own}: `environments` has to be a map", hint="environments: {PROJECT: NAME}")
    if name := wanted.get(project_name(root)):
        return Chosen(str(name), str(own))
    if name := _map(shared).get("environment"):
        return Chosen(str(name), PROJECT_FILE)
    return None


def is_production(root: Path, name: str) -> bool:
    """Whether an environment may be production, told without loading it: one too many rather than one too few."""
    program = root / STACKS / f"{name}.py"
    if program.is_file() and _SAYS_PRODUCTION.search(program.read_text(encoding="utf-8", errors="replace")):
        return True
    for number, document in enumerate(documents(root, name)):
        said = document.get("production")
        if said is True or (said is False and number == 0):
            return bool(said)
    return name == "prod" or name.endswith("-prod")


def _map(file: Path) -> dict[str, Any]:
    """Return what a YAML file holds; empty when there is none.

    Raises:
        UsageError: It is no map.
    """
    import yaml

    if not file.is_file():
        return {}
    try:
        found = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read: {' '.join(str(error).split())}", hint=f"ls -l {file}"
        ) from None
    if found is not None and not isinstance(found, dict):
        raise UsageError(f"{file} has to be a map", hint="environment: NAME")
    return found or {}
