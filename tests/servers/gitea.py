"""A real Gitea, with users, tokens and repositories made through its own doors."""

from __future__ import annotations

import getpass
import hashlib
import os
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import requests

from tests.servers.golang import build, module_folder
from tests.servers.running import accepts, free_port, running, wait_until

MODULE = "code.gitea.io/gitea"
SETTINGS = """
APP_NAME = forge
RUN_USER = {user}
WORK_PATH = {home}
[database]
DB_TYPE = sqlite3
PATH = {home}/gitea.db
[repository]
ROOT = {home}/repositories
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
OFFLINE_MODE = true
[security]
INSTALL_LOCK = true
[service]
DISABLE_REGISTRATION = true
[api]
MAX_RESPONSE_ITEMS = 5
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
[log]
LEVEL = Warn
"""


class Gitea:
    """A running server.

    Args:
        program: The built program.
        home: Everything it writes.
        port: Where it listens on 127.0.0.1.
    """

    def __init__(self, program: Path, home: Path, port: int) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self.program = program
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "GITEA_WORK_DIR": str(home),
            "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT": "true",
        }

    def token(self, user: str, name: str, scopes: str = "all") -> str:
        """Return a new access token of a user, who is made if there is none."""
        listed = self.admin("user", "list")
        if user not in listed.split():
            words = ("--username", user, "--password", f"fake-word-{user}", "--email", f"{user}@example.com")
            self.admin("user", "create", *words, "--must-change-password=false")
        words = ("--username", user, "--token-name", name, "--scopes", scopes, "--raw")
        return self.admin("user", "generate-access-token", *words).split()[-1]

    def job_token(self, token: str, path: str) -> str:
        """Return the token that a running job of a repository has; written down as Gitea does when one begins."""
        made, salt = secrets.token_hex(20), "not-random"
        columns = {
            "status": 6,  # running
            "repo_id": self.api(token, "GET", f"/repos/{path}")["id"],
            "token_hash": hashlib.pbkdf2_hmac("sha256", made.encode(), salt.encode(), 10_000, 50).hex(),
            "token_salt": salt,
            "token_last_eight": made[-8:],
            "is_fork_pull_request": 0,
        }
        names, places = ", ".join(columns), ", ".join("?" * len(columns))
        with closing(sqlite3.connect(self.home / "gitea.db", timeout=30)) as database, database:
            database.execute(f"INSERT INTO action_task ({names}) VALUES ({places})", list(columns.values()))
        return made

    def admin(self, *words: str) -> str:
        """Run ``gitea admin`` and return what it prints."""
        done = subprocess.run(
            [self.program, "--config", self.home / "app.ini", "admin", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def api(self, token: str, method: str, path: str, **data: Any) -> Any:
        """Ask the API as a user would with curl."""
        answer = requests.request(
            method,
            f"{self.url}/api/v1{path}",
            json=data,
            headers={"Authorization": f"token {token}"},
            timeout=30,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def repository(self, token: str, path: str, folder: Path) -> Repository:
        """Return a new private repository and an empty clone of it."""
        self.api(
            token, "POST", "/user/repos", name=path.partition("/")[2], private=True, default_branch="main"
        )
        return Repository(self, path, token, folder)

    def knows(self, token: str, path: str, branch: str, commit: str) -> bool:
        """Whether a push has been taken in: after git has ended, Gitea may still call the repository empty."""
        headers = {"Authorization": f"token {token}"}
        repository, found = (
            requests.get(f"{self.url}/api/v1/repos/{path}{more}", headers=headers, timeout=30)
            for more in ("", f"/branches/{branch}")
        )
        return found.ok and found.json()["commit"]["id"] == commit and not repository.json()["empty"]


class Repository:
    """A clone that pushes as a person does.

    Args:
        gitea: The server.
        path: ``OWNER/NAME``.
        token: Whose pushes they are.
        folder: The work tree.
    """

    def __init__(self, gitea: Gitea, path: str, token: str, folder: Path) -> None:
        self.known = partial(gitea.knows, token, path)
        self.folder = folder
        self.environment = {
            **gitea.environment,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: token {token}",
            "GIT_AUTHOR_NAME": "alice",
            "GIT_AUTHOR_EMAIL": "alice@example.com",
            "GIT_COMMITTER_NAME": "alice",
            "GIT_COMMITTER_EMAIL": "alice@example.com",
        }
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", f"{gitea.url}/{path}.git")

    def git(self, *words: str) -> str:
        """Run git and return what it prints."""
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def push(self, branch: str, **files: str) -> None:
        """Commit files on a branch, which is made where it is not there, and push it."""
        known = self.git("branch", "--list", branch).strip()
        if known or branch != "main":
            self.git("checkout", "--quiet", *(() if known else ("-b",)), branch)
        for name, text in files.items():
            (self.folder / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Change {', '.join(files)}")
        self.publish(branch)

    def publish(self, *branches: str) -> None:
        """Push branches, and wait until the API knows them."""
        self.git("push", "--quiet", "origin", *branches)
        for branch in branches:
            commit = self.git("rev-parse", branch).strip()
            wait_until(partial(self.known, branch, commit), f"the push of {branch}")


@contextmanager
def running_gitea(home: Path) -> Iterator[Gitea]:
    """A Gitea with nothing in it, for the time of the context."""
    program = build("gitea", MODULE, c_tags="sqlite,sqlite_unlock_notify")
    port = free_port()
    static = module_folder("gitea", MODULE)
    words = {"user": getpass.getuser(), "home": home, "port": port, "static": static}
    (home / "app.ini").write_text(SETTINGS.format(**words))
    gitea = Gitea(program, home, port)
    command = [program, "--config", home / "app.ini", "web"]
    with running(command, home / "log", lambda: accepts(port), env=gitea.environment, seconds=120):
        yield gitea
