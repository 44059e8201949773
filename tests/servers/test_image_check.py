"""Images looked up in a real registry: missing, for other processors, an index with a hole; and one that is away."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.preflight.images import check_registry
from poscloud.cluster.preflight.nodes import Node
from poscloud.cluster.registry.client import Found, UnaskedError, look_up
from poscloud.cluster.registry.reference import parse
from poscloud.render.check import render_checked
from poscloud.spec import EnvironmentSpec
from tests.servers import golang
from tests.servers.running import accepts, free_port, running

pytestmark = pytest.mark.servers

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass
class Registry:
    """A real registry on this machine."""

    host: str

    def _put(self, url: str, body: bytes, kind: str, method: str = "PUT") -> None:
        headers = {"Content-Type": kind}
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        urllib.request.urlopen(request, timeout=10).close()

    def image(self, name: str, tag: str, processor: str) -> dict[str, Any]:
        """Push an image for one kind of processor; return its entry in an index."""
        config = json.dumps(
            {"architecture": processor, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
        )
        digest = _digest(config.encode())
        self._put(
            f"http://{self.host}/v2/{name}/blobs/uploads/?digest={digest}", config.encode(), CONFIG, "POST"
        )
        entry = {"mediaType": CONFIG, "digest": digest, "size": len(config)}
        manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": []}
        ).encode()
        digest = _digest(manifest)
        self._put(f"http://{self.host}/v2/{name}/manifests/{tag or digest}", manifest, MANIFEST)
        platform = {"os": "linux", "architecture": processor}
        return {"mediaType": MANIFEST, "digest": digest, "size": len(manifest), "platform": platform}

    def index(self, name: str, tag: str, *entries: dict[str, Any]) -> None:
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        self._put(f"http://{self.host}/v2/{name}/manifests/{tag}", body, INDEX)

    def remove(self, name: str, reference: str) -> None:
        url = f"http://{self.host}/v2/{name}/manifests/{reference}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()

    def found(self, image: str, *processors: str) -> Found:
        return look_up(parse(f"{self.host}/{image}"), frozenset(processors))


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    port = free_port()
    found = Registry(f"127.0.0.1:{port}")
    log = tmp_path_factory.mktemp("registry") / "log"
    with running([golang.build("registry"), found.host], log, lambda: accepts(port)):
        found.image("pay/core", "v1", "amd64")
        one, other = found.image("pay/both", "", "amd64"), found.image("pay/both", "", "arm64")
        found.index("pay/both", "v1", one, other)
        kept, gone = found.image("pay/hole", "", "amd64"), found.image("pay/hole", "", "arm64")
        found.index("pay/hole", "v1", kept, gone)
        found.remove("pay/hole", gone["digest"])
        yield found


def test_an_image_of_one_kind(registry: Registry) -> None:
    assert registry.found("pay/core:v1", "amd64") == Found(True, frozenset({"amd64"}))


def test_an_index_has_several_kinds(registry: Registry) -> None:
    assert registry.found("pay/both:v1", "amd64") == Found(True, frozenset({"amd64", "arm64"}))


def test_an_index_may_name_what_is_not_there(registry: Registry) -> None:
    both = frozenset({"amd64", "arm64"})
    assert registry.found("pay/hole:v1", "amd64", "arm64") == Found(True, both, frozenset({"arm64"}))


@pytest.mark.parametrize("image", ["pay/core:v2", "pay/nothing:v1", f"pay/core@sha256:{'0' * 64}"])
def test_what_is_not_there(registry: Registry, image: str) -> None:
    assert registry.found(image, "amd64") == Found(there=False)


def test_a_registry_that_is_away_is_no_finding() -> None:
    with pytest.raises(UnaskedError, match="refused"):
        look_up(parse(f"127.0.0.1:{free_port()}/pay/core:v1"), frozenset({"amd64"}))


def test_an_environment_is_told_where_each_image_is_wrong(registry: Registry, tmp_path: Path) -> None:
    services = {
        "good": {"kind": "java", "image": f"{registry.host}/pay/both:v1"},
        "gone": {"kind": "java", "image": f"{registry.host}/pay/core:v99"},
        "arm": {"kind": "java", "image": f"{registry.host}/pay/core:v1"},
        "hole": {"kind": "java", "image": f"{registry.host}/pay/hole:v1"},
        "far": {"kind": "java", "image": f"127.0.0.1:{free_port()}/pay/core:v1"},
        "here": {"kind": "java", "image": f"{registry.host}/pay/core:v1", "node_selector": {"zone": "a"}},
    }
    spec = EnvironmentSpec.model_validate({"name": "env", "services": services, "filebeat": False})
    nodes = [_node("x", "amd64", zone="a"), _node("y", "arm64", zone="b")]
    findings, notes = check_registry(spec, render_checked(spec)[0], nodes)
    assert sorted((f.path[1], f.path[2:], f.code) for f in findings) == [
        ("arm", ("image",), "image-architecture"),
        ("gone", ("image",), "image-missing"),
        ("hole", ("image",), "image-architecture"),
    ]
    said = {f.path[1]: f.message for f in findings}
    assert "made for amd64, but node y may run it: arm64" in said["arm"]
    assert "names a manifest for arm64" in said["hole"]
    assert len(notes) == 1 and "could not be asked for 1 image" in notes[0]


def _node(name: str, processor: str, **labels: str) -> Node:
    return Node(name, {"kubernetes.io/arch": processor, **labels}, [], cordoned=False, free={})
