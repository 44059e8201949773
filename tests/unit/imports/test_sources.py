"""What is imported beside what poscloud has rendered itself: charts, documents, the old scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poscloud.errors import PosCloudError
from poscloud.imports.command import Wanted, bring
from tests.unit.cli.test_commands import run

HERE = Path(__file__).parent / "manifests"
PASSWORD = "hunter2-very-secret"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
    return tmp_path


def written(project: Path, stack: str) -> str:
    return (project / "stacks" / f"{stack}.yaml").read_text()


def test_a_charts_output_is_one_component_and_each_difference_is_named(project: Path) -> None:
    done = run("import", str(HERE / "chart.yaml"), "--json", cwd=project)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    paths = {d["path"].removeprefix("spec.template.spec.") for d in found["fields"]}
    assert {"containers.shop.readinessProbe.httpGet", "containers.shop.securityContext"} <= paths
    assert not any("labels" in path or "checksum" in path for path in paths)
    assert found["without_component"] == []
    text = written(project, "shop")
    assert "kind: subsystem" in text
    assert "version: 1.4.2" in text
    assert run("validate", "-s", "shop", cwd=project).returncode == 0


def test_a_spring_chart_gives_what_a_pod_needs_to_start_and_says_what_it_cannot(project: Path) -> None:
    done = run("import", str(HERE / "spring.yaml"), "-s", "sales", "--json", cwd=project)
    found = json.loads(done.stdout)
    text = written(project, "sales")
    assert done.returncode == 1
    assert "port: 8080\n" in text, "the Service's port 80 leads there, and probes ask the program itself"
    assert "its Service leads port 80 to 8080" in found["notes"][0]
    assert (
        "SPRING_DATASOURCE_PASSWORD: {secret: sales-orders, key: SPRING_DATASOURCE_PASSWORD}" in text
    )  # of envFrom
    assert "autoscale: {min: 2, max: 5, cpu: 80}" in text
    assert "  also:\n  - www.orders.example.com\n" in text
    left = {(item["kind"], item["name"]) for item in found["without_component"]}
    assert left == {
        ("ServiceAccount", "sales-orders"),
        ("ConfigMap", "sales-orders"),
        ("CronJob", "sales-orders-report"),
    }
    paths = {d["path"].removeprefix("spec.template.spec.containers.") for d in found["fields"]}
    assert {"orders.name", "sales-orders.envFrom", "sales-orders.readinessProbe.httpGet"} <= paths
    assert not any("imagePullPolicy" in path or path == "orders" for path in paths)
    assert run("validate", "-s", "sales", cwd=project).returncode == 0


def test_of_a_django_project_nothing_becomes_what_it_is_not(project: Path) -> None:
    done = run("import", str(HERE / "django.yaml"), "--json", cwd=project)
    found = json.loads(done.stdout)
    text = written(project, "shop")
    left = {(item["kind"], item["name"]) for item in found["without_component"]}
    assert left == {
        ("ConfigMap", "shop-env"),
        ("PersistentVolumeClaim", "media"),
        ("StatefulSet", "postgres"),  # none that poscloud knows: no Deployment takes its place
        ("Service", "postgres"),
        ("CronJob", "cleanup"),
        ("Job", "seed"),
        ("DaemonSet", "logs"),
        ("NetworkPolicy", "postgres"),
    }
    assert [item["kind"] for item in found["new"]] == ["ConfigMap"]  # redis.conf
    assert "SECRET_KEY: {secret: shop-secret, key: SECRET_KEY}" in text
    assert "DATABASE_HOST: postgres" in text
    assert any("worker: container worker has args for its image's own command" in n for n in found["notes"])
    assert "  - host: shop.example.com\n    paths:\n      /exact: web\n    path_type: Exact\n" in text
    assert PASSWORD not in done.stdout + done.stderr + text
    assert run("validate", "-s", "shop", cwd=project).returncode == 0


def test_tracks_with_labels_of_others_are_services_and_what_leads_to_them_stays(project: Path) -> None:
    found = json.loads(run("import", str(HERE / "tracks.yaml"), "--json", cwd=project).stdout)
    assert found["without_component"] == [
        {"kind": "Service", "name": "web"},
        {"kind": "Ingress", "name": "web"},
    ]
    assert found["notes"] == []
    assert "  web-blue:\n" in written(project, "shop") and "  web-green:\n" in written(project, "shop")


def test_a_password_goes_nowhere(project: Path) -> None:
    for options in ((), ("--json", "--force")):
        done = run("import", str(HERE / "chart.yaml"), *options, cwd=project)
        assert PASSWORD not in done.stdout + done.stderr + written(project, "shop")
    assert "LEGACY_PASSWORD: {secret: shop-env, key: LEGACY_PASSWORD}" in written(project, "shop")
    assert "shop-env: [LEGACY_PASSWORD]" in written(project, "shop")


def test_the_documents_service_is_java_with_its_sidecar(project: Path) -> None:
    done = run("import", str(HERE / "document.yaml"), cwd=project)
    assert done.returncode == 1
    assert (
        "note  services.dac-config-server.java_opts is left out: java_opts has -Xms4g, but the memory"
        in done.stderr
    )
    text = written(project, "dac-prod")
    assert "dac-config-server: {kind: java, user: image, writable_root: true}" in text
    assert "kafka: {hosts: ['10.31.222.108:9092', '10.31.222.109:9092', '10.31.222.110:9092']}" in text


BASE = """\
apiVersion: v1
kind: Service
metadata: {name: ${APP}, namespace: ${MY_POD_NAMESPACE}}
spec: {selector: {app: ${APP}}, ports: [{name: http, port: 9090, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${APP}, namespace: ${MY_POD_NAMESPACE}}
spec:
  selector: {matchLabels: {app: ${APP}}}
  template:
    metadata: {labels: {app: ${APP}}}
    spec:
      containers:
      - name: ${APP}
        image: registry.example.com/wbyh/${MY_POD_NAMESPACE}-${APP}:v1
        imagePullPolicy: Always
        ports: [{name: http, containerPort: 9090}]
        env: [{name: APP, value: ${APP}}, {name: SPRING_PROFILES_ACTIVE, value: stage}]
        resources: {limits: {cpu: "4", memory: 4Gi}, requests: {cpu: 150m, memory: 1Gi}}
"""


def test_the_old_scripts_list_is_one_line_a_service(project: Path) -> None:
    (project / "wbyh-stage-base.yml").write_text(BASE)
    (project / "wbyh-stage_app_list.conf").write_text(
        "[app]\ndac-task 9090\ndac-web # the gateway\n[stateful]\nredis\n"
    )
    run("import", "wbyh-stage-base.yml", "--app-list", "wbyh-stage_app_list.conf", cwd=project)
    text = written(project, "wbyh-stage")
    assert "\nservices:\n  dac-task: java\n  dac-web: java\n" in text
    assert "\nbacking:\n  redis: {}\n" in text
    assert "SPRING_PROFILES_ACTIVE: stage" in text
    assert run("validate", "-s", "wbyh-stage", cwd=project).returncode == 0


TWO = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: NS}\n---\n"
MISTAKES = {
    "broken YAML": ("a: ]", 2, "m.yaml:1:4: not valid YAML", "give manifests"),
    "no manifest": ("a: 1", 2, "document 1 is no manifest: it has no apiVersion", "helm template"),
    "nothing": ("", 1, "no manifest found", "give files that end in"),
    "two namespaces": (
        TWO.replace("NS", "a") + TWO.replace("NS", "b"),
        1,
        "several namespaces: a, b",
        "--namespace",
    ),
    "no namespace": (TWO.replace(", namespace: NS", ""), 1, "name no namespace", "--stack NAME"),
    "no component": (
        TWO.replace("NS", "a"),
        1,
        "no component was recognised among 1 objects: ConfigMap",
        "Deployment",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_with_what_is_next(project: Path, mistake: str) -> None:
    text, code, message, hint = MISTAKES[mistake]
    file = project / "m.yaml"
    file.write_text(text)
    with pytest.raises(PosCloudError) as caught:
        bring(project, Wanted(files=(file,)))
    assert caught.value.exit_code == code
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert not (project / "stacks").exists()


def test_a_description_that_is_there_is_not_replaced_unasked(project: Path) -> None:
    (project / "stacks").mkdir()
    (project / "stacks" / "shop.yaml").write_text("services: {}\n")
    done = run("import", str(HERE / "chart.yaml"), cwd=project)
    assert done.returncode == 1
    assert "there is a stack 'shop' already: stacks/shop.yaml" in done.stderr
    assert "--force" in done.stderr
    assert written(project, "shop") == "services: {}\n"


def test_print_writes_nothing(project: Path) -> None:
    done = run("import", str(HERE / "chart.yaml"), "--print", cwd=project)
    assert done.stdout.startswith("# yaml-language-server")
    assert not (project / "stacks").exists()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(), "give a source"),
        (Wanted(files=(Path("m.yaml"),), context="office"), "--context says where"),
        (Wanted(files=(Path("m.yml"),), app_list=Path("l"), namespace="a"), "without --namespace"),
    ],
)
def test_options_that_do_not_fit_together(project: Path, wanted: Wanted, said: str) -> None:
    with pytest.raises(PosCloudError, match=said):
        bring(project, wanted)
