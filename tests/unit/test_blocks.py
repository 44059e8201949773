"""Every block of the documentation is proven by something, and those that no cluster is needed for are proven here."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from poscloud.engine import holders, locks
from poscloud.engine.drift import words
from poscloud.engine.drift.described import Described
from poscloud.engine.drift.difference import Compared, Difference
from poscloud.engine.drift.report import Report, Secrets
from poscloud.engine.drift.writers import Writer
from poscloud.engine.environments.copying import MODELINE
from poscloud.engine.manual.entry import Entry
from poscloud.engine.mergerequest.acknowledge import acknowledged
from poscloud.engine.progress.show import tree
from poscloud.errors import DeployError
from poscloud.load import read_locations
from poscloud.local.nodeimages import project as node_images
from poscloud.local.nodeimages.recipes import from_table
from poscloud.provider.items import as_step
from poscloud.render import render_environment
from tests.pages.blocks import Block, blocks, indented, of_kind, one, pages
from tests.pages.lines import TARGET, commands, logical, wrong
from tests.pages.messages import can_say
from tests.pages.proofs import BY_KIND, MESSAGES, TEXTS, YAML, proof
from tests.pages.scenarios import ELSEWHERE, NOT_RUN, SCENARIOS
from tests.unit.cli.test_commands import run
from tests.unit.conftest import Project
from tests.unit.engine.mergerequest.test_acknowledge import Comment, Request
from tests.unit.engine.progress import test_progress as recorded
from tests.unit.test_components import Recorder, record
from tests.workspace import ROOT

__all__ = ["record"]  # a fixture

COMMENTS = ROOT / "tests" / "golden" / "comments"


def ids(block: Block) -> str:
    return str(block)


# ---- each block has a proof


def test_every_block_is_proven() -> None:
    assert [f"{block} ({block.kind or 'no kind'})" for block in blocks() if not proof(block)] == [], (
        "say in tests/pages/proofs.py or tests/pages/scenarios.py how it is proven (CONTRIBUTING.md)"
    )


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_code_stands_in_fences_that_say_what_it_is(page: Path) -> None:
    assert indented(page) == []
    fences = re.findall(r"(?m)^[ \t]*```(.*)$", page.read_text(encoding="utf-8"))
    assert [word for word in fences[::2] if not word.strip()] == []


def test_nothing_in_the_tables_is_left_over() -> None:
    here = {
        (block.page, words) for block in of_kind("text") for words in _beginnings() if block.begins(words)
    }
    assert [row for row in {*TEXTS, *MESSAGES} if row not in here] == []
    lines = [(block.page, line) for block in of_kind("sh") for line in logical(block.text)]
    assert [
        row for row in NOT_RUN if not any(p == row[0] and line.startswith(row[1]) for p, line in lines)
    ] == []
    shell = {block.page for block in of_kind("sh")}
    assert {page.name for some in SCENARIOS.values() for page in some} <= shell and set(ELSEWHERE) <= shell
    for some in SCENARIOS.values():
        for page in some:
            mine = "\n".join(line for name, line in lines if name == page.name)
            assert [words for words in page.instead if words not in mine] == [], page.name


def _beginnings() -> set[str]:
    return {words for _, words in {*TEXTS, *MESSAGES}}


def test_every_proof_is_a_test_that_is_there() -> None:
    """The tables name tests; one that was renamed or removed proves nothing."""
    tests = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    named = {
        *TEXTS.values(),
        *YAML.values(),
        *(how.split(" ")[0].rpartition("::")[2] for how in BY_KIND.values()),
    }
    assert {name for name in named if name.startswith("test_") and not name.endswith(".py")} <= tests
    files = {*re.findall(r"tests/[\w/]+\.py", " ".join([*NOT_RUN.values(), *ELSEWHERE.values()]))}
    assert [file for file in files if not (ROOT / file).is_file()] == []


# ---- shell: whether it is run or not


def lines() -> Iterator[Any]:
    for block in of_kind("sh"):
        for number, line in enumerate(logical(block.text), 1):
            yield pytest.param(line, id=f"{block}-{number}")


@pytest.mark.parametrize("line", list(lines()))
def test_a_command_line_is_one(line: str) -> None:
    assert [told for words_ in commands(line) if (told := wrong(words_))] == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("poscloud up --stak x", "No such option: --stak"),
        ("poscloud exec api -s x", "Missing argument"),
        ("poscloud env creat x", "No such command"),
        ("poscloud env create", "Missing"),
        ("FOO=1 poscloud nothing | cat", "No such command"),
        ("make upp", "no target upp"),
        ("sh examples/none.sh", "no file examples/none.sh"),
        (".venv/bin/pip install -e '.[none]'", "no extra none"),
        ("frobnicate now", "no page has used frobnicate"),
    ],
)
def test_a_wrong_command_line_is_found(line: str, told: str) -> None:
    (first, *_) = commands(line)
    assert told in wrong(first)


# ---- texts


@pytest.mark.parametrize(("page", "words_"), sorted(MESSAGES))
def test_messages_in_pages_are_those_of_the_code(page: str, words_: str) -> None:
    assert [line for line in one(page, words_).text.splitlines() if not can_say(line)] == []


@pytest.mark.parametrize(
    "line",
    [
        "error: stack prod is being used by alice@build7",
        "previous run (pid 4711) was ended; its lock is free",
        "nonsense, with words (in here)",
        "newest good backup: /x (0:03:10 old, 91 resources)",
    ],
)
def test_a_message_of_yesterday_is_found(line: str) -> None:
    assert not can_say(line)


def test_targets_of_make_are_there() -> None:
    rows = one("CONTRIBUTING.md", "make check").text.splitlines()
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
    named = {name for row in rows for name in re.findall(r"\bmake ([a-z-]+)", row)}
    assert len(rows) > 10 and named <= targets


FOUND = {
    ("docs/check.md", "stacks/dev.yaml:3:19"): (
        "dev.yaml",
        "# a\nservices:\n  a: {kind: java, replcas: 2}\n",
    ),
    ("docs/check.md", "stacks/py.py"): (
        "py.py",
        "\n" * 10
        + "from poscloud.spec import EnvironmentSpec, JavaServiceSpec\n\n\n\n"
        + 'environment = EnvironmentSpec(name="py", services={\n\n'
        + '        "d": JavaServiceSpec(port=70000, replcas=3),\n})\n',
    ),
    ("docs/components/subsystem.md", "stacks/hydra-test.yaml"): (
        "hydra-test.yaml",
        "services:\n  hydra:\n    kind: subsystem\n    containers:\n      hydra: {ports: {http: 19010}}\n"
        "      yin: {ports: {yin: 19010}}\n",
    ),
}
"""Block → the description that it is said of."""


@pytest.mark.parametrize("where", FOUND)
def test_findings_are_shown_as_in_the_page(tmp_path: Path, where: tuple[str, str]) -> None:
    name, text = FOUND[where]
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / name).write_text(text)
    done = run("check", "-s", Path(name).stem, cwd=tmp_path)
    shown = one(*where).text
    assert shown in done.stdout + done.stderr, done.stdout + done.stderr


def test_what_holds_a_namespace_is_told() -> None:
    said = one("docs/archive.md", "error: namespace shop").text.splitlines()
    fields = {"f:metadata": {"f:finalizers": {}}}
    topic = {
        "apiVersion": "kafka.strimzi.io/v1beta2",
        "kind": "KafkaTopic",
        "metadata": {
            "name": "orders",
            "namespace": "shop",
            "finalizers": ["strimzi.io/topic-operator"],
            "managedFields": [{"manager": "strimzi-topic-operator", "fieldsV1": fields}],
        },
    }
    assert [said[1].strip()] == [holders.held(topic)]
    assert can_say(said[0]) and can_say(said[2]) and len(said) == 3


def test_a_stack_in_use_is_told() -> None:
    since = datetime(2026, 11, 21, 12, 3, tzinfo=timezone(timedelta(hours=1)))
    lock = locks.Lock("8b2ff3a5-…", 4711, "build7", "alice", since)
    with pytest.raises(DeployError) as caught:
        locks._refuse([lock], "prod")
    assert (
        one("docs/state.md", "error: stack prod is in use").text
        == f"error: {caught.value}\n  {caught.value.hint}\n"
    )


def test_drift_is_told() -> None:
    now = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    scaled = Entry("scale", "apps/v1", "Deployment", "dac-task", (), "li", "load test", now.replace(minute=0),
                   until=now.replace(hour=18, minute=0))  # fmt: skip
    edited = Writer("kubectl-edit", "Update", "2026-11-22T16:20:11Z")
    patched = Writer("kubectl-patch", "Update", "2026-11-22T16:21:40Z")
    image = ("spec", "template", "spec", "containers", as_step("[name=dac-task]"), "image")
    differences = {
        ("dac-task", "Deployment"): [
            Difference(("spec", "replicas"), "changed", 1, 3, recorded=scaled),
            Difference(image, "changed", "shop/dac-task:v1", "shop/x:1", by=edited),
        ],
        ("redis", "Secret"): [
            Difference(("data", "password"), "changed", hidden=True, by=patched),
        ],
    }
    compared = [
        Compared(
            Described("urn", name, {"kind": kind, "metadata": {"name": name, "namespace": "wbyh-stage"}}, False, {}),
            {}, "changed", found,
        )
        for (name, kind), found in differences.items()
    ]  # fmt: skip
    told = words.lines(Report(compared, [], Secrets(), now))
    assert one("docs/drift.md", "dac-task").text.splitlines() == list(told)


def test_the_tree_is_drawn_like_this(project: Project) -> None:
    """Every line of the page has the form of one that is drawn while a recorded run goes on."""
    parts = render_environment(project.load(recorded.SHOP, "shop"))
    parts = [replace(p, manifests=[m for m in p.manifests if m["kind"] != "Job"]) for p in parts]
    played = recorded.Recorded("created", parts)
    drawn: set[str] = set()
    for at in {at for at, _ in played.steps}:
        found = recorded.Recorded("created", parts).play(until=at)
        console = Console(width=100, file=io.StringIO(), color_system=None)
        console.print(tree(found, at + 0.1, 20, 100))
        drawn |= {_form(line) for line in console.file.getvalue().splitlines()}  # type: ignore[attr-defined]
    page = one("docs/watching.md", "shop  1 of 4 ready").text.splitlines()
    assert [line for line in page if _form(line) not in drawn] == [], sorted(drawn)


def _form(line: str) -> str:
    """Return a line without its figures, its names and its room."""
    line = re.sub(r"^[├└]── ", "- ", line)
    line = re.sub(r"\d+(\.\d+)?", "N", re.sub(r"\b(redis|kafka|zookeeper|mysql|web|pay|job)\b", "NAME", line))
    return re.sub(r"NAME(, NAME)+", "NAME", re.sub(r"\s+", " ", line)).strip()


def test_the_headline_is_that_of_a_comment() -> None:
    first = (COMMENTS / "restart.md").read_text().splitlines()[1]
    assert one("docs/merge-requests.md", "poscloud, shop:").text.strip() == first.removeprefix(
        "### "
    ).replace("`", "")


def test_the_comment_acknowledges() -> None:
    line = one("docs/merge-requests.md", "/poscloud acknowledge").text
    assert acknowledged(Request(""), [Comment("li", line)]) == {"StatefulSet/mysql": ("li",)}  # type: ignore[arg-type]


def test_validate_tells_of_releases(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(one("docs/releases.md", "services:").text)
    told = run("validate", "-s", "dev", cwd=tmp_path).stdout.splitlines()
    said = one("docs/releases.md", "dac-api-center: canary").text.splitlines()
    assert [line for line in said if line not in [t.strip() for t in told]] == [], told


def test_a_table_of_locations_is_read(tmp_path: Path) -> None:
    text = one("docs/components/nginx.md", "location,").text
    (tmp_path / "routes.csv").write_text(text)
    rows = [row for row in csv.reader(text.splitlines(), skipinitialspace=True)][1:]
    found = read_locations(tmp_path / "routes.csv")
    assert [key.strip() for key in found] == [row[0] for row in rows]


def test_the_formula_names_settings_that_are_there() -> None:
    formula = one("docs/operations.md", "images ").text
    page = (ROOT / "docs" / "operations.md").read_text().replace(formula, "")
    named = set(re.findall(r"\b[a-z]+[A-Z]\w+", formula))
    assert named == {name for name in named if f"\n{name}: " in page or f"`{name}`" in page} != set()


def test_the_drawing_has_the_services_of_the_shop() -> None:
    services = yaml.safe_load((ROOT / "examples" / "apps" / "shop.yaml").read_text())["services"]
    drawing = one("examples/apps/README.md", "┌─").text
    named = set(
        re.findall(r"([a-z]+) +\((?:Java|C|Flask|Django|Tomcat|Celery)|^(gateway)", drawing, re.MULTILINE)
    )
    assert {name for names in named for name in names if name} <= set(services)
    assert len(named) > 6


# ---- other kinds


def test_a_stacks_configuration_is_one() -> None:
    allowed = set(yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"])
    found = yaml.safe_load(one("README.md", "# Pulumi.prod.yaml").text)["config"]
    assert found and set(found) <= allowed


def test_a_pipelines_commands_are_read() -> None:
    (job,) = yaml.safe_load(one("docs/install.md", "validate:").text).values()
    assert [told for line in job["script"] for c in commands(line) if (told := wrong(c))] == []
    assert (
        job["image"] in (ROOT / "docs" / "install.md").read_text().split("docker build -t ")[1].split("\n")[0]
    )


def test_the_first_line_for_editors_is_that_of_init() -> None:
    assert one("docs/editor.md", "# yaml-language-server").text == MODELINE


def test_a_diagram_has_only_nodes_that_are_there() -> None:
    for block in of_kind("mermaid"):
        defined = set(re.findall(r"\b(\w+)\[", block.text))
        arrows = re.findall(r"(\w+) (?:-->|---)(?:\|[^|]*\|)? (\w+)", re.sub(r"\[[^\]]*\]", "", block.text))
        assert arrows and {end for arrow in arrows for end in arrow} <= defined
        opened = re.findall(r"(?m)^\s*subgraph ", block.text)
        assert len(opened) == len(re.findall(r"(?m)^\s*end$", block.text))


def test_a_program_of_a_page_makes_its_components(record: Callable[..., Recorder]) -> None:
    (block,) = of_kind("python")
    made = record(lambda: exec(block.text, {})).objects
    assert {("Namespace", "demo"), ("StatefulSet", "redis"), ("Deployment", "web")} <= set(made)


def test_tables_of_images_are_read(tmp_path: Path) -> None:
    folders = one("docs/real-nodes.md", "# cluster-images.toml").text
    recipe = one("docs/real-nodes.md", "# examples/apps/orders").text
    place = tmp_path / "examples" / "apps" / "orders"
    (place / "target").mkdir(parents=True)
    (place / "config").mkdir()
    (place / "target" / "orders.jar").write_text("")
    (place / "requirements.lock").write_text("flask==3.0.0\n")
    (tmp_path / "cluster-images.toml").write_text(folders)
    (place / "image.toml").write_text(recipe)
    known = node_images.recipes(tmp_path)
    assert known["orders"] == from_table(tomllib.loads(recipe), place / "image.toml")
    assert "python" in known and node_images.names(tmp_path)


def test_the_login_of_a_registry_is_one() -> None:
    found = [json.loads(block.text) for block in of_kind("json")]
    assert [set(auth) for each in found for auth in each["auths"].values()] == [{"auth"}] * 2
