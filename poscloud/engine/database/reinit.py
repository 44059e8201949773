"""``poscloud reinit-mysql`` and ``poscloud db status``: databases made anew from the initial SQL, and when that was."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poscloud.cluster.archive.stores import Store, open_store
from poscloud.cluster.database.ledger import Reinit, State, digest, steps_of
from poscloud.cluster.database.server import UntouchedError
from poscloud.cluster.remote.connection import NotBegunError
from poscloud.engine.archive import material_of
from poscloud.engine.database.found import Found, look, refuse_unlike
from poscloud.engine.environments.asked import owner
from poscloud.engine.locks import refuse_in_use
from poscloud.engine.manual.place import Place, place_of
from poscloud.errors import ArchiveError, DeployError, PosCloudError
from poscloud.local.paths import private_directory
from poscloud.local.progress import Reporter
from poscloud.render.mysqlstart import create_statement

SNAPSHOT, MANIFEST = "databases.sql.gz", "manifest.json"

Confirm = Callable[[Found], bool]


def status(root: Path, stack: str, wanted: str, reporter: Reporter) -> Found:
    """Return what is in a MySQL of an environment, and which initial SQL was run; writes nothing.

    Args:
        root: The project's folder.
        stack: The environment.
        wanted: Which MySQL; empty: the only one.
        reporter: Shows progress.

    Raises:
        UsageError: There is none such.
        DeployError: It does not run, or does not answer.
    """
    place = place_of(root, stack, reporter)
    return asyncio.run(look(place, place.cluster(), wanted))


def reinit(root: Path, stack: str, wanted: str, reporter: Reporter, confirm: Confirm) -> str | None:
    """Drop all databases of a MySQL, and make them anew from the description and its initial SQL.

    First everything is stored where archives go, and read back. Then all SQL goes to the pod, and is run there; each
    piece is recorded, and last that it is completed. Who is killed in the middle runs it again: it begins anew.

    Args:
        root: The project's folder.
        stack: The environment.
        wanted: Which MySQL; empty: the only one.
        reporter: Shows progress.
        confirm: Is shown what is there; says whether to go on.

    Returns:
        What was done; ``None`` where that was not wanted.

    Raises:
        PosCloudError: Its initial SQL is not that of the last ``up``, or a run is under way.
        ArchiveError: The snapshot cannot be made; nothing was changed.
        DeployError: A piece of SQL failed; says which, and what the server said.
    """
    place = place_of(root, stack, reporter)
    refuse_in_use(place.pulumi.paths, stack)
    found = asyncio.run(look(place, place.cluster(), wanted))
    refuse_unlike(found, stack)
    if not confirm(found):
        return None
    return asyncio.run(_reinit(place, wanted, reporter))


async def _reinit(place: Place, wanted: str, reporter: Reporter) -> str:
    found = await look(place, place.cluster(), wanted)  # as it is now; the person may have thought for long
    refuse_unlike(found, place.stack)
    began = datetime.now(UTC)
    with reporter.step("snapshot"):
        snapshot = await _snapshot(place, found, began)
        reporter.done(snapshot or "there was nothing")
    run = Reinit(
        f"{began:%Y-%m-%dT%H-%M-%S.%f}-{secrets.token_hex(4)}",
        f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "",
        owner(os.environ, place.root),
        snapshot,
    )
    spec = found.spec
    steps = steps_of(
        run,
        [database.name for database in found.state.databases],
        [create_statement(spec, name) for name in spec.databases],
        found.pieces,
        spec.databases[0] if spec.databases else "",
    )
    with reporter.step(found.name):
        try:
            await found.server.apply(steps, reporter.update)
        except (UntouchedError, NotBegunError):
            raise
        except DeployError as error:
            raise DeployError(
                f"{error.message}\n  {found.name} is as the SQL before that left it, and is not marked as complete",
                hint=f"mend it, and run it again; what was there before: {snapshot or 'nothing'}\n  {error.hint}",
            ) from None
    count = f"{len(found.pieces)} piece{'' if len(found.pieces) == 1 else 's'} of initial SQL"
    return f"{found.name} of {place.stack} was made anew: {count}; before: {snapshot or 'nothing'}"


async def _snapshot(place: Place, found: Found, began: datetime) -> str:
    """Store all databases where archives go, read them back, and return where they are; empty where there are none."""
    if not found.state.databases:
        return ""
    paths = place.pulumi.paths
    private_directory(paths.owned)
    folder = f"{place.stack}/{began:%Y-%m-%dT%H-%M-%S}.{began.microsecond // 1000:03}Z-{found.name}"
    with (
        tempfile.TemporaryDirectory(prefix="archive-", dir=paths.owned) as scratch,
        open_store(material_of(place.root, place.stack).where, place.root, paths.archive) as store,
    ):
        file = Path(scratch) / SNAPSHOT
        size, sha256 = await found.server.dump([each.name for each in found.state.databases], file)
        try:
            await asyncio.to_thread(_store, store, folder, file, _manifest(place, found, size, sha256))
        except BaseException:
            store.discard(folder)
            raise
        return store.place(f"{folder}/{SNAPSHOT}")


def _manifest(place: Place, found: Found, size: int, sha256: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "environment": place.stack,
        "service": found.name,
        "server": found.state.version,
        "databases": [each.name for each in found.state.databases],
        "files": {SNAPSHOT: {"bytes": size, "sha256": sha256}},
    }


def _store(store: Store, folder: str, file: Path, manifest: dict[str, Any]) -> None:
    """Store a snapshot, read it back, and write last that it is whole."""
    import hashlib

    store.put(f"{folder}/{SNAPSHOT}", file)
    there = hashlib.sha256()
    for part in store.read(f"{folder}/{SNAPSHOT}"):
        there.update(part)
    if there.hexdigest() != manifest["files"][SNAPSHOT]["sha256"]:
        raise ArchiveError(
            f"the snapshot that was stored is another one: {store.place(folder)}; nothing was changed",
            hint="look at that disk or store, and run it again",
        )
    last = file.with_name(MANIFEST)
    last.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    store.put(f"{folder}/{MANIFEST}", last)


def as_data(found: Found) -> dict[str, Any]:
    """Return what is in a MySQL as data."""
    state: State = found.state
    compared = dict(state.compared(found.pieces))
    return {
        "service": found.name,
        "pod": found.container.pod,
        "server": state.version,
        "databases": [{"name": d.name, "tables": d.tables, "bytes": d.size} for d in state.databases],
        "described": list(found.spec.databases),
        "initial_sql": [
            {
                "name": name,
                "state": told,
                "sha256": digest(found.pieces[name]) if name in found.pieces else None,
            }
            for name, told in compared.items()
        ],
        "not_up": list(found.unlike),
        "runs": [
            {"began": r.began, "completed": r.completed or None, "who": r.who, "snapshot": r.snapshot or None}
            for r in state.runs
        ],
    }


def lines(found: Found) -> list[str]:
    """Return the same for people."""
    state = found.state
    told = [f"{found.name}: MySQL {state.version}, {found.container}"]
    told += [f"database {database}" for database in state.databases] or ["no databases"]
    told += [
        f"database {name} (described, not there)"
        for name in found.spec.databases
        if name not in {database.name for database in state.databases}
    ]
    compared = state.compared(found.pieces)
    told += [f"initial SQL {name}: {how}" for name, how in compared] or ["no initial SQL"]
    if found.unlike:
        told.append(f"not that of the last up: {', '.join(found.unlike)}")
    if (last := state.last) is None:
        told.append("never made anew: the initial SQL was run by the first start")
    else:
        end = f"completed {last.completed}" if last.completed else "NOT COMPLETED: run reinit-mysql again"
        told.append(f"made anew {last.began} by {last.who}, {end}; before: {last.snapshot or 'nothing'}")
    return told


def refuse_unconfirmed(stack: str, given: str) -> None:
    """Make sure that who gives an environment's name to confirm gives this one's.

    Raises:
        PosCloudError: It is another name.
    """
    if given != stack:
        raise PosCloudError(
            f"'{given}' is not {stack}; nothing was done", hint=f"if it is meant: --confirm {stack}"
        )
