"""What an environment claims of what a cluster has once: node ports, ports of hosts, hosts and paths of Ingress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from poscloud.render.check_pods import pod_specs
from poscloud.render.environment import RenderedPart
from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding, Path

NODE_PORT, HOST_PORT, INGRESS = "node port", "port of the host", "Ingress"

HOSTNAME = "kubernetes.io/hostname"

ONE_NODE = (HOSTNAME, "node")
"""Labels that one node has: every node's name, and the one by which a dns-proxy chooses its node."""

TAKEN = {NODE_PORT: "node-port-taken", HOST_PORT: "host-port-taken", INGRESS: "ingress-taken"}
"""What is claimed → the code of a finding when somebody else has it."""

_HINTS = {
    NODE_PORT: "choose another one of 30000 to 32767",
    HOST_PORT: "choose another port, or other nodes by pool or node_selector",
    INGRESS: "choose another host or path",
}


@dataclass(frozen=True)
class Claim:
    """One thing that an environment wants for itself.

    Attributes:
        what: ``NODE_PORT``, ``HOST_PORT`` or ``INGRESS``.
        key: Which one, as a message names it: ``30080``, ``53/UDP``, ``shop.example.com/``.
        owner: The part that wants it.
        path: Where the description says so.
        node: The one node it is wanted on, as ``label=value``; empty: several may do.
        ingress_class: Of a host and path, whose controller answers them; empty: it is not said.
        address: Address of the host that it is wanted on; empty: all.
    """

    what: str
    key: str
    owner: str
    path: Path
    node: str = ""
    address: str = ""
    ingress_class: str = ""

    def meets(self, other: Claim) -> bool:
        """Whether both cannot have it; of ports of hosts only if they can be on no other host."""
        if (self.what, self.key) != (other.what, other.key):
            return False
        if self.what == HOST_PORT and (not self.node or self.node != other.node):
            return False  # whether there are nodes enough, only the cluster can say
        elsewhere = self.address and other.address and self.address != other.address
        apart = self.ingress_class and other.ingress_class and self.ingress_class != other.ingress_class
        return not (apart or elsewhere)


def claims_of(spec: EnvironmentSpec, parts: Iterable[RenderedPart]) -> list[Claim]:
    """Return everything an environment claims, in the order of its parts."""
    found = [
        Claim(
            INGRESS,
            f"{each.host}{path.rstrip('/') or '/'}",
            "ingress",
            ("ingress", i, *each.place, "host"),
            ingress_class=rule.ingress_class,
        )
        for i, rule in enumerate(spec.ingress)
        for each in rule.hosts()
        for path in each.paths
    ]
    for part in parts:
        if part.name in spec.services or part.name in spec.backing:
            found += _node_ports(spec, part)
            found += _host_ports(spec, part)
    return found


def _node_ports(spec: EnvironmentSpec, part: RenderedPart) -> Iterator[Claim]:
    for item in part.manifests:
        for port in item["spec"].get("ports", []) if item["kind"] == "Service" else ():
            if number := port.get("nodePort"):
                given = getattr(spec.part(part.name), "node_port", None) == number
                where = ("node_port",) if given else ("overrides", "Service", "spec", "ports")
                yield Claim(NODE_PORT, str(number), part.name, (*_part(spec, part), *where))


def _host_ports(spec: EnvironmentSpec, part: RenderedPart) -> Iterator[Claim]:
    for item, pod in pod_specs(part.manifests):
        for key, address in sorted(host_ports(pod)):
            given = str(getattr(spec.part(part.name), "port", "")) == key.split("/")[0]
            where = ("port",) if given else ("overrides", item["kind"], "spec", "template", "spec")
            yield Claim(HOST_PORT, key, part.name, (*_part(spec, part), *where), _node(pod), address)


def _node(pod: Manifest) -> str:
    """Return the one node that a pod is tied to, as ``label=value``; empty: several may do."""
    labels = dict(pod.get("nodeSelector") or {})
    if pod.get("nodeName"):
        labels[HOSTNAME] = pod["nodeName"]
    return next((f"{key}={labels[key]}" for key in ONE_NODE if key in labels), "")


def host_ports(pod: Manifest) -> set[tuple[str, str]]:
    """Return the ports that a pod takes of its host, ``53/UDP``, each with the address; empty: every address."""
    own = pod.get("hostNetwork")
    found: set[tuple[str, str]] = set()
    for container in pod.get("containers", []):
        for port in container.get("ports") or []:
            number: Any = port.get("hostPort") or (port.get("containerPort") if own else None)
            if number:
                address = str(port.get("hostIP") or "")
                key = f"{number}/{port.get('protocol') or 'TCP'}"
                found.add((key, "" if address in ("0.0.0.0", "::") else address))
    return found


def _part(spec: EnvironmentSpec, part: RenderedPart) -> Path:
    return ("backing" if part.name in spec.backing else "services", part.name)


def check_within(claims: list[Claim]) -> list[Finding]:
    """Return a finding for each claim that another part of the same environment makes too."""
    findings: list[Finding] = []
    for i, claim in enumerate(claims):
        for earlier in claims[:i] if claim.path not in [f.path for f in findings] else ():
            if claim.owner != earlier.owner and claim.meets(earlier):
                message = f"'{earlier.owner}' has {claim.what} {claim.key} already"
                findings.append(Finding(claim.path, TAKEN[claim.what], message, _HINTS[claim.what]))
                break
    return findings


def check_others(claims: Iterable[Claim], others: Iterable[Claim], whose: str) -> list[Finding]:
    """Return a finding for each claim that something outside of the environment has.

    Args:
        claims: The environment's.
        others: What is claimed, or is there.
        whose: Who that is, in a message: ``environment 'dev' (stacks/dev.yaml)``.
    """
    known = list(others)
    findings: dict[
        Path, Finding
    ] = {}  # one for each place: a name server takes its port twice, of TCP and UDP
    for claim in claims:
        found = next((other for other in known if claim.meets(other)), None)
        if found and claim.path not in findings:
            owner = f" for '{found.owner}'" if found.owner and found.owner != "ingress" else ""
            message = f"{claim.what} {claim.key} belongs to {whose}{owner}; a cluster has it once"
            findings[claim.path] = Finding(claim.path, TAKEN[claim.what], message, _HINTS[claim.what])
    return list(findings.values())


def check_pods(spec: EnvironmentSpec, parts: Iterable[RenderedPart]) -> list[Finding]:
    """Return a finding for each port that two containers of one pod listen on; they share their addresses."""
    findings = []
    for part in parts:
        for item, pod in pod_specs(part.manifests):
            taken: dict[str, str] = {}
            for container in pod["containers"]:
                for port in container.get("ports", []):
                    key = f"{port['containerPort']}/{port.get('protocol', 'TCP')}"
                    if taken.setdefault(key, container["name"]) == container["name"]:
                        continue
                    where = ("overrides", item["kind"], "spec", "template", "spec", "containers")
                    message = (
                        f"containers '{taken[key]}' and '{container['name']}' of {item['kind']} "
                        f"'{item['metadata']['name']}' both listen on {key}; all containers of a pod share its ports"
                    )
                    path = (*_part(spec, part), *where)
                    findings.append(Finding(path, "port-conflict", message, "give one of them another port"))
    return list(dict.fromkeys(findings))
