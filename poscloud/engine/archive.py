"""Before anything of an environment is deleted: what it leaves behind is archived, and read back."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from poscloud.engine import inventory
from poscloud.engine.description import describe
from poscloud.engine.kubectl import stamp_of
from poscloud.engine.stackconfig import project_name
from poscloud.errors import ArchiveError, AuthError, PosCloudError
from poscloud.load import load_environment
from poscloud.local.paths import ProjectPaths, private_directory, write_private
from poscloud.local.progress import Reporter
from poscloud.render.names import COPY_ANNOTATION
from poscloud.spec import ArchiveSpec

if TYPE_CHECKING:
    from poscloud.cluster.archive.verify import Verified
    from poscloud.engine.deploy import Prepared

VARIABLE = "POSCLOUD_ARCHIVE"
"""The variable that goes before what descriptions say: a folder, or ``s3://BUCKET/FOLDER``."""

LEDGER_SECONDS = 60.0
"""How long the cluster may take to answer what was changed by hand."""

WAYS = "mend it and run this again; or, to delete everything without its logs: --discard-logs"


@dataclass(frozen=True)
class Material:
    """What the description gives to an archive.

    Attributes:
        where: Where archives go, as it says.
        documents: Files by name.
        notes: Why some are missing.
    """

    where: ArchiveSpec | None
    documents: dict[str, str]
    notes: list[str]


def release(prepared: Prepared, reporter: Reporter, *, discard_logs: bool) -> str:
    """Archive an environment, so that it may be deleted, unless there is nothing of it or that is not wanted.

    Every way to delete an environment, or what has pods in it, comes through here first.

    Args:
        prepared: The stack.
        reporter: Shows progress.
        discard_logs: Keep nothing.

    Returns:
        What became of its logs, in words.

    Raises:
        ArchiveError: Something cannot be read, written or read back; nothing may be deleted.
    """
    live = _namespace(prepared)
    file = _remembered(prepared.pulumi.paths, prepared.stack)
    # Of an earlier destroy, which did not end; where the namespace lives on, it is not the last word.
    going = not live or "deletionTimestamp" in live["metadata"]
    before = file.read_text(encoding="utf-8") if going and file.is_file() else ""
    if not live:
        reporter.note(f"nothing to archive: namespace {prepared.stack} is not there, or is not this stack's")
        return before or "none, there was no namespace"
    if discard_logs:
        reporter.note("logs are not archived (--discard-logs)")
        return f"{before}; later ones discarded" if before else "discarded"
    try:
        with reporter.step("archive"):
            verified = archive(prepared, reporter, _original(live))
            reporter.done(str(verified))
    except ArchiveError as error:
        hint = f"{error.hint}\n  {WAYS}" if error.hint else WAYS
        raise ArchiveError(f"nothing was deleted: {error.message}", hint=hint) from None
    told = f"{before}; {verified}" if before else str(verified)
    private_directory(file.parent)
    write_private(file, told)
    return told


def forget(paths: ProjectPaths, stack: str) -> None:
    """Forget which archive a destroy has made, because it has ended well."""
    _remembered(paths, stack).unlink(missing_ok=True)


def _remembered(paths: ProjectPaths, stack: str) -> Path:
    return paths.owned / "released" / stack


def archive(prepared: Prepared, reporter: Reporter, original: str) -> Verified:
    """Archive what is in a stack's namespace now, and read the archive back.

    Args:
        prepared: The stack.
        reporter: Shows progress.
        original: The environment it is a copy of; empty for none.

    Raises:
        ArchiveError: Something cannot be read, written or read back; what was written is removed again.
        AuthError: The cluster rejects the credentials.
    """
    from poscloud.cluster.archive.collect import Collector
    from poscloud.cluster.archive.manifest import Subject
    from poscloud.cluster.archive.stores import open_store
    from poscloud.cluster.archive.verify import verify
    from poscloud.provider import config
    from poscloud.provider.rest import Client

    root, target, paths = prepared.pulumi.root, prepared.target, prepared.pulumi.paths
    material = material_of(root, prepared.stack, original)
    material.documents.update(_by_hand(prepared))
    for text in material.notes:
        reporter.note(text)
    access = config.load({"kubeconfig": str(target.kubeconfig), "context": target.context})
    subject = Subject(prepared.stack, f"{project_name(root)}/{prepared.stack}", str(target))
    with (
        tempfile.TemporaryDirectory(prefix="archive-", dir=paths.owned) as scratch,
        open_store(material.where, root, paths.archive) as store,
    ):
        collector = Collector(Client(access), store, subject, Path(scratch))
        try:
            written = asyncio.run(collector.run(material.documents, material.notes, reporter.update))
            return verify(store, collector.folder, written)
        except BaseException:
            store.discard(collector.folder)
            raise


def material_of(
    root: Path, stack: str, original: str = "", environ: Mapping[str, str] = os.environ
) -> Material:
    """Return the description of a stack and what it renders to, as far as it has one that can be read.

    Args:
        root: The project's folder.
        stack: The stack.
        original: The environment it is a copy of; of a copy whose description is not here, it says where archives go.
        environ: The environment variables.

    Raises:
        ArchiveError: The variable POSCLOUD_ARCHIVE is no place.
    """
    import yaml

    from poscloud.render import to_yaml

    given = _given(environ)
    try:
        described = describe(root, stack, project_name(root))
    except PosCloudError as error:
        why = f"{stack} has no description that can be read ({error.message}): none is archived"
        where = given or _archive_of(root, original)
        place = f"where {original} says" if where and not given else "to .poscloud/archive"
        text = why if given else f"{why}, and the archive goes {place}"
        return Material(where, {}, [text])
    values = described.spec.model_dump(mode="json", exclude_unset=True)
    manifests = [m for part in described.parts for m in part.manifests if m["kind"] != "Secret"]
    documents = {
        "spec.yaml": yaml.safe_dump(values, sort_keys=False, allow_unicode=True),
        "manifests.yaml": to_yaml(manifests),
    }
    return Material(given or described.spec.archive, documents, [])


def _given(environ: Mapping[str, str]) -> ArchiveSpec | None:
    """Return where archives go whatever descriptions say, if that is set."""
    place = environ.get(VARIABLE)
    if not place:
        return None
    try:
        return ArchiveSpec(s3=place) if "://" in place else ArchiveSpec(folder=place)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ArchiveError(f"{VARIABLE} is no place for an archive: {why}") from None


def _archive_of(root: Path, stack: str) -> ArchiveSpec | None:
    try:
        return load_environment(root, stack).archive if stack else None
    except PosCloudError:
        return None


def _original(live: dict[str, Any]) -> str:
    """Return what a live namespace says that it is a copy of."""
    return str((live["metadata"].get("annotations") or {}).get(COPY_ANNOTATION, ""))


def _by_hand(prepared: Prepared) -> dict[str, str]:
    """Return the ledger of changes by hand as a document; none where there is no ledger.

    Raises:
        ArchiveError: It cannot be read.
        AuthError: The cluster rejects the credentials.
    """
    from poscloud.engine.manual.around import recorded
    from poscloud.engine.manual.entry import as_data

    try:
        found = recorded(prepared.target, prepared.stack, LEDGER_SECONDS)
    except AuthError:
        raise
    except PosCloudError as error:
        raise ArchiveError(
            f"the changes by hand of namespace {prepared.stack} cannot be read: {error.message}",
            hint=error.hint,
        ) from None
    data = [as_data(entry) for entry in found]
    return {"by-hand.json": json.dumps(data, indent=2, ensure_ascii=False) + "\n"} if found else {}


def _namespace(prepared: Prepared) -> dict[str, Any]:
    """Return the namespace that a destroy of this stack would delete; empty when there is none."""
    stack = prepared.stack
    live = prepared.kubectl.get("namespace", stack)
    if not live or stamp_of(live) == f"{project_name(prepared.pulumi.root)}/{stack}":
        return live
    return live if inventory.holds(prepared.pulumi, stack, str(live["metadata"].get("uid", ""))) else {}
