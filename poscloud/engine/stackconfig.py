"""A stack's configuration as far as it decides where the stack goes, read without starting the engine."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from poscloud.errors import DeployError, InputError, PosCloudError, Problem

PROJECT_FILE = "Pulumi.yaml"
SALT = "encryptionsalt"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C: ten times as fast


@dataclass(frozen=True)
class StackConfig:
    """Where a stack goes.

    Attributes:
        context: kubeconfig context; empty for the local control plane.
        cluster: Pinned uid of that cluster; empty when it is not pinned yet.
        keys: Everything of poscloud's that is set, secret or not, without ``poscloud:``.
    """

    context: str
    cluster: str
    keys: frozenset[str] = frozenset()


def project_root(start: Path) -> Path:
    """Return the folder at or above ``start`` that holds Pulumi.yaml.

    Raises:
        PosCloudError: There is none.
    """
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise PosCloudError(
        f"no {PROJECT_FILE} in {start} or above it",
        hint="make a project in an empty folder: poscloud init dev   or go into the folder of one",
    )


def project_name(root: Path) -> str:
    """Return the project's name in Pulumi.yaml."""
    return str(_read(root / PROJECT_FILE, root).get("name", "poscloud"))


def refuse_missing_virtualenv(root: Path) -> None:
    """Make sure that a virtual environment named in Pulumi.yaml is there; a project need not name any.

    Raises:
        DeployError: It is not.
    """
    runtime = _read(root / PROJECT_FILE, root).get("runtime")
    options = runtime.get("options") if isinstance(runtime, dict) else None
    named = options.get("virtualenv") if isinstance(options, dict) else None
    if named and not (root / str(named) / "bin" / "python").exists():
        raise DeployError(
            f"{root / PROJECT_FILE} names the virtual environment {named}, and there is none",
            hint=f"take `virtualenv` out of {PROJECT_FILE}, or run: ln -s {sys.prefix} {root / str(named)}",
        )


def read_stack_config(root: Path, stack: str) -> StackConfig:
    """Return the target of ``stack`` from Pulumi.<stack>.yaml, or the project's defaults."""
    values = _config(_read(root / f"Pulumi.{stack}.yaml", root))
    return StackConfig(
        str(values.get("poscloud:context") or ""),
        str(values.get("poscloud:cluster") or ""),
        frozenset(k.removeprefix("poscloud:") for k in values if str(k).startswith("poscloud:")),
    )


def read_stored(root: Path, stack: str) -> dict[str, str]:
    """Return poscloud's configuration in Pulumi.<stack>.yaml as it stands there, secrets as their ciphertexts.

    The key is the name without ``poscloud:``; the salt they are encrypted with has the name ``encryptionsalt``.
    """
    document = _read(root / f"Pulumi.{stack}.yaml", root)
    found = {
        str(key).removeprefix("poscloud:"): json.dumps(value, sort_keys=True, default=str)
        for key, value in _config(document).items()
        if str(key).startswith("poscloud:")
    }
    return {**found, SALT: str(document[SALT])} if document.get(SALT) else found


def _config(document: dict[str, Any]) -> dict[str, Any]:
    config = document.get("config")
    return config if isinstance(config, dict) else {}


def _read(file: Path, root: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        document = _parsed(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        message = f"not UTF-8: byte {error.start}"
        raise InputError([Problem(file.relative_to(root), 0, 0, "yaml-syntax", message)]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        message = f"not valid YAML: {getattr(error, 'problem', error)}"
        raise InputError([Problem(file.relative_to(root), line, column, "yaml-syntax", message)]) from error
    return document if isinstance(document, dict) else {}


@cache
def _parsed(text: str) -> Any:
    """One run asks for the project and the stack's target a dozen times; the answer is only read."""
    return yaml.load(text, Loader=_Loader)
