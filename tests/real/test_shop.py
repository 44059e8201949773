"""The sample environment on real nodes, end to end: three ZooKeepers and Kafkas, services in Java, C and Python."""

from __future__ import annotations

import gzip
import json
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from poscloud.local.progress import ConsoleReporter
from tests.real.shop import Environment, Gateway, wait_until
from tests.workspace import Workspace

pytestmark = [pytest.mark.real, pytest.mark.long]

STACK = "shop"
TROUBLES = [("shop", "RuntimeError: asked to fail: "), ("account", "  at answer (")]
EVENTS = """
import redis
for event in redis.Redis("redis").lrange("logstash:redis", 0, -1):
    print(event.decode())
"""
SAY = """
import socket
with socket.create_connection(("account", 7000), 10) as client:
    client.sendall(b"{word}\\n")
    print(client.recv(99).decode())
"""
KAFKA = """
from kafka import KafkaConsumer
settings = dict(bootstrap_servers={servers!r}, auto_offset_reset="earliest", consumer_timeout_ms=8000)
consumer = KafkaConsumer({topic!r}, **settings)
for message in consumer:
    if {word!r} in message.value.decode():
        print(message.value.decode())
"""


@pytest.fixture(scope="module")
def shop(three_nodes: Workspace) -> Iterator[Environment]:
    """The environment, up; what it took is printed."""
    environment = Environment(three_nodes, STACK)
    with ConsoleReporter(sys.__stderr__).step(f"bringing {STACK} up"):
        environment.poscloud("up", "--yes")
    yield environment
    environment.workspace.run("poscloud", "destroy", "--discard-logs", "--yes", "-s", STACK)


@pytest.fixture(scope="module")
def gateway(shop: Environment) -> Iterator[Gateway]:
    with shop.reached("gateway", 80) as port:
        yield Gateway(port)


def brokers(environment: Environment) -> list[str]:
    return [f"kafka-{i}.kafka.{environment.stack}.svc.cluster.local:9092" for i in range(3)]


def messages(environment: Environment, topic: str, word: str) -> list[str]:
    """Return the messages of a topic that have a word in them."""
    return environment.python(KAFKA.format(topic=topic, servers=brokers(environment), word=word)).splitlines()


def test_an_order_goes_through_gateway_java_c_python_and_all_stores(
    shop: Environment, gateway: Gateway
) -> None:
    order = gateway.order(7, "lamp")
    number = order["order"]
    assert (order["balance"], order["price"], order["version"]) == ("993", 70, "v1")
    wait_until(lambda: gateway.ask(f"/orders/{number}")[1].get("mailed") is True, "the mail")
    assert gateway.ask("/carts/7")[1] == {"lamp": "1"}
    sent = [json.loads(message) for message in messages(shop, "orders", '"account":7')]
    assert sent == [{"order": number, "account": 7, "item": "lamp"}]


def test_the_java_service_is_registered_by_its_pods_address(shop: Environment, gateway: Gateway) -> None:
    (pod,) = shop.pods("orders")
    expected = [f"{pod['status']['podIP']}:orders:9090"]

    def registered() -> list[str]:
        applications = gateway.ask("/eureka/apps")[1]["applications"]["application"]
        return [i["instanceId"] for a in applications for i in a["instance"]]

    wait_until(lambda: registered() == expected, f"registration of {expected}")


def test_a_web_application_is_copied_into_tomcat_and_served(gateway: Gateway) -> None:
    with urllib.request.urlopen(f"{gateway.base}/catalog/", timeout=30) as answer:
        page = answer.read().decode()
    assert "<h1>catalog</h1>" in page and "Served by Apache Tomcat/9" in page


def test_initial_sql_ran_in_its_order(gateway: Gateway) -> None:
    items = [item["name"] for item in gateway.ask("/shop/items")[1]["items"]]
    assert items == ["book", "lamp", "chair"]


def event_fields(shop: Environment, service: str) -> dict[str, Any]:
    (pod,) = shop.pods(service)
    return {"namespace": STACK, "service-name": service, "pod-ip": pod["status"]["podIP"]}


def test_a_stack_trace_arrives_in_kafka_as_one_event(shop: Environment, gateway: Gateway) -> None:
    assert gateway.ask("/fail?why=kafka-trace")[0] == 500
    found: list[str] = []
    wait_until(lambda: found.extend(messages(shop, "applog", "kafka-trace")) or found, "the event")
    (text,) = found
    event = json.loads(text)
    lines = event["message"].splitlines()
    assert lines[0].startswith("[") and "ERROR orders" in lines[0]
    assert any(line.startswith("\tat shop.Orders.fail(") for line in lines)
    assert event["fields"] == event_fields(shop, "orders")


@pytest.mark.parametrize(
    ("service", "trace"), [("shop", "RuntimeError: asked to fail: "), ("account", "  at answer (")]
)
def test_a_stack_trace_arrives_in_the_redis_list_as_one_event(
    shop: Environment, gateway: Gateway, service: str, trace: str
) -> None:
    if service == "shop":
        assert gateway.ask("/shop/fail?why=redis-trace")[0] == 500
    else:
        say(shop, "fail")

    def events() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in shop.python(EVENTS).splitlines()]
        mine = [e for e in found if e["fields"]["service-name"] == service]
        return [e for e in mine if " ERROR " in e["message"]]

    wait_until(events, "the event")
    (event,) = events()
    lines = event["message"].splitlines()
    assert lines[0].startswith("[") and any(line.startswith(trace) for line in lines), lines
    assert event["fields"] == event_fields(shop, service)


def say(shop: Environment, word: str) -> str:
    """Say a word to the C service."""
    return shop.python(SAY.format(word=word))


def test_mysqls_data_survives_that_its_pod_moves(shop: Environment, gateway: Gateway) -> None:
    number = gateway.order(8, "book")["order"]
    (pod,) = shop.pods("mysql")
    before = pod["spec"]["nodeName"]
    shop.workspace.ok("kubectl", "cordon", before)
    try:
        shop.kubectl("delete", "pod", "mysql-0")
        wait_until(lambda: shop.ready("mysql"), "mysql on another node")
    finally:
        shop.workspace.ok("kubectl", "uncordon", before)
    (pod,) = shop.pods("mysql")
    assert pod["spec"]["nodeName"] != before
    # The member has another address now; a JVM asks for that of a name anew after 30 s.
    wait_until(lambda: gateway.ask(f"/orders/{number}")[0] == 200, "the way to the moved member")
    assert gateway.ask(f"/orders/{number}")[1]["item"] == "book"


def test_zookeeper_and_kafka_go_on_without_one_of_three(shop: Environment, gateway: Gateway) -> None:
    (kafka,) = [p for p in shop.pods("kafka") if p["metadata"]["name"] == "kafka-1"]
    node = kafka["spec"]["nodeName"]
    (zookeeper,) = [p["metadata"]["name"] for p in shop.pods("zookeeper") if p["spec"]["nodeName"] == node]
    shop.workspace.ok("kubectl", "cordon", node)
    try:
        shop.kubectl("delete", "pod", "kafka-1", zookeeper)
        numbers = [gateway.order(9, "chair")["order"] for _ in range(3)]  # acks=all
        sent = [json.loads(m)["order"] for m in messages(shop, "orders", '"account":9')]
        assert sorted(sent) == numbers
        modes = shop.python(
            "import socket\n"
            f"for i in range(3):\n if 'zookeeper-%d' % i != '{zookeeper}':\n"
            "  s = socket.create_connection(('zookeeper-%d.zookeeper' % i, 2181), 5); s.sendall(b'srvr')\n"
            "  print([l for l in s.makefile().read().splitlines() if l.startswith('Mode')][0])\n"
        )
        assert sorted(modes.splitlines()) == ["Mode: follower", "Mode: leader"]
    finally:
        shop.workspace.ok("kubectl", "uncordon", node)
    for part in ("zookeeper", "kafka"):
        wait_until(lambda p=part: shop.ready(p) and len(shop.pods(p)) == 3, f"{part} is whole again")  # type: ignore[misc]
    assert gateway.order(9, "chair")["order"]


def test_a_jar_rolls_to_a_new_version_and_back(shop: Environment, gateway: Gateway) -> None:
    assert gateway.ask("/health")[1]["version"] == "v1"
    shop.poscloud("push-jar", "v2", "orders", "--offline")
    wait_until(lambda: gateway.ask("/health")[1]["version"] == "v2", "v2")
    assert gateway.order(10, "book")["version"] == "v2"
    shop.poscloud("rollback", "orders")
    wait_until(lambda: gateway.ask("/health")[1]["version"] == "v1", "v1")


def test_a_failing_liveness_probe_restarts_the_container(shop: Environment, gateway: Gateway) -> None:
    before = shop.restarts("account")
    assert say(shop, "close") == "ok closed"
    wait_until(lambda: shop.restarts("account") == before + 1 and shop.ready("account"), "a restart")
    assert gateway.order(11, "book")["balance"] == "989"


def test_destroy_archives_the_real_logs_first(shop: Environment, gateway: Gateway) -> None:
    assert gateway.ask("/fail?why=last-words")[0] == 500
    (pod,) = shop.pods("orders")
    with ConsoleReporter(sys.__stderr__).step(f"destroying {STACK}"):
        shop.poscloud("destroy", "--yes")
    (archive,) = (shop.workspace.root / ".poscloud" / "archive" / STACK).iterdir()
    log = gzip.decompress((archive / "logs" / pod["metadata"]["name"] / "orders.log.gz").read_bytes())
    assert b"asked to fail: why=last-words" in log
    assert b"\tat shop.Orders.fail(" in log
