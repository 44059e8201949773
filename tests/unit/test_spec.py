"""Rules of single specs."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from poscloud.spec import (
    EnvironmentSpec,
    JavaServiceSpec,
    KafkaOutput,
    KafkaSpec,
    MongoSpec,
    RedisSpec,
    Resources,
    Rollout,
    Storage,
    ZooKeeperSpec,
)
from poscloud.spec.base import MAX_NAME, Model, check_name
from poscloud.spec.references import check_text, find_cycle
from poscloud.spec.stateful import StatefulSpec
from poscloud.spec.values import Amounts, parse_jvm_size, parse_quantity, resources


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("150m", "0.15"),
        ("4", "4"),
        ("1.5Gi", str(Decimal("1.5") * 2**30)),
        ("2e3", "2000"),
        ("1k", "1000"),
        (".5", "0.5"),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "4GB", "-1", "1 Gi", "Gi", "1mi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(("text", "value"), [("768m", 768 * 2**20), ("4G", 4 * 2**30), ("1024", 1024)])
def test_jvm_sizes(text: str, value: int) -> None:
    assert parse_jvm_size(text) == value


def test_the_default_heap_fits_request_and_limit() -> None:
    assert JavaServiceSpec().jvm_options().split()[:2] == ["-Xms768m", "-Xmx3072m"]


def test_the_documents_heap_is_refused_with_both_numbers() -> None:
    with pytest.raises(ValidationError) as caught:
        JavaServiceSpec(java_opts="-Xms4g -Xmx4g")
    assert "-Xms4g" in str(caught.value)
    assert "4096Mi" in str(caught.value)
    assert "at most 3072m" in str(caught.value)


def test_a_heap_given_as_an_xx_option_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="MaxHeapSize=4g"):
        JavaServiceSpec(java_opts="-XX:MaxHeapSize=4g")


def test_brokers_outside_replace_the_kafka_of_the_environment() -> None:
    assert KafkaOutput(hosts=("10.31.222.108:9092",)).backing is None


def test_specs_are_frozen_and_refuse_unknown_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RedisSpec().version = "5"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        RedisSpec(replicas=2)  # type: ignore[call-arg]


def test_python_made_environments_are_checked_as_files_are() -> None:
    with pytest.raises(ValidationError, match=r"services\.a\.uses\.0: 'redis' names no service"):
        EnvironmentSpec(name="e", services={"a": JavaServiceSpec(uses=("redis",))})


def test_a_reference_to_itself_is_no_order() -> None:
    registry = JavaServiceSpec(env={"PEERS": "${eureka.url}"})
    assert EnvironmentSpec(name="e", services={"eureka": registry}).start_after("eureka") == frozenset()


@given(st.text(alphabet="abcxyz019-", max_size=MAX_NAME + 2))
def test_a_name_is_accepted_exactly_when_it_is_a_dns_label(name: str) -> None:
    valid = 0 < len(name) <= MAX_NAME and name[0].isalpha() and name[-1] != "-"
    try:
        assert check_name(name) == name
        assert valid
    except ValueError:
        assert not valid


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef")), max_size=6))
def test_a_cycle_is_found_exactly_when_there_is_one(graph: dict[str, set[str]]) -> None:
    from graphlib import CycleError, TopologicalSorter

    cycle = find_cycle(graph)
    try:
        TopologicalSorter(graph).prepare()
        assert cycle == []
    except CycleError:
        assert cycle[0] == cycle[-1]
        assert all(later in graph[name] for name, later in itertools.pairwise(cycle))


def test_given_resources_are_merged_over_the_default() -> None:
    spec = JavaServiceSpec.model_validate({"resources": {"limits": {"memory": "2Gi"}}})
    assert spec.resources == resources(cpu=("150m", "4000m"), memory=("1024Mi", "2Gi"))


def test_given_resources_are_merged_in_python_as_in_a_file() -> None:
    spec = RedisSpec(resources=Resources(limits=Amounts(memory="2Gi")))
    assert spec.resources == resources(cpu=("50m", "1"), memory=("128Mi", "2Gi"))


def test_null_removes_a_default_resource() -> None:
    spec = RedisSpec(resources=Resources(limits=Amounts(cpu=None)))
    assert spec.resources.limits == Amounts(memory="512Mi")


def test_a_default_request_is_lowered_to_a_given_limit() -> None:
    spec = JavaServiceSpec.model_validate({"resources": {"limits": {"memory": "512Mi", "cpu": 0.1}}})
    assert spec.resources.requests == Amounts(cpu="0.1", memory="512Mi")


def test_a_given_request_above_the_limit_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"requests\.memory 8Gi is more than limits\.memory 4096Mi"):
        JavaServiceSpec(resources=Resources(requests=Amounts(memory="8Gi")))


def test_a_rollout_that_cannot_move_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least one must be 1"):
        Rollout(max_surge=0, max_unavailable=0)


def test_an_empty_volume_is_refused() -> None:
    with pytest.raises(ValidationError, match="'0Gi' is nothing"):
        Storage(size="0Gi")


@pytest.mark.parametrize("value", [True, "80", 80.0])
def test_a_port_is_a_whole_number_and_nothing_like_it(value: object) -> None:
    with pytest.raises(ValidationError, match="valid integer"):
        JavaServiceSpec.model_validate({"port": value})


@pytest.mark.parametrize("value", [True, "1", 2])
def test_members_are_one_or_three(value: object) -> None:
    with pytest.raises(ValidationError, match="1 or 3"):
        ZooKeeperSpec.model_validate({"replicas": value})


@pytest.mark.parametrize("name", ["Ceph DB", "a..b", "-a", "a" * 254, ""])
def test_a_storage_class_is_a_dns_name(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a DNS name"):
        Storage(storage_class=name)


@pytest.mark.parametrize("variable", ["JAVA_OPTS", "JAVA_TOOL_OPTIONS"])
def test_a_heap_in_a_variable_is_checked_and_named(variable: str) -> None:
    with pytest.raises(
        ValidationError, match=rf"env\.{variable} has -Xmx64g, but the memory limit is"
    ) as caught:
        JavaServiceSpec(env={variable: "-Xmx64g"})
    assert caught.value.errors()[0]["ctx"]["field"] == "env"


def test_a_heap_as_a_share_may_be_three_quarters() -> None:
    assert JavaServiceSpec(java_opts="-XX:MaxRAMPercentage=75.0").jvm_options() == "-XX:MaxRAMPercentage=75.0"
    with pytest.raises(ValidationError, match="MaxRAMPercentage=80, but the heap may be at most 75 percent"):
        JavaServiceSpec(java_opts="-XX:MaxRAMPercentage=80")


@pytest.mark.parametrize("options", ["-Xmx1g", "-XX:MaxRAMPercentage=50"])
def test_a_heap_needs_a_memory_limit(options: str) -> None:
    with pytest.raises(ValidationError, match=r"needs resources\.limits\.memory"):
        JavaServiceSpec(java_opts=options, resources=Resources(limits=Amounts(memory=None)))


@pytest.mark.parametrize(
    ("spec", "limit", "least"),
    [
        (RedisSpec, "8Mi", "16Mi"),
        (ZooKeeperSpec, "64Mi", "128Mi"),
        (KafkaSpec, "128Mi", "384Mi"),
        (MongoSpec, "128Mi", "256Mi"),
        (JavaServiceSpec, "32Mi", "64Mi"),
    ],
)
def test_too_little_memory_is_refused_with_both_numbers(spec: type[Model], limit: str, least: str) -> None:
    with pytest.raises(ValidationError, match=rf"limits\.memory {limit} is too little, at least {least}"):
        spec.model_validate({"resources": {"limits": {"memory": limit}}})


@pytest.mark.parametrize(
    ("part", "key", "instead"),
    [
        (RedisSpec, "MaxMemory", r"resources\.limits\.memory"),
        (RedisSpec, "port 7000", "always 6379"),
        (RedisSpec, "requirepass", "readable by everybody"),
        (ZooKeeperSpec, "server.1", "replicas"),
        (ZooKeeperSpec, "4lw.commands.whitelist", "ruok"),
        (KafkaSpec, "zookeeper.connect", "field zookeeper"),
        (KafkaSpec, "broker.id=7", "stateful set"),
    ],
)
def test_a_setting_of_poscloud_is_refused_with_what_to_use(
    part: type[StatefulSpec], key: str, instead: str
) -> None:
    with pytest.raises(ValidationError, match=f"may not be set here: .*{instead}"):
        EnvironmentSpec(name="a", backing={"b": part.model_validate({"config": {key: "1"}})})


@pytest.mark.parametrize("config", [{"a\nport": "1"}, {"a": "1\nport 2"}, {" ": "1"}])
def test_a_setting_is_one_line(config: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="is not one setting"):
        EnvironmentSpec(name="a", backing={"b": RedisSpec.model_validate({"config": config})})


@pytest.mark.parametrize("outside", ["redis-2", "jar-credentials", "elk"])
def test_a_secret_of_another_name_may_be_there_without_poscloud(outside: str) -> None:
    service = JavaServiceSpec(env={"P": {"secret": outside, "key": "password"}})  # type: ignore[dict-item]
    declared = {"redis-1": ("password",), "git-credentials": ("username", "password"), "elf": ("x",)}
    EnvironmentSpec(name="env", secrets=declared, services={"a": service})


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-anything"])
def test_a_namespace_of_kubernetes_itself_is_no_environment(name: str) -> None:
    with pytest.raises(ValidationError, match="is Kubernetes' own; destroy would delete it"):
        EnvironmentSpec(name=name)


@pytest.mark.parametrize(
    ("text", "codes"),
    [("$$${{", []), ("a $${b} c", []), ("${a", ["bad-reference"]), ("$${a ${", ["bad-reference"])],
)
def test_a_reference_without_its_end_is_found_and_nothing_else(text: str, codes: list[str]) -> None:
    assert [finding.code for finding in check_text(text, (), {})] == codes
