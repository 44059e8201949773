"""State in a real PostgreSQL: the real engine, the real cluster, and the server's own faults."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.arena import STACK, says
from tests.servers.backends import FAKE, UP, Remote, remote
from tests.servers.debian import packages
from tests.servers.running import accepts, free_port, running
from tests.workspace import Workspace

pytestmark = pytest.mark.servers


class PostgreSQL:
    """A server with a database ``state`` and a user ``pulumi``, on 127.0.0.1.

    Args:
        home: An empty folder.
    """

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.packages = packages("postgresql-15")
        self._running = ExitStack()
        # It refuses to run as root; files that root owns are another user's own in a name space of users.
        self._as_user: list[str | Path] = []
        if os.getuid() == 0:
            self._as_user = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
        self._as_user += ["setpriv", "--pdeathsig", "KILL"]
        (home / "password").write_text(f"{FAKE}\n")
        initialize = [self.program("initdb"), "-D", home / "data", "-U", "pulumi", "--auth=scram-sha-256"]
        subprocess.run(
            [*self._as_user, *initialize, f"--pwfile={home}/password", "--encoding=UTF8", "--no-sync"],
            check=True, capture_output=True, env=self.packages.environment,
        )  # fmt: skip

    def program(self, name: str) -> Path:
        """Return one of the server's programs, which Debian keeps out of the PATH."""
        place = "usr/lib/postgresql/15/bin"
        return next(f for f in (self.packages.root / place / name, Path("/", place, name)) if f.exists())

    @property
    def url(self) -> str:
        """The backend's address, with its password."""
        return f"postgres://pulumi:{FAKE}@127.0.0.1:{self.port}/state?sslmode=disable"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        command = [*self._as_user, self.program("postgres"), "-D", self.home / "data", "-p", str(self.port)]
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        self._process = self._running.enter_context(
            running(
                [*command, *settings],
                self.home / "log",
                lambda: accepts(self.port) and self.ask("postgres", "select 1") == "1",
                env=self.packages.environment,
            )
        )

    def stop(self) -> None:
        """Stop it as its init script does: connections are ended."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=30)
        self._running.close()

    def ask(self, database: str, query: str) -> str:
        """Return what the server answers; empty while it does not."""
        import psycopg

        address = self.url.replace("/state?", f"/{database}?")
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                cursor = connection.execute(query.encode())
                return str(cursor.fetchone()[0]) if cursor.description else ""  # type: ignore[index]
        except psycopg.OperationalError:
            return ""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    found = PostgreSQL(tmp_path_factory.mktemp("postgresql"))
    found.start()
    found.ask("postgres", "CREATE DATABASE state")
    yield found
    found.stop()


@pytest.fixture(scope="module")
def arena(
    workspace: Workspace, server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Remote]:
    with remote(workspace, tmp_path_factory.mktemp("arena"), {"PULUMI_BACKEND_URL": server.url}) as found:
        yield found


def test_an_environment_lives_its_life(arena: Remote, server: PostgreSQL) -> None:
    arena.converges()
    assert server.ask("state", f"SELECT key FROM pulumi_state WHERE key LIKE '%stacks/%/{STACK}.json'")
    doctor = arena.run("poscloud", "doctor")
    says(
        doctor,
        f"postgres://pulumi:[secret]@127.0.0.1:{server.port}/state?sslmode=disable (PULUMI_BACKEND_URL), answers",
    )
    arena.destroys()


def test_the_second_of_two_is_told_who_holds_the_lock(arena: Remote) -> None:
    first = arena.start(*UP)
    began, told = threading.Event(), threading.Event()
    arena.at_write(2, lambda: (began.set(), told.wait(300))[0])  # type: ignore[func-returns-value]
    assert began.wait(300)
    second = arena.run(*UP)
    shown = arena.run("poscloud", "unlock")
    refused = arena.run("poscloud", "unlock", second.text.rsplit(maxsplit=1)[-1])
    told.set()
    text, _ = first.communicate()
    assert first.returncode == 0, text
    assert second.code == 4
    says(second, f"stack {STACK} is in use by ", "(alive)", f"poscloud unlock -s {STACK} ")
    says(shown, second.text.rsplit(maxsplit=1)[-1], "alive")
    says(refused, "is running", "--force")
    assert arena.run("pulumi", "preview", "--expect-no-changes").code == 0


def test_the_server_is_restarted_in_the_middle(arena: Remote, server: PostgreSQL) -> None:
    arena.destroys()

    stop, restarted = threading.Event(), threading.Event()
    arena.at_write(4, lambda: (stop.set(), restarted.wait(300))[0])  # type: ignore[func-returns-value]
    process = arena.start(*UP)
    assert stop.wait(300)
    server.stop()
    restarted.set()
    server.start()
    text, _ = process.communicate(timeout=400)
    assert process.returncode == 0, text
    assert FAKE not in text
    arena.converges()


def test_a_killed_run_is_gone_on_with(arena: Remote) -> None:
    arena.destroys()
    process = arena.start("pulumi", "up", "--yes", "--skip-preview")
    arena.at_write(4, lambda: os.kill(process.pid, signal.SIGKILL))
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    shown = arena.run("poscloud", "unlock")
    says(shown, f"{process.pid}", "not running")
    assert arena.pending()
    done = arena.run(*UP)
    assert done.code == 0, done.text
    says(done, f"pid {process.pid}", "was killed")
    assert arena.pending() == []
    arena.converges()
