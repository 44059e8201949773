"""Access of a team: its ServiceAccount, and a Role with the verbs that its commands need, bound to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from poscloud.render import names
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec.teams import ACCOUNT_PREFIX, RIGHTS, Right

LOOK: Literal["look"] = "look"
"""What every team may."""

RBAC = "rbac.authorization.k8s.io"

_READ = ("get", "list", "watch")


@dataclass(frozen=True)
class Rule:
    """One line of the table.

    Attributes:
        right: Who has it: ``look``, which all have, or a right of its own.
        group: API group; empty for the core.
        resources: Plural names.
        verbs: What may be done with them.
        why: Which commands need it.
        only: Names of the objects that are meant; none: all.
    """

    right: Right | Literal["look"]
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    only: tuple[str, ...] = ()

    def as_rule(self) -> Manifest:
        """Return it as a Role has it."""
        rule: Manifest = {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }
        return {**rule, "resourceNames": list(self.only)} if self.only else rule


RULES: Sequence[Rule] = (
    Rule(LOOK, "", ("namespaces",), ("get",), "whose environment it is; the Role counts in this one alone"),
    Rule(LOOK, "", ("pods",), _READ, "status, top, why"),
    Rule(LOOK, "", ("pods/log",), ("get",), "logs, error-logs, why"),
    Rule(LOOK, "", ("events",), _READ, "events, why"),
    Rule(LOOK, "", ("services", "configmaps", "persistentvolumeclaims"), _READ, "status, graph, why"),
    Rule(LOOK, "", ("resourcequotas", "limitranges"), ("get", "list"), "why a pod is not made"),
    Rule(LOOK, "apps", ("deployments", "statefulsets", "replicasets"), _READ, "status, graph, why"),
    Rule(LOOK, "batch", ("jobs", "cronjobs"), _READ, "status, why"),
    Rule(LOOK, "autoscaling", ("horizontalpodautoscalers",), ("get", "list"), "status, why"),
    Rule(LOOK, "networking.k8s.io", ("ingresses",), ("get", "list"), "graph, open"),
    Rule(LOOK, "discovery.k8s.io", ("endpointslices",), ("get", "list"), "which pods answer"),
    Rule(LOOK, "metrics.k8s.io", ("pods",), ("get", "list"), "CPU and memory in status, top"),
    Rule(
        "shell",
        "",
        ("pods/exec",),
        ("get", "create"),
        "shell, exec, cp, log files, reinit-mysql; get: WebSocket",
    ),
    Rule("shell", "", ("pods/portforward",), ("get", "create"), "forward; get: over a WebSocket"),
    Rule("shell", "", ("configmaps",), ("create",), "the ledger's first entry: a shell is recorded"),
    Rule("shell", "", ("configmaps",), ("patch",), "further entries of it", (names.LEDGER,)),
    Rule("change", "apps", ("deployments", "statefulsets"), ("patch",), "scale, restart, push-jar, rollback"),
    Rule("change", "apps", ("controllerrevisions",), ("list",), "history and rollback of a StatefulSet"),
    Rule("change", "", ("configmaps",), ("create",), "the first entry of the ledger of changes by hand"),
    Rule("change", "", ("configmaps",), ("patch",), "further entries of it", (names.LEDGER,)),
)
"""Everything that a team may do, and what for; docs/components/team-access.md and a test read it too."""


def account(team: str) -> str:
    """Return the name of a team's ServiceAccount, Role and RoleBinding."""
    return f"{ACCOUNT_PREFIX}{team}"


def rules(may: Iterable[Right]) -> list[Manifest]:
    """Return the rules of a team's Role; what two of its rights have, once."""
    given = {LOOK, *may}
    found: list[Manifest] = []
    for rule in RULES:
        if rule.right in given and rule.as_rule() not in found:
            found.append(rule.as_rule())
    return found


def may_of(role: Manifest) -> tuple[Right, ...]:
    """Return what a Role gives beyond looking, as far as the table knows it."""
    has = role.get("rules") or []
    return tuple(
        right for right in RIGHTS if all(rule.as_rule() in has for rule in RULES if rule.right == right)
    )


def render_team(namespace: str, team: str, may: Iterable[Right], labels: dict[str, str]) -> list[Manifest]:
    """Return the objects of one team.

    Args:
        namespace: The environment's.
        team: The team's name.
        may: Its rights beyond looking.
        labels: Of what belongs to the environment; the team's own is added.
    """
    name, labels = account(team), {**labels, names.ACCESS_LABEL: team}
    return [
        # Its tokens are asked for one by one; a pod that runs as it gets none by itself.
        manifest(
            "v1",
            "ServiceAccount",
            name,
            namespace=namespace,
            labels=labels,
            automountServiceAccountToken=False,
        ),
        manifest(f"{RBAC}/v1", "Role", name, namespace=namespace, labels=labels, rules=rules(may)),
        manifest(
            f"{RBAC}/v1",
            "RoleBinding",
            name,
            namespace=namespace,
            labels=labels,
            roleRef={"apiGroup": RBAC, "kind": "Role", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        ),
    ]
