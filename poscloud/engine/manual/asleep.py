"""Workloads that sleep: their pods are gone on purpose, and their number is kept for when they wake."""

from __future__ import annotations

from typing import Any

from poscloud.provider.diff import get
from poscloud.render.names import REPLICAS_ANNOTATION

REPLICAS = ("spec", "replicas")


def asleep(live: dict[str, Any]) -> bool:
    """Whether a live workload sleeps."""
    return get(live, "metadata", "annotations", REPLICAS_ANNOTATION) is not None
