"""What a kubelet gives a container: its variables, its files, its place in the cluster's names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from poscloud.render import Manifest


def environment(container: Manifest, pod: Mapping[str, str]) -> dict[str, str]:
    """Return a container's variables as its program sees them.

    Args:
        container: As rendered; its variables are texts or fields of the pod.
        pod: Field of the pod, such as ``status.podIP`` → value.
    """
    found: dict[str, str] = {}
    for entry in container["env"]:
        value = entry["value"] if "value" in entry else pod[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        # As in the API: only variables before this one are known, any other $(NAME) stays as it is.
        found[entry["name"]] = re.sub(r"\$\(([\w.-]+)\)", lambda m: found.get(m[1], m[0]), value)
    return found
