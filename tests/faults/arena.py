"""Where faults happen: a small environment behind the proxy, and what must be true of it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.load import load_environment
from poscloud.local.certificates import Pki
from poscloud.local.record import ClusterRecord
from poscloud.render import render_environment
from tests.e2e.manifests import as_stored, differences
from tests.faults.proxy import PASS, Fault, Proxy, Request
from tests.workspace import Workspace

STACK = "faults"
SLOW = 3.0
"""How much slower than the table's limits a machine may be; one that does other things as well, more."""

SECRET = "planted-and-never-to-be-seen"
DESCRIPTION = """\
pull_secret: null
secrets: {planted: [word]}
backing: {redis: {}, mongo: {}}
services:
  a: {kind: java, uses: [redis]}
  b: {kind: java, uses: [redis, mongo], env: {WORD: {secret: planted, key: word}}}
"""


SLOWEST = 4.0
"""However great the load is, no limit gets more than this times ``SLOW`` longer: it would be none any more."""

timed: list[tuple[float, float]] = []
"""Seconds that a command took and that the fault table gives it, for each one that has a limit."""


def slowness() -> float:
    """How many times longer this machine takes than one that does nothing else, by its load; at most ``SLOWEST``."""
    return min(SLOWEST, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: Exit code; negative, the signal that killed it.
        text: Everything it printed.
        seconds: How long it took.
    """

    code: int
    text: str
    seconds: float


class Arena:
    """One environment on the local cluster, reached only through the proxy.

    Args:
        workspace: Has the cluster and the engine.
        folder: For the kubeconfig that leads through the proxy.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace = workspace
        cluster = workspace.paths.cluster
        record = ClusterRecord.load(cluster / "cluster.json")
        self.proxy = Proxy(Pki(cluster / "pki"), record.port)
        self.kubeconfig = folder / "kubeconfig"
        self.settings = workspace.root / f"Pulumi.{STACK}.yaml"
        self.description = workspace.root / "stacks" / f"{STACK}.yaml"
        self.uid = record.uid
        self.converged, self.gone = False, True

    def prepare(self) -> None:
        """Write the stack's files; the proxy listens already."""
        self.proxy.kubeconfig(self.kubeconfig, self.workspace.paths.kubeconfig, "proxied")
        self.describe(DESCRIPTION)
        self.settings.write_text(f"config:\n  poscloud:context: proxied\n  poscloud:cluster: {self.uid}\n")
        self.ok("pulumi", "stack", "init", STACK, stack=False)
        self.ok("pulumi", "config", "set", "--secret", "poscloud:planted.word", SECRET)

    def describe(self, text: str) -> None:
        """Write the environment's description."""
        self.description.write_text(text)

    @property
    def variables(self) -> dict[str, str]:
        """What a shell of this environment's owner has, beside what the workspace sets."""
        return {"POSCLOUD_USER_KUBECONFIG": str(self.kubeconfig)}

    def start(self, *command: str, stack: str = STACK, **variables: str) -> subprocess.Popen[str]:
        """Start a command on a stack, in a process group of its own."""
        return subprocess.Popen(
            [*command, "-s", stack],
            cwd=self.workspace.root,
            env=self.workspace.environment() | self.variables | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, limit: float = 120, **variables: str) -> Outcome:
        """Run a command on the stack; one that hangs is killed at the limit, in seconds of an idle machine."""
        began = time.monotonic()
        process = self.start(*command, **variables)
        try:
            text, _ = process.communicate(timeout=limit * slowness())
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            text, _ = process.communicate()
            text += f"\n[killed after {limit} s]"
        return Outcome(process.returncode, text, time.monotonic() - began)

    def ok(self, *command: str, stack: bool = True) -> str:
        """Run a command that has to succeed."""
        extra = ("-s", STACK) if stack else ()
        done = self.workspace.run(*command, *extra, **self.variables)
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def restore(self) -> None:
        """Put the description back."""
        self.passes()
        self.describe(DESCRIPTION)

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl on the environment's namespace, not through the proxy; it has to succeed."""
        return self.workspace.ok("kubectl", "-n", STACK, *arguments)

    def passes(self) -> None:
        """Let every request pass from now on."""
        self.proxy.fault = lambda _: PASS

    def inject(self, fault: Callable[[Request], Fault]) -> None:
        """Decide about each request from now on."""
        self.proxy.fault = fault

    def converges(self) -> None:
        """Run ``up`` without the fault, and make sure that everything wanted is there once, and nothing else."""
        self.passes()
        again = self.run("poscloud", "up", "--yes")
        assert again.code == 0, f"the next up did not converge:\n{again.text}"
        wrong = self.wrong()
        assert not wrong, wrong
        self.converged = True

    def recorded(self) -> dict[str, Any]:
        """Return what the state holds: its ``resources`` and ``pending_operations``."""
        exported = json.loads(self.ok("pulumi", "stack", "export"))
        deployment: dict[str, Any] = exported["deployment"]
        return deployment

    def objects(self) -> dict[str, Any]:
        """Return the objects that the state knows, as ``Kind/name``, with their outputs."""
        return {
            f"{r['outputs']['kind']}/{r['outputs']['metadata']['name']}": r["outputs"]
            for r in self.recorded().get("resources", [])
            if r["type"].startswith("kubernetes:") and "kind" in r.get("outputs", {})
        }

    def wrong(self) -> list[str]:
        """Return what differs between what is described and what there is."""
        spec = load_environment(self.workspace.root, STACK)
        wanted = [m for part in render_environment(spec) for m in part.manifests]
        kinds = "configmaps,secrets,services,deployments,statefulsets,poddisruptionbudgets,resourcequotas,limitranges"
        items = self.workspace.get(kinds, "-n", STACK)["items"]
        mark = f"poscloud/{STACK}"
        live = {
            (i["kind"], i["metadata"]["name"]): i
            for i in items
            if i["metadata"].get("annotations", {}).get("poscloud.io/stack") == mark
        }
        found: list[str] = []
        for manifest in wanted:
            key = (manifest["kind"], manifest["metadata"]["name"])
            if key[0] == "Namespace":
                continue
            if key not in live:
                found.append(f"{key} is missing")
            else:
                found += [f"{key}{d}" for d in differences(as_stored(manifest), live.pop(key))]
        state = self.recorded()
        unfinished = [
            f"{p['type']} {p['resource']['urn']} is unfinished" for p in state.get("pending_operations") or []
        ]
        known = self.objects()
        names = [f"{m['kind']}/{m['metadata']['name']}" for m in wanted]
        unknown = [f"{name} is not in the state" for name in names if name not in known]
        return [*found, *unfinished, *unknown, *(f"{key} is too much" for key in live)]

    def remove(self) -> None:
        """Destroy the environment and forget its stack."""
        self.passes()
        self.describe(DESCRIPTION)
        self.run("poscloud", "destroy", "--yes")
        self.workspace.run("kubectl", "delete", "namespace", STACK, "--ignore-not-found")
        self.workspace.run("pulumi", "stack", "rm", "--force", "--yes", STACK)


def secrets_in(text: str) -> list[str]:
    """Return each form of the planted secret that ``text`` has."""
    import base64

    forms = [SECRET, base64.b64encode(SECRET.encode()).decode(), json.dumps(SECRET)[1:-1]]
    return [form for form in forms if form in text]


def times_told(outcome: Outcome, phrase: str) -> int:
    """How often a command said something; the engine shows each message again as its resource goes along."""
    return outcome.text.rpartition("Diagnostics:")[2].count(phrase)


def says(outcome: Outcome, *phrases: str) -> None:
    """Fail unless a command printed each of these phrases, wherever its lines end, no secret and no traceback."""
    printed = " ".join(outcome.text.split())
    assert secrets_in(outcome.text) == []
    assert "Traceback" not in outcome.text, outcome.text
    missing = [phrase for phrase in phrases if " ".join(phrase.split()) not in printed]
    assert not missing, f"{missing} not in:\n{outcome.text}"


def shows(
    outcome: Outcome,
    *phrases: str,
    code: int | None = None,
    within: float | None = None,
    forbidden: Sequence[str] = (),
) -> None:
    """Fail unless a command ended as the fault table demands.

    Args:
        outcome: How it ended.
        phrases: Each has to be in what it printed.
        code: Its exit code; ``None`` for anything but success and a signal.
        within: Seconds it may take, on a machine that does nothing else.
        forbidden: None of these may be in what it printed; no secret and no traceback may be, in any case.
    """
    good = outcome.code == code or (code is None and outcome.code > 0)
    assert good, f"exit {outcome.code}:\n{outcome.text}"
    says(outcome, *phrases)
    found = [phrase for phrase in forbidden if phrase in outcome.text]
    assert not found, f"{found} in:\n{outcome.text}"
    if within is not None:
        timed.append((outcome.seconds, within))
        limit = within * SLOW * slowness()
        assert outcome.seconds <= limit, f"{outcome.seconds:.1f} s, at most {limit:.1f} s:\n{outcome.text}"
