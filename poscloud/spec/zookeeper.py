"""ZooKeeper, alone or as a quorum of three."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from poscloud.spec.stateful import Members, StatefulSpec
from poscloud.spec.values import Resources, resources


class ZooKeeperSpec(StatefulSpec):
    """ZooKeeper, alone or as a quorum of three."""

    least_memory: ClassVar[str] = "128Mi"
    managed: ClassVar[dict[str, str]] = {
        "clientport": "it is always 2181",
        "datadir": "the volume is always at /data; its size is storage.size",
        "datalogdir": "the volume is at /data, and what is written elsewhere is lost with the pod",
        "server.*": "the members follow from replicas",
        "4lw.commands.whitelist": "the probes need ruok and srvr",
    }
    kind: Literal["zookeeper"] = Field("zookeeper", description="Apache ZooKeeper.")
    version: str = Field("3.8.4", description="Version, the tag in the image pattern.")
    replicas: Members = Field(1, description="Members: one, or three that keep a quorum when one is lost.")
    config: dict[str, str | int | bool] = Field({}, description="Further zoo.cfg settings.")
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("256Mi", "512Mi")), description="CPU, memory."
    )
