"""A janitor: what its CronJob runs, as whom, and where what it removes is archived."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine.archive import material_of
from poscloud.errors import ArchiveError, PosCloudError
from poscloud.forge import from_environment, project_of
from poscloud.load import load_file
from poscloud.local import access
from poscloud.render import Manifest, render_environment
from poscloud.render.janitor import ROLE
from poscloud.spec import ArchiveSpec
from poscloud.spec.cron import check_schedule
from tests.unit.conftest import Project
from tests.write_golden import ROOT

JANITOR = """\
services:
  web: java
  janitor:
    kind: janitor
    image: ci/poscloud:1
    git: {repository: "https://git.example.com/pay/env.git", revision: main}
    context: office
    backend: s3://state
    passphrase: {secret: state, key: passphrase}
    archive: {s3: "s3://archive"}
"""

RIGHT = (
    "*/10 * * * *", "0 2 * * *", "5,35 8-18 * * mon-fri", "0 0 1 JAN,jul ?", "0-59/15 */2 1-31/2 1-12 0-6", "@daily",
    "59 23 31 12 6", "  0   2 * * * ", "10/20 * * * *",
)  # fmt: skip
WRONG = (
    "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "*/0 * * * *",
    "5-1 * * * *", "a * * * *", "* * * * monday", "@reboot", "-1 * * * *",
    "1- * * * *", "TZ=UTC * * * * *", "*/ * * * *",
    "@every", "1.5 * * * *", "* * L * *", "* * * * 1#2",
)  # fmt: skip
"""Lines that the API server takes as well, and that it refuses as well: tests/e2e/test_janitor.py asks it."""


@pytest.mark.parametrize("line", RIGHT)
def test_a_cron_line_is_one(line: str) -> None:
    assert check_schedule(line) == line


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_cron_line_is_told(line: str) -> None:
    with pytest.raises(
        ValueError, match=r"field|no schedule|no time zone|no number|none of|a step is|ends before"
    ):
        check_schedule(line)


def rendered(project: Project, more: str = "") -> dict[str, Manifest]:
    parts = render_environment(project.load(JANITOR + more))
    return {m["kind"]: m for part in parts for m in part.manifests if part.name == "janitor"}


def pod(made: dict[str, Manifest]) -> Manifest:
    found: Manifest = made["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def test_one_sweep_at_a_time_and_the_next_one_tries_again(project: Project) -> None:
    made = rendered(project, "    deadline: 900\n    suspend: true\n")
    spec = made["CronJob"]["spec"]
    assert (spec["concurrencyPolicy"], spec["suspend"], spec["timeZone"]) == ("Forbid", True, "Asia/Shanghai")
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 900


def test_its_service_account_has_the_one_role_that_is_there_for_it(project: Project) -> None:
    made = rendered(project)
    assert pod(made)["serviceAccountName"] == made["ServiceAccount"]["metadata"]["name"] == "janitor"
    binding = made["ClusterRoleBinding"]
    assert binding["metadata"]["name"] == "env.janitor"
    assert binding["roleRef"]["name"] == ROLE == access.JANITOR
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "janitor", "namespace": "env"}]


def test_no_other_pod_of_the_environment_is_picked_by_its_labels(project: Project) -> None:
    labels = rendered(project)["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert "app" not in labels


@pytest.mark.parametrize(
    ("kind", "classname", "variable"),
    [
        ("gitlab", "GitLab", "GITLAB_TOKEN"),
        ("gitea", "GitHub", "GITEA_TOKEN"),
        ("github", "GitHub", "GITHUB_TOKEN"),
    ],
)
def test_it_asks_the_forge_that_is_named(project: Project, kind: str, classname: str, variable: str) -> None:
    url = "https://github.com" if kind == "github" else "https://forge.example.com/"
    text = f'    forge: {{kind: {kind}, url: "{url}", project: pay/core, token: {{secret: f, key: k}}}}\n'
    env = {e["name"]: e for e in pod(rendered(project, text))["containers"][0]["env"]}
    assert env[variable]["valueFrom"]["secretKeyRef"] == {"name": "f", "key": "k"}
    given = {n: e.get("value", "token") for n, e in env.items()}
    assert project_of(given) == "pay/core"
    assert type(from_environment(given)).__name__ == classname


def test_a_variable_of_its_own_goes_before_the_forges(project: Project) -> None:
    text = '    forge: {kind: gitlab, url: "http://f", project: pay/core, token: {secret: f, key: k}}\n'
    made = rendered(project, text + '    env: {CI_PROJECT_ID: "12"}\n')
    values = [e["value"] for e in pod(made)["containers"][0]["env"] if e["name"] == "CI_PROJECT_ID"]
    assert values == ["12"]


@pytest.mark.parametrize(
    ("archive", "place", "volume"),
    [
        ('{s3: "s3://a/b"}', "s3://a/b", None),
        ("{claim: kept}", "/data/archive", {"persistentVolumeClaim": {"claimName": "kept"}}),
        ("{nfs: {server: s, path: /p}}", "/data/archive", {"nfs": {"server": "s", "path": "/p"}}),
    ],
)
def test_archives_outlive_the_pod(
    project: Project, archive: str, place: str, volume: Manifest | None
) -> None:
    project.write("env.yaml", JANITOR.replace('{s3: "s3://archive"}', archive))
    spec = load_file(project.root / "stacks" / "env.yaml", project.root)
    made = {
        m["kind"]: m for part in render_environment(spec) for m in part.manifests if part.name == "janitor"
    }
    env = {e["name"]: e.get("value") for e in pod(made)["containers"][0]["env"]}
    assert env["POSCLOUD_ARCHIVE"] == place
    found = [v for v in pod(made)["volumes"] if v["name"] == "archive"]
    assert found == ([{"name": "archive", **volume}] if volume else [])


def test_a_copy_has_no_janitor(project: Project) -> None:
    project.write("stage.yaml", JANITOR)
    copy = project.load("copy_of: stage\nlifetime: {ttl: 1h, owner: li}\n", "mine")
    assert set(copy.services) == {"web"}


def test_the_example_has_no_secret_in_a_description() -> None:
    spec = load_file(ROOT / "examples" / "janitor.yaml", ROOT)
    made = {m["kind"]: m for part in render_environment(spec) for m in part.manifests}
    env = pod(made)["containers"][0]["env"]
    secret = {e["name"] for e in env if "secretKeyRef" in e.get("valueFrom", {})}
    assert secret == {"PGPASSWORD", "PULUMI_CONFIG_PASSPHRASE", "GITLAB_TOKEN"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "stage.yaml").write_text("archive: {folder: kept}\nservices: {a: java}\n")
    return tmp_path


def test_a_copy_without_a_description_is_archived_where_the_original_says(shop: Path) -> None:
    material = material_of(shop, "gone", "stage", {})
    assert material.where == ArchiveSpec(folder="kept")
    assert ".poscloud/archive" not in material.notes[0]


def test_the_variable_goes_before_what_descriptions_say(shop: Path) -> None:
    assert material_of(shop, "stage", "", {"POSCLOUD_ARCHIVE": "/data"}).where == ArchiveSpec(folder="/data")
    bucket = material_of(shop, "gone", "stage", {"POSCLOUD_ARCHIVE": "s3://b/f"}).where
    assert bucket == ArchiveSpec(s3="s3://b/f")
    with pytest.raises(ArchiveError, match="POSCLOUD_ARCHIVE is no place for an archive: expected s3://"):
        material_of(shop, "stage", "", {"POSCLOUD_ARCHIVE": "http://b/f"})


@pytest.mark.parametrize(
    "address",
    [
        "postgres://u:pw-9@h/db",
        "postgres://u:p/w-9@h/db",
        "postgres://u:p@w-9@h/db",
        "postgres://u:p?w-9@h/db",
        "postgres://:pw-9@h/db",
        "postgres://h/db?user=u&password=pw-9",
        "postgres://h/db?user=u&PassWord=pw-9",
        "postgres://h/db?user=u&pass%77ord=pw-9",
        "postgres://u@h/db?sslpassword=pw-9",
        "s3://b?aws_secret_access_key=pw-9",
    ],
)
def test_a_backend_with_a_password_is_refused_and_not_repeated(project: Project, address: str) -> None:
    with pytest.raises(PosCloudError, match="an address with a password would be readable") as told:
        project.load(JANITOR.replace("s3://state", f'"{address}"'))
    assert "w-9" not in str(told.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgres://pulumi@db.example.com:5432/state?sslmode=require&passfile=/etc/pgpass",
        "postgres://h:5432/db?user=u@tenant",
        "postgres://a:1,b:2/db?user=u@tenant",
        "s3://state?endpoint=minio.example.com:9000&s3ForcePathStyle=true",
        "azblob://state?storage_account=pay",
    ],
)
def test_a_backend_without_one_is_taken(project: Project, address: str) -> None:
    project.load(JANITOR.replace("s3://state", f'"{address}"'))
