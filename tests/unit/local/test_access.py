"""The roles, and binding them to somebody."""

from __future__ import annotations

import pytest
import yaml

from poscloud.errors import PosCloudError
from poscloud.local.access import ACCOUNTS, JANITOR, JANITORS, NODE_GUARD, TEAMS, access_text, names, roles
from poscloud.render.names import LEDGER
from poscloud.render.teams import RULES


def rules() -> list[tuple[str, dict[str, list[str]]]]:
    return [(role["metadata"]["name"], rule) for role in roles() for rule in role["rules"]]


def test_no_rule_means_everything_or_gives_rights_away_but_the_janitors() -> None:
    for name, rule in rules():
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not words & {"*", "escalate", "impersonate"}, name
        assert "serviceaccounts/token" not in words or name == TEAMS, name
        assert "pods/exec" not in words or name in ("poscloud-by-hand", TEAMS), name
        # To make a Role, or to bind one, is to hold all that it gives.
        assert not words & {"roles", "rolebindings"} or rule["verbs"] == ["list"] or name == TEAMS, name
        # Bindings by themselves give nothing: the API server asks for `bind` on the role, or for all of its rights.
        assert "clusterrolebindings" not in words or name in (JANITORS, JANITOR), name
        assert not words & {"bind", "clusterroles"} or rule["resourceNames"] == [JANITOR, NODE_GUARD], name


def test_a_janitor_makes_nothing_and_lists_no_secrets() -> None:
    mine = [rule for name, rule in rules() if name == JANITOR]
    verbs = {verb for rule in mine for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch", "patch", "delete", "deletecollection"}
    assert [(rule["resources"], rule["resourceNames"]) for rule in mine if "resourceNames" in rule] == [
        (["configmaps"], [LEDGER])
    ]
    assert [rule["verbs"] for rule in mine if "secrets" in rule["resources"]] == [["get"]]
    assert {r for rule in mine if "delete" in rule["verbs"] for r in rule["resources"]} == {
        "namespaces",
        "pods",  # one that somebody was in; all of them it may anyway
    }


@pytest.mark.parametrize("alone", [JANITORS, TEAMS])
def test_each_right_is_given_once(alone: str) -> None:
    each = [
        (group, resource, verb, *rule.get("resourceNames", []))
        for name, rule in rules()
        if name not in {JANITOR, NODE_GUARD, JANITORS, TEAMS} - {alone}
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    assert len(each) == len(set(each))


@pytest.mark.parametrize(
    ("asked", "left"), [(False, {JANITOR, NODE_GUARD, JANITORS, TEAMS}), (True, {JANITOR, NODE_GUARD, TEAMS})]
)
def test_a_group_is_bound_to_every_role_but_the_janitors_own_unless_asked_for(
    asked: bool, left: set[str]
) -> None:
    documents = list(yaml.safe_load_all(access_text("", "deployers", "", "", janitors=asked)))
    given = [d["metadata"]["name"] for d in documents if d["kind"] == "ClusterRole"]
    bound = [d for d in documents if d["kind"] == "ClusterRoleBinding"]
    assert [d["roleRef"]["name"] for d in bound] == [name for name in given if name not in left]
    assert {d["subjects"][0]["name"] for d in bound} == {"deployers"}


def test_within_one_namespace_nothing_is_bound_everywhere_but_reading_the_clusters_identity() -> None:
    documents = list(yaml.safe_load_all(access_text("", "", "ops/deployer", "shop")))
    bound = {(d["kind"], d["roleRef"]["name"]) for d in documents if "roleRef" in d}
    assert bound == {
        ("RoleBinding", "poscloud-environment"),
        ("RoleBinding", "poscloud-messages"),
        ("RoleBinding", "poscloud-by-hand"),
        ("RoleBinding", "poscloud-destroy"),
        ("ClusterRoleBinding", "poscloud-identity"),
    }
    subjects = [d["subjects"] for d in documents if "roleRef" in d]
    assert subjects == [[{"kind": "ServiceAccount", "name": "deployer", "namespace": "ops"}]] * 5


def test_each_kind_of_subject_has_bindings_of_its_own() -> None:
    given = [("ops:x", "", "", ""), ("", "ops:x", "", ""), ("", "", "ops/x", "")]
    made = [
        document["metadata"]["name"]
        for arguments in given
        for document in yaml.safe_load_all(access_text(*arguments))
        if "roleRef" in document
    ]
    assert len(made) == len(set(made)) == 3 * len(names(janitors=False, teams=False))


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


@pytest.mark.parametrize(
    ("whom", "namespace", "message"),
    [("ci", "shop", "a right in the whole cluster"), ("", "", "--janitor needs whom to give it")],
)
def test_making_janitors_is_given_to_somebody_everywhere(whom: str, namespace: str, message: str) -> None:
    with pytest.raises(PosCloudError, match=message):
        access_text(whom, "", "", namespace, janitors=True)


def test_who_gives_teams_access_may_be_bound_to_one_namespace() -> None:
    documents = list(yaml.safe_load_all(access_text("li", "", "", "shop", teams=True)))
    bound = {(d["kind"], d["roleRef"]["name"], d["subjects"][0]["name"]) for d in documents if "roleRef" in d}
    assert ("RoleBinding", TEAMS, "li") in bound
    assert {(role, whom) for kind, role, whom in bound if kind == "ClusterRoleBinding"} == {
        ("poscloud-identity", "li"),
        ("poscloud-identity", ACCOUNTS),
    }
    with pytest.raises(PosCloudError, match="--teams needs whom to give it"):
        access_text("", "", "", "", teams=True)


def test_who_gives_teams_access_holds_all_that_a_team_may() -> None:
    given = {
        (group, resource, verb)
        for name, rule in rules()
        if name in ("poscloud-environment", "poscloud-messages", "poscloud-by-hand", TEAMS)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert not {(r.group, res, verb) for r in RULES for res in r.resources for verb in r.verbs} - given
