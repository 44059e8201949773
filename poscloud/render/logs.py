"""The volume of a service's log files: gone with the pod, or kept in a folder of its own."""

from __future__ import annotations

from poscloud.render.manifest import Manifest
from poscloud.render.pod import field_env, nfs_volume
from poscloud.spec import ServiceSpec

VOLUME = "logs"
_POD = "LOG_STORE_POD"
"""Variable that a mount's folder is named by: the pod's name, which is its host name as well."""


def logs_volume(spec: ServiceSpec) -> Manifest:
    """Return the pod's volume of log files."""
    store = spec.log_store
    if store is None:
        return {"name": VOLUME, "emptyDir": {"sizeLimit": spec.log_space}}
    if store.nfs:
        return nfs_volume(VOLUME, store.nfs)
    return {"name": VOLUME, "persistentVolumeClaim": {"claimName": store.claim}}


def keep_logs(container: Manifest, environment: str, service: str) -> Manifest:
    """Return the container with its log files in ENVIRONMENT/SERVICE/POD of the volume.

    Document 003 keeps log files apart by host name; it complains that nobody sees whose they are.
    """
    mounts = container.get("volumeMounts", [])
    if not any(mount["name"] == VOLUME for mount in mounts):
        return container
    return {
        **container,
        "env": [field_env(_POD, "metadata.name"), *container.get("env", [])],
        "volumeMounts": [
            _in_folder(m, f"{environment}/{service}/$({_POD})") if m["name"] == VOLUME else m for m in mounts
        ],
    }


def _in_folder(mount: Manifest, folder: str) -> Manifest:
    own = [mount["subPath"]] if "subPath" in mount else []  # each container of several has its own already
    rest = {key: value for key, value in mount.items() if key != "subPath"}
    return {**rest, "subPathExpr": "/".join([folder, *own])}
