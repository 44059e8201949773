"""Passwords of backing services: made once, stored encrypted, and nowhere in clear text."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
import yaml

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "secretive"
TEXT = """\
pull_secret: null
backing:
  redis: {password: true}
  mysql: {databases: [dac], user: dac}
  ledger: {kind: mysql, external: {host: 10.31.222.100, port: 3307}}
services:
  web: {kind: java, filebeat: false, uses: [redis, mysql, ledger]}
"""
KEYS = {("redis", "password"), ("mysql", "password"), ("mysql", "root-password")}


@pytest.fixture(scope="module", autouse=True)
def described(workspace: Workspace) -> Iterator[None]:
    file = workspace.root / "stacks" / f"{STACK}.yaml"
    file.write_text(TEXT)
    yield
    workspace.run("poscloud", "destroy", "-s", STACK)
    file.unlink()


def passwords(workspace: Workspace) -> dict[tuple[str, str], str]:
    return {
        (name, key): base64.b64decode(value).decode()
        for name in ("redis", "mysql")
        for key, value in workspace.get("secret", name, "-n", STACK)["data"].items()
    }


def test_plain_pulumi_names_what_is_missing_and_writes_nothing(workspace: Workspace) -> None:
    workspace.ok("pulumi", "stack", "init", STACK)
    mark = workspace.audit_mark()
    done = workspace.run("pulumi", "up", "--yes", "-s", STACK)
    assert done.returncode != 0
    for name, key in KEYS:
        assert f"pulumi config set --secret poscloud:{name}.{key} -s {STACK}" in done.stdout
    assert f"poscloud up -s {STACK}" in done.stdout
    assert workspace.writes_since(mark) == []


def test_up_makes_them_once_and_nobody_reads_them(workspace: Workspace) -> None:
    first = workspace.run("poscloud", "up", "-s", STACK)
    assert first.returncode == 0, first.stdout + first.stderr
    made = passwords(workspace)
    assert set(made) == KEYS
    assert len(set(made.values())) == len(KEYS)
    second = workspace.run("poscloud", "up", "-s", STACK)
    assert second.returncode == 0, second.stdout + second.stderr
    assert passwords(workspace) == made
    stored = workspace.root / f"Pulumi.{STACK}.yaml"
    config = yaml.safe_load(stored.read_text())["config"]
    assert all(set(config[f"poscloud:{name}.{key}"]) == {"secure"} for name, key in KEYS)
    texts = [first.stdout, first.stderr, second.stdout, second.stderr, stored.read_text()]
    texts += [f.read_text() for f in workspace.paths.state.rglob("*") if f.is_file()]
    texts.append(str(workspace.get("pods,configmaps,statefulsets,deployments", "-n", STACK)))
    for word in made.values():
        for form in (word, base64.b64encode(word.encode()).decode()):
            assert not [text for text in texts if form in text]


def test_a_rotated_password_restarts_who_reads_it_and_nobody_else(workspace: Workspace) -> None:
    def pods() -> dict[str, str]:
        items = workspace.get("pods", "-n", STACK)["items"]
        return {i["metadata"]["labels"]["app"]: i["metadata"]["uid"] for i in items}

    made, before = passwords(workspace), pods()
    rotated = workspace.run("poscloud", "secret", "rotate", "-s", STACK, "redis")
    assert "the next up restarts: redis, web" in rotated.stderr
    assert passwords(workspace) == made, "rotate alone changes nothing in the cluster"
    up = workspace.run("poscloud", "up", "-s", STACK)
    assert up.returncode == 0, up.stdout + up.stderr
    now, after = passwords(workspace), pods()
    assert {place for place in KEYS if now[place] != made[place]} == {("redis", "password")}
    assert {name for name in before if before[name] != after[name]} == {"redis", "web"}
    for word in (made["redis", "password"], now["redis", "password"]):
        assert word not in rotated.stdout + rotated.stderr + up.stdout + up.stderr


def test_a_given_secret_is_read_from_standard_input_and_one_for_elsewhere_is_not_made_up(
    workspace: Workspace,
) -> None:
    wrong = workspace.run("poscloud", "secret", "rotate", "-s", STACK, "registryAuth")
    assert wrong.returncode == 1
    assert "has no secret 'registryAuth'" in wrong.stderr
    done = workspace.run("poscloud", "secret", "set", "-s", STACK, "redis.password", given="fake-but-given\n")
    assert done.returncode == 0, done.stderr
    assert "fake-but-given" not in done.stdout + done.stderr
    stored = workspace.ok("pulumi", "config", "get", "poscloud:redis.password", "-s", STACK)
    assert stored.strip() == "fake-but-given"


def test_a_server_outside_is_reached_by_the_name_of_the_part(workspace: Workspace) -> None:
    (endpoint,) = workspace.get("endpointslice", "ledger", "-n", STACK)["endpoints"]
    assert endpoint["addresses"] == ["10.31.222.100"]
    items = workspace.get("statefulsets,persistentvolumeclaims", "-n", STACK)["items"]
    assert not [i["metadata"]["name"] for i in items if "ledger" in i["metadata"]["name"]]
