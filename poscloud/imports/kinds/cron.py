"""What is the same for all services that run by the clock."""

from __future__ import annotations

from typing import Any

from poscloud.imports.pods import given
from poscloud.imports.source import Workload


def cron_fields(workload: Workload) -> dict[str, Any]:
    """Return when a CronJob begins, and when it is ended."""
    spec = workload.spec
    return {
        "schedule": spec.get("schedule"),
        **given(time_zone=spec.get("timeZone")),
        "suspend": bool(spec.get("suspend")),
        "deadline": spec["jobTemplate"]["spec"].get("activeDeadlineSeconds", 3600),
    }
