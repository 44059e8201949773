"""The local control plane: a real Kubernetes API server on this machine, in seconds.

Every command may be killed at any moment and run again: what runs is found again, what is missing is started,
and nothing is ended that was not started for this very checkout.
"""

from __future__ import annotations

import datetime
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from poscloud.errors import DeployError, WaitTimeoutError
from poscloud.local import access, logs, ports, processes, simulated_exec, storage
from poscloud.local.api import LocalApi
from poscloud.local.components import COMPONENTS, Component, Settings, write_configuration
from poscloud.local.locks import exclusive
from poscloud.local.nodes import KwokNodes, NodeKind, is_ready, node_kind
from poscloud.local.paths import ProjectPaths, private_directory
from poscloud.local.processes import Process
from poscloud.local.progress import Reporter, SilentReporter
from poscloud.local.record import ClusterRecord, Started
from poscloud.local.status import ClusterStatus, ComponentStatus

START_TIMEOUT = 90.0
POLL = 0.03
GRACE = {entry.name: entry.grace for entry in COMPONENTS}
SANDBOX_GRACE = 8.0  # seconds for all that is in the sandboxes of real nodes: databases in pods among it


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
        kind = _kind(record)
        parts = self._parts(kind, running)
        nodes: list[dict[str, object]] = []
        answers = False
        if (kind.real or "kube-apiserver" in running) and running and record.port:
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
        ready = sum(map(is_ready, nodes))
        return ClusterStatus(state, record.server, record.uid, len(nodes), ready, parts, record.nodes)

    def memory(self) -> dict[str, int]:
        """Resident bytes of each component that runs."""
        record = ClusterRecord.load(self._record_file)
        parts = self._parts(_kind(record), self._running(record))
        return {part.name: part.memory for part in parts if part.running}

    def _parts(self, kind: NodeKind, running: dict[str, Process]) -> tuple[ComponentStatus, ...]:
        """Every program: those started here, and those that they supervise."""
        own = [self._component_status(entry.name, running.get(entry.name)) for entry in kind.programs]
        return (*own, *kind.supervised(self.paths, running=bool(running)))

    def logs(self, name: str, *, follow: bool = False, lines: int = 100) -> Iterator[str]:
        """The last lines of a component's log, and with ``follow`` every line to come.

        Raises:
            DeployError: There is no such component or it has no log yet.
        """
        kind = _kind(ClusterRecord.load(self._record_file))
        files = {**kind.logs(self.paths), "audit": [self.audit_log]}
        if name not in files:
            raise DeployError(
                f"no component {name!r}; known: {', '.join(files)}", hint="poscloud cluster status"
            )
        found = [file for file in files[name] if file.exists()]
        if not found:
            raise DeployError(f"{name} has no log yet: {files[name][0]}", hint="poscloud cluster up")
        return logs.read_all(found, follow=follow, lines=lines)

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
            nodes: What pods run on; by default what the cluster has, and six simulated nodes at the first start.
            port: The API server's port; the remembered one, or a free one at the first start, by default.
            runs_commands: Whether commands in simulated containers run, on this machine; by default as before, at
                first not.

        Raises:
            DeployError: A port is taken, a program is missing, or a component ended during the start; or the cluster
                has nodes of another kind, or this machine cannot have them.
            WaitTimeoutError: The cluster was not ready in time.
        """
        say = reporter or SilentReporter()
        private_directory(self.paths.owned)
        with exclusive(self.paths.owned / "cluster.lock", say, purpose="local cluster"):
            record = ClusterRecord.load(self._record_file)
            kind = nodes or _kind(record)
            _refuse_other_kind(record, kind)
            kind.require(self.paths)
            kind.ensure(self.paths, say)
            self._check_programs(kind)
            for folder in ("", "config", "logs", "run"):
                private_directory(self.paths.cluster / folder)
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
            (kind := _kind(record)).add(api, selectors)
            storage.prepare(api, storage_classes, here=not kind.real)
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
                _kind(record).clear(self._settings(record))
                record.components.clear()
                record.save(self._record_file)
                if delete:
                    simulated_exec.remove(record.exec_folder)
                    count = storage.remove(self.paths.cluster / "etcd")
                    shutil.rmtree(self.paths.cluster)
                    say.done(f"data removed, {count} volumes")

    # ---- inside --------------------------------------------------------------------------------------------

    def _settings(self, record: ClusterRecord) -> Settings:
        kind = _kind(record)
        return Settings(
            self.paths, self._bin, record.port, record.etcd_port, record.kubelet_port, record.exec_folder,
            kind.real, kind.fleet,
        )  # fmt: skip

    def _check_programs(self, kind: NodeKind) -> None:
        needed = dict.fromkeys(entry.name for entry in (*COMPONENTS, *kind.programs))
        missing = [name for name in needed if not (self._bin / name).exists()]
        if missing:
            raise DeployError(
                f"programs missing in {self._bin}: {', '.join(missing)}",
                hint="install the toolchain: poscloud toolchain install",
            )

    def _running(self, record: ClusterRecord) -> dict[str, Process]:
        """Every component that runs for this checkout, recorded or not, in the order of starting."""
        found = {}
        for entry in _kind(record).programs:
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
        settings, running = self._configure(record, kind, port)
        running = self._stop_outdated(record, running, settings, say)
        starting = [entry for entry in kind.programs if entry.name not in running]
        began = datetime.datetime.now(datetime.UTC)
        oom_before = processes.oom_kills()

        def launch(names: tuple[str, ...]) -> None:
            for entry in starting:
                if entry.name in names and entry.name not in running:
                    say.update(f"starting {entry.name}")
                    running[entry.name] = self._launch(entry, settings, record)

        def wait(what: str, condition: Callable[[], bool]) -> None:
            say.update(f"waiting for {what}")
            self._wait(what, condition, running, oom_before)

        api = LocalApi(record.port, settings.pki)
        user = LocalApi(record.port, settings.pki, user="user")
        try:
            launch(("sandbox", "etcd", "kube-apiserver"))
            wait("the API server", api.ready)
            launch(("kube-controller-manager", "kube-scheduler"))
            fresh = any(entry.name in kind.components for entry in starting)
            kind.prepare(api, settings.paths, starting=fresh)
            launch(kind.components)
            storage.prepare(api, here=not kind.real)
            access.prepare(api)
            # Until it exists, no pod of the namespace "default" is admitted.
            wait(
                "the controllers",
                lambda: api.get("/api/v1/namespaces/default/serviceaccounts/default") is not None,
            )
            wait("the rights of its user", lambda: access.effective(user))
            since = began if fresh else datetime.datetime.fromtimestamp(0, datetime.UTC)
            wait("the nodes", lambda: kind.ready(api, since, settings.paths))
            system = api.get("/api/v1/namespaces/kube-system") or {}
            record.uid = str(system.get("metadata", {}).get("uid", ""))
            record.save(self._record_file)
        finally:
            api.close()
            user.close()
        names = ", ".join(entry.name for entry in starting)
        say.done(f"{record.server}, " + (f"started {names}" if names else "everything was running"))

    def _configure(
        self, record: ClusterRecord, kind: NodeKind, port: int | None
    ) -> tuple[Settings, dict[str, Process]]:
        """Write what the programs are given; return it, and what runs, perhaps with something older."""
        record.nodes = kind.name
        running = self._running(record)
        self._choose_ports(record, running, port)
        settings = self._settings(record)
        settings.pki.ensure()
        write_configuration(settings)
        kind.configure(settings)
        record.server = settings.server
        record.save(self._record_file)  # a set-up that is killed from here on is found again
        return settings, running

    def _stop_outdated(
        self, record: ClusterRecord, running: dict[str, Process], settings: Settings, say: Reporter
    ) -> dict[str, Process]:
        """Stop what runs with other programs, arguments or certificates than it should; returns what stays."""
        stays = {}
        for entry in _kind(record).programs:
            started = record.components.get(entry.name)
            if entry.name in running and started and started.digest == entry.digest(settings):
                stays[entry.name] = running[entry.name]
        self._stop({name: process for name, process in running.items() if name not in stays}, say)
        record.components = {name: entry for name, entry in record.components.items() if name in stays}
        return stays

    def _choose_ports(self, record: ClusterRecord, running: dict[str, Process], port: int | None) -> None:
        wanted = port or record.port or ports.free_port()
        ours = ("sandbox" in running or "kube-apiserver" in running) and wanted == record.port
        if not ours and not ports.becomes_free(wanted):
            holder = ports.owner(wanted)
            # A new cluster has not written down yet which nodes it was to have.
            nodes = "" if record.nodes == KwokNodes().name else f" --nodes {record.nodes}"
            raise DeployError(
                f"port {wanted} on {ports.LOOPBACK}, where the local API server is to listen, is taken"
                + (f" by {holder}" if holder else " by another process"),
                hint=f"choose another one: poscloud cluster up --port {ports.free_port()}{nodes}",
            )
        record.port = wanted
        # Nobody knows these ports but the API server: others do as well.
        for name, field in (("etcd", "etcd_port"), ("kwok", "kubelet_port")):
            chosen = getattr(record, field)
            # In a sandbox nobody else listens.
            if not chosen or not (name in running or "sandbox" in running or ports.is_free(chosen)):
                setattr(record, field, ports.free_port())

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
                    f"{what} did not become ready within {START_TIMEOUT:.0f} s" + self._trouble(),
                    hint=f"look at the logs in {self.paths.cluster / 'logs'}, then run this again",
                )
            time.sleep(POLL)

    def _trouble(self) -> str:
        """The programs that are supervised elsewhere and are not as they should be, and what the first one said."""
        kind = _kind(ClusterRecord.load(self._record_file))
        if not (found := [part for part in kind.supervised(self.paths, running=True) if part.note]):
            return ""
        tail = "\n".join(f"    {line}" for line in logs.tail(found[0].log, 5))
        notes = "; ".join(f"{part.name}: {part.note}" for part in found)
        return f" ({notes}); the last words of {found[0].name}:\n{tail}"

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
            grace = max(GRACE.get(name, SANDBOX_GRACE) for name in present)
            processes.stop([running[name] for name in present], grace=grace)


def _kind(record: ClusterRecord) -> NodeKind:
    """The kind of nodes the cluster has; simulated ones where it has none yet."""
    return node_kind(record.nodes) if record.nodes else KwokNodes()


def _refuse_other_kind(record: ClusterRecord, kind: NodeKind) -> None:
    """Nodes may be added and taken away, but what was made for simulated ones cannot run on real ones as it is."""
    if record.nodes and bool(_kind(record).real) != bool(kind.real):
        raise DeployError(
            f"this cluster has nodes of kind {record.nodes}, not {kind.name}; with other nodes it is another cluster",
            hint=f"poscloud cluster down --delete, then poscloud cluster up --nodes {kind.name}",
        )


def _set_exec(record: ClusterRecord, wanted: bool | None) -> None:
    """Switch commands in simulated containers on or off; ``None``: as before."""
    if wanted or (wanted is None and record.exec_folder):
        record.exec_folder = simulated_exec.prepare(record.exec_folder)
    elif record.exec_folder:
        simulated_exec.remove(record.exec_folder)
        record.exec_folder = ""
