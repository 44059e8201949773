"""Where pods run: node selectors, pools and priorities, as the environment and its parts say them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from poscloud.imports.source import Source, Workload
from poscloud.render import Manifest


class Placing:
    """The pools that the tolerations of a source's pods ask for, and what most pods share.

    Args:
        source: What is imported.
        workloads: Everything in it that has pods.
    """

    def __init__(self, source: Source, workloads: Sequence[Workload]) -> None:
        self._name = source.name
        self.pools: dict[str, dict[str, Any]] = {}
        self._by_placement: dict[str, str] = {}
        counted = Counter(_key(w.pod.get("nodeSelector") or {}) for w in workloads)
        for workload in workloads:
            if workload.pod.get("tolerations"):
                self._pool(workload.pod)
        most = counted.most_common(1)
        common = json.loads(most[0][0]) if most and most[0][1] > 1 and not self.pools else {}
        self.node_selector: dict[str, str] = common

    def of(self, pod: Manifest) -> dict[str, Any]:
        """Return the fields of one part."""
        found: dict[str, Any] = {}
        selector = pod.get("nodeSelector") or {}
        if pod.get("tolerations"):
            found["pool"] = self._pool(pod)
        elif selector != self.node_selector:
            found["node_selector"] = selector
        if priority := pod.get("priorityClassName"):
            found["priority"] = priority.removeprefix(f"{self._name}.")
        return found

    def _pool(self, pod: Manifest) -> str:
        labels = pod.get("nodeSelector") or {}
        taints = [
            {k: t[k] for k in ("key", "value", "effect") if k in t} for t in pod["tolerations"] if "key" in t
        ]
        key = _key([labels, taints])
        if key not in self._by_placement:
            name = next(iter(labels.values()), "pool").lower().replace(".", "-")
            while name in self.pools:
                name += "-2"
            self._by_placement[key] = name
            self.pools[name] = {"labels": labels, "taints": taints}
        return self._by_placement[key]


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
