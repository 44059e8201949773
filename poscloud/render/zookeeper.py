"""ZooKeeper: one member or a quorum of three with stable identities."""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import TMP_MOUNT, exec_probe, waiting_probe
from poscloud.render.stateful import Program, member_outputs, render_stateful, settings
from poscloud.spec import ZooKeeperSpec
from poscloud.spec.jvm import HEAP_SHARE
from poscloud.spec.values import MEBIBYTE, parse_quantity

PORT = 2181
DATA_PATH = "/data"
CONFIG_PATH = "/etc/zookeeper"

# A four-letter word over bash's own TCP, because images do not always carry nc. ``ruok`` answers as soon
# as the process serves; ``srvr`` names a mode only once the member is part of a quorum.
_ASK = "exec 3<>/dev/tcp/127.0.0.1/{port}; printf {word} >&3; timeout 3 cat <&3 | grep -q {answer}"

_FORMING = "-Dzookeeper.fastleader.maxNotificationInterval=2000 -Dsun.net.inetaddr.negative.ttl=1"
"""A member that starts before the others have a name asks again after 2 s at most, and not for 10 s by what its JVM
remembers. By itself it asks ever more seldom, up to once a minute: three real pods took 32 s to elect a leader."""


def zookeeper_outputs(name: str, environment: str, spec: ZooKeeperSpec) -> dict[str, str]:
    """Return what it offers to others; the url names every member."""
    return member_outputs(name, environment, spec.replicas, PORT)


def render_zookeeper(context: Context, name: str, spec: ZooKeeperSpec) -> list[Manifest]:
    """Return the manifests of a ZooKeeper."""
    options = [_FORMING] if spec.replicas > 1 else []
    if spec.resources.limits.memory:
        options.append(f"-Xmx{int(parse_quantity(spec.resources.limits.memory) * HEAP_SHARE // MEBIBYTE)}m")
    program = Program(
        kind="zookeeper",
        command=["bash", f"{CONFIG_PATH}/start.sh"],
        ports={"client": PORT, "peer": 2888, "election": 3888},
        config={"zoo.cfg": _zoo_cfg(context, name, spec), "start.sh": _start_script()},
        config_path=CONFIG_PATH,
        data_path=DATA_PATH,
        user=1000,
        readiness=_probe("srvr", "Mode:"),  # said only by one that has what the leader has
        liveness=_probe("ruok", "imok"),
        # Else it is asked right away whether it is ready, as a rule is not yet, and again only after a whole period.
        startup=waiting_probe(_ask("srvr", "Mode:"), alive=_ask("ruok", "imok")),
        env={"ZOO_LOG_DIR": TMP_MOUNT["mountPath"]} | ({"JVMFLAGS": " ".join(options)} if options else {}),
        replicas=spec.replicas,
    )
    return render_stateful(context, name, spec, program)


def _ask(word: str, answer: str) -> str:
    return _ASK.format(port=PORT, word=word, answer=answer)


def _probe(word: str, answer: str) -> Manifest:
    probe = exec_probe(_ask(word, answer), timeoutSeconds=5, periodSeconds=10, failureThreshold=3)
    probe["exec"]["command"][0] = "bash"
    return probe


def _zoo_cfg(context: Context, name: str, spec: ZooKeeperSpec) -> str:
    values: dict[str, str | int | bool] = {
        "tickTime": 2000,
        "initLimit": 10,
        "syncLimit": 5,
        "dataDir": DATA_PATH,
        "clientPort": PORT,
        "maxClientCnxns": 200,
        "autopurge.snapRetainCount": 3,
        "autopurge.purgeInterval": 24,
        "4lw.commands.whitelist": "ruok,srvr,mntr",
        "admin.enableServer": False,
        # A member's own name may not resolve yet when it starts.
        "quorumListenOnAllIPs": True,
        **spec.config,
    }
    if spec.replicas > 1:
        hosts = names.member_dns_names(name, context.namespace, spec.replicas)
        values |= {f"server.{i + 1}": f"{host}:2888:3888" for i, host in enumerate(hosts)}
    return settings(values, "=")


def _start_script() -> str:
    return (
        "set -e\n"
        "# The member's number is its ordinal in the stateful set plus one; ZooKeeper allows 1 to 255.\n"
        f'echo "$(( ${{HOSTNAME##*-}} + 1 ))" > {DATA_PATH}/myid\n'
        f"exec zkServer.sh start-foreground {CONFIG_PATH}/zoo.cfg\n"
    )
