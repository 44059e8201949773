"""``poscloud passwd``: the password of an environment that archives are unpacked with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poscloud.engine.deploy import install
from poscloud.engine.description import load_checked
from poscloud.engine.passphrase import check_passphrase
from poscloud.engine.passwords import make_password
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import read_stack_config
from poscloud.errors import DeployError, PosCloudError
from poscloud.load.edit import set_value
from poscloud.load.stacks import STACKS
from poscloud.local.paths import write_private
from poscloud.local.progress import Reporter

SECRET, KEY = "unpack", "password"
"""The Secret and its key that the password is given out in; ``poscloud:unpack.password`` in the configuration."""

NAME = f"{SECRET}.{KEY}"

_HINT = f"write it yourself: secrets: {{{SECRET}: [{KEY}]}}"


@dataclass(frozen=True)
class Given:
    """What was done.

    Attributes:
        made: Whether there is a new password.
        described: The stack's file, where it was given the Secret, relative to the project's folder; else ``None``.
        password: The password, where it is asked for; else empty.
    """

    made: bool
    described: Path | None
    password: str = ""


def passwd(
    root: Path, stack: str, reporter: Reporter, *, new: bool, file: Path | None = None, show: bool = False
) -> Given:
    """Make the password that archives of an environment are unpacked with, if there is none, and give it out.

    It is secret configuration of the stack. The stack's file is made to say ``secrets: {unpack: [password]}`` where it
    does not, so that the next ``up`` gives it to whoever reads Secret ``unpack``.

    Args:
        root: The project's folder.
        stack: The environment.
        reporter: Shows progress.
        new: Make another one where there is one.
        file: Write it there too, readable by this user only.
        show: Return it.

    Raises:
        InputError: The description is wrong.
        PosCloudError: The stack's file cannot be changed in place, or the file not be written.
        DeployError: The engine cannot store or read it.
    """
    spec = load_checked(root, stack)
    is_described = KEY in spec.secrets.get(SECRET, ())
    if not is_described and not (root / _file_of(stack)).is_file():
        raise PosCloudError(f"{stack} is described in Python, and has no Secret '{SECRET}'", hint=_HINT)
    install(root, reporter)
    pulumi = Pulumi(root, read_stack_config(root, stack).context)
    pulumi.ensure_stack(stack)
    made = new or NAME not in read_stack_config(root, stack).keys
    if made:
        make_password(pulumi, stack, NAME)
    # Not before: a description that names a password which nobody could store is refused by the next up.
    described = None if is_described else _describe(root, stack)
    password = _read(pulumi, stack) if file or show else ""
    if file:
        _hand_out(file, password)
    return Given(made, described, password if show else "")


def _file_of(stack: str) -> Path:
    return Path(STACKS) / f"{stack}.yaml"


def _describe(root: Path, stack: str) -> Path:
    """Write the Secret into the stack's file, if the description is right then, and return the file."""
    file = _file_of(stack)
    text = (root / file).read_text(encoding="utf-8")
    has = load_checked(root, stack).secrets.get(SECRET, ())
    try:
        (root / file).write_text(set_value(text, ("secrets", SECRET), [*has, KEY]), encoding="utf-8")
        load_checked(root, stack)
    except PosCloudError as error:
        (root / file).write_text(text, encoding="utf-8")
        raise PosCloudError(f"{file}: {error.message}; it is as it was", hint=_HINT) from None
    return file


def _read(pulumi: Pulumi, stack: str) -> str:
    done = pulumi.quietly("config", "get", f"poscloud:{NAME}", "--stack", stack, "--non-interactive")
    if done.returncode != 0:
        check_passphrase(pulumi.root, stack, pulumi.environment)
        raise DeployError(f"cannot read {NAME} of stack {stack}: {done.stderr.strip()}")
    return done.stdout.removesuffix("\n")


def _hand_out(file: Path, password: str) -> None:
    write_secretly(file, f"{password}\n", lambda words: PosCloudError(words, hint=f"ls -ld {file.parent}"))


def write_secretly(file: Path, text: str, problem: Callable[[str], PosCloudError]) -> None:
    """Write a file that only this user can read, and make its folder.

    Raises:
        PosCloudError: It cannot be written; made by ``problem`` from what is wrong.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, text)
    except OSError as error:
        raise problem(f"cannot write {file}: {error.strerror}") from None
