"""Killing a process of a run at its kth request, and what must be true afterwards.

Each ``Lane`` has a proxy and stacks of its own, so that several of them go on beside each other and count only their
own requests.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from poscloud.load import load_environment
from poscloud.local.api import LocalApi
from poscloud.local.certificates import Pki
from poscloud.local.record import ClusterRecord
from poscloud.render import render_environment
from tests.e2e.manifests import as_stored, differences
from tests.faults.processes import descendants, kill, role, wait_gone
from tests.faults.proxy import PASS, Fault, Proxy, Request
from tests.workspace import Workspace

Mode = Literal["checkpoints", "short-lived"]
Operation = Literal["up", "update", "destroy"]

GONE_SECONDS = 30.0
"""How long the provider may outlive its engine."""

GRACE_SECONDS = 0.3
"""Requests that were on their way when the engine died may come this long after."""

LIMIT = 600.0
"""Seconds after which a run counts as hanging; it has to end by itself long before."""

ENDING = ("engine", "provider", "program")
"""Processes that have to end with their engine."""

MARK = "poscloud.io/stack"

When = Callable[[int, Request], bool]

DESCRIPTION = """\
{first}pull_secret: null
quota: {{pods: "100"}}
priority_classes: {{high: {{value: 1000}}, low: {{value: 10}}}}
filebeat: {{kafka: {{topic: applog, hosts: ["k:9092"]}}}}
backing:
  redis: {{}}
  mongo: {{}}
  zookeeper: {{replicas: 3}}
  orders: {{kind: mysql, external: {{host: 10.1.2.3}}}}
defaults:
  java: {{env: {{ROUND: "{round}"}}}}
services:
  a: {{kind: java, uses: [redis]}}
  b: {{kind: java, uses: [redis, mongo]}}
  c: {{kind: java, uses: [zookeeper]}}
  d: {{kind: java, priority: high}}
  e: {{kind: java, replicas: 0}}
  f: {{kind: java, replicas: 0}}
  g: {{kind: python, django: {{}}, django_settings: g.settings, replicas: 0}}
  h: webapp
  i: {{kind: webapp, replicas: 0}}
  j: {{kind: webapp, replicas: 0}}
  k: {{kind: webapp, replicas: 0}}
  l: {{kind: webapp, replicas: 0}}
  m: {{kind: webapp, replicas: 0}}
  n: {{kind: webapp, replicas: 0}}
ingress: [{{host: {stack}.example.com, paths: {{/: h}}}}]
"""
"""60 objects of every sort, and ten pods: what the control plane does for pods is most of a point's time."""

COLLECTIONS = (
    "/api/v1/namespaces/{}/configmaps", "/api/v1/namespaces/{}/services", "/api/v1/namespaces/{}/secrets",
    "/api/v1/namespaces/{}/resourcequotas", "/api/v1/namespaces/{}/limitranges",
    "/apis/apps/v1/namespaces/{}/deployments", "/apis/apps/v1/namespaces/{}/statefulsets",
    "/apis/policy/v1/namespaces/{}/poddisruptionbudgets", "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", "/apis/scheduling.k8s.io/v1/priorityclasses",
)  # fmt: skip


@dataclass
class Shot:
    """A kill at one request.

    Attributes:
        aimed: Whether the request came.
        killed: pid of the victim; 0 if it was not there.
        family: All processes of the run at that moment, by pid.
        death: When the engine was dead (``time.monotonic``); 0 while it lives.
        requests: Time and request, in their order.
    """

    aimed: bool = False
    killed: int = 0
    family: dict[int, str] = field(default_factory=dict)
    death: float = 0
    requests: list[tuple[float, Request]] = field(default_factory=list)


@dataclass
class Point:
    """One kill point and how it ended.

    Attributes:
        wrong: What did not hold; empty when the point was survived.
        seconds: How long the run took that went on after the kill.
        provider: Seconds the provider outlived its engine.
        fired: Whether the victim was there to be killed.
        reached: Whether the run had so many requests.
    """

    mode: Mode
    operation: Operation
    victim: str
    number: int
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0
    provider: float = 0
    fired: bool = True
    reached: bool = True


class Lane:
    """A proxy, and stacks behind it, one at a time.

    Args:
        workspace: Has the cluster and the engine.
        folder: For the kubeconfig that leads through the proxy.
        name: Stacks are called after it.
        mode: How the engine keeps its state.

    Attributes:
        stack: The stack that is open.
        said: What the last run after a kill printed.
    """

    def __init__(self, workspace: Workspace, folder: Path, name: str, mode: Mode) -> None:
        self.workspace, self.mode, self.name, self.stack, self.said = workspace, mode, name, "", ""
        cluster = workspace.paths.cluster
        record = ClusterRecord.load(cluster / "cluster.json")
        self.uid, self.proxy = record.uid, Proxy(Pki(cluster / "pki"), record.port)
        self.api = LocalApi(record.port, Pki(cluster / "pki"), timeout=30)
        self.kubeconfig = folder / f"{name}.kubeconfig"

    def __enter__(self) -> Lane:
        self.proxy.__enter__()
        self.proxy.kubeconfig(self.kubeconfig, self.workspace.paths.kubeconfig, "proxied")
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.__exit__()

    # --- stacks ------------------------------------------------------------------------------------------

    def open(self, number: int) -> None:
        """Go on with a stack that was never there."""
        self.stack = f"{self.name}-{number}"
        self.describe(0)
        settings = f"config:\n  poscloud:context: proxied\n  poscloud:cluster: {self.uid}\n"
        (self.workspace.root / f"Pulumi.{self.stack}.yaml").write_text(settings)
        done = self.run("pulumi", "stack", "init", self.stack, stack=False)
        assert done.returncode == 0, done.stdout

    def describe(self, number: int) -> None:
        """Describe the large environment; another number is another value in six services."""
        # Elsewhere a first `up` and a `destroy` write their state once as well.
        first = "short_lived: true\n" if self.mode == "short-lived" else "production: true\n"
        self.write(DESCRIPTION.format(first=first, round=number, stack=self.stack))

    def write(self, text: str) -> None:
        """Write the environment's description."""
        (self.workspace.root / "stacks" / f"{self.stack}.yaml").write_text(text)

    def forget(self) -> None:
        """Let the cluster remove the stack's objects meanwhile, and forget its state."""
        self._ask("DELETE", f"/api/v1/namespaces/{self.stack}")
        for level in ("high", "low"):
            self._ask("DELETE", f"/apis/scheduling.k8s.io/v1/priorityclasses/{self.stack}.{level}")
        for file in self.workspace.paths.state.rglob(f"{self.stack}.json*"):
            file.unlink()
        for name in (f"stacks/{self.stack}.yaml", f"Pulumi.{self.stack}.yaml"):
            (self.workspace.root / name).unlink(missing_ok=True)

    # --- runs --------------------------------------------------------------------------------------------

    def run(
        self, *command: str, stack: bool = True, variables: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; output and errors are one."""
        process = self._start(*command, *(("-s", self.stack) if stack else ()), variables=variables)
        try:
            text, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            for pid in descendants(process.pid):
                kill(pid)
            text = f"{process.communicate()[0]}\n[hung for {LIMIT:.0f} s]"
        return subprocess.CompletedProcess(command, process.returncode, text)

    def _start(
        self, *command: str, variables: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.workspace.root,
            env=self.workspace.environment()
            | {"POSCLOUD_USER_KUBECONFIG": str(self.kubeconfig)}
            | {**variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def shoot(self, operation: Operation, victim: str, when: When) -> tuple[Shot, str]:
        """Run an operation and kill one of its processes at a request, which passes all the same.

        Args:
            operation: What is run.
            victim: Which process.
            when: The request, by its number in this run or by what it asks for; the first that fits.

        Returns:
            What was seen, and what was printed.
        """
        shot = Shot()
        process: subprocess.Popen[str] | None = None

        def decide(request: Request) -> Fault:
            shot.requests.append((time.monotonic(), request))
            if process is not None and not shot.aimed and when(len(shot.requests), request):
                shot.aimed = True
                shot.family = {pid: role(pid) for pid in descendants(process.pid)}
                shot.killed = next((pid for pid, what in shot.family.items() if what == victim), 0)
                if shot.killed:
                    kill(shot.killed)
                    shot.death = time.monotonic() if victim == "engine" else 0
            return PASS

        self.proxy.fault = decide
        verb = "destroy" if operation == "destroy" else "up"
        command = ("pulumi", verb, "--yes", "--skip-preview")
        if self.mode == "short-lived":
            # The archive is made before anything is changed; its many requests would be points that tell nothing.
            command = ("poscloud", verb, "--yes", *(("--discard-logs",) if verb == "destroy" else ()))
        # What only looks for the display's sake would be points as well, and before the engine is there.
        process = self._start(*command, "-s", self.stack, variables={"POSCLOUD_PROGRESS": "engine"})
        try:
            text, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            for pid in descendants(process.pid):
                kill(pid)
            text = f"{process.communicate()[0]}\n[hung for {LIMIT:.0f} s]"
        shot.death = shot.death or time.monotonic()
        return shot, text

    # --- what must be true -------------------------------------------------------------------------------

    def point(self, operation: Operation, victim: str, number: int, *, preview: bool = False) -> Point:
        """Kill, look, run again, look again."""
        found = Point(self.mode, operation, victim, number)
        shot, text = self.shoot(operation, victim, lambda n, _: n == number)
        found.fired, found.reached = bool(shot.killed), shot.aimed
        if "[hung" in text:
            found.wrong.append(f"the run did not end after its {victim} was killed: {text[-600:]}")
        found.wrong += self.afterlife(shot)
        found.provider = time.monotonic() - shot.death
        self.proxy.fault = lambda _: PASS
        began = time.monotonic()
        again = self.run("poscloud", "destroy" if operation == "destroy" else "up", "--yes")
        found.seconds = time.monotonic() - began
        self.said = again.stdout
        if again.returncode != 0:
            found.wrong.append(f"the next run ended with {again.returncode}: {again.stdout[-1500:]}")
        found.wrong += self.wrong(gone=operation == "destroy")
        if preview and operation != "destroy":
            quiet = self.run("pulumi", "preview", "--expect-no-changes")
            if quiet.returncode != 0:
                found.wrong.append(f"a preview has changes: {quiet.stdout[-1500:]}")
        return found

    def afterlife(self, shot: Shot) -> list[str]:
        """Return what the run did after its engine was dead."""
        left = wait_gone([pid for pid, what in shot.family.items() if what in ENDING], GONE_SECONDS)
        wrong = [f"{shot.family[pid] or pid} outlived its engine by {GONE_SECONDS} s" for pid in left]
        for pid in shot.family:
            if role(
                pid
            ):  # pulumi-language-python looks for its engine every five minutes only; it never writes
                kill(pid)
        late = [r for at, r in shot.requests if r.write and at > shot.death + GRACE_SECONDS]
        return wrong + [f"written after the engine's death: {r.method} {r.path}" for r in late]

    def wrong(self, *, gone: bool = False) -> list[str]:
        """Return what differs between what is described and what there is; after a destroy, all that there is."""
        mark = f"poscloud/{self.stack}"
        live: dict[tuple[str, str], Any] = {}
        for path in COLLECTIONS:
            status, body = self._ask("GET", path.format(self.stack))
            assert status == 200, body
            answer = json.loads(body)
            kind = str(answer["kind"]).removesuffix("List")
            for item in answer["items"]:
                if item["metadata"].get("annotations", {}).get(MARK) == mark:
                    version = answer["apiVersion"]
                    live[kind, item["metadata"]["name"]] = {**item, "kind": kind, "apiVersion": version}
        there = self._ask("GET", f"/api/v1/namespaces/{self.stack}")[0] == 200
        if gone:
            return [f"{key} is left" for key in live] + (["the namespace is left"] if there else [])
        spec = load_environment(self.workspace.root, self.stack)
        found = [] if there else ["the namespace is missing"]
        for manifest in (m for part in render_environment(spec) for m in part.manifests):
            key = (manifest["kind"], manifest["metadata"]["name"])
            if key[0] == "Namespace":
                continue
            if key not in live:
                found.append(f"{key} is missing")
            else:
                item = live.pop(key)
                found += [f"{key}{d}" for d in differences(as_stored(manifest), item)] + _unready(item)
        return found + [f"{key} is too much" for key in live] + self._pending()

    def _ask(self, method: str, path: str) -> tuple[int, bytes]:
        """Send a request straight to the API server; once more where it has closed an idle connection."""
        try:
            return self.api.request(method, path)
        except ConnectionError:
            return self.api.request(method, path)

    def _pending(self) -> list[str]:
        """Return what the state still calls unfinished."""
        file = self.workspace.paths.state / ".pulumi" / "stacks" / "poscloud" / f"{self.stack}.json"
        latest = json.loads(file.read_text())["checkpoint"]["latest"]
        return [f"pending: {p['type']}" for p in latest.get("pending_operations") or []]


def _unready(item: dict[str, Any]) -> list[str]:
    """Return what is not yet ready of a workload."""
    if item["kind"] not in ("Deployment", "StatefulSet"):
        return []
    status, wanted = item.get("status", {}), item["spec"]["replicas"]
    current = status.get("observedGeneration") == item["metadata"]["generation"]
    ready = status.get("readyReplicas", 0) == status.get("updatedReplicas", 0) == wanted
    return [] if current and ready else [f"{item['kind']} {item['metadata']['name']} is not ready: {status}"]
