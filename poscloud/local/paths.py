"""Where poscloud keeps what it owns: one folder in the project, one cache for the machine."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

OWNED = ".poscloud"

USER_KUBECONFIG = "POSCLOUD_USER_KUBECONFIG"
"""What KUBECONFIG was before the local cluster's file took its place; empty when it was not set."""


def cache_root() -> Path:
    """The machine-wide cache: ``$POSCLOUD_CACHE``, else the user's cache folder."""
    chosen = os.environ.get("POSCLOUD_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "poscloud"


def private_directory(path: Path) -> Path:
    """Make a folder that only its owner can enter, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkdir is subject to the umask, and an existing folder may have been made by other hands.
    if path.stat().st_mode & 0o777 != 0o700:
        path.chmod(0o700)
    return path


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner can read, completely or not at all.

    Raises:
        OSError: It cannot be written; what was there is unchanged, and nothing is left beside it.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(
                descriptor
            )  # else the name may be on the disk before the content, and power fail between
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class ProjectPaths:
    """Every file poscloud owns for one project.

    Attributes:
        root: The project's folder: the one that holds ``Pulumi.yaml``.
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.absolute())

    @property
    def owned(self) -> Path:
        """The folder in the project that is all poscloud's, and in no version control."""
        return self.root / OWNED

    @property
    def bin(self) -> Path:
        """Links to the programs chosen for this project."""
        return self.owned / "bin"

    @property
    def state(self) -> Path:
        """Pulumi's state, where no other backend is chosen."""
        return self.owned / "state"

    @property
    def state_url(self) -> str:
        """``state`` as the engine's backend address.

        Without ``metadata=skip`` the engine keeps a second file beside each state file, written in place: a kill
        at that moment leaves it empty, and then the state, though whole, cannot be read.
        """
        return f"{self.state.as_uri()}?metadata=skip"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME: plugins and the engine's own settings."""
        return self.owned / "pulumi"

    @property
    def passphrase(self) -> Path:
        """The passphrase that encrypts the secrets in ``state``."""
        return self.owned / "passphrase"

    @property
    def cluster(self) -> Path:
        """Everything of the local control plane."""
        return self.owned / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the local cluster's ordinary user, context ``poscloud``."""
        return self.cluster / "kubeconfig"

    @property
    def admin_kubeconfig(self) -> Path:
        """The kubeconfig of the local cluster's administrator, for what the ordinary user may not do."""
        return self.cluster / "config" / "admin.kubeconfig"

    @property
    def archive(self) -> Path:
        """What destroyed environments left behind, where their description names no other place."""
        return self.owned / "archive"

    @property
    def logs(self) -> Path:
        """Logs of set-up and of runs; the control plane's own are in ``cluster/logs``."""
        return self.owned / "logs"

    @property
    def activate(self) -> Path:
        """The file a shell reads to use plain ``pulumi`` and ``kubectl``."""
        return self.owned / "activate"

    @property
    def venv(self) -> Path:
        """The Python installation that the program runs in.

        The project's own ``.venv`` where that has poscloud, else the one this process runs in: poscloud may be
        installed anywhere.
        """
        own = self.root / ".venv"
        return own if (own / "bin" / "poscloud").exists() else Path(sys.prefix)

    @property
    def python(self) -> Path:
        """The interpreter of ``venv``."""
        if self.venv == Path(sys.prefix):
            return Path(sys.executable)
        return self.venv / "bin" / "python"

    def prepare(self) -> None:
        """Make the folders, and the passphrase where there is none."""
        private_directory(self.owned)
        for folder in (self.bin, self.state, self.pulumi_home, self.logs):
            private_directory(folder)
        # Version control must not pick up keys, even where the project's own ignore file forgot them.
        ignore = self.owned / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        self.quiet_engine()
        self.ensure_passphrase()

    def quiet_engine(self) -> None:
        """Keep the engine from writing its automatic log, which costs half of its processor time.

        It writes every property of every resource to ``PULUMI_HOME/logs`` and has no switch for it; where that
        is a file rather than a folder it goes on without (docs/decisions/0007). A folder is left alone.
        """
        logs = self.pulumi_home / "logs"
        if not logs.exists():
            logs.write_text(
                "poscloud: this file keeps the engine from logging; make it a folder to have its logs.\n"
            )

    def ensure_passphrase(self) -> Path:
        """Make the passphrase at first use; an existing one is never changed."""
        private_directory(self.owned)
        if not self.passphrase.exists():
            temporary = self.passphrase.with_name(f".passphrase.{secrets.token_hex(4)}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
            try:
                # link, not replace: of two first uses at once, the second must keep the first one's.
                os.link(temporary, self.passphrase)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return self.passphrase
