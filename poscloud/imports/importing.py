"""The whole way from a source to a file that is proven to render it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poscloud.errors import PosCloudError
from poscloud.imports.bases import over_bases
from poscloud.imports.prove import Proof, prove
from poscloud.imports.recognise import recognise
from poscloud.imports.releases import short_next
from poscloud.imports.shorten import shared, shortened
from poscloud.imports.source import Source
from poscloud.imports.write import as_yaml
from poscloud.load import load_file
from poscloud.load.stacks import STACKS
from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import BACKING_KINDS

if TYPE_CHECKING:
    from poscloud.imports.takeover import Takeover


@dataclass(frozen=True)
class Imported:
    """A description and its proof.

    Attributes:
        file: Where it is to be written.
        text: Its text.
        beside: Further files: initial SQL, and the file for ``pulumi import``.
        spec: What the loader makes of it.
        proof: In what it differs from the source.
        notes: What could not be said in it.
        takeover: How what runs gets into the engine's state; ``None`` where nothing is known to run.
    """

    file: Path
    text: str
    beside: dict[Path, str]
    spec: EnvironmentSpec
    proof: Proof
    notes: list[str]
    takeover: Takeover | None = None


@dataclass(frozen=True)
class Choices:
    """How a source is to become a description.

    Attributes:
        adopt: Whether the namespace is to be taken in as it is.
        more: Backing services that are named and have no manifest, each with all its defaults.
        extends: Bases, relative to the folder of the stacks.
        force: Whether an existing description may be replaced.
    """

    adopt: bool = False
    more: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()
    force: bool = False


def imported(source: Source, root: Path, origin: str, choices: Choices) -> Imported:
    """Return the description of a source, read back by the loader and compared with the source.

    Args:
        source: What is imported.
        root: The project's folder.
        origin: Where the source is from, for the file's comment.
        choices: How.

    Raises:
        PosCloudError: There is such a stack or a file of its initial SQL already, or no component was recognised.
        InputError: A base is not there, or wrong.
    """
    file = root / STACKS / f"{source.name}.yaml"
    _check_free(file, choices.force)
    found = recognise(source, keep_secrets=choices.adopt)
    data = shortened(found.data, found.spec)
    short_next(data)
    data.setdefault("backing", {}).update(
        {kind: {"kind": kind} for kind in choices.more if kind not in data["backing"]}
    )
    if choices.extends:
        with _apart(root, choices.extends) as apart:
            data = over_bases(data, found.spec, choices.extends, _draft(apart, source.name), apart)
    else:
        data["defaults"], data["services"] = shared(found.spec, data.get("services", {}))
    beside = _take_sql(data, source.name)
    data["backing"] = {n: _short_backing(n, part) for n, part in data.get("backing", {}).items()}
    data |= {"adopt": True} if choices.adopt else {}
    text = as_yaml(data, f"Imported from {origin}.")
    _check_beside(root, list(beside), choices.force)
    with _apart(root, choices.extends) as apart:
        spec = _read_back(apart, source.name, text, beside)
    proof = prove(source, spec, keep_secrets=choices.adopt)
    return Imported(file, text, {root / STACKS / p: t for p, t in beside.items()}, spec, proof, found.notes)


def write(result: Imported) -> None:
    """Write the description and the files beside it.

    Raises:
        PosCloudError: They cannot be written.
    """
    try:
        for file, text in {**result.beside, result.file: result.text}.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PosCloudError(
            f"{error.filename} cannot be written: {error.strerror}", hint=f"run: ls -ld {result.file.parent}"
        ) from None


def _check_free(file: Path, force: bool) -> None:
    taken = [f for f in (file, file.with_suffix(".py")) if f.exists()]
    if taken and not (force and taken == [file]):
        way = "look at it with --print, or replace it with --force" if taken == [file] else "remove it first"
        raise PosCloudError(f"there is a stack '{file.stem}' already: {STACKS}/{taken[0].name}", hint=way)


def _check_beside(root: Path, files: Sequence[Path], force: bool) -> None:
    taken = [f for f in files if (root / STACKS / f).exists()]
    if taken and not force:
        raise PosCloudError(
            f"there is a file of initial SQL already: {STACKS}/{taken[0]}",
            hint="keep it elsewhere, or replace it with --force",
        )


@contextmanager
def _apart(root: Path, bases: Sequence[str]) -> Iterator[Path]:
    """Yield a folder that has what bases are read from, so that nothing is written in the project.

    Args:
        root: The project's folder.
        bases: Bases, relative to the folder of the stacks.

    Raises:
        PosCloudError: It cannot be made.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            apart = Path(folder).resolve()
            (apart / STACKS).mkdir()
            for top in sorted(_tops(bases)):
                _copy(root / top, apart / top)
            yield apart
    except (OSError, shutil.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PosCloudError(
            f"the description cannot be read back in a temporary folder: {why}",
            hint="TMPDIR names the folder where it is made; it has to be writable",
        ) from None


def _tops(bases: Sequence[str]) -> set[str]:
    """Return the files and folders of the project that bases lie in."""
    paths = [os.path.normpath(Path(STACKS) / base) for base in bases]
    return {path.split(os.sep)[0] for path in paths if not path.startswith((os.pardir, os.sep))} | (
        {STACKS} if bases else set()
    )


def _copy(there: Path, to: Path) -> None:
    if there.is_dir():
        shutil.copytree(there, to, dirs_exist_ok=True, symlinks=True)
    elif there.exists():
        shutil.copy(there, to)


def _draft(root: Path, name: str) -> Path:
    return root / STACKS / f".{name}.import.yaml"


def _short_backing(name: str, part: dict[str, Any] | None) -> dict[str, Any] | None:
    if part and "kind" in part and name in BACKING_KINDS and part["kind"] == name:
        return {k: v for k, v in part.items() if k != "kind"}
    return part


def _take_sql(data: dict[str, Any], name: str) -> dict[Path, str]:
    """Move initial SQL that was a file into a file again."""
    beside: dict[Path, str] = {}
    for part_name, part in data.get("backing", {}).items():
        pieces = []
        for piece in (part or {}).get("init_sql", []):
            if "file" in piece:
                path = Path(f"{name}-{part_name}") / piece["file"]
                beside[path] = piece["sql"]
                pieces.append({"file": str(path)})
            else:
                pieces.append(piece["sql"])
        if pieces:
            part["init_sql"] = pieces
    return beside


def _read_back(root: Path, name: str, text: str, beside: dict[Path, str]) -> EnvironmentSpec:
    """Return what the loader makes of a text that is not the stack's file yet."""
    draft = _draft(root, name)
    draft.write_text(text, encoding="utf-8")
    for path, content in beside.items():
        file = root / STACKS / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return load_file(draft, root, name)
