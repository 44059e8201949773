"""What the pods of every example and stack may do: the table of docs/access.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from poscloud.load import known_stacks, load_environment, load_file
from poscloud.render import Manifest, render_environment
from poscloud.render.check_pods import pod_specs
from poscloud.render.kinds import KINDS
from tests.write_golden import ROOT

ROW = re.compile(r"^\| `([a-z-]+)`(, .+?)? \| (\d+|image) \| (.+?) \|", re.MULTILINE)
"""Kind and condition, user, what may be written."""


@cache
def pods() -> list[tuple[str, str, Manifest]]:
    """Return every pod template that any example or stack renders, with its kind and name."""
    examples = [file for file in sorted((ROOT / "examples").glob("*.yaml")) if file.stem != "images"]
    specs = [load_file(file, ROOT) for file in examples]
    specs += [load_environment(ROOT, stack) for stack in known_stacks(ROOT)]
    found = []
    for spec in specs:
        for part in render_environment(spec):
            for m, pod in pod_specs(part.manifests):
                name = f"{spec.name}/{m['metadata']['name']}"
                found.append((m["metadata"]["labels"]["app.kubernetes.io/component"], name, pod))
    return found


def containers() -> Iterator[tuple[str, str, Manifest, Manifest]]:
    for kind, name, pod in pods():
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            yield kind, f"{name}/{container['name']}", pod, container


def test_only_janitors_and_node_guards_have_a_token_and_only_the_dns_proxy_a_capability() -> None:
    assert {kind for kind, _, pod in pods() if pod["automountServiceAccountToken"] is not False} == {
        "janitor",
        "node-guard",
    }
    for kind, name, _, container in containers():
        context = container["securityContext"]
        added = ["NET_BIND_SERVICE"] if kind == "dns-proxy" else None
        assert context["capabilities"].get("add") == added, name
        assert context["capabilities"]["drop"] == ["ALL"], name
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert "privileged" not in context, name


LOW = """\
pull_secret: null
services:
  web: {kind: java, port: 80}
  own: {kind: java, port: 80, user: image}
  high: {kind: java, port: 8080}
"""


def test_a_port_that_was_roots_is_open_to_the_user_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "low.yaml").write_text(LOW)
    spec = load_file(tmp_path / "low.yaml", tmp_path)
    made = [m for part in render_environment(spec) for m in part.manifests if m["kind"] == "Deployment"]
    sysctls = {m["metadata"]["name"]: m["spec"]["template"]["spec"].get("securityContext") for m in made}
    allowed = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}
    assert sysctls == {"web": allowed, "own": None, "high": None}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_in_some_example(kind: str) -> None:
    assert kind in {entry.removesuffix("-gateway").removesuffix("-service") for entry, _, _ in pods()}


def test_users_and_what_they_may_write_are_as_the_table_says() -> None:
    rows = ROW.findall((ROOT / "docs" / "access.md").read_text())
    told = {(kind, user, writes.startswith("everything")) for kind, _, user, writes in rows}
    real = set()
    for kind, name, pod, container in containers():
        context = {**pod.get("securityContext", {}), **container["securityContext"]}
        user, may_be_root = context.get("runAsUser", "image"), not context.get("runAsNonRoot")
        assert may_be_root == (user in (0, "image")), name
        sidecar = name.endswith("/filebeat")
        row = "filebeat" if sidecar else kind.removesuffix("-gateway").removesuffix("-service")
        real.add((row, str(user), "readOnlyRootFilesystem" not in context))
        mounts = {m["mountPath"] for m in container["volumeMounts"]}
        assert "readOnlyRootFilesystem" not in context or sidecar or "/tmp" in mounts or "webapp-" in name, (
            name
        )
    assert real - told == {("c", "1000", False)}, "and what fetches a C program"
    assert told <= real
