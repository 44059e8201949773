"""A team's access: the objects, the table of its page, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poscloud.engine.access.command import shorter
from poscloud.engine.access.kubeconfig import kubeconfig
from poscloud.engine.access.members import Team, _team
from poscloud.load import load_file
from poscloud.provider.config import Access, load
from poscloud.render import Manifest, render_environment
from poscloud.render.names import LEDGER
from poscloud.render.teams import RBAC, RULES, account, may_of, render_team, rules
from poscloud.spec import EnvironmentSpec
from poscloud.spec.teams import RIGHTS, Right
from tests.unit.conftest import Project
from tests.write_golden import GOLDEN, ROOT, render_example

PAGE = ROOT / "docs" / "components" / "team-access.md"
JANITOR = """\
services:
  janitor:
    {kind: janitor, image: "ci/poscloud:1", git: {repository: "https://git.example.com/e.git", revision: main},
    context: c, backend: "s3://b", passphrase: {secret: s, key: k}, archive: {claim: a}}
"""


def base(spec: EnvironmentSpec) -> dict[tuple[str, str], Manifest]:
    return {(m["kind"], m["metadata"]["name"]): m for m in render_environment(spec)[0].manifests}


def test_the_example_is_as_the_golden_file_says() -> None:
    golden = (GOLDEN / "examples" / "team-access.yaml").read_text()
    assert render_example("team-access") == golden, "run `make golden` and read the difference"


def test_each_team_has_an_account_a_role_and_what_binds_them() -> None:
    made = base(load_file(ROOT / "examples" / "team-access.yaml", ROOT))
    for team in ("payments", "testers"):
        binding = made["RoleBinding", account(team)]
        assert binding["roleRef"] == {"apiGroup": RBAC, "kind": "Role", "name": account(team)}
        assert [s["name"] for s in binding["subjects"]] == [account(team)]
        assert made["ServiceAccount", account(team)]["automountServiceAccountToken"] is False
    assert may_of(made["Role", "team-payments"]) == ("shell", "change")
    assert may_of(made["Role", "team-testers"]) == ()


def test_no_team_may_read_secrets_delete_or_give_rights_away() -> None:
    words = {word for rule in rules(RIGHTS) for word in (*rule["resources"], *rule["verbs"])}
    assert not words & {
        "*",
        "secrets",
        "delete",
        "deletecollection",
        "roles",
        "rolebindings",
        "bind",
        "escalate",
    }
    assert not words & {"serviceaccounts", "serviceaccounts/token", "pods/attach", "pods/ephemeralcontainers"}


@pytest.mark.parametrize("may", [("shell",), ("change",), RIGHTS])
def test_who_is_recorded_may_write_the_ledger(may: tuple[Right, ...]) -> None:
    """A shell, too: ``poscloud shell`` records it before it opens."""
    mine = [rule for rule in rules(may) if rule["resources"] == ["configmaps"]]
    assert mine == [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"], "resourceNames": [LEDGER]},
    ]
    assert may_of({"rules": rules(may)}) == may


def test_each_rule_is_given_once() -> None:
    given = rules(RIGHTS)
    assert all(given.count(rule) == 1 for rule in given)


def test_a_rollback_reads_what_is_kept_of_a_stateful_set() -> None:
    assert any(rule["resources"] == ["controllerrevisions"] for rule in rules(("change",)))


def test_the_page_has_the_table() -> None:
    lines = ["| right | of | verbs | what for |", "|---|---|---|---|"]
    for rule in RULES:
        group = f" ({rule.group})" if rule.group else ""
        only = f", only `{rule.only[0]}`" if rule.only else ""
        of = f"{', '.join(rule.resources)}{group}{only}"
        lines.append(f"| {rule.right} | {of} | {', '.join(rule.verbs)} | {rule.why} |")
    assert "\n".join(lines) in PAGE.read_text()


@pytest.mark.parametrize("may", ["[shell]", "[change]"])
def test_who_could_become_a_janitor_is_refused(project: Project, may: str) -> None:
    [problem] = project.problems(f"access:\n  dev: {{may: {may}}}\n{JANITOR}")
    assert (problem.code, problem.line) == ("access-to-account", 2)
    assert "gets the rights that the pods of 'janitor' have" in problem.message
    assert "team-dev" in str(base(project.load(f"access: {{dev: {{}}}}\n{JANITOR}")))


@pytest.mark.parametrize(
    ("access", "message"),
    [
        ("{Dev: {}}", "'Dev' is not a DNS name"),
        (f"{{{'a' * 59}: {{}}}}", "the name of a team may have 58"),
        ("{dev: {may: [shell, shell]}}", "each right once"),
        ("{dev: {may: [root]}}", "'shell' or 'change'"),
    ],
)
def test_mistakes(project: Project, access: str, message: str) -> None:
    [problem] = project.problems(f"access: {access}\nservices: {{a: java}}\n")
    assert message in f"{problem.message} {problem.hint}"


def test_a_copy_has_no_teams(project: Project) -> None:
    project.write("stage.yaml", "access: {dev: {}}\nservices: {a: java}\n")
    assert project.load("copy_of: stage\nlifetime: {ttl: 8h, owner: li}\n", "copy").access == {}


def test_the_order_of_rights_changes_nothing(project: Project) -> None:
    given = [
        project.load(f"access: {{dev: {{may: [{m}]}}}}").access["dev"].may
        for m in ("shell, change", "change, shell")
    ]
    assert given[0] == given[1] == RIGHTS


def test_a_kubeconfig_needs_no_other_file_and_has_nothing_of_who_made_it(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("an authority")
    cluster = {"server": "https://k:6443", "certificate-authority": "ca.crt", "tls-server-name": "k8s"}
    access = Access("https://k:6443", "f", "office", cluster=cluster, user={"token": "mine"}, folder=tmp_path)
    text = kubeconfig(access, "shop", "shop-team-qa", "theirs")
    (tmp_path / "theirs").write_text(text)
    read = load({"kubeconfig": str(tmp_path / "theirs")})
    assert (read.server, read.context, read.namespace) == ("https://k:6443", "office", "shop")
    assert (read.user, read.data("certificate-authority")) == ({"token": "theirs"}, b"an authority")
    assert read.cluster["tls-server-name"] == "k8s"
    assert "mine" not in text


@pytest.mark.parametrize(("given", "told"), [(8 * 3600, ""), (8 * 3600 - 50, ""), (3600, "8h")])
def test_it_is_told_where_the_api_server_gives_less_time(given: int, told: str) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert shorter(8 * 3600, now + timedelta(seconds=given), now) == told


@pytest.mark.parametrize(("stamp", "by"), [("p/shop", ""), ("p/other", "li"), (None, "li")])
def test_a_team_is_described_only_where_the_stack_says_so(stamp: str | None, by: str) -> None:
    account_, role, _ = render_team("shop", "qa", ("shell",), {})
    notes = {"poscloud.io/given-by": "li"} | ({"poscloud.io/stack": stamp} if stamp else {})
    account_["metadata"] |= {"annotations": notes, "creationTimestamp": "2026-01-01T00:00:00Z"}
    may: tuple[Right, ...] = may_of(role)
    team = _team(account_, {"team-qa": may}, [], "p/shop")
    assert (team.by, team.may) == (by, ("shell",))
    assert isinstance(team, Team)
    assert json.dumps(team.as_data())
