"""The sample applications, run by the rendered commands on this machine: a request through all of them.

What a cluster gives (names, a port for each pod) is given by variables; tests/real has them in a cluster.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from poscloud.load import load_file
from poscloud.render.jar import JAR_PATH
from poscloud.render.java import LOGS_PATH
from poscloud.spec import EnvironmentSpec, MySQLSpec
from tests.sampleapps import APPS, store_files
from tests.servers.debian import packages
from tests.servers.java import java_home
from tests.servers.kafka import Cluster, running_kafka, topics_job
from tests.servers.rendered import program
from tests.servers.running import accepts, free_port, running, wait_until
from tests.servers.test_mysql import PASSWORD, Member
from tests.servers.virtualenv import virtualenv
from tests.workspace import ROOT

pytestmark = pytest.mark.servers

PYTHON = ("django<6", "flask", "gunicorn", "celery[redis]", "pymysql", "packaging")
SLOW = 240


def ask(url: str, method: str = "GET") -> tuple[int, Any]:
    """Return status and JSON of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


@dataclass
class Shop:
    """What runs.

    Attributes:
        ports: Service → where it listens on 127.0.0.1.
        logs: The folder with a folder of log files for each service.
        kafka: The broker.
    """

    ports: dict[str, int]
    logs: Path
    kafka: Cluster

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"


class Starting:
    """Starts the services one after another, each by its rendered command."""

    def __init__(self, spec: EnvironmentSpec, folder: Path, stack: ExitStack) -> None:
        self.spec, self.folder, self.stack = spec, folder, stack
        self.ports = {name: free_port() for name in spec.services}
        self.given = {f"{n.upper()}_URL": f"http://127.0.0.1:{port}" for n, port in self.ports.items()}

    def start(
        self, name: str, replace: dict[str, str], ready: Callable[[], bool], kind: str, **more: str
    ) -> None:
        """Start one service; ``replace`` as for ``program``, ``more`` are variables of this machine."""
        found = program(self.spec, name, replace, kind=kind)
        log = self.folder / f"{name}.out"
        env = found.env | self.given | more
        self.stack.enter_context(running(found.command, log, ready, env=env, seconds=SLOW))

    def logs(self, name: str) -> str:
        """Return the folder of a service's log files."""
        folder = self.folder / "logs" / name
        folder.mkdir(parents=True)
        return str(folder)

    def java(self, name: str, **more: str) -> None:
        jars, port = self.folder / name, self.ports[name]
        jars.mkdir()
        (jars / f"{name}.jar").symlink_to(store_files() / f"jars/{name}/v1/{name}-v1.jar")
        env = {"PATH": f"{java_home()}/bin:{os.environ['PATH']}", "SERVER_PORT": str(port)}
        replace = {JAR_PATH: str(jars), LOGS_PATH: self.logs(name)}
        kind = "StatefulSet" if name == "eureka" else "Deployment"
        self.start(name, replace, lambda: accepts(port), kind, **env, **more)

    def python(self, name: str, folder: str, ready: Callable[[], bool] | None = None) -> None:
        work = self.folder / "work" / name
        shutil.copytree(APPS / folder, work)
        (work / ".venv").symlink_to(virtualenv(*PYTHON))
        port, serves = self.ports[name], ready is None
        replace = {f"/data/home/work/{name}/": str(work), "/data/home/logs": self.logs(name)}
        if serves:
            replace["0.0.0.0:8080"] = f"127.0.0.1:{port}"
        self.start(name, replace, ready or (lambda: accepts(port)), "Deployment")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    spec = load_file(APPS / "shop-small.yaml", ROOT)
    mysql = spec.backing["mysql"]
    assert isinstance(mysql, MySQLSpec)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="db")))
        member = Member(mysql, home, packages("mariadb-server"))
        stack.enter_context(member.run())
        redis, redis_port = packages("redis-server"), free_port()
        command = [
            redis.program("redis-server"),
            "--port",
            str(redis_port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]
        stack.enter_context(
            running(command, folder / "redis", lambda: accepts(redis_port), env=redis.environment, cwd=folder)
        )
        kafka = stack.enter_context(running_kafka(spec, "kafka", folder, advertise_addresses=True))
        kafka.run(*topics_job(spec, "kafka"))
        starting = Starting(spec, folder, stack)
        starting.given |= {
            "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_port), "REDIS_URL": f"redis://127.0.0.1:{redis_port}",
            "MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(member.port), "MYSQL_PASSWORD": PASSWORD,
            "KAFKA_URL": kafka.servers, "ACCOUNT_HOST": "127.0.0.1", "ACCOUNT_PORT": str(starting.ports["account"]),
        }  # fmt: skip
        _account(starting)
        starting.python("cart", "cart-flask")
        starting.python("shop", "shop-django")
        worker = folder / "mailer.out"
        starting.python("mailer", "mailer-celery", lambda: " ready." in worker.read_text(errors="replace"))
        starting.java("eureka")
        zone = f"http://127.0.0.1:{starting.ports['eureka']}/eureka/"
        address = {"EUREKA_INSTANCE_IPADDRESS": "127.0.0.1"}
        starting.java("orders", EUREKA_CLIENT_SERVICEURL_DEFAULTZONE=zone, **address)
        yield Shop(starting.ports, folder / "logs", kafka)


def _account(starting: Starting) -> None:
    """Start the C service from a clone of its repository, which is what the init container leaves."""
    clone, port = starting.folder / "program", starting.ports["account"]
    repository = store_files() / "git/account.git"
    with running(
        ["git", "clone", "-q", "-b", "v1", repository, clone], starting.folder / "clone", lambda: True
    ) as p:
        assert p.wait(60) == 0
    logs = starting.logs("account")
    ini = clone / "account.ini.test"
    ini.write_text(ini.read_text().replace("7000", str(port)).replace("/data/log", logs))
    command = [clone / "account", ini]
    starting.stack.enter_context(running(command, starting.folder / "account.out", lambda: accepts(port)))


def test_an_order_goes_through_all_of_them(shop: Shop) -> None:
    assert ask(f"{shop.url('shop')}/shop/items") == (
        200,
        {
            "items": [
                {"name": "book", "price": 20},
                {"name": "lamp", "price": 70},
                {"name": "chair", "price": 90},
            ]
        },
    )
    status, order = ask(f"{shop.url('orders')}/orders?account=7&item=lamp", "POST")
    assert status == 200, order
    task = order.pop("mail")
    assert task
    assert order == {
        "order": 1, "account": 7, "item": "lamp", "balance": "993", "price": 70, "in_cart": 1, "version": "v1",
    }  # fmt: skip
    wait_until(lambda: ask(f"{shop.url('orders')}/orders/1")[1].get("mailed") is True, "the mail", SLOW)
    assert ask(f"{shop.url('cart')}/carts/7") == (200, {"lamp": "1"})
    sent = shop.kafka.run(
        "kafka-console-consumer.sh", "--bootstrap-server", shop.kafka.servers, "--topic", "orders",
        "--from-beginning", "--max-messages", "1", "--timeout-ms", "120000",
    )  # fmt: skip
    assert json.loads(sent) == {"order": 1, "account": 7, "item": "lamp"}


def test_the_java_service_registers_by_its_address(shop: Shop) -> None:
    def registered() -> list[str]:
        applications = ask(f"{shop.url('eureka')}/eureka/apps")[1]["applications"]["application"]
        return [i["instanceId"] for a in applications for i in a["instance"]]

    wait_until(lambda: registered() == [f"127.0.0.1:orders:{shop.ports['orders']}"], "registration")


@pytest.mark.parametrize(
    ("service", "path", "file", "trace"),
    [
        ("orders", "/fail?why=java", "orders.log", "\tat shop.Orders.fail(Orders.java:"),
        ("shop", "/shop/fail?why=python", "app.log", "RuntimeError: asked to fail: python"),
        ("cart", "/carts/7/nothing", "app.log", "LookupError: there is no item nothing"),
    ],
)
def test_a_failure_is_one_event_that_begins_with_a_bracket(
    shop: Shop, service: str, path: str, file: str, trace: str
) -> None:
    method = "POST" if service == "cart" else "GET"
    request = urllib.request.Request(f"{shop.url(service)}{path}", method=method)
    with pytest.raises(HTTPError) as error:
        urllib.request.urlopen(request, timeout=30)
    assert error.value.code == 500
    lines = (shop.logs / service / file).read_text().splitlines()
    last = max(i for i, line in enumerate(lines) if line.startswith("[") and " ERROR " in line)
    event = [lines[last]]
    for line in lines[last + 1 :]:
        if line.startswith("["):
            break
        event.append(line)
    assert any(line.startswith(trace) for line in event), event


def test_the_c_service_stops_listening_when_it_is_told_and_lives_on(shop: Shop) -> None:
    with socket.create_connection(("127.0.0.1", shop.ports["account"]), 5) as client:
        client.sendall(b"close\n")
        assert client.recv(100) == b"ok closed\n"
        wait_until(lambda: not accepts(shop.ports["account"]), "closing")
        client.sendall(b"balance 1\n")
        assert client.recv(100) == b"ok 1 999\n"
