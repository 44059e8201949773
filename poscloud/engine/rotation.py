"""Another passphrase for the state: every stack encrypted anew, safe against being killed at any moment.

The engine does one stack (``change-secrets-provider``), in three steps: the salt in Pulumi.STACK.yaml, the values
there, the state. Killed before the last, the values of that file are lost to both passphrases. So the file is kept in
a journal before, and put back when the state still has the old salt; the state is what decides. The new passphrase is
in the journal before anything is encrypted with it, and takes the old one's place when everything is.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from poscloud.engine.deploy import install
from poscloud.engine.passphrase import VARIABLE, given, journal, opens, salt_of, salts_in
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.recovery import recover
from poscloud.engine.stackconfig import project_name
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.local.locks import exclusive
from poscloud.local.paths import ProjectPaths, private_directory, write_private
from poscloud.local.progress import Reporter

SUFFIX = ".yaml"


@dataclass(frozen=True)
class Rotation:
    """A passphrase in the place of another.

    Attributes:
        root: The project's folder.
        old: The passphrase so far.
        new: The one from now on.
        own: Whether it is poscloud's own file that holds it.
        done: Stacks that have the new one.
        left: Stacks that have had neither, and files that still open with the old one.
    """

    root: Path
    old: str = field(repr=False)
    new: str = field(repr=False)
    own: bool
    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The journal."""
        return journal(self.root)


def rotate_passphrase(root: Path, reporter: Reporter, new: Path | None = None) -> Rotation:
    """Encrypt every stack that the present passphrase opens with another; running it again ends what was cut short.

    Args:
        root: The project's folder.
        reporter: Shows progress.
        new: File with the new passphrase; without it, a random one is made, which takes the place of poscloud's own.

    Raises:
        AuthError: There is no passphrase, or a stack does not open with it.
        DeployError: The engine cannot do a stack; nothing is lost, and it is tried again by the next run.
    """
    install(root, reporter)
    paths = ProjectPaths(root)
    with exclusive(paths.owned / "rotation.lock", reporter, purpose="rotation of the passphrase"):
        rotation = _begin(root, new)
        if rotation is None:  # killed after the last step
            shutil.rmtree(journal(root))
            reporter.note("an earlier rotation is finished now")
            return Rotation(root, "", "", True)
        done, left = [], []
        for stack in _stacks(Pulumi(root)):
            if _rotate(rotation, stack, reporter):
                done.append(stack)
            else:
                left.append(f"Pulumi.{stack}.yaml (another passphrase)")
        if rotation.own:
            os.replace(rotation.folder / "new", paths.passphrase)
        shutil.rmtree(rotation.folder)
    return replace(rotation, done=tuple(done), left=(*left, *_behind(rotation, paths)))


def _begin(root: Path, file: Path | None) -> Rotation | None:
    """Return what is to be done; nothing when only the journal of a finished one is left."""
    environment, folder, paths = Pulumi(root).environment, journal(root), ProjectPaths(root)
    own = VARIABLE not in environment and environment.get(f"{VARIABLE}_FILE") == str(paths.passphrase)
    kept = folder / "new"
    if folder.exists() and not kept.exists() and not any(folder.iterdir()) and own and file is None:
        return None
    old = given(environment)
    if not old:
        raise AuthError(f"there is no passphrase ({VARIABLE} or …_FILE)", hint="run: poscloud doctor")
    if not own and file is None:
        raise PosCloudError(
            f"the passphrase is yours ({VARIABLE} or …_FILE), so poscloud does not make a new one",
            hint="write the new one to a file that only you can read, then: poscloud passphrase rotate --new FILE",
        )
    if not kept.exists():
        new = file.read_text(encoding="utf-8").strip() if file else secrets.token_urlsafe(32)
        if not new or "\n" in new:
            raise PosCloudError(f"{file} does not hold a passphrase: one line is expected")
        private_directory(folder)
        write_private(kept, f"{new}\n")
    new = kept.read_text(encoding="utf-8").strip()
    if file and file.read_text(encoding="utf-8").strip() != new:
        raise PosCloudError(
            "an earlier rotation to another passphrase was cut short",
            hint=f"finish it first: poscloud passphrase rotate{'' if own else f' --new {kept}'}",
        )
    return Rotation(root, old, new, own)


def _stacks(pulumi: Pulumi) -> list[str]:
    """Return every stack with secrets: of the backend, and those that only have their configuration here."""
    listed = pulumi.quietly("stack", "ls", "--json", "--non-interactive")
    if listed.returncode != 0:
        raise DeployError(f"cannot list the stacks: {listed.stderr.strip()}", hint="run: poscloud doctor")
    names = {str(each["name"]).rsplit("/", 1)[-1] for each in json.loads(listed.stdout)}
    for folder in (pulumi.root, journal(pulumi.root)):
        for file in folder.glob(f"Pulumi.*{SUFFIX}"):
            stack = file.name.removeprefix("Pulumi.").removesuffix(SUFFIX)
            if salt_of(file):
                names.add(stack)
    return sorted(names)


def _rotate(rotation: Rotation, stack: str, reporter: Reporter) -> bool:
    """Encrypt one stack anew, unless it is so already; ``False`` when another passphrase than both is its own."""
    pulumi = Pulumi(rotation.root)
    settings = rotation.root / f"Pulumi.{stack}{SUFFIX}"
    saved = rotation.folder / settings.name
    recover(pulumi, stack, reporter)
    state = _state_salt(pulumi, stack)
    if saved.exists():
        if not (state and opens(rotation.new, state)):
            write_private(settings, saved.read_bytes())
    elif all(opens(rotation.new, salt) for salt in (state, salt_of(settings)) if salt) and (
        state or salt_of(settings)
    ):
        return True
    present = salt_of(settings) or state
    if saved.exists() and opens(rotation.new, present):
        _finish(pulumi, stack, saved)
        return True
    if not opens(rotation.old, present):
        return False
    write_private(saved, settings.read_bytes() if settings.exists() else b"")
    _change(pulumi, rotation, stack)
    _finish(pulumi, stack, saved)
    reporter.note(f"stack {stack} has the new passphrase")
    return True


def _change(pulumi: Pulumi, rotation: Rotation, stack: str) -> None:
    """Let the engine do it; the new passphrase goes there by standard input."""
    pulumi.ensure_stack(stack)
    done = pulumi.quietly(
        "stack", "change-secrets-provider", "passphrase", "--stack", stack, "--non-interactive",
        given=f"{rotation.new}\n",
    )  # fmt: skip
    salts = [salt_of(rotation.root / f"Pulumi.{stack}{SUFFIX}"), _state_salt(pulumi, stack)]
    if done.returncode != 0 or not all(opens(rotation.new, salt) for salt in salts if salt):
        raise DeployError(
            f"cannot give stack {stack} the new passphrase: {done.stderr.strip()}",
            hint="nothing is lost; run again: poscloud passphrase rotate",
        )


def _finish(pulumi: Pulumi, stack: str, saved: Path) -> None:
    """Make the backup of the state one of the new passphrase too, and forget the old configuration."""
    if pulumi.in_embedded_state(stack):
        file = pulumi.paths.state / ".pulumi" / "stacks" / project_name(pulumi.root) / f"{stack}.json"
        write_private(file.with_name(f"{file.name}.bak"), file.read_bytes())
    saved.unlink()


def _state_salt(pulumi: Pulumi, stack: str) -> str:
    """Return the salt in a stack's state; empty where it has none yet, or there is no such stack."""
    done = pulumi.quietly("stack", "export", "--stack", stack)
    if done.returncode != 0:
        return ""
    provider = (json.loads(done.stdout).get("deployment") or {}).get("secrets_providers") or {}
    return str((provider.get("state") or {}).get("salt", ""))


def _behind(rotation: Rotation, paths: ProjectPaths) -> Iterator[str]:
    """Yield the files of the embedded state that still open with the old passphrase: its history and copies."""
    for file in sorted(paths.state.rglob("*")):
        if file.is_file() and any(opens(rotation.old, salt) for salt in salts_in(file)):
            yield str(file.relative_to(rotation.root))
