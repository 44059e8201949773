"""Shared volumes of an environment, which its services mount by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, StrictBool

from poscloud.spec.base import Model
from poscloud.spec.references import Finding, nearest
from poscloud.spec.values import NfsMount

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec


class SharedVolume(Model):
    """A directory that several services see. Every host needs the NFS client (nfs-utils, nfs-common)."""

    nfs: NfsMount = Field(description="Directory of an NFS server.")
    read_only: StrictBool = Field(False, description="Whether services may only read it.")


def check_volumes(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each mount of a volume that is not there, and for two at one path."""
    findings: list[Finding] = []
    for name, service in spec.services.items():
        taken: dict[str, str] = {}
        for volume, path in service.mounts.items():
            where = ("services", name, "mounts", volume)
            if volume not in spec.volumes:
                message = f"'{volume}' names no volume under volumes"
                findings.append(Finding(where, "unknown-reference", message, nearest(volume, spec.volumes)))
            if path in taken:
                message = f"'{taken[path]}' is mounted at {path} already"
                findings.append(Finding(where, "duplicate-mount", message, "choose another path"))
            taken.setdefault(path, volume)
    return findings
