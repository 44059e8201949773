"""Rendering: what the golden files cannot say by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from poscloud.errors import PosCloudError
from poscloud.render import Manifest, RenderedPart, render_environment, to_yaml
from poscloud.render.manifest import patch
from poscloud.render.needs import cluster_needs
from poscloud.spec import EnvironmentSpec
from tests.unit.conftest import Project

Load = Callable[[str], EnvironmentSpec]


def part(spec: EnvironmentSpec, name: str) -> dict[str, Manifest]:
    (found,) = [p for p in render_environment(spec) if p.name == name]
    return {m["kind"]: m for m in found.manifests}


def container(manifests: dict[str, Manifest], index: int = 0) -> Manifest:
    found: Manifest = manifests["Deployment"]["spec"]["template"]["spec"]["containers"][index]
    return found


def variables(manifests: dict[str, Manifest]) -> dict[str, str | None]:
    return {e["name"]: e.get("value") for e in container(manifests)["env"]}


def test_a_service_gets_the_outputs_of_what_it_uses(services: Load) -> None:
    env = variables(part(services('  a: {kind: java, uses: [redis], env: {X: "at ${kafka.url}"}}\n'), "a"))
    assert env["REDIS_HOST"] == "redis.env.svc.cluster.local"
    assert env["REDIS_PORT"] == "6379"
    assert env["REDIS_URL"] == "redis://redis.env.svc.cluster.local:6379"
    assert env["X"] == "at kafka-0.kafka.env.svc.cluster.local:9092"


def test_a_services_own_variable_replaces_a_derived_one(services: Load) -> None:
    env = variables(
        part(services("  a: {kind: java, uses: [redis], env: {REDIS_HOST: x, POD_IP: y}}\n"), "a")
    )
    assert (env["REDIS_HOST"], env["POD_IP"]) == ("x", "y")
    assert len(env) == len(
        container(part(services("  a: {kind: java, uses: [redis], env: {REDIS_HOST: x, POD_IP: y}}\n"), "a"))[
            "env"
        ]
    )


@pytest.mark.parametrize(("cpu", "cores"), [("4000m", "4"), ("1500m", "2"), ("100m", "1")])
def test_the_core_limit_is_the_cpu_limit_rounded_up(services: Load, cpu: str, cores: str) -> None:
    lines = f"  a: {{kind: java, resources: {{requests: {{cpu: 50m}}, limits: {{cpu: {cpu}}}}}}}\n"
    assert variables(part(services(lines), "a"))["CONTAINER_CORE_LIMIT"] == cores


def test_parts_come_in_start_order(services: Load) -> None:
    spec = services("  b: {kind: java, uses: [kafka]}\n  a: {kind: java, uses: [b, redis]}\n")
    names = [p.name for p in render_environment(spec)]
    assert names == ["env", "redis", "zookeeper", "kafka", "b", "a"]


def test_a_changed_configuration_changes_the_pods_checksum(project: Project) -> None:
    def checksums(level: str) -> dict[str, str]:
        spec = project.load(f"backing: {{redis: {{config: {{loglevel: {level}}}}}, mongo: {{}}}}")
        return {
            p.name: m["spec"]["template"]["metadata"]["annotations"]["poscloud.io/config-checksum"]
            for p in render_environment(spec)
            for m in p.manifests
            if m["kind"] == "StatefulSet"
        }

    before, after = checksums("notice"), checksums("debug")
    assert before["redis"] != after["redis"]
    assert before["mongo"] == after["mongo"]


def test_overrides_patch_named_items_and_remove_nulls(services: Load) -> None:
    manifests = part(
        services(
            """\
  a:
    kind: java
    filebeat: {}
    overrides:
      Deployment:
        spec:
          minReadySeconds: 5
          template: {spec: {enableServiceLinks: null, containers: [{name: filebeat, image: x/y:1}]}}
"""
        ),
        "a",
    )
    spec = manifests["Deployment"]["spec"]
    assert spec["minReadySeconds"] == 5
    assert "enableServiceLinks" not in spec["template"]["spec"]
    assert [c["image"] for c in spec["template"]["spec"]["containers"]] == [
        "harbor.example.com/wbyh/env-a:v1",
        "x/y:1",
    ]


def test_an_override_of_a_kind_that_is_not_rendered_is_refused(services: Load) -> None:
    with pytest.raises(
        PosCloudError, match="a: overrides has 'Ingress', but it renders only Service, Deployment"
    ):
        render_environment(services("  a: {kind: java, overrides: {Ingress: {spec: {}}}}\n"))


def test_two_parts_may_not_render_one_object(project: Project) -> None:
    spec = project.load(
        "pull_secret: null\nbacking: {redis: {overrides: {ConfigMap: {data: {x: y}}}}}\nservices: {quota: java}\n"
    )
    render_environment(spec)  # a Service 'quota' beside a ResourceQuota 'quota' is fine
    with pytest.raises(PosCloudError, match="rename one"):
        render_environment(
            project.load(
                "filebeat: {kafka: {hosts: ['k:9092']}}\nbacking: {a-filebeat: {kind: redis}}\nservices: {a: java}\n"
            )
        )


def test_filebeat_reads_inputs_by_the_name_its_version_knows(services: Load) -> None:
    for version, key in (
        ("6.0.0", "filebeat.prospectors"),
        ("6.3.0", "filebeat.inputs"),
        ("7.17.1", "filebeat.inputs"),
    ):
        manifests = part(services(f'  a: {{kind: java, filebeat: {{version: "{version}"}}}}\n'), "a")
        assert key in yaml.safe_load(manifests["ConfigMap"]["data"]["filebeat.yml"])


def test_without_sidecar_there_is_neither_config_map_nor_volume(services: Load) -> None:
    manifests = part(services("  a: {kind: java, filebeat: false}\n"), "a")
    assert set(manifests) == {"Service", "Deployment"}
    assert [v["name"] for v in manifests["Deployment"]["spec"]["template"]["spec"]["volumes"]] == [
        "logs",
        "host-time",
        "tmp",
    ]


def test_nfs_data_is_mounted_at_the_deploy_folder(services: Load) -> None:
    manifests = part(
        services("  a: {kind: java, opt_data: {server: 10.10.1.30, path: /home/k8s-nfs-data/x}}\n"), "a"
    )
    volumes = manifests["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "opt-data", "nfs": {"server": "10.10.1.30", "path": "/home/k8s-nfs-data/x"}} in volumes
    assert {"name": "opt-data", "mountPath": "/home/deploy"} in container(manifests)["volumeMounts"]


def test_every_object_names_its_stack(services: Load) -> None:
    parts: list[RenderedPart] = render_environment(services("  a: java\n"), project="shop")
    assert {m["metadata"]["annotations"]["poscloud.io/stack"] for p in parts for m in p.manifests} == {
        "shop/env"
    }


def test_yaml_reads_back_as_it_was(services: Load) -> None:
    manifests = [m for p in render_environment(services("  a: java\n")) for m in p.manifests]
    assert list(yaml.safe_load_all(to_yaml(manifests))) == manifests


JSON = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_a_patch_applied_twice_is_a_patch_applied_once(target: object, change: object) -> None:
    once = patch(target, change)
    assert patch(once, change) == once


def stateful_pod(project: Project, kind: str) -> Manifest:
    spec = project.load("backing: {kafka: {}, mongo: {}, redis: {}, zookeeper: {}}")
    found: Manifest = part(spec, kind)["StatefulSet"]["spec"]["template"]["spec"]
    return found


def test_only_the_liveness_of_a_redis_accepts_one_that_is_still_loading(project: Project) -> None:
    redis = stateful_pod(project, "redis")["containers"][0]
    assert "LOADING" not in redis["readinessProbe"]["exec"]["command"][-1]
    assert "LOADING" in redis["livenessProbe"]["exec"]["command"][-1]


@pytest.mark.parametrize("kind", ["kafka", "mongo", "redis", "zookeeper"])
def test_a_recovering_member_has_half_an_hour_before_liveness_counts(project: Project, kind: str) -> None:
    startup = stateful_pod(project, kind)["containers"][0]["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 1800


@pytest.mark.parametrize(
    ("kind", "seconds"), [("kafka", 120), ("mongo", 120), ("redis", 30), ("zookeeper", 30)]
)
def test_what_writes_much_has_longer_to_stop(project: Project, kind: str, seconds: int) -> None:
    assert stateful_pod(project, kind)["terminationGracePeriodSeconds"] == seconds


def test_kafkas_configuration_hides_no_volume_of_the_official_image(project: Project) -> None:
    mounts = [m["mountPath"] for m in stateful_pod(project, "kafka")["containers"][0]["volumeMounts"]]
    volumes = ("/etc/kafka/secrets", "/mnt/shared/config")
    assert not [v for v in volumes for m in mounts if f"{v}/".startswith(f"{m}/")]


def test_the_sidecar_keeps_its_place_beside_the_logs(services: Load) -> None:
    manifests = part(services("  a: {kind: java, filebeat: {}}\n"), "a")
    data = yaml.safe_load(manifests["ConfigMap"]["data"]["filebeat.yml"])["path.data"]
    assert {"name": "logs", "mountPath": "/mnt"} in container(manifests, 1)["volumeMounts"]
    assert data == "/mnt/.filebeat"


def test_the_sidecar_is_pulled_as_its_service_is(services: Load) -> None:
    for field, policy in (("", "Always"), (", pull_policy: Never", "Never")):
        manifests = part(services(f"  a: {{kind: java, filebeat: {{}}{field}}}\n"), "a")
        assert container(manifests, 1)["imagePullPolicy"] == policy


def test_logs_may_take_as_much_as_the_service_says(services: Load) -> None:
    manifests = part(services("  a: {kind: java, log_space: 5Gi}\n"), "a")
    volumes = manifests["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert volumes[0] == {"name": "logs", "emptyDir": {"sizeLimit": "5Gi"}}


def test_an_environment_says_what_it_expects_of_its_cluster(project: Project) -> None:
    spec = project.load(
        "node_selector: {node: public}\n"
        "backing: {redis: {storage: {storage_class: ceph-db}, node_selector: {node: db}}, mongo: {}}\n"
        "services: {a: java}\n"
    )
    needs = cluster_needs(spec)
    assert needs.selectors == [{"node": "public"}, {"node": "db"}]
    assert needs.storage_classes == ["ceph-db"]


def test_a_sidecar_without_a_target_sends_where_the_one_it_replaces_does(project: Project) -> None:
    sidecar = "filebeat: {tags: [x]}"
    spec = project.load(
        'filebeat: {kafka: {hosts: ["k:9092"]}}\n'
        "backing: {redis: {}}\n"
        f"services:\n  a: {{kind: java, {sidecar}}}\n  b: {{kind: java, filebeat: {{redis: {{}}}}}}\n"
    )
    config = yaml.safe_load(part(spec, "a")["ConfigMap"]["data"]["filebeat.yml"])
    assert config["output.kafka"]["hosts"] == ["k:9092"]
    assert config["filebeat.prospectors"][0]["tags"] == ["x"]
    assert "output.redis" in part(spec, "b")["ConfigMap"]["data"]["filebeat.yml"]
    of_its_kind = project.load(
        f"backing: {{redis: {{}}}}\nservices: {{a: {{kind: c, runenv: pre, {sidecar}}}}}\n"
    )
    config = {m["metadata"]["name"]: m for p in render_environment(of_its_kind) for m in p.manifests}
    assert "output.redis" in config["a-filebeat-config"]["data"]["filebeat.yml"]


def test_a_service_gives_its_volumes_to_a_group(services: Load) -> None:
    text = "  a: {kind: java, fs_group: 1000, log_store: {claim: logs}}\n  b: {kind: java}\n"
    pods = {n: part(services(text), n)["Deployment"]["spec"]["template"]["spec"] for n in ("a", "b")}
    assert pods["a"]["securityContext"] == {"fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"}
    assert "securityContext" not in pods["b"]
