"""Passwords of backing services: in a Secret, in no ConfigMap, and made where they are missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from poscloud.engine.passwords import CHECKSUM_KEY, missing_passwords, secret_digests, secret_manifests
from poscloud.render import Manifest, names, render_environment
from poscloud.render.files import write_files
from poscloud.render.secrets import filled, used, with_checksum
from tests.unit.conftest import Project

ALL = """\
backing:
  redis: {password: true}
  mongo: {password: true}
  mysql: {databases: [dac], user: dac}
services:
  web: {kind: java, uses: [redis, mongo, mysql]}
"""


def objects(project: Project, text: str) -> dict[tuple[str, str], Manifest]:
    parts = render_environment(project.load(text))
    return {(m["kind"], m["metadata"]["name"]): m for part in parts for m in part.manifests}


def test_a_service_gets_user_and_password_of_what_it_uses(project: Project) -> None:
    made = objects(project, ALL)
    (container, *_) = made["Deployment", "web"]["spec"]["template"]["spec"]["containers"]
    env = {e["name"]: e.get("value", e.get("valueFrom")) for e in container["env"]}
    for name in ("redis", "mongo", "mysql"):
        assert env[f"{name.upper()}_PASSWORD"] == {"secretKeyRef": {"name": name, "key": "password"}}
    assert (env["MONGO_USERNAME"], env["MYSQL_USERNAME"]) == ("admin", "dac")
    assert env["MYSQL_URL"] == "mysql://mysql.env.svc.cluster.local:3306/dac"


def test_an_existing_secret_is_used_and_not_made(project: Project) -> None:
    made = objects(project, "backing: {redis: {password: {secret: shared}}}")
    assert ("Secret", "redis") not in made
    assert '"secretKeyRef": {"name": "shared", "key": "password"}' in json.dumps(made["StatefulSet", "redis"])


def test_what_poscloud_owns_can_be_made_up_and_an_external_password_cannot(project: Project) -> None:
    external = "  ledger: {kind: mysql, external: {host: db.example.com}, databases: [a], user: b}\n"
    spec = project.load(ALL.replace("services:", f"{external}services:"))
    wanted = ["mongo.password", "mysql.password", "mysql.root-password", "redis.password"]
    assert missing_passwords(project.root, spec) == wanted
    (project.root / "Pulumi.env.yaml").write_text("config: {'poscloud:redis.password': {secure: v1:x}}\n")
    assert missing_passwords(project.root, spec) == wanted[:-1]


@pytest.mark.parametrize(
    ("host", "kinds"),
    [
        ("db.example.com", ["Service"]),
        ("10.1.2.3", ["Service", "EndpointSlice"]),
        ("fd00::7", ["Service", "EndpointSlice"]),
    ],
)
def test_an_external_mysql_is_a_service_of_the_same_name(
    project: Project, host: str, kinds: list[str]
) -> None:
    made = objects(project, f'backing: {{mysql: {{external: {{host: "{host}", port: 3307}}}}}}')
    assert [kind for kind, name in made if name == "mysql"] == kinds
    service = made["Service", "mysql"]["spec"]
    assert service["ports"] == [{"name": "client", "port": 3307, "protocol": "TCP"}]
    if "EndpointSlice" not in kinds:
        assert (service["type"], service["externalName"]) == ("ExternalName", host)
        return
    addresses = made["EndpointSlice", "mysql"]
    assert (addresses["addressType"], addresses["ports"]) == (
        f"IPv{'6' if ':' in host else '4'}",
        service["ports"],
    )
    assert addresses["endpoints"][0]["addresses"] == [host]
    assert addresses["metadata"]["labels"]["kubernetes.io/service-name"] == "mysql"


def test_initial_sql_is_read_beside_the_file_that_names_it(project: Project) -> None:
    project.write("base/schema.sql", "CREATE TABLE t (id INT);\n")
    project.write(
        "base/b.yaml", "backing: {mysql: {databases: [d], init_sql: [{file: schema.sql}, SELECT 1]}}"
    )
    made = objects(project, "extends: base/b.yaml")
    assert made["ConfigMap", "mysql-init"]["data"] == {
        "001-schema.sql": "CREATE TABLE t (id INT);\n",
        "002.sql": "SELECT 1",
    }


def test_exactly_the_pods_that_read_a_secret_notice_a_new_value(project: Project) -> None:
    spec = project.load(ALL + "  other: {kind: java, uses: [redis]}\n")
    manifests = [m for part in render_environment(spec) for m in part.manifests]
    values = {f"{name}.password": f"fake-{name}" for name in ("redis", "mongo", "mysql")}
    values |= {CHECKSUM_KEY: "fake-key", "mysql.root-password": "fake-root"}

    def checksums(given: dict[str, str]) -> dict[str, str]:
        digests = secret_digests(secret_manifests(spec), given.get)
        pods = {
            m["metadata"]["name"]: with_checksum(m, digests)["spec"]["template"] for m in manifests if used(m)
        }
        return {
            name: pod["metadata"]["annotations"][names.SECRET_CHECKSUM_ANNOTATION]
            for name, pod in pods.items()
        }

    before, after = checksums(values), checksums(values | {"mysql.root-password": "another-fake"})
    assert set(before) == {"redis", "mongo", "mysql", "web", "other"}
    assert {name for name in before if before[name] != after[name]} == {"mysql", "web"}
    assert not secret_digests(secret_manifests(spec), {**values, CHECKSUM_KEY: ""}.get), (
        "a checksum without a key"
    )


def test_secrets_as_files_and_as_whole_environments_are_seen() -> None:
    pod = {
        "containers": [{"envFrom": [{"secretRef": {"name": "a"}}]}],
        "volumes": [{"secret": {"secretName": "b"}}, {"projected": {"sources": [{"secret": {"name": "c"}}]}}],
        "imagePullSecrets": [{"name": "d"}],
    }
    workload = {"kind": "Deployment", "spec": {"template": {"spec": pod}}}
    assert used(workload) == {"a", "b", "c"}
    assert used({**workload, "kind": "Job"}) == set(), "a Job's template cannot be changed"


def test_files_with_secrets_are_for_their_owner_alone_and_only_on_demand(
    project: Project, tmp_path: Path
) -> None:
    parts = render_environment(project.load("backing: {redis: {password: true}}"))
    shown = [
        replace(part, manifests=[filled(m, {"redis.password": "a-fake"}) for m in part.manifests])
        for part in parts
    ]
    file = tmp_path / "env" / "stateful-sets" / "redis.yaml"
    write_files(shown, tmp_path)
    assert "a-fake" not in file.read_text()
    assert "--from-file=password=FILE" in file.read_text()
    write_files(shown, tmp_path, show_secrets=True)
    assert "a-fake" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
