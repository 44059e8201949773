"""Manifests from files, folders or standard input, as one source."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from poscloud.errors import InputError, PosCloudError, Problem
from poscloud.imports.fieldtypes import without_nulls, wrong_type
from poscloud.imports.shapes import wrong_shape
from poscloud.imports.source import Source
from poscloud.render import Manifest
from poscloud.spec.base import check_name

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STDIN = Path("(standard input)")
_ENDINGS = (".yaml", ".yml", ".json")


def read_files(paths: Sequence[Path], name: str | None) -> Source:
    """Read manifests from files, from all of a folder's, or from standard input where a path is ``-``.

    Args:
        paths: Files and folders.
        name: What the environment is to be called; by default the namespace that the manifests name.

    Raises:
        InputError: Something is no manifest.
        PosCloudError: There is nothing to read, or it is of several namespaces.
    """
    items = [item for file, text in _texts(paths) for item in parse(file, text)]
    if not items:
        where = ", ".join(map(str, paths))
        raise PosCloudError(
            f"{where}: no manifest found",
            hint="give files that end in .yaml, .yml or .json, a folder of them, or - for standard input",
        )
    return source_of(items, name)


def parse(file: Path, text: str) -> list[Manifest]:
    """Return the manifests of a text.

    Raises:
        InputError: Something in it is no manifest.
    """
    problems: list[Problem] = []
    items = list(_manifests(file, text, problems))
    if problems:
        raise InputError(problems, hint="give manifests, as kubectl get -o yaml or helm template print them")
    return items


def source_of(items: Iterable[Manifest], name: str | None) -> Source:
    """Return manifests as one source.

    Raises:
        PosCloudError: They are of several namespaces, of another one than ``name``, or nothing says which.
    """
    items = [item for item in items if not item["metadata"].get("ownerReferences")]
    found = sorted({namespace for item in items if (namespace := _namespace(item))})
    if len(found) > 1:
        raise PosCloudError(
            f"the manifests are of several namespaces: {', '.join(found)}; an environment is one",
            hint="import one at a time: give its files alone, or --namespace for what runs in a cluster",
        )
    if not found and not name:
        raise PosCloudError(
            "the manifests name no namespace, so that the environment has no name",
            hint="give it: --stack NAME",
        )
    if found and name and found[0] != name:
        raise PosCloudError(
            f"the manifests are of namespace '{found[0]}', and an environment is called like its namespace",
            hint=f"run it with --stack {found[0]}",
        )
    return Source(environment_name(str(name or found[0])), items)


def environment_name(name: str) -> str:
    """Return what an environment is to be called.

    Raises:
        PosCloudError: No environment can have this name.
    """
    try:
        return check_name(name)
    except ValueError as error:
        raise PosCloudError(
            f"no environment can be called so: {error}",
            hint="give another name: -s NAME; manifests that name a namespace have to name the same",
        ) from None


def _namespace(item: Manifest) -> str | None:
    metadata = item["metadata"]
    namespace: str | None = metadata["name"] if item["kind"] == "Namespace" else metadata.get("namespace")
    return namespace


def _texts(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        if str(path) == "-":
            yield _STDIN, _standard_input()
            continue
        files = sorted(f for f in path.rglob("*") if f.suffix in _ENDINGS) if path.is_dir() else [path]
        for file in files:
            try:
                yield file, file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
                raise PosCloudError(f"{file} cannot be read: {why}", hint=f"run: ls -l {file}") from None


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1} is no UTF-8 text"
        problem = Problem(_STDIN, 0, 0, "unreadable", f"cannot be read: {place}")
        raise InputError([problem], hint="give it in UTF-8: iconv -t utf-8") from None


def _manifests(file: Path, text: str, problems: list[Problem]) -> Iterator[Manifest]:
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        why = getattr(error, "problem", None) or (
            "cannot be parsed" if isinstance(error, yaml.YAMLError) else str(error)
        )
        problems.append(Problem(file, line, column, "yaml-syntax", f"not valid YAML: {why}"))
        return
    for number, document in enumerate(documents, 1):
        yield from _flat(document, file, number, problems)


def _flat(document: Any, file: Path, number: int, problems: list[Problem]) -> Iterator[Manifest]:
    if document is None:
        return
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _flat(item, file, number, problems)
        return
    if wrong := _wrong(document):
        problems.append(Problem(file, 0, 0, "no-manifest", f"document {number} is no manifest: {wrong}"))
        return
    yield without_nulls(document)


def _wrong(document: Any) -> str:
    """Return why something is no manifest; empty if it is one."""
    if not isinstance(document, dict):
        return "it is no map"
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str):
            return f"it has no {field}"
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return "it has no metadata.name"
    if not isinstance(metadata.get("namespace"), str | None):
        return "its metadata.namespace is no text"
    document = without_nulls(document)
    return wrong_type(document) or wrong_shape(document)
