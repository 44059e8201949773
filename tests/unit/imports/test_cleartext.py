"""No password of a source is written or shown, wherever it stands in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poscloud.imports.difference import differences
from poscloud.imports.importing import Choices, Imported, imported
from poscloud.imports.reading import source_of
from poscloud.imports.redact import take_out_clear
from poscloud.imports.words import as_data, lines
from poscloud.render import Manifest
from poscloud.spec.redaction import PLACEHOLDER, in_list, redacted
from tests.unit.cli.test_commands import run

PASSWORD = "hunter2-very-secret"


def deployment(name: str = "shop", **container: Any) -> Manifest:
    main = {"name": name, "image": f"registry.example.com/sales/{name}:1", **container}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [main]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": "sales"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def server(name: str, files: dict[str, str]) -> list[Manifest]:
    item = deployment(name, volumeMounts=[{"name": "config", "mountPath": "/config"}])
    item["kind"] = "StatefulSet"
    item["spec"]["template"]["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": f"{name}-config"}}
    ]
    metadata = {"name": f"{name}-config", "namespace": "sales"}
    return [item, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files}]


def brought(items: list[Manifest], root: Path) -> Imported:
    return imported(source_of(items, None), root, "a test", Choices())


SOURCES: dict[str, list[Manifest]] = {
    "JAVA_OPTS": [
        deployment(env=[{"name": "JAVA_OPTS", "value": f"-Dx=1 -Dspring.datasource.password={PASSWORD}"}])
    ],
    "CATALINA_OPTS": [
        deployment(env=[{"name": "CATALINA_OPTS", "value": f"-Ddb.password='{PASSWORD}' -Dx=1"}])
    ],
    "command": [deployment(command=["shop", f"--password={PASSWORD}"])],
    "the next word": [deployment(command=["shop", "--db-password", PASSWORD])],
    "arguments": [deployment(args=["--requirepass", PASSWORD], command=["redis-server"])],
    "Redis": server(
        "redis", {"redis.conf": f"maxclients 77\nrequirepass {PASSWORD}\nuser a on >{PASSWORD} ~*\n"}
    ),
    "Consul": server(
        "consul",
        {"consul.json": f'{{"encrypt": "{PASSWORD}", "acl": {{"tokens": {{"agent": "{PASSWORD}"}}}}}}'},
    ),
    "MQTT": server("mqtt", {"mosquitto.conf": f"max_connections 5\nremote_password {PASSWORD}\n"}),
    "Kafka": server(
        "kafka",
        {
            "server.properties": f"ssl.keystore.password={PASSWORD}\n"
            f'sasl.jaas.config=x username="a" password="{PASSWORD}";\n'
        },
    ),
    "MySQL": server("mysql", {"my.cnf": f"[client]\npassword = {PASSWORD}\nmax_connections = 7\n"}),
}


@pytest.mark.parametrize("place", SOURCES)
def test_no_password_is_written_or_shown(place: str, tmp_path: Path) -> None:
    result = brought(SOURCES[place], tmp_path)
    shown = "\n".join(
        [*lines(result, 999, written=True), str(as_data(result)), result.text, *result.beside.values()]
    )
    assert PASSWORD not in shown


@pytest.mark.parametrize("place", ["JAVA_OPTS", "CATALINA_OPTS", "command", "the next word"])
def test_a_placeholder_stands_there_and_a_note_says_so(place: str, tmp_path: Path) -> None:
    result = brought(SOURCES[place], tmp_path)
    assert PLACEHOLDER in result.text
    assert any(
        "secret in clear text" in note and "poscloud secret set -s sales" in note for note in result.notes
    )


def test_the_rest_of_a_text_stays() -> None:
    assert redacted(f"-Xms1g -Dx.password={PASSWORD} -Dy=2") == "-Xms1g -Dx.password=CHANGE-ME -Dy=2"
    assert redacted("a IDENTIFIED BY 'o''neill$1'; b") == "a IDENTIFIED BY 'CHANGE-ME'; b"
    assert (
        redacted("--password=${PASSWORD} --password-file=/x") == "--password=${PASSWORD} --password-file=/x"
    )
    assert in_list(["--token", "$(TOKEN)", "--token", "abcdef"])[1::2] == ["$(TOKEN)", PLACEHOLDER]


def test_a_number_and_sql_are_passwords_too() -> None:
    sql = f"CREATE USER a IDENTIFIED BY '{PASSWORD}';"
    mysql: dict[str, Any] = {"kind": "mysql", "init_sql": [{"file": "a.sql", "sql": sql}], "config": {}}
    data = {"name": "sales", "backing": {"mysql": mysql, "redis": {"config": {"requirepass": 123456}}}}
    notes: list[str] = []
    take_out_clear(data, notes)
    backing: Any = data["backing"]
    assert backing["mysql"]["init_sql"][0]["sql"] == "CREATE USER a IDENTIFIED BY 'CHANGE-ME';"
    assert backing["redis"]["config"] == {"requirepass": PLACEHOLDER}
    assert PASSWORD in mysql["init_sql"][0]["sql"]  # the source stays as it is
    assert [note.split(" ")[0] for note in notes] == [
        "backing.mysql.init_sql.0.sql",
        "backing.redis.config.requirepass",
    ]


def test_of_a_config_map_only_that_it_differs_is_shown() -> None:
    def item(text: str) -> Manifest:
        return {"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"redis.conf": text}}

    (found,) = differences(item(f"requirepass {PASSWORD}"), item("x"))
    assert (found.path, found.source, found.rendered) == ("data.redis.conf", "(value)", "(value)")


def test_arguments_and_annotations_are_shown_without_passwords() -> None:
    source = deployment(command=["shop", "--token", PASSWORD], args=[f"--password={PASSWORD}", "--port=1"])
    source["spec"]["template"]["metadata"]["annotations"] = {"example.com/api-token": PASSWORD}
    found = {d.path.rpartition(".")[2]: d.source for d in differences(source, deployment())}
    assert found["command"][:3] == ["shop", "--token", "(value)"]
    assert "--port=1" in found["command"], "arguments are a part of the command"
    assert PASSWORD not in str(found)


def test_of_the_sidecar_references_stay() -> None:
    kafka: dict[str, Any] = {"ssl.key_passphrase": PASSWORD, "password": {"secret": "a-token", "key": "b"}}
    data: dict[str, Any] = {"name": "sales", "filebeat": {"output": {"kafka": kafka}}}
    take_out_clear(data, [])
    assert data["filebeat"]["output"]["kafka"] == {**kafka, "ssl.key_passphrase": PLACEHOLDER}


def test_the_command_ends_with_1_and_shows_none(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
    (tmp_path / "m.yaml").write_text(json.dumps(deployment(command=["shop", f"--password={PASSWORD}"])))
    for options in (("--print",), ("--print", "--json"), ()):
        done = run("import", "m.yaml", *options, cwd=tmp_path)
        assert (done.returncode, PASSWORD in done.stdout + done.stderr) == (1, False)
        assert "--password=CHANGE-ME" in (done.stdout or (tmp_path / "stacks" / "sales.yaml").read_text())
        assert (tmp_path / "stacks").exists() == (not options)
