"""Three real ZooKeepers and three real Kafkas, as rendered: quorum, probes, topics, and one of them lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poscloud.spec import EnvironmentSpec, Resources, ZooKeeperSpec
from poscloud.spec.topics import Topic
from tests.servers.kafka import Cluster, Member, running_kafka, running_zookeeper, topics_job, wait_for
from tests.servers.running import wait_until

pytestmark = pytest.mark.servers

SMALL = Resources.model_validate({"limits": {"memory": "384Mi"}})
TOPICS = {
    "applog": Topic(partitions=6, config={"retention.ms": 604800000}),
    "orders": Topic(replicas=1, config={"cleanup.policy": "compact,delete"}),
}


def kafka(version: str, replicas: int, topics: dict[str, Topic]) -> EnvironmentSpec:
    """Return an environment with a Kafka and, before version 4, a ZooKeeper of as many members."""
    without = version.startswith("4")
    return EnvironmentSpec.model_validate(
        {
            "name": "a",
            "backing": {
                "kafka": {
                    "kind": "kafka",
                    "version": version,
                    "replicas": replicas,
                    "topics": topics,
                    "resources": SMALL,
                },
                **({} if without else {"zookeeper": {"kind": "zookeeper", "replicas": replicas}}),
            },
        }
    )


def become_ready(cluster: Cluster, member: Member) -> None:
    """Wait until the rendered readiness probe holds."""
    wait_for(member, lambda: member.probe(cluster.container, "readinessProbe"), "ready")


def describe(cluster: Cluster, topic: str) -> tuple[int, int, dict[str, str]]:
    """Return a topic's partitions, replicas and own settings."""
    text = cluster.run(
        "kafka-topics.sh", "--bootstrap-server", cluster.servers, "--describe", "--topic", topic
    )
    (line,) = [line for line in text.splitlines() if "PartitionCount" in line]
    partitions, replicas = (int(n) for n in re.findall(r"(?:PartitionCount|ReplicationFactor): (\d+)", line))
    settings = re.findall(r"([a-z.]+)=(\S+?)(?=,[a-z.]+=|$)", line.split("Configs: ")[1])
    return partitions, replicas, dict(settings)


def test_three_zookeepers_form_a_quorum_and_without_it_are_alive_but_not_ready(tmp_path: Path) -> None:
    spec = EnvironmentSpec(name="a", backing={"zookeeper": ZooKeeperSpec(replicas=3)})
    with running_zookeeper(spec, "zookeeper", tmp_path) as cluster:
        for member in cluster.members:
            become_ready(cluster, member)
        last, lost, other = cluster.members
        lost.kill()
        for member in (last, other):
            become_ready(cluster, member)
        other.kill()
        wait_until(lambda: not last.probe(cluster.container, "readinessProbe"), "not ready without a quorum")
        assert last.probe(cluster.container, "livenessProbe"), last.log.read_text()


def test_brokers_that_are_asked_to_stop_when_all_goes_end_long_before_they_are_killed(tmp_path: Path) -> None:
    with running_kafka(kafka("3.9.1", 3, {}), "kafka", tmp_path) as cluster:
        assert cluster.zookeeper is not None
        for member in cluster.zookeeper.members:
            member.kill()
        for member in cluster.members:
            assert member.process is not None
            member.process.terminate()
        for member in cluster.members:
            assert member.process is not None
            member.process.wait(60)  # of the two minutes that it has
        logs = [member.log.read_text(errors="replace") for member in cluster.members]
    assert any("start: no ZooKeeper has answered for 10 s; ending the broker" in log for log in logs)


def send(cluster: Cluster, servers: str, lines: list[str]) -> None:
    """Write lines to the topic applog, each confirmed by all replicas in sync."""
    cluster.run(
        "kafka-console-producer.sh", "--bootstrap-server", servers, "--topic", "applog",
        "--producer-property", "acks=all", given="\n".join(lines) + "\n",
    )  # fmt: skip


def read(cluster: Cluster, servers: str, count: int) -> list[str]:
    """Return the first lines of the topic applog."""
    got = cluster.run(
        "kafka-console-consumer.sh", "--bootstrap-server", servers, "--topic", "applog",
        "--from-beginning", "--max-messages", str(count), "--timeout-ms", "180000",
    )  # fmt: skip
    return got.splitlines()


@pytest.mark.parametrize("version", ["3.9.1", "4.1.0"])
def test_three_brokers_make_the_declared_topics_and_go_on_without_one(tmp_path: Path, version: str) -> None:
    spec = kafka(version, 3, TOPICS)
    with running_kafka(spec, "kafka", tmp_path) as cluster:
        made = cluster.run(*topics_job(spec, "kafka"))
        assert "Created topic applog" in made
        assert "written and read" in made
        assert describe(cluster, "applog")[:2] == (6, 3)
        assert describe(cluster, "applog")[2]["retention.ms"] == "604800000"
        partitions, replicas, settings = describe(cluster, "orders")
        assert (partitions, replicas) == (3, 1)
        assert settings["cleanup.policy"] == "compact,delete"
        assert settings["min.insync.replicas"] == "1"

        everybody = ",".join(f"{member.address}:9092" for member in cluster.members)
        first, then = [f"line {i}" for i in range(10)], [f"line {i}" for i in range(10, 20)]
        send(cluster, everybody, first)
        # Read once while all are there: Kafka makes its topic of offsets, of three replicas, for the first reader.
        assert sorted(read(cluster, everybody, 10)) == sorted(first)

        cluster.members[1].kill()
        rest = f"{cluster.members[0].address}:9092,{cluster.members[2].address}:9092"
        send(cluster, rest, then)
        assert sorted(read(cluster, rest, 20)) == sorted(first + then)


def test_a_broker_that_accepts_connections_and_no_messages_is_not_proven(tmp_path: Path) -> None:
    spec = kafka("4.1.0", 1, {})
    with running_kafka(spec, "kafka", tmp_path) as cluster:
        cluster.run(
            "kafka-topics.sh", "--bootstrap-server", cluster.servers, "--create", "--topic", "poscloud-usable",
            "--config", "max.message.bytes=1",
        )  # fmt: skip
        done = cluster.programs.run(*topics_job(spec, "kafka"))
        assert (done.returncode, "nothing could be written" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("version", ["3.9.1", "4.1.0"])
def test_the_job_may_run_again_adds_partitions_and_takes_nothing_away(tmp_path: Path, version: str) -> None:
    before = {"applog": Topic(partitions=2), "old": Topic()}
    with running_kafka(kafka(version, 1, before), "kafka", tmp_path) as cluster:
        cluster.run(*topics_job(kafka(version, 1, before), "kafka"))
        after = {
            "applog": Topic(partitions=4, config={"retention.ms": 1000, "cleanup.policy": "compact,delete"})
        }
        for _ in range(2):
            cluster.run(*topics_job(kafka(version, 1, after), "kafka"))
        partitions, _, settings = describe(cluster, "applog")
        assert partitions == 4
        assert (settings["retention.ms"], settings["cleanup.policy"]) == ("1000", "compact,delete")
        assert describe(cluster, "old")[0] == 3, "a topic that was removed from the file is gone"

        less = cluster.programs.run(*topics_job(kafka(version, 1, {"applog": Topic(partitions=2)}), "kafka"))
        assert (less.returncode, describe(cluster, "applog")[0]) == (3, 4)
        assert "topic applog has 4 partitions, and Kafka takes none away: declare 4" in less.stderr
        cluster.members[0].stop()

    with running_kafka(kafka(version, 1, before), "kafka", tmp_path) as cluster:
        assert describe(cluster, "applog")[0] == 4, "the disk was formatted again"
