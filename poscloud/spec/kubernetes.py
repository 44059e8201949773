"""What Kubernetes takes as a label, as a resource of a quota, and as an image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from poscloud.spec.references import Finding, Path, nearest

_DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = re.compile(rf"({_DNS}/)?{_WORD}")
_LABEL_VALUE = re.compile(rf"({_WORD})?")

_PATH = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][-A-Za-z0-9_.]{0,127}"
_IMAGE = re.compile(
    rf"([A-Za-z0-9][-A-Za-z0-9.]*(:[0-9]+)?/)?{_PATH}(/{_PATH})*(:{_TAG})?"
    r"(@sha256:[0-9a-f]{64})?"
)

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
QUOTA_RESOURCES = frozenset(
    {
        *_COMPUTE,
        *(f"{side}.{resource}" for side in ("requests", "limits") for resource in _COMPUTE),
        *("requests.storage", "persistentvolumeclaims", "pods", "services", "services.loadbalancers"),
        *("services.nodeports", "secrets", "configmaps", "replicationcontrollers", "resourcequotas"),
    }
)
"""What a quota may count without a ``/`` in its name; the API server refuses every other such name."""


def check_labels(labels: Mapping[str, str], path: Path) -> list[Finding]:
    """Return a finding for each key or value that is no label's."""
    what = "letters, digits, '-', '_' and '.', at most 63, a letter or digit at both ends"
    findings = [
        Finding((*path, key), "bad-label", f"'{key}' is no label: {what}; a domain and '/' may precede")
        for key in labels
        if not _LABEL_KEY.fullmatch(key)
    ]
    return findings + [
        Finding((*path, key), "bad-label", f"'{value}' is no value of a label: {what}")
        for key, value in labels.items()
        if not _LABEL_VALUE.fullmatch(value)
    ]


def check_quota(resources: Iterable[str]) -> list[Finding]:
    """Return a finding for each name of the quota that no resource has."""
    return [
        Finding(
            ("quota", name),
            "unknown-resource",
            f"quota: no resource is called '{name}'",
            nearest(name, QUOTA_RESOURCES),
        )
        for name in resources
        if name not in QUOTA_RESOURCES
        and not name.startswith(("hugepages-", "requests.hugepages-"))
        and not ("/" in name and _LABEL_KEY.fullmatch(name))
    ]


def check_image(image: str | None, path: Path) -> list[Finding]:
    """Return a finding if ``image`` is given and cannot be one."""
    if image is None or _IMAGE.fullmatch(image):
        return []
    message = f"'{image}' is no image: REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:…, the name in lower case"
    return [Finding(path, "bad-image", message)]


def check_tag(version: str, path: Path) -> list[Finding]:
    """Return a finding if ``version`` cannot be the tag of an image."""
    if re.fullmatch(_TAG, version):
        return []
    message = f"'{version}' cannot be an image's tag: letters, digits, '_', '.' and '-', at most 128"
    return [Finding(path, "bad-image", message)]
