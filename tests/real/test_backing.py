"""Every backing service as rendered, on a real node, by the images that are made here: it is ready, and it answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.cluster import RealCluster

pytestmark = pytest.mark.real

HERE = Path(__file__).parent
KAFKA = "--bootstrap-server {}:9092"


@pytest.fixture(scope="module")
def backing(packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """The environment of backing.yaml, brought up by poscloud on one real node."""
    cluster = RealCluster(tmp_path_factory.mktemp("backing"))
    shutil.copy(HERE / "backing.yaml", cluster.root / "stacks/backing.yaml")
    try:
        cluster.up("real")
        done = cluster.run("poscloud", "up", "-s", "backing")
        if done.returncode != 0:
            pytest.fail(f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}\n{seen(cluster)}")
        yield cluster
    finally:
        cluster.down(delete=True)


def seen(cluster: RealCluster) -> str:
    """Return what a person would look at who asks why something is not ready."""
    told = cluster.run("kubectl", "-n", "backing", "get", "pods,events").stdout[-6000:]
    for pod in cluster.get("pods", "-n", "backing")["items"]:
        states = pod["status"].get("containerStatuses", [])
        if not all(state["ready"] for state in states) and pod["status"].get("phase") != "Succeeded":
            name = pod["metadata"]["name"]
            logs = cluster.run("kubectl", "-n", "backing", "logs", name, "--all-containers", "--tail=30")
            told += f"\n--- {name}\n{logs.stdout[-3000:]}{logs.stderr[-500:]}"
    return told


def ask(cluster: RealCluster, pod: str, script: str) -> str:
    """Return what a shell script prints in a pod's first container."""
    return cluster.ok("kubectl", "-n", "backing", "exec", pod, "--", "bash", "-c", script).strip()


def consumed(cluster: RealCluster, kafka: str, topic: str, count: int) -> list[str]:
    """Return the first messages of a topic; fails if there are not so many within a minute."""
    consumer = (
        f"kafka-console-consumer.sh {KAFKA.format(f'{kafka}-0.{kafka}')} --topic {topic} --from-beginning"
    )
    return ask(cluster, f"{kafka}-0", f"{consumer} --max-messages {count} --timeout-ms 60000").splitlines()


def pods(cluster: RealCluster, app: str) -> list[str]:
    found = cluster.get("pods", "-n", "backing", "-l", f"app={app}")["items"]
    return [pod["metadata"]["name"] for pod in found]


def test_nothing_was_restarted(backing: RealCluster) -> None:
    there = backing.get("pods", "-n", "backing")["items"]
    statuses = {s["name"]: s for pod in there for s in pod["status"].get("containerStatuses", [])}
    assert len(there) >= 11
    assert {name: s["lastState"] for name, s in statuses.items() if s["restartCount"]} == {}


def test_zookeeper_is_a_quorum_of_three(backing: RealCluster) -> None:
    words = "exec 3<>/dev/tcp/127.0.0.1/2181; printf srvr >&3; timeout 3 cat <&3 | grep Mode:"
    modes = sorted(ask(backing, f"zookeeper-{i}", words) for i in range(3))
    assert modes == ["Mode: follower", "Mode: follower", "Mode: leader"]
    ask(backing, "zookeeper-0", "zkCli.sh -server zookeeper-0.zookeeper:2181 create /there 'a word'")
    assert "a word" in ask(backing, "zookeeper-2", "zkCli.sh -server zookeeper-2.zookeeper:2181 get /there")


@pytest.mark.parametrize(("name", "topic"), [("kafka", "orders"), ("quorum", "made-when-used")])
def test_kafka_gives_back_what_it_was_given(backing: RealCluster, name: str, topic: str) -> None:
    server = KAFKA.format(f"{name}-0.{name}")
    ask(
        backing,
        f"{name}-0",
        f"printf 'one\\ntwo\\n' | kafka-console-producer.sh {server} --topic {topic}",
    )
    assert sorted(consumed(backing, name, topic, 2)) == ["one", "two"]


def test_kafka_has_the_topics_that_were_declared(backing: RealCluster) -> None:
    described = ask(
        backing, "kafka-0", f"kafka-topics.sh {KAFKA.format('kafka-0.kafka')} --describe --topic orders"
    )
    assert "PartitionCount: 2" in described


def test_redis_answers(backing: RealCluster) -> None:
    assert ask(backing, "redis-0", "redis-cli ping; redis-cli config get dir") == "PONG\ndir\n/data"


def test_redis_with_a_password_refuses_who_has_none(backing: RealCluster) -> None:
    assert "NOAUTH" in ask(backing, "locked-0", "redis-cli ping 2>&1")
    assert "PONG" in ask(backing, "locked-0", "redis-cli < /run/redis/ping")


def test_mysql_ran_the_initial_sql_in_its_order(backing: RealCluster) -> None:
    sql = "SELECT name FROM account ORDER BY id"
    client = f"mysql -h mysql -u dac --batch --skip-column-names dac -e '{sql}'"
    found = ask(backing, "mysql-0", f'MYSQL_PWD="$MYSQL_PASSWORD" {client}')
    assert found.splitlines() == ["first", "first and second"]


def test_mongo_keeps_documents(backing: RealCluster) -> None:
    code = (
        "import pymongo; c = pymongo.MongoClient('mongodb://mongo.backing:27017').dac.orders; "
        "c.insert_many([{'_id': 1, 's': 'new'}, {'_id': 2, 's': 'paid'}]); "
        "print([d['s'] for d in c.find({'_id': {'$gt': 1}})])"
    )
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "asks", "namespace": "backing"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "main",
                    "image": "harbor.example.com/wbyh/python:3.11",
                    "command": ["python3", "-c", code],
                }
            ],
        },
    }
    assert '"python"' in backing.ok("poscloud", "cluster", "images", "--json", "--build", "python")
    backing.apply(pod)
    backing.until(
        "the client's end",
        lambda: backing.get("pod", "asks", "-n", "backing")["status"].get("phase") in ("Succeeded", "Failed"),
    )
    assert backing.ok("kubectl", "-n", "backing", "logs", "asks").strip() == "['paid']"


def test_mqtt_delivers(backing: RealCluster) -> None:
    script = (
        "mosquitto_sub -h mqtt -t news -C 1 -W 20 > /tmp/heard & "
        "until mosquitto_pub -h mqtt -t news -m again && sleep 0.2 && [ -s /tmp/heard ]; do :; done; "
        "wait; cat /tmp/heard"
    )
    assert ask(backing, "mqtt-0", script) == "again"


def test_tomcat_serves_and_the_sidecar_of_an_old_version_ships_its_log(backing: RealCluster) -> None:
    assert "HTTP/1.1 404" in ask(backing, "redis-0", "wget -O- http://shop:8080/nothing 2>&1 || true")
    event = json.loads(consumed(backing, "kafka", "applog", 1)[0])
    assert event["fields"]["service-name"] == "shop" and "catalina" in event["log"]["file"]["path"]


def test_the_gateway_answers_and_finds_services_by_their_names(backing: RealCluster) -> None:
    for path in ("here", "there"):
        assert ask(backing, "redis-0", f"wget -qO- http://gateway/{path}/") == "here"


def test_the_dns_proxy_answers_on_the_nodes_port(backing: RealCluster) -> None:
    (name,) = pods(backing, "dns")
    address = backing.get("pod", name, "-n", "backing")["status"]["hostIP"]
    answer = ask(backing, "redis-0", f"nslookup redis.backing.svc.cluster.local {address}:5353")
    assert "Name:\tredis.backing.svc.cluster.local" in answer


def test_an_image_that_nobody_knows_is_told_before_anything_starts(backing: RealCluster) -> None:
    (backing.root / "stacks/unknown.yaml").write_text(
        "registry: harbor.example.com/wbyh\nservices:\n  web: {kind: java, image: 'harbor.example.com/pay/core:v9'}\n"
    )
    done = backing.run("poscloud", "up", "-s", "unknown")
    assert done.returncode == 2
    assert "stacks/unknown.yaml:3:28: " in done.stderr and "[image-not-local]" in done.stderr
    assert "harbor.example.com/pay/core:v9" in done.stderr and "cluster-images.toml" in done.stderr
    assert "unknown" not in json.dumps(backing.get("namespaces"))
