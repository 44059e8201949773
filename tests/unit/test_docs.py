"""What the documentation says is so: descriptions in it can be loaded, links lead somewhere, translations keep step."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from poscloud.load import load_environment
from poscloud.render import render_environment
from poscloud.spec import EnvironmentSpec
from tests.workspace import ROOT
from website.components import EXAMPLES, by_example, has_example
from website.pages import ELSEWHERE, linked, navigation, reference
from website.python import as_python

BLOCK = re.compile(r"(?ms)^```yaml\n(.*?)^```$")
PAGES = sorted([ROOT / "README.md", *(f for f in (ROOT / "docs").rglob("*.md") if f.name != "errors.md")])
"""All pages, but the one whose descriptions are wrong on purpose (test_codes.py)."""

OTHERS = frozenset({"config", "validate", "apiVersion"})
"""First keys of blocks that are something else: a stack's configuration, a pipeline, a kubelet's file."""

GIT = {"repository": "http://git.example.com/x.git", "revision": "abc"}
AROUND: dict[str, dict[str, Any]] = {
    "backing": {"kafka": {}, "zookeeper": {}, "redis": {}},
    "services": {
        **dict.fromkeys(("dac-task", "dac-web", "dac-app-web", "dac-api", "gateway"), "java"),
        "account-confirm": {"kind": "c", "runenv": "pre", "git": GIT},
        "tomcat": "webapp",
    },
}
"""What stands around a part of a description, where that does not say it itself."""

FILES = {
    "sql/schema.sql": "CREATE TABLE a (id INT);\n",
    "routes.csv": (EXAMPLES / "nginx-routes.csv").read_text(),
}
"""Files that descriptions name."""


def descriptions() -> Iterator[Any]:
    """Yield every block of YAML that is an environment's description, or a part of one."""
    for page in PAGES:
        for number, found in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1):
            data = yaml.safe_load(found)
            if data and next(iter(data)) not in OTHERS:  # no more is left out, so that a wrong field is seen
                yield pytest.param(found, id=f"{page.relative_to(ROOT)}-{number}")


def in_a_project(text: str, root: Path) -> EnvironmentSpec:
    """Return the environment that a page's description is, or is a part of, in a project of its own."""
    stacks = root / "stacks"
    shutil.copytree(ROOT / "stacks", stacks)
    for name, content in FILES.items():
        (stacks / name).parent.mkdir(exist_ok=True)
        (stacks / name).write_text(content)
    data = yaml.safe_load(text)
    around = {
        group: {name: part for name, part in parts.items() if name not in (data.get(group) or {})}
        for group, parts in AROUND.items()
    }
    (stacks / "base" / "around.yaml").write_text(yaml.safe_dump(around))
    alone = {"extends", "copy_of"} & set(data)
    (stacks / "env.yaml").write_text(text if alone else f"extends: base/around.yaml\n{text}")
    return load_environment(root, "env")


@pytest.mark.parametrize("text", list(descriptions()))
def test_a_description_in_a_page_can_be_rendered(tmp_path: Path, text: str) -> None:
    assert render_environment(in_a_project(text, tmp_path))


@pytest.mark.parametrize(
    "file", sorted(f for f in EXAMPLES.glob("*.yaml") if f.stem != "images"), ids=lambda f: f.stem
)
def test_the_python_beside_an_example_says_the_same(file: Path) -> None:
    from poscloud.load.environment import load_file

    spec = load_file(file, ROOT, "example")
    scope: dict[str, Any] = {}
    exec(as_python(spec), scope)
    assert render_environment(scope["environment"]) == render_environment(spec)


def test_every_component_with_an_example_has_its_manifests_on_its_page() -> None:
    pages = [f.stem for f in (ROOT / "docs" / "components").glob("*.md")]
    shown = {page: by_example(page) for page in pages if has_example(page)}
    assert [page for page, text in shown.items() if "??? example" not in text] == []
    assert "redis://redis.example.svc.cluster.local:6379" in shown["redis"]


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "README.zh.md", ROOT / "docs" / "errors.md"], ids=lambda p: p.name
)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    text = re.sub(r"(?ms)^\s*```.*?^\s*```", "", page.read_text(encoding="utf-8"))
    targets = [t.partition("#")[0] for t in re.findall(r"\]\(([^()\s]+)\)", text) if "://" not in t]
    assert [t for t in targets if t and not (page.parent / t).exists()] == []


def _skeleton(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    blocks = re.findall(r"(?ms)^```\w*\n.*?^```$", text)
    prose = re.sub(r"(?ms)^```.*?^```$", "", text)
    links = Counter(re.findall(r"\]\(([^()\s]+)\)", prose))
    for own in ("README.md", "README.zh.md"):
        links.pop(own, None)
    return {
        "headings": [line.split(" ")[0] for line in prose.splitlines() if line.startswith("#")],
        "code blocks": blocks,
        "links": links,
        "rows of tables": sum(line.startswith("|") for line in prose.splitlines()),
        "commands and names": Counter(re.findall(r"`[^`\n]+`", prose)),
    }


@pytest.mark.parametrize("what", ["headings", "code blocks", "links", "rows of tables", "commands and names"])
def test_the_chinese_readme_keeps_step(what: str) -> None:
    english, chinese = _skeleton(ROOT / "README.md"), _skeleton(ROOT / "README.zh.md")
    assert chinese[what] == english[what]


def test_pages_of_the_site() -> None:
    """Each page has one place in the order, and links from one to another lead there."""
    entries = [value for entry in navigation() for value in entry.values()]
    flat = [page for value in entries for page in ([value] if isinstance(value, str) else value)]
    assert [page for page, count in Counter(flat).items() if count > 1] == []
    on_disk = {str(f.relative_to(ROOT / "docs")) for f in (ROOT / "docs").rglob("*.md")}
    assert on_disk <= set(flat)
    assert (
        linked("[a](docs/state.md#x) [b](stacks/dev.yaml)", "index.md")
        == "[a](state.md#x) b (`stacks/dev.yaml`)"
    )
    assert linked("[stacks](stacks)", "index.md") == "`stacks`"
    assert linked("[c](../../CONTRIBUTING.md)", "decisions/0001.md") == "[c](../CONTRIBUTING.md)"
    assert linked("```\n[d](docs/x.md)\n```\n", "index.md") == "```\n[d](docs/x.md)\n```\n"
    assert "| `uses` |" in reference() and set(ELSEWHERE.values()) <= set(flat)
