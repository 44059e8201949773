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
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from poscloud.engine.deploy import install
from poscloud.engine.passphrase import VARIABLE, given, journal, opens, salt_of, salts_in
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.recovery import recover
from poscloud.engine.statefile import state_file
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
        file: Where the new one is, when everything has it.
        done: Stacks that have the new one.
        left: Stacks that have had neither, and files that still open with the old one.
    """

    root: Path
    old: str = field(repr=False)
    new: str = field(repr=False)
    own: bool
    file: Path
    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The journal."""
        return journal(self.root)

    @property
    def use(self) -> str:
        """The shell's command that makes the new passphrase count; empty where it does by itself."""
        if self.own:
            return ""
        unset = f"unset {VARIABLE}; " if VARIABLE in os.environ else ""  # it would be used before the file
        return f"{unset}export {VARIABLE}_FILE={shlex.quote(str(self.file))}"


@dataclass(frozen=True)
class _Stack:
    """A stack as it was found.

    Attributes:
        name: Its name.
        state: The salt in its state; empty where there is none.
        settings: Its Pulumi.STACK.yaml.
        saved: What that was before the engine began to change it, in the journal.
    """

    name: str
    state: str
    settings: Path
    saved: Path

    def opens(self, passphrase: str) -> bool:
        """Whether a passphrase opens both its configuration and its state."""
        return all(opens(passphrase, salt) for salt in self.salts())

    def salts(self) -> list[str]:
        """Return the salts it has."""
        return [salt for salt in (self.state, salt_of(self.settings)) if salt]


def rotate_passphrase(root: Path, reporter: Reporter, new: Path | None = None) -> Rotation:
    """Encrypt every stack that the present passphrase opens with another; running it again ends what was cut short.

    Args:
        root: The project's folder.
        reporter: Shows progress.
        new: File with the new passphrase; without it, a random one is made, which takes the place of poscloud's own.

    Raises:
        AuthError: There is no passphrase.
        PosCloudError: The file does not hold one.
        DeployError: A stack is in use, damaged, or not changed by the engine; nothing is lost, the next run goes on.
    """
    install(root, reporter)
    paths = ProjectPaths(root)
    with exclusive(paths.owned / "rotation.lock", reporter, purpose="rotation of the passphrase"):
        begun = journal(root).exists()
        rotation = _begin(root, new, reporter)
        if not rotation.new:  # killed after the last step
            shutil.rmtree(rotation.folder)
            reporter.note("an earlier rotation is finished now")
            return rotation
        done, left = [], []
        for stack in _examine(rotation, reporter, begun=begun):
            if _rotate(rotation, stack, reporter):
                done.append(stack.name)
            else:
                left.append(f"{stack.settings.name} (another passphrase)")
        if rotation.file in (paths.passphrase, _kept_new(paths)):
            os.replace(rotation.folder / "new", rotation.file)
        shutil.rmtree(rotation.folder)
    return replace(rotation, done=tuple(done), left=(*left, *_behind(rotation, paths)))


def _kept_new(paths: ProjectPaths) -> Path:
    """Where the new passphrase goes whose only copy is the journal's."""
    return paths.owned / "passphrase.new"


def _begin(root: Path, file: Path | None, reporter: Reporter) -> Rotation:
    """Return what is to be done; without a new passphrase when only the journal of a finished one is left."""
    environment, folder, paths = Pulumi(root).environment, journal(root), ProjectPaths(root)
    own = VARIABLE not in environment and environment.get(f"{VARIABLE}_FILE") == str(paths.passphrase)
    kept = folder / "new"
    of_journal = bool(file and file.resolve() == kept.resolve())
    goal = paths.passphrase if own else _kept_new(paths) if of_journal else (file or kept).absolute()
    if folder.exists() and not any(folder.iterdir()) and (of_journal or (own and file is None)):
        return Rotation(root, "", "", own, goal)
    old = given(environment)
    if not old:
        raise AuthError(f"there is no passphrase ({VARIABLE} or …_FILE)", hint="run: poscloud doctor")
    if not own and file is None:
        raise PosCloudError(
            f"the passphrase is yours ({VARIABLE} or …_FILE), so poscloud does not make a new one",
            hint="write the new one to a file that only you can read, then: poscloud passphrase rotate --new FILE",
        )
    asked = _read(file, reporter) if file else ""
    if not kept.exists():
        private_directory(folder)
        write_private(kept, f"{asked or secrets.token_urlsafe(32)}\n")
    new = kept.read_text(encoding="utf-8").strip()
    if asked and asked != new:
        raise PosCloudError(
            "an earlier rotation to another passphrase was cut short",
            hint=f"finish it first: poscloud passphrase rotate{'' if own else f' --new {kept}'}",
        )
    return Rotation(root, old, new, own, goal)


def _read(file: Path, reporter: Reporter) -> str:
    """Return the passphrase in a file."""
    try:
        words, mode = file.read_text(encoding="utf-8").strip(), file.stat().st_mode
    except OSError as error:
        raise PosCloudError(
            f"cannot read the new passphrase: {file}: {error.strerror}", hint=f"run: ls -l {file}"
        ) from error
    except UnicodeDecodeError as error:
        raise PosCloudError(f"{file} does not hold a passphrase: byte {error.start} is not UTF-8") from None
    if not words or len(words.splitlines()) > 1:
        raise PosCloudError(f"{file} does not hold a passphrase: one line is expected")
    if mode & 0o077:
        reporter.note(f"others can read {file}; run: chmod 600 {shlex.quote(str(file))}")
    return words


def _stacks(pulumi: Pulumi) -> dict[str, bool]:
    """Return every stack with secrets: whether the backend has it, or only its configuration is here."""
    listed = pulumi.quietly("stack", "ls", "--json", "--non-interactive")
    if listed.returncode != 0:
        raise DeployError(f"cannot list the stacks: {listed.stderr.strip()}", hint="run: poscloud doctor")
    names = {str(each["name"]).rsplit("/", 1)[-1]: True for each in json.loads(listed.stdout)}
    for folder in (pulumi.root, journal(pulumi.root)):
        for file in folder.glob(f"Pulumi.*{SUFFIX}"):
            if salt_of(file):
                names.setdefault(file.name.removeprefix("Pulumi.").removesuffix(SUFFIX), False)
    return dict(sorted(names.items()))


def _examine(rotation: Rotation, reporter: Reporter, *, begun: bool) -> list[_Stack]:
    """Return the stacks with secrets, ready to be changed; one that cannot be keeps all others from being changed.

    Raises:
        DeployError: With everything that is in the way.
    """
    pulumi, found, wrong = Pulumi(rotation.root), [], []
    for name, listed in _stacks(pulumi).items():
        try:
            recover(pulumi, name, reporter)
            state = _state_salt(pulumi, name) if listed else ""
        except PosCloudError as error:
            wrong.append(f"{error}\n  {error.hint}" if error.hint else str(error))
            continue
        settings = rotation.root / f"Pulumi.{name}{SUFFIX}"
        stack = _Stack(name, state, settings, rotation.folder / settings.name)
        if stack.saved.exists() and not opens(rotation.new, state):
            _put_back(stack, reporter)
        if stack.salts():
            found.append(stack)
    if wrong and not begun:
        shutil.rmtree(rotation.folder)
    if wrong:
        raise DeployError("\n".join(wrong), hint=_interim(rotation) if begun else "no passphrase was changed")
    return found


def _interim(rotation: Rotation) -> str:
    """How to go on working until a rotation can be finished."""
    return (
        "nothing is lost; then run again: poscloud passphrase rotate\n"
        f"  until then, a stack that has the new passphrase opens with {VARIABLE}_FILE={rotation.folder / 'new'}"
        + (f" (and without {VARIABLE})" if VARIABLE in os.environ else "")
    )


def _put_back(stack: _Stack, reporter: Reporter) -> None:
    """Restore the configuration that the engine may have written half, and keep what it replaces."""
    now = stack.settings.read_bytes() if stack.settings.exists() else b""
    salt = salt_of(stack.saved)
    if now == stack.saved.read_bytes() or (salt and salt == salt_of(stack.settings)):
        return  # the engine begins with the salt, so what differs was written by somebody else
    if now:
        beside = stack.settings.with_name(f"{stack.settings.name}.{time.time_ns()}")
        write_private(beside, now)
        reporter.note(
            f"{stack.settings.name} is again what it was before the rotation that was cut short; what was edited "
            f"since is in {beside.name}"
        )
    write_private(stack.settings, stack.saved.read_bytes())
    shutil.copymode(stack.saved, stack.settings)


def _rotate(rotation: Rotation, stack: _Stack, reporter: Reporter) -> bool:
    """Encrypt one stack anew, unless it is so already; ``False`` when another passphrase than both is its own."""
    pulumi = Pulumi(rotation.root)
    if stack.opens(rotation.new):
        if stack.saved.exists():
            _finish(pulumi, stack)
        return True
    if not stack.opens(rotation.old):
        return False
    write_private(stack.saved, stack.settings.read_bytes() if stack.settings.exists() else b"")
    if stack.settings.exists():
        shutil.copymode(stack.settings, stack.saved)
    _change(pulumi, rotation, stack.name)
    _finish(pulumi, stack)
    reporter.note(f"stack {stack.name} has the new passphrase")
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
            hint=_interim(rotation),
        )


def _finish(pulumi: Pulumi, stack: _Stack) -> None:
    """Make the newest backups of the state ones of the new passphrase too, and forget the old configuration."""
    file = state_file(pulumi.paths, stack.name)
    if file and file.is_file():
        content = file.read_bytes()
        write_private(file.with_name(f"{file.name}.bak"), content)
        runs = file.parents[2] / "backups" / file.parent.name / file.stem
        runs.mkdir(parents=True, exist_ok=True)
        write_private(
            runs / f"{file.stem}.{time.time_ns()}.json", content
        )  # named as the engine names its own
    stack.saved.unlink()


def _state_salt(pulumi: Pulumi, stack: str) -> str:
    """Return the salt in the state of a stack that the backend has; empty where there is none yet.

    Raises:
        DeployError: It cannot be read, which says nothing about what it is encrypted with.
    """
    done = pulumi.quietly("stack", "export", "--stack", stack)
    if done.returncode != 0:
        raise DeployError(
            f"cannot read the state of stack {stack}: {done.stderr.strip()}", hint="run: poscloud doctor"
        )
    provider = (json.loads(done.stdout).get("deployment") or {}).get("secrets_providers") or {}
    return str((provider.get("state") or {}).get("salt", ""))


def _behind(rotation: Rotation, paths: ProjectPaths) -> Iterator[str]:
    """Yield the files of the embedded state that still open with the old passphrase: its history and copies."""
    for file in sorted(paths.state.rglob("*")):
        if file.is_file() and any(opens(rotation.old, salt) for salt in salts_in(file)):
            yield str(file.relative_to(rotation.root))
