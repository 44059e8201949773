"""``copy_of`` and ``only``: what a copy takes over, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from poscloud.errors import InputError, PosCloudError
from poscloud.load import load_environment
from poscloud.render import render_environment

STAGE = """\
adopt: true
lifetime: {ttl: 1h, owner: somebody}
copies: {at_once: 3}
storage_classes: {fast: {ceph_rbd: {cluster_id: a}}}
ingress:
  - {host: shop.example.com, paths: {/: web, /pay: pay}}
  - {host: "*.example.com", paths: {/: web}}
  - {host: other.example.com, paths: {/: other}}
defaults: {java: {version: v1}}
backing: {zookeeper: {}, kafka: {}, redis: {storage: {size: 1Gi, storage_class: fast}}, mongo: {}}
services:
  web: {kind: java, node_port: 30080, uses: [pay]}
  pay: {kind: java, uses: [kafka]}
  other: {kind: java, uses: [redis]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    describe(tmp_path, "stage", STAGE)
    return tmp_path


def describe(project: Path, name: str, text: str) -> None:
    (project / "stacks" / f"{name}.yaml").write_text(text)


def problems(project: Path, name: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_environment(project, name)
    return [f"{p.line}:{p.column} {p.code}: {p.message}" for p in caught.value.problems]


def test_a_copy_has_what_the_other_has_but_what_only_one_can_have(project: Path) -> None:
    describe(project, "mine", "copy_of: stage\n")
    stage, mine = load_environment(project, "stage"), load_environment(project, "mine")
    assert mine.backing == stage.backing
    assert mine.services["web"] == stage.services["web"].model_copy(update={"node_port": None})
    assert [rule.host for rule in mine.ingress] == [
        "mine.shop.example.com",
        "*.mine.example.com",
        "mine.other.example.com",
    ]
    assert (mine.adopt, mine.lifetime, mine.storage_classes) == (False, None, {})
    assert (mine.copies.at_once, mine.short_lived, mine.copy_of) == (None, True, "stage")


def test_a_copy_runs_the_other_s_images(project: Path) -> None:
    describe(project, "mine", "copy_of: stage\nservices: {pay: {version: v2}}\n")
    images = {
        container["image"]
        for part in render_environment(load_environment(project, "mine"))
        for m in part.manifests
        if m["kind"] == "Deployment"
        for container in m["spec"]["template"]["spec"]["containers"]
    }
    assert "harbor.example.com/wbyh/stage-web:v1" in images
    assert "harbor.example.com/wbyh/stage-pay:v2" in images


def test_of_some_services_only_what_they_need_comes_along(project: Path) -> None:
    describe(project, "mine", "copy_of: stage\nonly: [pay]\n")
    mine = load_environment(project, "mine")
    assert (set(mine.services), set(mine.backing)) == ({"pay"}, {"kafka", "zookeeper"})
    assert [(rule.host, list(rule.paths)) for rule in mine.ingress] == [("mine.shop.example.com", ["/pay"])]


HOSTS = """\
ingress:
  - host: a.example.com
    paths: {/: web}
    tls: a-tls
    also: [b.example.com, {host: c.example.com, paths: {/: pay}}, {host: "*.d.example.com", paths: {/: web, /x: pay}}]
"""


@pytest.mark.parametrize(
    ("only", "hosts"),
    [
        (
            "[web]",
            {
                "mine.a.example.com": ["/"],
                "mine.b.example.com": ["/"],
                "mine.c.example.com": ["/"],
                "*.mine.d.example.com": ["/", "/x"],
            },
        ),
        ("[pay]", {"mine.c.example.com": ["/"], "*.mine.d.example.com": ["/x"]}),
        ("[other]", {}),
    ],
)
def test_of_several_hosts_those_stay_that_lead_somewhere(
    project: Path, only: str, hosts: dict[str, list[str]]
) -> None:
    describe(
        project, "stage", STAGE.replace(STAGE[STAGE.index("ingress:") : STAGE.index("defaults:")], HOSTS)
    )
    describe(project, "mine", f"copy_of: stage\nonly: {only}\n")
    found = [each for rule in load_environment(project, "mine").ingress for each in rule.hosts()]
    assert {each.host: list(each.paths) for each in found} == hosts
    assert {each.tls for each in found} <= {"a-tls"}


INHERITED = """\
ingress:
  - host: a.example.com
    paths: {/: web}
    tls: a-tls
    also:
      - {host: b.example.com, paths: {/: pay}, tls: b-tls, path_type: Exact}
      - {host: c.example.com, paths: {/: pay}, path_type: Exact, tls: null}
      - {host: d.example.com, paths: {/: pay}}
"""


def test_hosts_that_stay_inherit_what_they_did(project: Path) -> None:
    ingress = STAGE[STAGE.index("ingress:") : STAGE.index("defaults:")]
    describe(project, "stage", STAGE.replace(ingress, INHERITED))
    describe(project, "mine", "copy_of: stage\nonly: [pay]\n")
    (rule,) = load_environment(project, "mine").ingress
    assert {each.host[5:6]: (each.tls, each.path_type) for each in rule.hosts()} == {
        "b": ("b-tls", "Exact"),
        "c": ("a-tls", "Exact"),
        "d": ("a-tls", "Prefix"),
    }


def test_what_needs_another_service_brings_it(project: Path) -> None:
    describe(project, "mine", "copy_of: stage\nonly: [web]\n")
    assert set(load_environment(project, "mine").services) == {"web", "pay"}


def test_a_copy_can_say_otherwise(project: Path) -> None:
    describe(
        project,
        "mine",
        "copy_of: stage\nshort_lived: false\nservices: {web: {node_port: 30081}}\n",
    )
    mine = load_environment(project, "mine")
    assert (mine.short_lived, mine.services["web"].node_port) == (False, 30081)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("copy_of: stag\n", "1:10 unknown-original: copy_of: there is no environment 'stag'"),
        ("copy_of: mine\n", "1:10 extends-cycle: extends itself: stacks/mine.yaml → stacks/mine.yaml"),
        (
            "copy_of: prod\n",
            "1:10 copy-of-production: copy_of: 'prod' is production; a copy would run with what production is "
            "configured with",
        ),
        (
            "copy_of: stage\nonly: [pai]\n",
            "2:8 unknown-part: only: there is no service or backing service 'pai'",
        ),
        (
            "copy_of: stage\nlifetime: {ttl: 0h, owner: me}\n",
            "2:17 wrong-value: lifetime.ttl: '0h' is no duration: a whole number above zero with m, h or d, such as "
            "90m, 8h, 3d",
        ),
        (
            "production: true\nlifetime: {ttl: 8h, owner: me}\n",
            "2:11 lifetime-production: an environment that says `production: true` is never released by itself",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(project: Path, text: str, expected: str) -> None:
    describe(project, "prod", "services: {web: {kind: java, version: v1}}\n")
    describe(project, "mine", text)
    assert expected in problems(project, "mine")


def test_a_python_environment_cannot_be_copied_in_yaml(project: Path) -> None:
    (project / "stacks" / "program.py").write_text("")
    describe(project, "mine", "copy_of: program\n")
    assert "'program' is described in Python" in problems(project, "mine")[0]


def test_the_namespace_says_how_long_it_stays_and_whose_it_is(project: Path) -> None:
    describe(
        project,
        "mine",
        "copy_of: stage\nlifetime: {ttl: 8h, owner: li, team: payments, merge_request: pay/core!12}\n",
    )
    (namespace,) = (
        m
        for part in render_environment(load_environment(project, "mine"))
        for m in part.manifests
        if m["kind"] == "Namespace"
    )
    said = {k: v for k, v in namespace["metadata"]["annotations"].items() if k != "poscloud.io/stack"}
    assert said == {
        "poscloud.io/copy-of": "stage",
        "poscloud.io/merge-request": "pay/core!12",
        "poscloud.io/owner": "li",
        "poscloud.io/team": "payments",
        "poscloud.io/ttl": "8h",
    }


def test_the_description_of_a_copy_is_yaml_a_person_can_read(project: Path) -> None:
    from poscloud.engine.environments.copying import Order, describe_copy

    order = Order(
        "mine", "stage", "8h", "li", only=("pay",), changes=("pay.version=v2", "registry=r.example.com/x")
    )
    file = describe_copy(project, order)
    assert yaml.safe_load(file.read_text()) == {
        "copy_of": "stage",
        "lifetime": {"ttl": "8h", "owner": "li"},
        "only": ["pay"],
        "services": {"pay": {"version": "v2"}},
        "registry": "r.example.com/x",
    }


def test_the_same_copy_may_be_described_anew_and_no_other(project: Path) -> None:
    from poscloud.engine.environments.copying import Order, describe_copy

    describe_copy(project, Order("mine", "stage", "8h", "li", "pay/core!1"))
    describe_copy(project, Order("mine", "stage", "2h", "wang", "pay/core!1"))
    before = (project / "stacks" / "mine.yaml").read_text()
    assert "ttl: 2h, owner: wang" in before
    for other in (Order("mine", "stage", "2h", "wang"), Order("mine", "stage", "2h", "wang", "pay/core!2")):
        with pytest.raises(PosCloudError, match="there is an environment mine already"):
            describe_copy(project, other)
    with pytest.raises(InputError):
        describe_copy(project, Order("mine", "stage", "2h", "li", "pay/core!1", changes=("pay.versio=1",)))
    assert (project / "stacks" / "mine.yaml").read_text() == before


def test_of_a_wrong_copy_nothing_is_left(project: Path) -> None:
    from poscloud.engine.environments.copying import Order, describe_copy

    with pytest.raises(InputError):
        describe_copy(project, Order("mine", "stage", "8h", "li", changes=("pay.versio=v2",)))
    assert sorted(f.name for f in (project / "stacks").iterdir()) == ["stage.yaml"]
