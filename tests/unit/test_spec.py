"""Rules of single specs."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from poscloud.spec import EnvironmentSpec, JavaServiceSpec, KafkaOutput, RedisSpec
from poscloud.spec.base import MAX_NAME, check_name
from poscloud.spec.references import find_cycle
from poscloud.spec.values import parse_jvm_size, parse_quantity


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
    assert JavaServiceSpec().jvm_options() == "-Xms768m -Xmx3072m"


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
