"""Real ZooKeepers and Kafkas, one process a member, on loopback addresses of their own.

They get the rendered files and start scripts. What the machine has not, stands in: the image's scripts
(``kafka-topics.sh`` …) are a line of ours each that runs the same Java class, and the members' DNS names are in
a hosts file that only their JVMs read.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from poscloud.local.versions import sources
from poscloud.render import render_environment
from poscloud.render.names import member_dns_names
from poscloud.spec import EnvironmentSpec, KafkaSpec, ZooKeeperSpec
from tests.servers.java import jars, java
from tests.servers.rendered import manifest, write_config
from tests.servers.running import running, wait_until

_ADDRESSES = itertools.count(1)

_CLASSES = {
    "zkServer.sh": "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    "kafka-server-start.sh": "kafka.Kafka",
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-console-producer.sh": "kafka.tools.ConsoleProducer",
    "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
}


def _address() -> str:
    """Return a loopback address that no other test uses; the rendered ports stay as they are."""
    return f"127.{100 + os.getpid() // 250 % 100}.{os.getpid() % 250}.{next(_ADDRESSES)}"


@dataclass
class Member:
    """One member of a stateful set, running as a process.

    Attributes:
        name: The pod's name.
        address: Where it listens.
        folder: Its configuration and data.
        process: Its process.
    """

    name: str
    address: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / "log"

    def accepts(self, port: int) -> bool:
        """Whether it listens on a TCP port, as a TCP probe asks."""
        with socket.socket() as client:
            client.settimeout(2)
            return client.connect_ex((self.address, port)) == 0

    def probe(self, container: dict[str, Any], which: str) -> bool:
        """Whether a rendered probe that runs a command holds; only the address it asks is another one."""
        command = container[which]["exec"]["command"]
        assert "127.0.0.1" in command[-1]
        asked = [*command[:-1], command[-1].replace("127.0.0.1", self.address)]
        return subprocess.run(asked, capture_output=True, timeout=30, check=False).returncode == 0

    def stop(self) -> None:
        """Stop it as Kubernetes would, with the two minutes that a broker has."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(120)

    def kill(self) -> None:
        """Kill it as a lost node would: all of its processes."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Programs:
    """The image's scripts, and the environment in which they know the members' DNS names."""

    folder: Path
    jars: Path
    hosts: dict[str, str] = field(default_factory=dict)

    def write(self, version: str) -> None:
        """Write the scripts and the hosts file."""
        (self.folder / "bin").mkdir(parents=True, exist_ok=True)
        for script, name in _CLASSES.items():
            if script == "kafka-console-producer.sh" and version != "3.9":
                name = "org.apache.kafka.tools.ConsoleProducer"  # moved
            arguments = '"$2"' if script == "zkServer.sh" else '"$@"'  # start-foreground FILE
            options = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 $JVMFLAGS $KAFKA_HEAP_OPTS $KAFKA_LOG4J_OPTS"
            options += f" -Djdk.net.hosts.file={self.folder}/hosts"
            file = self.folder / "bin" / script
            file.write_text(f'#!/bin/sh\nexec "{java()}" {options} -cp "{self.jars}/*" {name} {arguments}\n')
            file.chmod(0o755)
        names = {socket.gethostname(): "127.0.0.1", "localhost": "127.0.0.1", **self.hosts}
        (self.folder / "hosts").write_text("".join(f"{a} {n}\n" for n, a in names.items()))

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the scripts are found."""
        return {**os.environ, "PATH": f"{self.folder}/bin{os.pathsep}{os.environ['PATH']}"}

    def run(self, *command: str, given: str = "", seconds: float = 240) -> subprocess.CompletedProcess[str]:
        """Run a command as in a container that has the scripts."""
        return subprocess.run(
            command, env=self.environment, input=given, capture_output=True, text=True, timeout=seconds, check=False
        )  # fmt: skip


@dataclass
class Cluster:
    """The running members of one stateful set."""

    members: list[Member]
    programs: Programs
    container: dict[str, Any]
    zookeeper: Cluster | None = None

    @property
    def servers(self) -> str:
        """What clients on this machine are configured with: a Kafka's brokers by their addresses."""
        return ",".join(f"{member.address}:9092" for member in self.members)

    def run(self, *command: str, given: str = "", seconds: float = 240) -> str:
        """Run a command as in a container that has the scripts, and return what it prints; fails if it fails."""
        done = self.programs.run(*command, given=given, seconds=seconds)
        assert done.returncode == 0, f"{' '.join(command)[:200]}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def _members(
    spec: EnvironmentSpec, name: str, replicas: int, folder: Path, programs: Programs
) -> list[Member]:
    members = []
    for i, host in enumerate(member_dns_names(name, spec.name, replicas)):
        members.append(Member(f"{name}-{i}", _address(), folder / f"{name}-{i}"))
        programs.hosts[host] = members[-1].address
    return members


def _container(spec: EnvironmentSpec, name: str) -> dict[str, Any]:
    found: dict[str, Any] = manifest(spec, "StatefulSet", name)["spec"]["template"]["spec"]["containers"][0]
    return found


def _start(
    stack: ExitStack, spec: EnvironmentSpec, name: str, cluster: Cluster, replace: dict[str, str], port: int
) -> None:
    """Start every member, then wait for all; ``replace`` may have ``{address}`` and ``{folder}``."""
    container, processes = cluster.container, ExitStack()
    stack.enter_context(processes)
    for member in cluster.members:
        own = {old: new.format(address=member.address, folder=member.folder) for old, new in replace.items()}
        config_path = next(m["mountPath"] for m in container["volumeMounts"] if m["name"] == "config")
        own[config_path] = str(member.folder / "etc")
        (member.folder / "data").mkdir(parents=True, exist_ok=True)
        write_config(spec, f"{name}-config", member.folder / "etc", own)
        env = {e["name"]: e["value"].replace(config_path, own[config_path]) for e in container["env"]}
        command = [part.replace(config_path, own[config_path]) for part in container["command"]]
        member.process = processes.enter_context(
            running(
                command,
                member.log,
                lambda: True,
                env={**cluster.programs.environment, **env, "HOSTNAME": member.name},
                cwd=member.folder,
            )
        )
    for member in cluster.members:
        wait_for(member, partial(member.accepts, port), f"port {port}")


def wait_for(member: Member, condition: Callable[[], bool], what: str, seconds: float = 240) -> None:
    """Wait for a member; fails with its log when it ends or does not come in time."""

    def holds() -> bool:
        assert member.process is not None
        ended = member.process.poll() is not None
        assert not ended, f"{member.name} ended:\n{member.log.read_text(errors='replace')[-6000:]}"
        return condition()

    try:
        wait_until(holds, f"{member.name}: {what}", seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{member.log.read_text(errors='replace')[-6000:]}") from None


@contextmanager
def running_zookeeper(
    spec: EnvironmentSpec, name: str, folder: Path, programs: Programs | None = None
) -> Iterator[Cluster]:
    """Run the ZooKeeper ``name`` of ``spec`` as rendered, while the context lasts."""
    zookeeper = spec.backing[name]
    assert isinstance(zookeeper, ZooKeeperSpec)
    programs = programs or Programs(folder, jars(sources() / "kafka/pom-3.9.xml"))
    members = _members(spec, name, zookeeper.replicas, folder, programs)
    programs.write("3.9")
    replace = {
        "clientPort=2181\n": "clientPort=2181\nclientPortAddress={address}\n",
        "quorumListenOnAllIPs=true": "quorumListenOnAllIPs=false",
        "dataDir=/data\n": "dataDir={folder}/data\n",
        "> /data/myid": "> {folder}/data/myid",
    }
    cluster = Cluster(members, programs, _container(spec, name))
    with ExitStack() as stack:
        _start(stack, spec, name, cluster, replace, 2181)
        yield cluster


@contextmanager
def running_kafka(
    spec: EnvironmentSpec, name: str, folder: Path, *, advertise_addresses: bool = False
) -> Iterator[Cluster]:
    """Run the Kafka ``name`` of ``spec`` as rendered, with its ZooKeeper if it has one, while the context lasts.

    Args:
        spec: The environment; versions from 4 on run 4.1, older ones 3.9.
        name: The Kafka.
        folder: For configuration, data and logs.
        advertise_addresses: Let brokers announce addresses instead of DNS names, for clients without a JVM.
    """
    kafka = spec.backing[name]
    assert isinstance(kafka, KafkaSpec)
    version = "4.1" if kafka.version.startswith("4") else "3.9"
    programs = Programs(folder, jars(sources() / f"kafka/pom-{version}.xml"))
    with ExitStack() as stack:
        zookeeper = None
        if kafka.zookeeper:
            zookeeper = stack.enter_context(running_zookeeper(spec, kafka.zookeeper, folder, programs))
        members = _members(spec, name, kafka.replicas, folder, programs)
        programs.write(version)
        replace = {"://0.0.0.0:": "://{address}:", "/var/lib/kafka": "{folder}/data"}
        if advertise_addresses:
            replace[f"${{HOSTNAME}}.{name}.{spec.name}.svc.cluster.local"] = "{address}"
        cluster = Cluster(members, programs, _container(spec, name), zookeeper)
        _start(stack, spec, name, cluster, replace, 9092)
        yield cluster


def topics_job(spec: EnvironmentSpec, name: str) -> list[str]:
    """Return the command of the rendered Job that makes the topics of the Kafka ``name``."""
    found = [m for part in render_environment(spec) if part.name == name for m in part.manifests]
    job = next(m for m in found if m["kind"] == "Job")
    command: list[str] = job["spec"]["template"]["spec"]["containers"][0]["command"]
    return command
