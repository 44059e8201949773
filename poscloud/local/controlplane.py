"""The local control plane: a real Kubernetes API server on this machine, in seconds.

Every command may be killed at any moment and run again: what runs is found again, what is missing is started,
and nothing is ended that was not started for this very checkout.
"""

from __future__ import annotations

import datetime
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError, WaitTimeoutError
from poscloud.local import access, logs, ports, processes, simulated_exec, storage
from poscloud.local.api import LocalApi
from poscloud.local.components import COMPONENTS, Component, Settings, component, write_configuration
from poscloud.local.locks import exclusive
from poscloud.local.nodes import KwokNodes, NodeKind, is_ready
from poscloud.local.paths import ProjectPaths, private_directory
from poscloud.local.processes import Process
from poscloud.local.progress import Reporter, SilentReporter
from poscloud.local.record import ClusterRecord, Started

START_TIMEOUT = 90.0
POLL = 0.03


@dataclass(frozen=True)
class ComponentStatus:
    """One program of the control plane, now.

    Attributes:
        name: The program.
        pid: Its process; 0 when it does not run.
        uptime: Seconds since its start.
        memory: Resident bytes.
        log: Its log file.
    """

    name: str
    pid: int
    uptime: float
    memory: int
    log: Path

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.pid != 0


@dataclass(frozen=True)
class ClusterStatus:
    """The local cluster, now.

    Attributes:
        state: ``running``, ``stopped``, or ``partial`` when a component is missing or the API does not answer.
        server: The API server's address; empty when there never was one.
        uid: Identifies the cluster; empty when there never was one.
        nodes: How many nodes there are.
        nodes_ready: How many of them are ready.
        components: Each program.
    """

    state: str
    server: str
    uid: str
    nodes: int
    nodes_ready: int
    components: tuple[ComponentStatus, ...]


class ControlPlane:
    """The local control plane of one checkout.

    Args:
        paths: The checkout.
        bin_dir: Folder of the programs; the checkout's chosen ones by default.
    """

    def __init__(self, paths: ProjectPaths, bin_dir: Path | None = None) -> None:
        self.paths = paths
        self._bin = bin_dir or paths.bin
        self._record_file = paths.cluster / "cluster.json"
        self._fresh: dict[str, int] = {}

    # ---- what is there -------------------------------------------------------------------------------------

    def log(self, name: str) -> Path:
        """The log file of a component."""
        return self.paths.cluster / "logs" / f"{name}.log"

    @property
    def audit_log(self) -> Path:
        """One JSON line for each request the API server answered."""
        return self.log("audit")

    def status(self) -> ClusterStatus:
        """Look at everything, change nothing."""
        record = ClusterRecord.load(self._record_file)
        running = self._running(record)
        parts = tuple(self._component_status(entry.name, running.get(entry.name)) for entry in COMPONENTS)
        nodes: list[dict[str, object]] = []
        answers = False
        if "kube-apiserver" in running and record.port:
            api = LocalApi(record.port, self._settings(record).pki)
            try:
                nodes = (api.get("/api/v1/nodes") or {}).get("items", [])
                answers = api.ready()
            except (OSError, DeployError):
                answers = False
            finally:
                api.close()
        complete = answers and all(part.running for part in parts)
        state = "running" if complete else "partial" if running else "stopped"
        return ClusterStatus(state, record.server, record.uid, len(nodes), sum(map(is_ready, nodes)), parts)

    def memory(self) -> dict[str, int]:
        """Resident bytes of each component that runs."""
        running = self._running(ClusterRecord.load(self._record_file))
        return {name: processes.resident_memory(process) for name, process in running.items()}

    def logs(self, name: str, *, follow: bool = False, lines: int = 100) -> Iterator[str]:
        """The last lines of a component's log, and with ``follow`` every line to come.

        Raises:
            DeployError: There is no such component or it has no log yet.
        """
        if component(name) is None and name != "audit":
            known = ", ".join([*(entry.name for entry in COMPONENTS), "audit"])
            raise DeployError(f"no component {name!r}; known: {known}", hint="poscloud cluster status")
        if not self.log(name).exists():
            raise DeployError(f"{name} has no log yet: {self.log(name)}", hint="poscloud cluster up")
        return logs.read(self.log(name), follow=follow, lines=lines)

    # ---- up and down ---------------------------------------------------------------------------------------

    def up(
        self,
        reporter: Reporter | None = None,
        nodes: NodeKind | None = None,
        port: int | None = None,
        runs_commands: bool | None = None,
    ) -> ClusterStatus:
        """Start what is missing and wait until the cluster can be used.

        Args:
            reporter: Told what is being done.
            nodes: What pods run on; six simulated nodes by default.
            port: The API server's port; the remembered one, or a free one at the first start, by default.
            runs_commands: Whether commands in simulated containers run, on this machine; by default as before, at
                first not.

        Raises:
            DeployError: A port is taken, a program is missing, or a component ended during the start.
            WaitTimeoutError: The cluster was not ready in time.
        """
        say = reporter or SilentReporter()
        kind = nodes or KwokNodes()
        private_directory(self.paths.owned)
        with exclusive(self.paths.owned / "cluster.lock", say, purpose="local cluster"):
            self._check_programs()
            for folder in ("", "config", "logs", "run"):
                private_directory(self.paths.cluster / folder)
            record = ClusterRecord.load(self._record_file)
            _set_exec(record, runs_commands)
            with say.step("local cluster", log=self.paths.cluster / "logs"):
                self._start(record, kind, port, say)
            return self.status()

    def stand_in(self, selectors: Sequence[Mapping[str, str]], storage_classes: Sequence[str]) -> None:
        """Have what an environment expects of its cluster: nodes with these labels, these storage classes.

        Args:
            selectors: Labels that pods ask of their nodes.
            storage_classes: Names that claims ask for; each is backed by folders of this machine.
        """
        record = ClusterRecord.load(self._record_file)
        api = LocalApi(record.port, self._settings(record).pki)
        try:
            KwokNodes().add(api, selectors)
            storage.prepare(api, storage_classes)
        finally:
            api.close()

    def down(self, reporter: Reporter | None = None, *, delete: bool = False) -> None:
        """Stop every component; the data stays unless ``delete``.

        Args:
            reporter: Told what is being done.
            delete: Also remove the data, the certificates, the logs and the volumes' folders.
        """
        say = reporter or SilentReporter()
        if not self.paths.cluster.exists():
            return
        with exclusive(self.paths.owned / "cluster.lock", say, purpose="local cluster"):
            record = ClusterRecord.load(self._record_file)
            with say.step("stopping the local cluster"):
                self._stop(self._running(record), say)
                record.components.clear()
                record.save(self._record_file)
                if delete:
                    simulated_exec.remove(record.exec_folder)
                    count = storage.remove(self.paths.cluster / "etcd")
                    shutil.rmtree(self.paths.cluster)
                    say.done(f"data removed, {count} volumes")

    # ---- inside --------------------------------------------------------------------------------------------

    def _settings(self, record: ClusterRecord) -> Settings:
        return Settings(
            self.paths, self._bin, record.port, record.etcd_port, record.kubelet_port, record.exec_folder
        )

    def _check_programs(self) -> None:
        missing = [entry.name for entry in COMPONENTS if not (self._bin / entry.name).exists()]
        if missing:
            raise DeployError(
                f"programs missing in {self._bin}: {', '.join(missing)}",
                hint="install the toolchain: poscloud toolchain install",
            )

    def _running(self, record: ClusterRecord) -> dict[str, Process]:
        """Every component that runs for this checkout, recorded or not, in the order of starting."""
        found = {}
        for entry in COMPONENTS:
            started = record.components.get(entry.name)
            if started is not None and processes.alive(started.process):
                found[entry.name] = started.process
                continue
            # The marker begins with "=": the path of another checkout may end like ours.
            orphan = processes.find(entry.name, f"={self.paths.cluster}/")
            if orphan is not None:
                found[entry.name] = orphan
        return found

    def _component_status(self, name: str, process: Process | None) -> ComponentStatus:
        if process is None:
            return ComponentStatus(name, 0, 0.0, 0, self.log(name))
        memory = processes.resident_memory(process)
        return ComponentStatus(name, process.pid, processes.uptime(process) or 0.0, memory, self.log(name))

    def _start(self, record: ClusterRecord, kind: NodeKind, port: int | None, say: Reporter) -> None:
        running = self._running(record)
        self._choose_ports(record, running, port)
        settings = self._settings(record)
        settings.pki.ensure()
        write_configuration(settings)
        record.server, record.nodes = settings.server, kind.name
        running = self._stop_outdated(record, running, settings, say)
        starting = [entry for entry in COMPONENTS if entry.name not in running]
        began = datetime.datetime.now(datetime.UTC)
        oom_before = processes.oom_kills()

        def launch(names: tuple[str, ...]) -> None:
            for entry in starting:
                if entry.name in names:
                    say.update(f"starting {entry.name}")
                    running[entry.name] = self._launch(entry, settings, record)

        def wait(what: str, condition: Callable[[], bool]) -> None:
            say.update(f"waiting for {what}")
            self._wait(what, condition, running, oom_before)

        api = LocalApi(record.port, settings.pki)
        user = LocalApi(record.port, settings.pki, user="user")
        try:
            launch(("etcd", "kube-apiserver"))
            wait("the API server", api.ready)
            launch(("kube-controller-manager", "kube-scheduler"))
            fresh = any(entry.name in kind.components for entry in starting)
            kind.prepare(api, starting=fresh)
            launch(kind.components)
            storage.prepare(api)
            access.prepare(api)
            # Until it exists, no pod of the namespace "default" is admitted.
            wait(
                "the controllers",
                lambda: api.get("/api/v1/namespaces/default/serviceaccounts/default") is not None,
            )
            wait("the rights of its user", lambda: access.effective(user))
            since = began if fresh else datetime.datetime.fromtimestamp(0, datetime.UTC)
            wait("the nodes", lambda: kind.ready(api, since))
            system = api.get("/api/v1/namespaces/kube-system") or {}
            record.uid = str(system.get("metadata", {}).get("uid", ""))
            record.save(self._record_file)
        finally:
            api.close()
            user.close()
        names = ", ".join(entry.name for entry in starting)
        say.done(f"{record.server}, " + (f"started {names}" if names else "everything was running"))

    def _stop_outdated(
        self, record: ClusterRecord, running: dict[str, Process], settings: Settings, say: Reporter
    ) -> dict[str, Process]:
        """Stop what runs with other programs, arguments or certificates than it should; returns what stays."""
        stays = {}
        for name, process in running.items():
            started = record.components.get(name)
            if started is not None and started.digest == _component(name).digest(settings):
                stays[name] = process
        self._stop({name: process for name, process in running.items() if name not in stays}, say)
        record.components = {name: entry for name, entry in record.components.items() if name in stays}
        return stays

    def _choose_ports(self, record: ClusterRecord, running: dict[str, Process], port: int | None) -> None:
        wanted = port or record.port or ports.free_port()
        ours = "kube-apiserver" in running and wanted == record.port
        if not ours and not ports.becomes_free(wanted):
            holder = ports.owner(wanted)
            raise DeployError(
                f"port {wanted} on {ports.LOOPBACK}, where the local API server is to listen, is taken"
                + (f" by {holder}" if holder else " by another process"),
                hint=f"choose another one: poscloud cluster up --port {ports.free_port()}",
            )
        record.port = wanted
        # Nobody knows these ports but the API server: others do as well.
        if "etcd" not in running and not (record.etcd_port and ports.is_free(record.etcd_port)):
            record.etcd_port = ports.free_port()
        if not record.kubelet_port or ("kwok" not in running and not ports.is_free(record.kubelet_port)):
            record.kubelet_port = ports.free_port()

    def _launch(self, entry: Component, settings: Settings, record: ClusterRecord) -> Process:
        log = self.log(entry.name)
        self._fresh[entry.name] = logs.rotate(log)
        process = processes.start(
            entry.command(settings), log=log, cwd=self.paths.cluster / "run", env=entry.environment(settings)
        )
        record.components[entry.name] = Started(process.pid, process.started, entry.digest(settings))
        record.save(self._record_file)
        return process

    def _wait(
        self, what: str, condition: Callable[[], bool], running: dict[str, Process], oom_before: int
    ) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            for name, process in running.items():
                if not processes.alive(process):
                    raise self._died(name, oom_before)
            try:
                if condition():
                    return
            except OSError:
                # Not reachable at the moment; whether that is for good, the processes tell.
                pass
            if time.monotonic() > deadline:
                raise WaitTimeoutError(
                    f"{what} did not become ready within {START_TIMEOUT:.0f} s",
                    hint=f"look at the logs in {self.paths.cluster / 'logs'}, then run this again",
                )
            time.sleep(POLL)

    def _died(self, name: str, oom_before: int) -> DeployError:
        cause = ""
        if processes.oom_kills() > oom_before:
            cause = " (the kernel killed a process for lack of memory meanwhile)"
        tail = "\n".join(
            f"    {line}" for line in logs.tail(self.log(name), 15, start=self._fresh.get(name, 0))
        )
        return DeployError(
            f"{name} ended while the local cluster was starting{cause}; its last words:\n{tail or '    (none)'}",
            hint=f"the whole log: {self.log(name)}; then run this again",
        )

    def _stop(self, running: dict[str, Process], say: Reporter) -> None:
        """Clients first, then the API server, then etcd, so that each can still write its last."""
        clients = [name for name in running if name not in ("etcd", "kube-apiserver")]
        for names in (clients, ["kube-apiserver"], ["etcd"]):
            present = [name for name in names if name in running]
            if not present:
                continue
            say.update(f"stopping {', '.join(present)}")
            grace = max(_component(name).grace for name in present)
            processes.stop([running[name] for name in present], grace=grace)


def _component(name: str) -> Component:
    found = component(name)
    assert found is not None
    return found


def _set_exec(record: ClusterRecord, wanted: bool | None) -> None:
    """Switch commands in simulated containers on or off; ``None``: as before."""
    if wanted or (wanted is None and record.exec_folder):
        record.exec_folder = simulated_exec.prepare(record.exec_folder)
    elif record.exec_folder:
        simulated_exec.remove(record.exec_folder)
        record.exec_folder = ""
