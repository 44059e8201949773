"""MongoDB."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from poscloud.spec.password import WithPassword
from poscloud.spec.values import Resources, resources

_SECRET = "it is set by the field password"
_ALONE = "it is a single member"


class MongoSpec(WithPassword):
    """A single MongoDB."""

    least_memory: ClassVar[str] = "256Mi"
    managed: ClassVar[dict[str, str]] = {
        "net.port": "it is always 27017",
        "net.bindip*": "clients connect by the Service's name",
        "storage.dbpath": "the volume is always at /data/db; its size is storage.size",
        "storage.wiredtiger.engineconfig.cachesizegb": "it follows resources.limits.memory; use that field",
        "systemlog.destination": "it logs to stdout",
        "systemlog.path": "it logs to stdout",
        "processmanagement.fork": "a container's program stays in the foreground",
        "security.authorization": _SECRET,
        "security.keyfile": _ALONE,
        "replication*": _ALONE,
        "sharding*": _ALONE,
    }
    kind: Literal["mongo"] = Field("mongo", description="MongoDB.")
    version: str = Field("3.6.4", description="Version, the tag in the image pattern.")
    config: dict[str, Any] = Field(
        {},
        description="Further settings of mongod.conf, nested as there.",
        examples=[{"operationProfiling": {"mode": "slowOp", "slowOpThresholdMs": 200}}],
    )
    user: str = Field(
        "admin",
        description="With a password: the user that has it, who may do everything; kept in database admin.",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
    )
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("512Mi", "2Gi")), description="CPU, memory."
    )

    def offered(self) -> tuple[str, ...]:
        """Return the outputs; with a password user and Secret as well."""
        return (*super().offered(), "username") if self.with_password else super().offered()
