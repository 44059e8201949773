"""Databases made anew in a real MariaDB, by the scripts that run in the pod."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from poscloud.cluster.database import server as server_module
from poscloud.cluster.database.ledger import LEDGER, Step
from poscloud.cluster.database.server import Server, UnderWayError
from poscloud.cluster.remote.command import Command
from poscloud.engine.database import reinit
from poscloud.engine.database.found import Found
from poscloud.engine.manual.container import Container
from poscloud.errors import ArchiveError, DeployError
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import ConsoleReporter
from poscloud.render.mysqlstart import initial_pieces
from poscloud.spec import InitSql, MySQLSpec
from tests.localexec import LocalExec
from tests.servers.debian import Packages, packages
from tests.servers.test_mysql import PASSWORD, ROOT_PASSWORD, SPEC, Member

pytestmark = pytest.mark.servers

SLEEPS = "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(600)'"
SLEEP = InitSql(file="sleep.sql", sql="INSERT INTO t (word) VALUES ('half'); SELECT SLEEP(600);")


class InPod(LocalExec):
    """What the product runs in the pod, with the pod's folders where they are here."""

    def __init__(self, member: Member) -> None:
        super().__init__(member.environment)
        self.member = member

    def words(self, command: Command) -> list[str]:
        return [word.replace("/run/mysqld", f"{self.member.home}/run") for word in command.words]


class Environment:
    """An environment whose MySQL is the real one."""

    def __init__(self, member: Member, root: Path, pod: InPod) -> None:
        self.member, self.root, self.pod = member, root, pod
        self.spec: MySQLSpec = SPEC
        pulumi = SimpleNamespace(paths=ProjectPaths(root))
        self.place: Any = SimpleNamespace(stack="shop", root=root, pulumi=pulumi, cluster=lambda: None)

    async def look(self, *_: Any) -> Found:
        container = Container("mysql-0", "u-1", "mysql", True)
        server = Server(None, "shop", "mysql-0", "mysql")  # type: ignore[arg-type]
        state = await server.state()
        return Found("mysql", self.spec, initial_pieces(self.spec), server, container, state, ())

    def describe(self, *pieces: InitSql) -> None:
        self.spec = self.spec.model_copy(update={"init_sql": pieces})

    async def reinit(self) -> str:
        return await reinit._reinit(self.place, "", ConsoleReporter())

    async def sql_state(self) -> dict[str, Any]:
        return reinit.as_data(await self.look())

    def ask(self, sql: str) -> list[str]:
        return self.member.ask(sql, "root", ROOT_PASSWORD, local=True).split()


@pytest.fixture(scope="module")
def member() -> Iterator[Member]:
    mariadb: Packages = packages("mariadb-server")
    with tempfile.TemporaryDirectory(prefix="db") as folder:
        found = Member(SPEC, Path(folder), mariadb)
        with found.run():
            yield found


@pytest.fixture
async def shop(member: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Environment]:
    pod = InPod(member)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "stacks" / "shop.yaml").write_text("archive: {folder: kept}\n")
    monkeypatch.setattr(server_module, "run", pod.run)
    found = Environment(member, tmp_path, pod)
    monkeypatch.setattr(reinit, "look", found.look)
    found.ask(f"DROP DATABASE IF EXISTS {LEDGER}")
    yield found
    assert not [f for f in (member.home / "run").iterdir() if f.name.startswith("poscloud.")]


async def test_all_is_made_anew_recorded_and_what_was_there_can_be_had_back(shop: Environment) -> None:
    assert {each["state"] for each in (await shop.sql_state())["initial_sql"]} == {"not recorded"}
    shop.ask(
        "INSERT INTO dac_one.t (word) VALUES ('mine'); CREATE DATABASE `by hand`; CREATE TABLE `by hand`.x (b BLOB);"
        "INSERT INTO `by hand`.x VALUES (X'00ff0a27'); CREATE VIEW `by hand`.v AS SELECT 1 AS one"
    )
    done = await shop.reinit()
    assert done.startswith("mysql of shop was made anew: 3 pieces of initial SQL; before: ")
    assert shop.ask("SELECT word FROM dac_one.t ORDER BY id") == ["erst", "爱问"]
    assert shop.member.ask("SELECT COUNT(*) FROM dac_one.t") == "2", "the application's user still may"
    databases = shop.ask("SHOW DATABASES")
    assert {"dac_one", "quartz", LEDGER} <= set(databases) and "by" not in databases
    told = await shop.sql_state()
    assert [each["state"] for each in told["initial_sql"]] == ["unchanged"] * 3
    assert told["runs"][0]["completed"] and told["runs"][0]["snapshot"] == done.partition("before: ")[2]

    snapshot = Path(told["runs"][0]["snapshot"])
    assert snapshot.is_relative_to(shop.root / "kept" / "shop") and snapshot.stat().st_mode & 0o777 == 0o600
    manifest = json.loads((snapshot.parent / "manifest.json").read_text())
    assert manifest["databases"] == ["by hand", "dac_one", "quartz"]
    mysql = [str(shop.member.mariadb.program("mysql")), "--no-defaults", "--user=root"]
    subprocess.run(
        [*mysql, f"--socket={shop.member.home}/run/mysqld.sock"], input=gzip.decompress(snapshot.read_bytes()),
        env=shop.member.environment | {"MYSQL_PWD": ROOT_PASSWORD}, check=True,
    )  # fmt: skip
    assert shop.ask("SELECT word FROM dac_one.t ORDER BY id") == ["erst", "爱问", "mine"]
    assert shop.ask("SELECT HEX(b), one FROM `by hand`.x, `by hand`.v") == ["00FF0A27", "1"]


async def test_what_is_new_changed_or_gone_since_then_is_told(shop: Environment) -> None:
    await shop.reinit()
    one, two, _ = shop.spec.init_sql
    shop.describe(
        one, two.model_copy(update={"sql": "INSERT INTO t (word) VALUES ('other')"}), InitSql(sql="DO 1")
    )
    shop.spec = shop.spec.model_copy(
        update={"init_sql": (*shop.spec.init_sql, InitSql(file="z.sql", sql="DO 2"))}
    )
    told = {each["name"]: each["state"] for each in (await shop.sql_state())["initial_sql"]}
    assert told == {"001-a.sql": "unchanged", "002.sql": "changed", "003.sql": "changed", "004-z.sql": "new"}
    await shop.reinit()
    assert shop.ask("SELECT word FROM dac_one.t") == ["other"]
    shop.describe(one)
    told = {each["name"]: each["state"] for each in (await shop.sql_state())["initial_sql"]}
    assert told == {"001-a.sql": "unchanged", "002.sql": "gone", "003.sql": "gone", "004-z.sql": "gone"}


async def test_a_piece_that_fails_is_named_and_the_next_run_mends(shop: Environment) -> None:
    whole = shop.spec.init_sql
    shop.describe(*whole[:2], InitSql(sql="SELEKT 1"), whole[2])
    with pytest.raises(DeployError) as caught:
        await shop.reinit()
    assert "ERROR 1064 (42000) at line 1" in caught.value.message
    assert "initial SQL 003.sql failed" in caught.value.message
    assert "databases.sql.gz" in caught.value.hint
    found = await shop.look()
    assert found.state.last and not found.state.last.completed
    assert "NOT COMPLETED: run reinit-mysql again" in reinit.lines(found)[-1]
    shop.describe(*whole)
    await shop.reinit()
    assert shop.ask("SELECT word FROM dac_one.t ORDER BY id") == ["erst", "爱问"]
    assert (await shop.look()).state.last == (await shop.look()).state.completed


async def test_killed_in_the_middle_and_run_again_it_mends(shop: Environment) -> None:
    whole = shop.spec.init_sql
    shop.describe(*whole[:2], SLEEP)
    running = asyncio.create_task(shop.reinit())
    while not shop.ask(SLEEPS):
        assert not running.done(), running.exception()
        await asyncio.sleep(0.05)

    everybody = b"".join(file.read_bytes() for file in processes("cmdline"))
    assert b"--database=dac_one" in everybody
    assert ROOT_PASSWORD.encode() not in everybody and PASSWORD.encode() not in everybody

    shop.describe(*whole)
    with pytest.raises(UnderWayError):
        await shop.reinit()
    script = next(each for each in shop.pod.processes if each.returncode is None)
    script.send_signal(signal.SIGKILL)  # its client goes on in the server
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert shop.ask(SLEEPS)
    assert shop.ask("SELECT word FROM dac_one.t ORDER BY id") == ["erst", "half"]
    await shop.reinit()
    assert not shop.ask(SLEEPS)
    assert shop.ask("SELECT word FROM dac_one.t ORDER BY id") == ["erst", "爱问"]
    assert [bool(run.completed) for run in (await shop.look()).state.runs] == [False, True]


def processes(what: str) -> Iterator[Path]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (folder / what).exists():
            yield folder / what


async def test_sql_that_arrives_in_part_changes_nothing(
    shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = (await shop.look()).server
    whole = server_module.RUN
    monkeypatch.setattr(server_module, "RUN", whole.replace("total=$1", "total=$(($1 + 1))"))
    with pytest.raises(DeployError, match="nothing was changed: the SQL did not arrive as a whole"):
        await server.apply([Step("drop", "", "DROP DATABASE dac_one")], print)
    assert "dac_one" in shop.ask("SHOW DATABASES")


async def test_a_dump_that_is_cut_is_no_snapshot(shop: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = server_module.DUMP
    monkeypatch.setattr(server_module, "DUMP", dump.replace('exec "$dump"', '"$dump"') + " | head -n -1\n")
    with pytest.raises(ArchiveError, match="could not be dumped"):
        await shop.reinit()
    assert shop.ask("SELECT COUNT(*) FROM dac_one.t") != ["0"]
    assert not list((shop.root / "kept").glob("**/*.gz")), "nothing was stored"
