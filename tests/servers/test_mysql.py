"""The rendered MySQL, run by a real MariaDB: start script, my.cnf, initial SQL, users, probes."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from poscloud.render import Manifest
from poscloud.spec import EnvironmentSpec, InitSql, MySQLSpec
from tests.servers.confined import confined
from tests.servers.debian import Packages, packages
from tests.servers.rendered import manifest, write_config
from tests.servers.running import free_port, running

pytestmark = pytest.mark.servers

PASSWORD = "it's \\a fake\" $(word) %s"
ROOT_PASSWORD = "not-a-real-root-'password'"
SQL = (
    InitSql(file="sql/a.sql", sql="CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, word VARCHAR(20));"),
    InitSql(sql="INSERT INTO t (word) VALUES ('erst')"),
    InitSql(sql="INSERT INTO t (word) VALUES ('爱问')"),
)
SPEC = MySQLSpec(
    databases=("dac_one", "quartz"), user="dac", init_sql=SQL, config={"max-connections": 77, "sql_mode": ""}
)


class Member:
    """The container of a rendered MySQL on this machine: folders of its own, MariaDB's programs as the image's."""

    def __init__(self, spec: MySQLSpec, home: Path, mariadb: Packages) -> None:
        self.home, self.mariadb, self.port = home, mariadb, free_port()
        for folder in ("bin", "data", "run", "init"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        self.describe(spec)
        # Debian's programs look for each other in /usr, where they are not installed here; and mysqld does not run
        # as root, as which CI may run.
        installed = f'--basedir={mariadb.root}/usr --user="$(id -un)"'
        for name in ("mysqld", "mysql_install_db"):
            program = home / "bin" / name
            program.write_text(f'#!/bin/sh\nexec {mariadb.program(name)} "$@" {installed}\n')
            program.chmod(0o755)
        self.passwords = {"MYSQL_PASSWORD": PASSWORD, "MYSQL_ROOT_PASSWORD": ROOT_PASSWORD}

    def describe(self, spec: MySQLSpec) -> None:
        """Write what is rendered for ``spec`` over what was there."""
        environment = EnvironmentSpec(name="a", backing={"mysql": spec})
        self.paths = {
            "/etc/mysql/": f"{self.home}/etc/",
            "/var/lib/mysql": f"{self.home}/data",
            "/run/mysqld/": f"{self.home}/run/",
        }
        here = {"port = 3306": f"port = {self.port}", "bind_address = 0.0.0.0": "bind_address = 127.0.0.1"}
        if spec.init_sql:
            here["/etc/mysql-init/"] = f"{self.home}/init/"
            write_config(environment, "mysql-init", self.home / "init", {})
        write_config(environment, "mysql-config", self.home / "etc", self.paths | here)
        pod = manifest(environment, "StatefulSet", "mysql")["spec"]["template"]["spec"]
        self.container: Manifest = pod["containers"][0]

    @property
    def environment(self) -> dict[str, str]:
        given = self.mariadb.environment
        zone = {e["name"]: e["value"] for e in self.container["env"] if "value" in e}
        return given | zone | self.passwords | {"PATH": f"{self.home}/bin:{given['PATH']}"}

    def probe(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a probe's command as it is rendered."""
        command = [self._here(word) for word in self.container[name]["exec"]["command"]]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def _here(self, word: str) -> str:
        for old, new in self.paths.items():
            word = word.replace(old, new)
        return word

    @contextmanager
    def run(self) -> Iterator[subprocess.Popen[bytes]]:
        words = [self._here(word) for word in self.container["command"]]
        volumes = {"/var/lib/mysql": self.home / "data", "/run/mysqld": self.home / "run"}
        command = confined(self.container, words, self.home, volumes)
        with running(command, self.home / "log", self.is_ready, env=self.environment, seconds=120) as process:
            yield process

    def is_ready(self) -> bool:
        return self.probe("readinessProbe").returncode == 0

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    def ask(self, sql: str, user: str = "dac", password: str = PASSWORD, *, local: bool = False) -> str:
        """Return what a client gets; by TCP unless ``local``."""
        way = (
            [f"--socket={self.home}/run/mysqld.sock"]
            if local
            else ["--host=127.0.0.1", f"--port={self.port}"]
        )
        command = [self.mariadb.program("mysql"), "--no-defaults", *way, f"--user={user}", "-BN", "-e", sql]
        done = subprocess.run(
            [str(word) for word in command],
            env=self.mariadb.environment | {"MYSQL_PWD": password, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() or done.stderr.strip()


@pytest.fixture(scope="module")
def mariadb() -> Packages:
    return packages("mariadb-server")


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="db") as folder:  # a socket's path may have 107 characters
        yield Path(folder)


def test_initial_sql_is_run_once_in_order_and_survives_a_restart(home: Path, mariadb: Packages) -> None:
    member = Member(SPEC, home, mariadb)
    for start in (1, 2):
        with member.run():
            rows = member.ask("SELECT id, word FROM dac_one.t ORDER BY id", local=True)
            assert rows.split() == ["1", "erst", "2", "爱问"], f"start {start}"
        assert ("first start" in member.log) == (start == 1)
    assert not (home / "data" / "new").exists()


def test_users_passwords_and_settings_are_as_described(home: Path, mariadb: Packages) -> None:
    member = Member(SPEC, home, mariadb)
    with member.run() as process:
        assert member.ask("SELECT CURRENT_USER()") == "dac@%"
        assert "Access denied" in member.ask("SELECT 1", password="wrong")
        assert "command denied" in member.ask("SELECT 1 FROM mysql.user")
        assert "Access denied" in member.ask("SELECT 1", "root", ROOT_PASSWORD), "root only inside the pod"
        root = member.ask(
            "SELECT user, host FROM mysql.user WHERE host > '' ORDER BY 1", "root", ROOT_PASSWORD, local=True
        )
        assert root.split() == ["dac", "%", "mariadb.sys", "localhost", "root", "localhost"]
        databases = member.ask("SHOW DATABASES", "root", ROOT_PASSWORD, local=True).split()
        assert {"dac_one", "quartz"} <= set(databases) and "test" not in databases
        settings = member.ask(
            "SELECT @@max_connections, @@innodb_buffer_pool_size, @@character_set_server, @@performance_schema"
        )
        assert settings.split() == ["77", str(512 * 2**20), "utf8mb4", "0"]
        assert member.ask("SELECT TIMEDIFF(NOW(), UTC_TIMESTAMP())") == "08:00:00", "Asia/Shanghai"
        assert member.probe("livenessProbe").returncode == 0
        for part in ("cmdline", "environ"):
            text = Path(f"/proc/{process.pid}/{part}").read_text()
            assert PASSWORD not in text and ROOT_PASSWORD not in text, part
            assert str(home) in text
    assert "ready for connections" in member.log
    assert PASSWORD not in member.log and ROOT_PASSWORD not in member.log
    assert member.probe("livenessProbe").returncode != 0, "it answers for a server that is gone"


def test_a_failing_statement_is_seen_and_leaves_nothing(home: Path, mariadb: Packages) -> None:
    member = Member(SPEC.model_copy(update={"init_sql": (*SQL, InitSql(sql="SELEKT 1"))}), home, mariadb)
    with pytest.raises(AssertionError, match="ended with 1"), member.run():
        pass
    assert "initial SQL 004.sql failed" in member.log
    assert "ERROR 1064 (42000) at line 1" in member.log
    assert not (home / "data" / "data").exists()
    (home / "init" / "004.sql").unlink()
    with member.run():
        assert member.ask("SELECT COUNT(*) FROM dac_one.t") == "2", "the half of the first attempt was kept"


def test_rotated_passwords_count_from_the_next_start_on_the_same_data(home: Path, mariadb: Packages) -> None:
    member = Member(SPEC, home, mariadb)
    with member.run():
        assert member.ask("SELECT COUNT(*) FROM dac_one.t") == "2"
    member.passwords = {"MYSQL_PASSWORD": "another-fake", "MYSQL_ROOT_PASSWORD": "a-third-fake"}
    with member.run():
        assert member.ask("SELECT COUNT(*) FROM dac_one.t", password="another-fake") == "2"
        assert "Access denied" in member.ask("SELECT 1", password=PASSWORD)
        assert member.ask("SELECT 1", "root", "a-third-fake", local=True) == "1"
        assert "Access denied" in member.ask("SELECT 1", "root", ROOT_PASSWORD, local=True)


def test_passwords_databases_and_users_follow_at_the_next_start(home: Path, mariadb: Packages) -> None:
    member = Member(MySQLSpec(), home, mariadb)
    with member.run():
        assert member.ask("SELECT CURRENT_USER()", "root", ROOT_PASSWORD) == "root@%"
    member.describe(MySQLSpec(databases=("later",), user="dac"))
    member.passwords = {"MYSQL_PASSWORD": "another-fake", "MYSQL_ROOT_PASSWORD": "a-third-fake"}
    with member.run():
        assert member.ask("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA", password="another-fake").split() == [
            "information_schema", "later",
        ]  # fmt: skip
        for word in (ROOT_PASSWORD, "a-third-fake"):
            assert "Access denied" in member.ask("SELECT 1", "root", word)
        assert member.ask("SELECT 1", "root", "a-third-fake", local=True) == "1"
