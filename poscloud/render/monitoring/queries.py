"""What is asked of Prometheus, for rules and dashboard alike."""

from __future__ import annotations

_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
"""Characters of what Kubernetes adds to the names of a Deployment's pods (rand.SafeEncodeString)."""

SERVICE = f"(.+?)-(?:[0-9]+|{_SAFE}{{1,10}}-{_SAFE}{{5}})"
"""Name of a pod → that of its Deployment or StatefulSet."""

CONTAINERS = 'container!="",container!="POD"'
"""cAdvisor counts a pod as a whole and its pause container as well."""


def container(metric: str, namespace: str, more: str = "") -> str:
    """Return a metric of cAdvisor about containers of one namespace."""
    return f'{metric}{{namespace="{namespace}",{CONTAINERS}{more}}}'


def by_service(query: str, of: str = "namespace, service") -> str:
    """Return the sum of a query by what its pods are of; it has to have the label ``pod``."""
    return f'sum by ({of}) (label_replace({query}, "service", "$1", "pod", "{SERVICE}"))'


def cpu(namespace: str, more: str = "", window: str = "5m") -> str:
    """Return cores in use, by container."""
    return f"rate({container('container_cpu_usage_seconds_total', namespace, more)}[{window}])"


def memory(namespace: str, more: str = "") -> str:
    """Return bytes of memory in use that cannot be taken back, by container."""
    return container("container_memory_working_set_bytes", namespace, more)


def network(direction: str, namespace: str, more: str = "", window: str = "5m") -> str:
    """Return bytes a second, ``receive`` or ``transmit``, by pod and interface."""
    return f'rate(container_network_{direction}_bytes_total{{namespace="{namespace}"{more}}}[{window}])'


def restarts(namespace: str, more: str = "", window: str = "1h") -> str:
    """Return restarts within a time, by container."""
    return f'increase(kube_pod_container_status_restarts_total{{namespace="{namespace}"{more}}}[{window}])'


def limit(resource: str, namespace: str) -> str:
    """Return the limits of containers, ``memory`` in bytes or ``cpu`` in cores."""
    limits = f'kube_pod_container_resource_limits{{namespace="{namespace}",resource="{resource}"}}'
    return f"max by (namespace, pod, container) ({limits})"
