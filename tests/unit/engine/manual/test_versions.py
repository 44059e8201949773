"""What a version changes of a service, and what cannot be given one by hand."""

from __future__ import annotations

from typing import Any

import pytest

from poscloud.engine.manual.versions import (
    chosen,
    difference,
    refuse,
    tag_of,
    version_in,
    with_version,
    workload_manifest,
)
from poscloud.errors import PosCloudError
from poscloud.spec import EnvironmentSpec

JAR = {"url": "https://jars.example.com/{service}/{version}/{service}.jar", "jdk": "jdk:17"}
SPEC = EnvironmentSpec.model_validate(
    {
        "name": "shop",
        "services": {
            "api": {"kind": "java"},
            "pay": {"kind": "java", "version": "1", "jar": JAR},
            "sealed": {"kind": "java", "version": "1", "jar": {**JAR, "sha256": "0" * 64}},
            "fixed": {"kind": "java", "image": "some/image:7"},
            "web": {"kind": "java", "replicas": 2, "release": {"strategy": "canary", "next": "v2"}},
            "eureka": {"kind": "java", "eureka": "eureka"},
        },
    }
)


def live(name: str) -> dict[str, Any]:
    """A live workload, whose managedFields tell which keys its lists have."""
    manifest = workload_manifest(SPEC, name)
    return {
        **manifest,
        "metadata": {**manifest["metadata"], "managedFields": [{"fieldsV1": owned(manifest)}]},
    }


def owned(value: Any) -> dict[str, Any]:
    """Return a value as ``fieldsV1``; lists of what has names have those for keys."""
    if isinstance(value, dict):
        return {f"f:{key}": owned(below) for key, below in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {f'k:{{"name":"{item["name"]}"}}': {".": {}, **owned(item)} for item in value}
    return {}


def changed(name: str, now: str, then: str) -> dict[str, tuple[Any, Any]]:
    found = difference(SPEC, name, now, then, live(name))
    return {change.field.rpartition("containers")[2]: (change.before, change.after) for change in found}


def test_of_an_image_its_tag_changes() -> None:
    (fields,) = changed("api", "v1", "v2").items()
    assert fields[0] == "[name=api].image"
    assert fields[1][0].endswith("/shop-api:v1") and fields[1][1].endswith("/shop-api:v2")


def test_a_stateful_set_has_one_too() -> None:
    assert list(changed("eureka", "v1", "v2")) == ["[name=eureka].image"]


def test_of_a_jar_its_address_and_its_version_change() -> None:
    below = "[name=fetch-jar].env[name=JAR_{}].value".format
    every = {c.field: c.after for c in difference(SPEC, "pay", "1", "2", live("pay"))}
    start = "spec.template.spec.initContainers"
    assert every == {
        f"{start}{below('URL')}": "https://jars.example.com/pay/2/pay.jar",
        f"{start}{below('VERSION')}": "2",
    }


@pytest.mark.parametrize(("name", "version"), [("api", "v1"), ("pay", "1"), ("fixed", "7"), ("eureka", "v1")])
def test_the_version_is_read_from_the_template(name: str, version: str) -> None:
    assert version_in(workload_manifest(SPEC, name)["spec"]["template"], name) == version


def test_another_version_is_read_as_it_was_given() -> None:
    spec = with_version(SPEC, "pay", "20170927-1731")
    assert version_in(workload_manifest(spec, "pay")["spec"]["template"], "pay") == "20170927-1731"


@pytest.mark.parametrize(
    ("image", "tag"),
    [("a:1", "1"), ("h:5000/a", ""), ("h:5000/a:v2", "v2"), ("a@sha256:ab", "sha256:ab"), ("", "")],
)
def test_a_tag_is_not_the_port_of_a_registry(image: str, tag: str) -> None:
    assert tag_of(image) == tag


@pytest.mark.parametrize(
    ("words", "version", "services"),
    [
        (("v2", "api", "pay"), "v2", ["api", "pay"]),
        (("api",), "", ["api"]),
        (("v2",), "v2", ["api", "pay", "sealed", "web", "eureka"]),
        ((), "", ["pay", "sealed"]),  # of an image nobody knows which version is the latest
        (("v2", "api", "api"), "v2", ["api"]),
    ],
)
def test_a_version_may_stand_before_services(
    words: tuple[str, ...], version: str, services: list[str]
) -> None:
    assert chosen(words, SPEC) == (version, services)


def test_without_a_jar_somebody_has_to_say_which_version() -> None:
    spec = SPEC.model_copy(update={"services": {"api": SPEC.services["api"]}})
    with pytest.raises(PosCloudError, match="no service of shop has a store of jars"):
        chosen((), spec)


@pytest.mark.parametrize(
    ("words", "message"),
    [(("v2", "apj"), "shop has no service 'apj'"), (("apj",), "'apj' is no service of shop")],
)
def test_a_misspelt_service_is_no_version(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(PosCloudError, match=message) as caught:
        chosen(words, SPEC)
    assert caught.value.hint == "did you mean 'api'?"


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("fixed", "v2", "'fixed' of shop has no version to push: its `image` is given as a whole"),
        ("web", "v3", "'web' of shop is in a canary release: a second version runs beside v1"),
        ("api", "v 2", "no version: 'v 2' cannot be an image's tag"),
        ("sealed", "2", "has jar.sha256, which is that of version 1"),
    ],
)
def test_what_cannot_be_given_a_version(name: str, version: str, message: str) -> None:
    with pytest.raises(PosCloudError, match=message):
        refuse(name, SPEC.services[name], version, "shop")


def test_going_back_to_the_version_with_a_known_checksum_is_fine() -> None:
    refuse("sealed", SPEC.services["sealed"], "1", "shop")
