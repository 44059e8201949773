"""A tiny OCI image layout: busybox, and a pause that sleeps; what the nodes themselves are tried with."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

BUSYBOX = Path("/usr/bin/busybox")
REF_NAME = "org.opencontainers.image.ref.name"
APPLETS = ("sh", "sleep", "cat", "echo", "ls", "httpd", "wget", "nslookup", "touch", "rm", "mkdir", "hostname",
           "test", "id", "head", "tail", "dd", "kill", "env", "stty", "ps", "mount", "ip")  # fmt: skip


def write(folder: Path) -> Path:
    """Write ``layout/`` and ``table.json`` into a folder, as POSCLOUD_NODE_IMAGES wants them; return the folder."""
    layout = folder / "layout"
    (layout / "blobs" / "sha256").mkdir(parents=True)
    layer = _blob(layout, _busybox(), "application/vnd.oci.image.layer.v1.tar")
    pause = _image(layout, "pause", layer, ["/bin/sleep", "2000000000"])
    busybox = _image(layout, "busybox", layer, ["/bin/sh"])
    index = {"schemaVersion": 2, "manifests": [pause, busybox]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    table = [
        {"pattern": "*/busybox:*", "image": "busybox"},
        {"pattern": "harbor.example.com/*/app:1.?", "image": "busybox"},
    ]
    (folder / "table.json").write_text(json.dumps(table))
    return folder


def _busybox() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("bin", "tmp", "etc", "data", "www"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(entry)
        program = tarfile.TarInfo("bin/busybox")
        program.size, program.mode = BUSYBOX.stat().st_size, 0o755
        with BUSYBOX.open("rb") as file:
            tar.addfile(program, file)
        for name in APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        users = tarfile.TarInfo("etc/passwd")
        text = b"root:x:0:0::/:/bin/sh\n"
        users.size = len(text)
        tar.addfile(users, io.BytesIO(text))
    return buffer.getvalue()


def _blob(layout: Path, content: bytes, media: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(content)
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(content)}


def _image(layout: Path, name: str, layer: dict[str, Any], command: list[str]) -> dict[str, Any]:
    config = {
        "architecture": "amd64", "os": "linux", "config": {"Cmd": command, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }  # fmt: skip
    described = _blob(layout, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": media, "config": described, "layers": [layer]}
    return {**_blob(layout, json.dumps(manifest).encode(), media), "annotations": {REF_NAME: name}}
