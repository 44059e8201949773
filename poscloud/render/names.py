"""Every label, annotation and derived name, in one place."""

from __future__ import annotations

PROJECT = "poscloud"
"""Default Pulumi project name (``name`` in Pulumi.yaml)."""

STACK_ANNOTATION = "poscloud.io/stack"
"""``project/stack`` of the stack that owns an object."""

CLUSTER_ANNOTATION = "poscloud.io/cluster"
"""On a namespace: uid of the cluster (of its namespace kube-system) it was made in."""

ADOPT_ANNOTATION = "poscloud.io/adopt"
"""On a namespace, and on what no namespace holds: ``true``, a namespace that is nobody's may be taken in."""

TTL_ANNOTATION = "poscloud.io/ttl"
"""On a namespace: the time without activity after which the environment is released, ``8h`` or ``forever``."""

ACTIVE_ANNOTATION = "poscloud.io/active"
"""On a namespace: when somebody last did something with the environment, in RFC 3339; without it, when it was made."""

KEEP_ANNOTATION = "poscloud.io/keep-until"
"""On a namespace: until when it stays in any case, in RFC 3339."""

OWNER_ANNOTATION = "poscloud.io/owner"
"""On a namespace: who asked for the environment."""

COPY_ANNOTATION = "poscloud.io/copy-of"
"""On a namespace: the environment this one is a copy of."""

MERGE_REQUEST_ANNOTATION = "poscloud.io/merge-request"
"""On a namespace: ``PROJECT!NUMBER`` of the merge request the environment is for."""

OFFICE_HOURS_ANNOTATION = "poscloud.io/office-hours"
"""On a namespace: when the environment is worked with, ``mon,tue 08:00-20:00 Asia/Shanghai``."""

ASLEEP_ANNOTATION = "poscloud.io/asleep"
"""On a namespace: since when the environment sleeps, in RFC 3339."""

ASLEEP_BY_ANNOTATION = "poscloud.io/asleep-by"
"""On a namespace that sleeps: who put it to sleep, or ``office hours``."""

AWAKE_ANNOTATION = "poscloud.io/awake-until"
"""On a namespace: until when it does not go to sleep by itself, in RFC 3339."""

REPLICAS_ANNOTATION = "poscloud.io/replicas"
"""On a workload that sleeps: how many pods it had, and behind it the field manager where they were changed by hand."""

START_AFTER_ANNOTATION = "poscloud.io/start-after"
"""On a workload: the services and backing services that have to be ready first, with commas."""

TEAM_ANNOTATION = "poscloud.io/team"
"""On a namespace: the team that the copy counts for."""

ACCESS_LABEL = "poscloud.io/access"
"""On what gives a team access to an environment, and on a Secret that a kubeconfig of it is bound to: the team."""

GIVEN_BY_ANNOTATION = "poscloud.io/given-by"
"""On such a Secret, and on a team's service account that was made by hand: who did it."""

GIVEN_UNTIL_ANNOTATION = "poscloud.io/given-until"
"""On such a Secret: until when its kubeconfig works, in RFC 3339."""

WAITING_ANNOTATION = "poscloud.io/waiting"
"""On a namespace: that of a copy which waits for room; when it last said so, in RFC 3339."""

WAITS_FOR_ANNOTATION = "poscloud.io/waits-for"
"""On such a namespace: the limits it waits for, ``copy-of``, ``team`` or both with ``,`` between them."""

LET_IN_ANNOTATION = "poscloud.io/let-in"
"""On a namespace: when its copy was let in, in RFC 3339; goes as soon as the engine makes the namespace its own."""

MADE_WITH_ANNOTATION = "poscloud.io/made-with"
"""On a namespace: the merge requests of services whose builds it runs, ``PROJECT!NUMBER``, with ``,`` between them."""

CHECKSUM_ANNOTATION = "poscloud.io/config-checksum"
"""On a pod: checksum of the configuration it was started with, so that a change rolls just these pods."""

SECRET_CHECKSUM_ANNOTATION = "poscloud.io/secret-checksum"
"""On a pod: keyed checksum of the Secrets it was started with, so that a new password rolls just these pods."""

SECRET_SOURCE_ANNOTATION = "poscloud.io/secret-source"
"""On a Secret: ``KEY=CONFIG,KEY=CONFIG``, the data keys that are filled from secret configuration of the stack."""

SECRET_RANDOM_ANNOTATION = "poscloud.io/secret-random"
"""On a Secret: ``KEY,KEY``, those that ``poscloud up`` fills with a random word where none is configured."""

SECRET_OUTPUT = "secret"
"""Output of a part with a password: the name of the Secret that holds it."""

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""On a Service: the workload's readiness is the gate; a Service's endpoints prove nothing more."""

RELEASE_ANNOTATION = "poscloud.io/release"
"""On the Service of a blue-green release: the strategy and the colour that gets the requests."""

TRACK_LABEL = "poscloud.io/track"
"""On a Deployment and its pods: ``blue``, ``green`` or ``canary``; without it, the live one of rolling or canary."""

LEDGER = "poscloud-manual"
"""Name of the ConfigMap in a namespace that has the changes by hand; it is no part of the stack."""

PUSHED_ANNOTATION = "poscloud.io/pushed"
"""On a workload: the version that somebody gave it by hand last, who, when and why, as JSON; Kubernetes copies it to
the ReplicaSet or ControllerRevision of that version, which are the history of a service."""

NODE_GUARD = "poscloud-node-guard"
"""Name of the ConfigMap with a node guard's settings, which keeps in an annotation what it did."""

GUARDED_ANNOTATION = "poscloud.io/guarded"
"""On that ConfigMap: what was restarted and told, and when, as JSON. On a pod: ``never``, it is not restarted."""

RESTARTED_ANNOTATION = "poscloud.io/restarted"
"""On a pod: when ``poscloud restart`` asked for it to be made anew, in RFC 3339."""

CLUSTER_DOMAIN = "svc.cluster.local"


def labels(name: str, kind: str, environment: str) -> dict[str, str]:
    """Return the labels of every object that belongs to ``name``.

    ``app`` is what the existing dashboards and scripts select by.
    """
    return {
        "app": name,
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": kind,
        "app.kubernetes.io/part-of": environment,
        "app.kubernetes.io/managed-by": "poscloud",
    }


def selector(name: str, track: str = "") -> dict[str, str]:
    """Return the labels that pick the pods of ``name``, or of one ``track`` of it; immutable once deployed."""
    return {"app": name, TRACK_LABEL: track} if track else {"app": name}


def tracked(name: str, track: str) -> str:
    """Return the name of the Deployment that runs one track of a service (blue-green, canary)."""
    return f"{name}-{track}"


def dns_name(name: str, environment: str) -> str:
    """Return the full DNS name of a Service, which needs no search domain and works for the office DNS too."""
    return f"{name}.{environment}.{CLUSTER_DOMAIN}"


def member_dns_names(name: str, environment: str, replicas: int) -> list[str]:
    """Return the DNS names of a stateful set's members, in order."""
    return [f"{name}-{i}.{dns_name(name, environment)}" for i in range(replicas)]


def peers_service(name: str) -> str:
    """Return the name of the headless Service that gives each pod of a service an address of its own."""
    return f"{name}-peers"


def peers_dns_name(name: str, environment: str) -> str:
    """Return what the address of each such pod ends with, after the pod's name and a dot."""
    return dns_name(peers_service(name), environment)


def peer_dns_names(name: str, environment: str, replicas: int) -> list[str]:
    """Return the DNS names of these pods, in order."""
    return [f"{name}-{i}.{peers_dns_name(name, environment)}" for i in range(replicas)]


def filebeat_config(name: str) -> str:
    """Return the name of a service's Filebeat ConfigMap (at most 79 characters; 253 are allowed)."""
    return f"{name}-filebeat-config"


def part_config(name: str) -> str:
    """Return the name of the ConfigMap with a service's or backing service's configuration."""
    return f"{name}-config"


def initial_data(name: str) -> str:
    """Return the name of the ConfigMap with what a database is filled with at its first start."""
    return f"{name}-init"


def cluster_wide(name: str, environment: str) -> str:
    """Return the name of an object that no namespace holds.

    The dot, which no environment's name has, keeps ``a`` with ``b-c`` apart from ``a-b`` with ``c``.
    """
    return f"{environment}.{name}"


def node_port_policy(name: str) -> str:
    """Return the name of the NetworkPolicy that lets everybody reach a service's node port."""
    return f"{name}-node-port"


def env_prefix(name: str) -> str:
    """Return what a dependency's variables begin with: ``dac-config-server`` → ``DAC_CONFIG_SERVER``."""
    return name.upper().replace("-", "_")
