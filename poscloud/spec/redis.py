"""Redis."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from poscloud.spec.password import WithPassword
from poscloud.spec.values import Resources, resources

_PASSWORD = "a password in a ConfigMap is readable by everybody; use the field password"


class RedisSpec(WithPassword):
    """A single Redis with append-only persistence."""

    least_memory: ClassVar[str] = "16Mi"
    managed: ClassVar[dict[str, str]] = {
        "port": "it is always 6379",
        "bind": "clients connect by the Service's name",
        "dir": "the volume is always at /data; its size is storage.size",
        "logfile": "it logs to stdout",
        "daemonize": "a container's program stays in the foreground",
        "include": "what it includes would not be in the container; write the settings here",
        "maxmemory": "it is half of resources.limits.memory; use that field",
        "requirepass": _PASSWORD,
        "masterauth": _PASSWORD,
        "user": "it holds a password, which in a ConfigMap is readable by everybody; use the field password",
        "rename-command": "the probes and the start script need the commands by their names",
    }
    kind: Literal["redis"] = Field("redis", description="Redis.")
    version: str = Field("3.2.12", description="Version, the tag in the image pattern.")
    config: dict[str, str | int | bool] = Field({}, description="Further redis.conf settings.")
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("128Mi", "512Mi")), description="CPU, memory."
    )
