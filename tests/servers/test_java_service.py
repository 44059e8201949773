"""Two real Eureka servers and a real Spring Cloud service, each with the variables and the command rendered for it.

One address of 127.0.0.0/8 stands for each pod, and a hosts file of the JVM for the cluster's names.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from poscloud.render.jar import JAR_PATH
from poscloud.render.java import LOGS_PATH
from poscloud.spec import EnvironmentSpec, JarSource, JavaServiceSpec, Resources
from poscloud.spec.values import MEBIBYTE, resources
from tests.servers.java import built, java_home
from tests.servers.pods import environment
from tests.servers.rendered import manifest
from tests.servers.running import free_port, running, wait_until

pytestmark = pytest.mark.servers

REGISTRY, SERVICE = "eureka-server", "geo"
ADDRESSES = {"eureka-server-0": "127.0.0.2", "eureka-server-1": "127.0.0.3", "geo-5c9": "127.0.0.4"}
SMALL: Resources = resources(cpu=("100m", "2500m"), memory=("128Mi", "512Mi"))
LOG_SPACE, WRITTEN = 64, 128
SLOW = 400
"""Seconds that a JVM may take to start on a machine with much else to do."""


def description(port: int) -> EnvironmentSpec:
    jar = JarSource(url="http://127.0.0.1/{service}-{version}.jar", jdk="x/jdk:17")
    java = {"port": port, "eureka": REGISTRY, "resources": SMALL}
    services = {
        REGISTRY: JavaServiceSpec(replicas=2, **java),
        SERVICE: JavaServiceSpec(jar=jar, log_space=f"{LOG_SPACE}Mi", gc_log="jdk9+", **java),
    }
    return EnvironmentSpec(name="a", services=services)


@dataclass(frozen=True)
class Cluster:
    """What runs: the registries' base addresses, and the folder of the service's logs."""

    registries: list[str]
    port: int
    logs: Path

    def registered(self, registry: str) -> dict[str, tuple[str, str]]:
        """Return what one registry knows: instance → host name and address."""
        request = urllib.request.Request(f"{registry}/eureka/apps", headers={"Accept": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            applications = json.load(answer)["applications"]["application"]
        found = [instance for application in applications for instance in application["instance"]]
        return {i["instanceId"]: (i["hostName"], i["ipAddr"]) for i in found if i["status"] == "UP"}

    def replicas(self, registry: str, state: str) -> str:
        """Return the peers that one registry lists as ``available`` or ``unavailable``."""
        with urllib.request.urlopen(registry, timeout=10) as answer:
            page = answer.read().decode()
        found = re.search(rf"<td>{state}-replicas</td>\s*<td>(.*?)</td>", page, re.DOTALL)
        assert found, page
        return found[1].strip()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder, port = tmp_path_factory.mktemp("java"), free_port()
    registry, service = built("springcloud", "registry/target/registry.jar", "service/target/service.jar")
    spec = description(port)
    peers = manifest(spec, "StatefulSet", REGISTRY)["spec"]["serviceName"]
    hosts = folder / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost\n"
        + "".join(f"{ip} {pod}.{peers}.a.svc.cluster.local {pod}\n" for pod, ip in ADDRESSES.items())
    )
    jars, logs = folder / "jars", folder / "logs"
    jars.mkdir()
    logs.mkdir()
    (jars / f"{SERVICE}.jar").symlink_to(service)

    def run(pod: str, kind: str, name: str, command: list[str], more: dict[str, str]) -> ExitStack:
        (container,) = manifest(spec, kind, name)["spec"]["template"]["spec"]["containers"]
        fields = {"metadata.name": pod, "metadata.namespace": "a", "status.podIP": ADDRESSES[pod]}
        # The pod's own: its network, its name, its file system; and JVM options that only make it start faster.
        env = {n: v.replace(LOGS_PATH, str(logs)) for n, v in environment(container, fields).items()} | more
        env |= {
            "PATH": f"{java_home()}/bin:/usr/bin:/bin",
            "SERVER_ADDRESS": ADDRESSES[pod],
            "SERVER_PORT": str(port),
            "JAVA_TOOL_OPTIONS": f"-Djdk.net.hosts.file={hosts} -XX:TieredStopAtLevel=1",
        }
        words = [word.replace(JAR_PATH, str(jars)) for word in container.get("command", command)]
        log = folder / f"{pod}.log"
        stack = ExitStack()
        stack.enter_context(
            running(words, log, lambda: " Started " in log.read_text(errors="replace"), env=env, seconds=SLOW)
        )
        return stack

    entry_point = ["sh", "-c", f"exec java $JAVA_OPTS -jar {registry}"]  # the image's
    with ExitStack() as stack:
        for pod in ("eureka-server-0", "eureka-server-1"):
            stack.enter_context(run(pod, "StatefulSet", REGISTRY, entry_point, {}))
        stack.enter_context(run("geo-5c9", "Deployment", SERVICE, [], {"LOG_MEBIBYTES": str(WRITTEN)}))
        registries = [f"http://{ADDRESSES[pod]}:{port}" for pod in ("eureka-server-0", "eureka-server-1")]
        yield Cluster(registries, port, logs)


def test_each_registry_knows_both_and_the_service_by_its_pods_address(cluster: Cluster) -> None:
    port, domain = cluster.port, "eureka-server-peers.a.svc.cluster.local"
    expected = {
        f"127.0.0.2:{REGISTRY}:{port}": (f"eureka-server-0.{domain}", "127.0.0.2"),
        f"127.0.0.3:{REGISTRY}:{port}": (f"eureka-server-1.{domain}", "127.0.0.3"),
        f"127.0.0.4:{SERVICE}:{port}": ("127.0.0.4", "127.0.0.4"),
    }
    for registry in cluster.registries:
        wait_until(lambda r=registry: cluster.registered(r) == expected, f"registration at {registry}", SLOW)  # type: ignore[misc]


def test_each_registry_has_the_other_one_as_its_only_peer(cluster: Cluster) -> None:
    for registry, peer in zip(cluster.registries, (1, 0), strict=True):
        address = (
            f"http://eureka-server-{peer}.eureka-server-peers.a.svc.cluster.local:{cluster.port}/eureka/"
        )
        wait_until(
            lambda r=registry, a=address: cluster.replicas(r, "available").strip(",") == a,  # type: ignore[misc]
            f"replication from {registry}",
            SLOW,
        )
        assert cluster.replicas(registry, "unavailable") == ""


def test_the_jvm_has_the_processors_and_the_heap_of_its_container(cluster: Cluster) -> None:
    text = "".join(f.read_text(errors="replace") for f in cluster.logs.parent.glob("geo-5c9.log"))
    # A limit of 2500m is 3 processors, whatever the machine has; three quarters of 512Mi are 384 MiB of heap. The
    # collector keeps a part of one region back.
    found = re.search(r"processors (\d+) heap (\d+)", text)
    assert found, text
    assert found[1] == "3"
    assert 0.9 * 384 <= int(found[2]) <= 384


def test_all_logs_together_stay_below_their_space(cluster: Cluster) -> None:
    console = cluster.logs.parent / "geo-5c9.log"
    wait_until(lambda: console.read_text(errors="replace").rstrip().endswith("ready"), "writing logs", SLOW)
    wait_until(lambda: not list(cluster.logs.glob("*.tmp")), "compressing of closed logs", SLOW)
    files = {f.name: f.stat().st_size for f in cluster.logs.iterdir()}
    assert f"{SERVICE}.log" in files, files
    assert len([name for name in files if name.startswith(f"{SERVICE}.log.")]) > 1, "nothing was rotated"
    assert "gc.txt" in files
    assert sum(files.values()) < LOG_SPACE * MEBIBYTE, files
