"""The roles, and binding them to somebody."""

from __future__ import annotations

import pytest
import yaml

from poscloud.errors import PosCloudError
from poscloud.local.access import access_text, roles


def rules() -> list[tuple[str, dict[str, list[str]]]]:
    return [(role["metadata"]["name"], rule) for role in roles() for rule in role["rules"]]


def test_no_rule_means_everything_or_gives_rights_away() -> None:
    for name, rule in rules():
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not words & {"*", "escalate", "bind", "impersonate"}, name
        assert not words & {"roles", "rolebindings", "clusterroles", "clusterrolebindings", "pods/exec"}, name


def test_each_right_is_given_once() -> None:
    each = [
        (group, resource, verb, *rule.get("resourceNames", []))
        for _, rule in rules()
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    assert len(each) == len(set(each))


def test_a_group_is_bound_to_every_role() -> None:
    documents = list(yaml.safe_load_all(access_text("", "deployers", "", "")))
    names = [d["metadata"]["name"] for d in documents if d["kind"] == "ClusterRole"]
    bound = [d for d in documents if d["kind"] == "ClusterRoleBinding"]
    assert [d["roleRef"]["name"] for d in bound] == names
    assert {d["subjects"][0]["name"] for d in bound} == {"deployers"}


def test_within_one_namespace_nothing_is_bound_everywhere_but_reading_the_clusters_identity() -> None:
    documents = list(yaml.safe_load_all(access_text("", "", "ops/deployer", "shop")))
    bound = {(d["kind"], d["roleRef"]["name"]) for d in documents if "roleRef" in d}
    assert bound == {
        ("RoleBinding", "poscloud-environment"),
        ("RoleBinding", "poscloud-messages"),
        ("RoleBinding", "poscloud-destroy"),
        ("ClusterRoleBinding", "poscloud-identity"),
    }
    subjects = [d["subjects"] for d in documents if "roleRef" in d]
    assert subjects == [[{"kind": "ServiceAccount", "name": "deployer", "namespace": "ops"}]] * 4


def test_each_kind_of_subject_has_bindings_of_its_own() -> None:
    given = [("ops:x", "", "", ""), ("", "ops:x", "", ""), ("", "", "ops/x", "")]
    names = [
        document["metadata"]["name"]
        for arguments in given
        for document in yaml.safe_load_all(access_text(*arguments))
        if "roleRef" in document
    ]
    assert len(names) == len(set(names)) == 3 * len(roles())


def test_only_diagnosis_is_in_the_role_for_messages() -> None:
    assert {verb for name, rule in rules() for verb in rule["verbs"] if name == "poscloud-messages"} == {
        "get",
        "list",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "b", "", ""), "give one of --user, --group and --service-account"),
        (("", "", "", "shop"), "give --user, --group or --service-account too"),
        (("", "a", "", "B@d ns"), "'B@d ns'; expected a namespace's name"),
        (("", "", "deployer", ""), "'deployer'; expected NAMESPACE/NAME"),
    ],
)
def test_mistakes(arguments: tuple[str, str, str, str], message: str) -> None:
    with pytest.raises(PosCloudError, match=message):
        access_text(*arguments)
