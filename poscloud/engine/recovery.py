"""Going on after a run that was killed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from poscloud.engine.locks import release_stale_locks
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.statefile import restore_after_kill
from poscloud.errors import DeployError
from poscloud.local.progress import Reporter
from poscloud.provider.install import installed_kind, sdk_version


def recover(pulumi: Pulumi, stack: str, reporter: Reporter) -> None:
    """Release the lock of a killed run and forget what it left unfinished.

    The engine keeps operations whose end it did not see as *pending* and warns of them for ever. They can be
    forgotten, because doing them again is harmless: an object that carries this stack's own annotation is
    adopted by create, an update is applied again, and a delete of what is gone succeeds.

    Raises:
        DeployError: Another run is under way, or the state cannot be read.
    """
    killed = release_stale_locks(pulumi.paths, stack)
    for lock in killed:
        reporter.note(f"the previous run ({lock}) was killed; its lock is released")
    if backup := restore_after_kill(pulumi.paths, stack, killed=bool(killed)):
        reporter.note(f"the state was cut off while it was written; its backup is used: {backup}")
    if not killed or installed_kind(pulumi.paths.pulumi_home, sdk_version()) != "built-in":
        return  # only the built-in provider adopts what is ours; of another one's operations nothing is forgotten
    unfinished = _forget_pending(pulumi, stack)
    if unfinished:
        reporter.note(
            f"{len(unfinished)} operations were unfinished and are done again: {', '.join(unfinished)}"
        )


def _forget_pending(pulumi: Pulumi, stack: str) -> list[str]:
    """Remove pending operations from the state; return them as ``creating Deployment/a``."""
    with tempfile.TemporaryDirectory(dir=pulumi.paths.owned) as folder:
        file = Path(folder) / "state.json"
        _checked(pulumi, "read", "stack", "export", "--stack", stack, "--file", str(file))
        state = json.loads(file.read_text(encoding="utf-8"))
        pending = state["deployment"].pop("pending_operations", None) or []
        if pending:
            file.write_text(json.dumps(state), encoding="utf-8")
            _checked(pulumi, "write", "stack", "import", "--stack", stack, "--file", str(file))
    return [f"{p['type']} {_name(p['resource']['urn'])}" for p in pending]


def _checked(pulumi: Pulumi, verb: str, *arguments: str) -> None:
    done = pulumi.quietly(*arguments)
    if done.returncode != 0:
        raise DeployError(
            f"cannot {verb} the state of the killed run: {done.stderr.strip()}", hint="run: poscloud doctor"
        )


def _name(urn: str) -> str:
    _, _, kind, name = urn.rsplit("::", 3)
    return f"{kind.rsplit(':', 1)[-1]}/{name}"
