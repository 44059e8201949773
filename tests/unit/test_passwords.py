"""Passwords of backing services: in a Secret, in no ConfigMap, and made where they are missing."""

from __future__ import annotations

import json

import pytest

from poscloud.engine.passwords import missing_passwords
from poscloud.render import Manifest, render_environment
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
