"""Who may do what in a cluster: poscloud's roles, and binding them to somebody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poscloud.errors import PosCloudError

if TYPE_CHECKING:
    from poscloud.local.api import LocalApi

Manifest = dict[str, Any]

USER = "poscloud"
"""The user of the local cluster's ordinary kubeconfig."""

GROUP = "poscloud:operators"
"""Its only group. The roles are bound to this one."""

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES, BINDINGS = f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"
LABELS = {"app.kubernetes.io/part-of": "poscloud-access"}
SELECTOR = "labelSelector=app.kubernetes.io%2Fpart-of%3Dposcloud-access"
NODE_GUARD = "poscloud-node-guard"
"""The role of a node guard's service account, in the same way."""

TEAMS = "poscloud-teams"
"""The role of who gives teams access, and so may act as any service account; only who asks for it by name gets it."""

ACCOUNTS = "system:serviceaccounts"
"""The group of all service accounts: a team's has to read which cluster it is in, as everybody has."""

IN_NAMESPACE = frozenset(
    {"poscloud-environment", "poscloud-messages", "poscloud-by-hand", "poscloud-destroy", TEAMS}
)
"""Roles that suffice within one namespace; of the others a deployer of one namespace needs ``EVERYWHERE``."""

EVERYWHERE = frozenset({"poscloud-identity"})

JANITOR = "poscloud-janitor"
"""The role of a janitor's service account, which its own binding gives it; nobody else gets it."""

JANITORS = "poscloud-janitors"
"""The role of who makes a janitor, and so may give the above to anybody; only who asks for it by name gets it."""


_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""What a namespace may be called (RFC 1123, label)."""


def roles_text() -> str:
    """Return the roles as YAML, with the reason for each rule."""
    return Path(__file__).with_name("roles.yaml").read_text()


def roles() -> list[Manifest]:
    """Return the ClusterRoles."""
    import yaml

    return list(yaml.load_all(roles_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def names(*, janitors: bool, teams: bool) -> list[str]:
    """Return the names of the ClusterRoles that people and their CI are given.

    Args:
        janitors: That of who makes a janitor as well.
        teams: That of who gives teams access as well.
    """
    kept = {JANITOR, NODE_GUARD} | (set() if janitors else {JANITORS}) | (set() if teams else {TEAMS})
    return [name for role in roles() if (name := role["metadata"]["name"]) not in kept]


def subject(kind: str, name: str) -> Manifest:
    """Return whom a binding means.

    Args:
        kind: ``User``, ``Group`` or ``ServiceAccount``.
        name: Its name; that of a service account is ``NAMESPACE/NAME``.
    """
    if kind == "ServiceAccount":
        namespace, _, account = name.partition("/")
        return {"kind": kind, "name": account, "namespace": namespace}
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def bindings(given: Iterable[str], to: Manifest, namespace: str = "") -> list[Manifest]:
    """Return the bindings that give roles to somebody.

    Args:
        given: Names of the ClusterRoles.
        to: As ``subject`` returns it.
        namespace: Give only what concerns this one namespace; empty: all namespaces, and making them.
    """
    found = []
    for name in given:
        within = namespace and name in IN_NAMESPACE
        if namespace and not within and name not in EVERYWHERE:
            continue
        metadata: Manifest = {"name": _binding_name(name, to), "labels": LABELS}
        found.append(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding" if within else "ClusterRoleBinding",
                "metadata": {**metadata, "namespace": namespace} if within else metadata,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                "subjects": [to],
            }
        )
    return found


def access_text(
    user: str,
    group: str,
    service_account: str,
    namespace: str,
    *,
    janitors: bool = False,
    teams: bool = False,
) -> str:
    """Return, as YAML, the roles and what binds them; for nobody, the roles alone.

    Args:
        user: A user's name.
        group: A group's name.
        service_account: ``NAMESPACE/NAME``.
        namespace: As for ``bindings``.
        janitors: As for ``names``.
        teams: As for ``names``; the service accounts then get to know which cluster they are in.

    Raises:
        PosCloudError: Several of the first three are given, or a service account without its namespace; or the right
            to make janitors, which counts in the whole cluster, for one namespace or for nobody; or the right to give
            teams access for nobody.
    """
    import yaml

    whom = [(k, n) for k, n in (("User", user), ("Group", group), ("ServiceAccount", service_account)) if n]
    if len(whom) > 1:
        raise _mistake("give one of --user, --group and --service-account")
    if namespace and not whom:
        raise _mistake(
            "--namespace says where somebody may work; give --user, --group or --service-account too"
        )
    if janitors and (namespace or not whom):
        said = "--janitor is a right in the whole cluster, and --namespace says otherwise; leave one out"
        raise _mistake(
            said if namespace else "--janitor needs whom to give it: --user, --group or --service-account"
        )
    if teams and not whom:
        raise _mistake("--teams needs whom to give it: --user, --group or --service-account")
    if service_account and not all(service_account.partition("/")):
        raise _mistake(f"--service-account is {service_account!r}; expected NAMESPACE/NAME")
    if namespace and not _LABEL.fullmatch(namespace):
        raise _mistake(
            f"--namespace is {namespace!r}; expected a namespace's name: a-z, 0-9 and -, at most 63 characters"
        )
    given = names(janitors=janitors, teams=teams)
    bound = [b for kind, name in whom for b in bindings(given, subject(kind, name), namespace)]
    bound += bindings(EVERYWHERE, subject("Group", ACCOUNTS)) if teams else []
    return "---\n".join([roles_text(), *(yaml.safe_dump(b, sort_keys=False) for b in bound)])


def _mistake(message: str) -> PosCloudError:
    return PosCloudError(message, hint="poscloud access --help")


def _binding_name(role: str, to: Manifest) -> str:
    """Several people may be given the same role, each by a binding of their own; users and groups may share names."""
    parts = [role, to["kind"].lower(), *(to[key] for key in ("namespace", "name") if key in to)]
    return ":".join(parts).replace("/", ":")


def prepare(api: LocalApi) -> None:
    """Give the local cluster's user exactly these roles; what an earlier version gave it beside them is taken away.

    Bindings to others, as ``poscloud access`` prints them, stay.
    """
    wanted = roles()
    given = bindings(names(janitors=True, teams=True), subject("Group", GROUP))
    given += bindings(EVERYWHERE, subject("Group", ACCOUNTS))
    for path, manifests, content in ((ROLES, wanted, ("rules",)), (BINDINGS, given, ("roleRef", "subjects"))):
        live = {item["metadata"]["name"]: item for item in (api.get(f"{path}?{SELECTOR}") or {})["items"]}
        for entry in manifests:
            found = live.pop(entry["metadata"]["name"], None)
            if found and all(found.get(field) == entry[field] for field in content):
                continue
            if found and path == ROLES:
                api.replace(f"{path}/{entry['metadata']['name']}", entry)
                continue
            if found:  # the role of a binding cannot be changed
                api.delete(f"{path}/{entry['metadata']['name']}")
            api.create(path, entry)
        for name, left in live.items():
            if path == ROLES or left.get("subjects") == [subject("Group", GROUP)]:
                api.delete(f"{path}/{name}")


def effective(api: LocalApi) -> bool:
    """Whether the roles have reached the server's authorizer, asked as the user who has them."""
    return api.request("GET", "/api/v1/namespaces/kube-system")[0] == 200 and api.ready("/apis")
