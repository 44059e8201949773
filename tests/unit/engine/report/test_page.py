"""A report's page, as far as no browser and no cluster is needed for it."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.watching.graph.model import columns
from poscloud.engine.report.described import mask_again
from poscloud.engine.report.drawing import DOWN, HEIGHT, SHAPE, WIDTH, placed
from poscloud.engine.report.make import make_report
from poscloud.engine.report.masking import Masker
from poscloud.engine.report.writing import as_page
from poscloud.errors import InputError
from tests.planted import Planted
from tests.unit.conftest import Project
from tests.unit.engine.report.large import write_large

DESCRIPTION = """\
quota: {requests.cpu: "4", pods: "20"}
backing: {zookeeper: {}, kafka: {}, redis: {}}
secrets: {login: [password]}
services:
  web: {kind: java, replicas: 2, uses: [redis, kafka], env: {LOGIN: {secret: login, key: password}}}
  pay: {kind: java, uses: [redis], node_port: 30080}
  too: {kind: java, uses: [web], env: {DB_PASSWORD: guess-me-not}}
"""


class Page(HTMLParser):
    """What a parser of HTML makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._texts: list[str] = []
        self.feed(text)
        found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
        assert found
        self.data: dict[str, Any] = json.loads(found[1])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._texts).split())

    def lines(self, numbers: list[int]) -> str:
        return "\n".join(self.data["lines"][n] for n in numbers)

    def component(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(c for c in self.data["components"] if c["name"] == name)
        return found


def page_of(root: Path, name: str = "env") -> Page:
    return Page(as_page(make_report(root, name, cluster=False)))


@pytest.fixture
def page(project: Project) -> Page:
    project.write("env.yaml", DESCRIPTION)
    project.write("other.yaml", "services: {a: {kind: java, node_port: 30080}}\n")
    (project.root / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return page_of(project.root)


def test_a_component_has_its_description_its_manifests_and_its_outputs(page: Page) -> None:
    web = page.component("web")
    assert page.lines(web["spec"]).startswith("services:\n  web:\n    kind: java\n")
    objects = {(o["kind"], o["name"]): page.lines(o["lines"]) for o in web["objects"]}
    assert "        - name: LOGIN\n" in objects["Deployment", "web"]
    assert (web["outputs"]["host"], web["after"], web["before"]) == (
        "web.env.svc.cluster.local",
        ["kafka", "redis"],
        ["too"],
    )
    assert (web["place"], web["pods"]) == ("stacks/env.yaml:5", "2")


def test_findings_are_with_their_component_and_in_one_list(page: Page) -> None:
    assert [f["code"] for f in page.component("pay")["findings"]] == ["node-port-taken"]
    assert "2 findings" in page.text
    assert [f["code"] for f in page.component("web")["findings"]] == []
    assert re.search(r"stacks/env.yaml:6:\d+ pay .*30080.* \[node-port-taken\]", page.text)


def test_planned_capacity_and_the_quota(page: Page) -> None:
    assert "requests of all pods" in page.text
    labels = [attrs.get("aria-label", "") for tag, attrs in page.tags if attrs.get("role") == "img"]
    assert labels == ["8 of the quota's 20 pods", "0.85 of the quota's 4 CPU"]


def test_it_loads_nothing_and_says_so(page: Page) -> None:
    outside = [
        (tag, key, value)
        for tag, attrs in page.tags
        for key, value in attrs.items()
        if key in ("src", "href") and not value.startswith(("#", "data:,"))
    ]
    assert outside == []
    (policy,) = [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")


def test_names_and_texts_are_never_taken_for_html(project: Project) -> None:
    word = "</script><img src=x onerror=alert(1)>&<!--"
    project.write("env.yaml", f"services: {{a: {{kind: java, env: {{X: '{word}'}}}}}}\n")
    text = as_page(make_report(project.root, "env", cluster=False))
    assert "<img" not in text and "<!--" not in text
    assert word in Page(text).lines(Page(text).component("a")["spec"])


def test_a_wrong_description_is_told_as_always(project: Project) -> None:
    project.write("env.yaml", "services: {a: {kind: java, replcas: 2}}\n")
    with pytest.raises(InputError, match="replcas"):
        make_report(project.root, "env", cluster=False)


def test_no_secret_is_in_it_wherever_it_was_written(project: Project) -> None:
    planted = Planted("variable", "option", "address", "command", "reused", "header")
    value = planted.marks
    project.write(
        "env.yaml",
        f"""\
backing:
  consul: {{}}
services:
  a:
    kind: java
    java_opts: "-Dspring.redis.password={value["option"]}"
    env:
      DB_PASSWORD: {value["variable"]}
      DB_URL: mysql://root:{value["address"]}@db:3306/x
      COPIED: prefix-{value["reused"]}-suffix
      API_TOKEN: {value["reused"]}
    overrides:
      Deployment:
        metadata: {{annotations: {{x-secret: {value["header"]}}}}}
        spec: {{template: {{spec: {{containers: [{{name: a, args: [--password, {value["command"]}]}}]}}}}}}
""",
    )
    text = as_page(make_report(project.root, "env", cluster=False))
    assert planted.found(text) == []
    assert text.count("[secret]") >= 6
    assert "DB_PASSWORD" in text


def test_what_a_later_component_tells_is_hidden_in_an_earlier_one(project: Project) -> None:
    planted = Planted("late")
    mark = planted.marks["late"]
    services = f"""\
  a: {{kind: java, env: {{COPIED: prefix-{mark}-suffix}}}}
  b: {{kind: java, uses: [a], env: {{LOGIN_AUTH: {mark}}}}}
"""
    project.write("env.yaml", f"services:\n{services}")
    text = as_page(make_report(project.root, "env", cluster=False))
    assert planted.found(text) == []
    assert "COPIED" in text


def test_what_the_clusters_secrets_hold_is_hidden_in_the_description(project: Project) -> None:
    planted = Planted("known")
    mark = planted.marks["known"]
    project.write(
        "env.yaml", f"services: {{a: {{kind: java, env: {{GREETING: {mark}, OTHER: plain-words}}}}}}\n"
    )
    report = make_report(project.root, "env", cluster=False)
    assert planted.found(as_page(report)) == ["known"]
    masker = Masker(["env", "a"])
    masker.learn(f"{mark}\n")
    masker.learn("metadata:\n  key: of a file\n")
    mask_again(report, masker)
    text = as_page(report)
    assert planted.found(text) == []
    assert "plain-words" in text and "metadata:" in Page(text).data["lines"]


def test_two_hundred_services_fit_into_two_megabytes(tmp_path: Path) -> None:
    write_large(tmp_path, 200)
    began = time.monotonic()
    text = as_page(make_report(tmp_path, "large", cluster=False))
    assert len(text.encode()) <= 2_000_000
    assert time.monotonic() - began < 10
    assert len(Page(text).data["components"]) == 204


@pytest.mark.parametrize("count", [1, 12, 200])
def test_boxes_do_not_overlap_and_the_picture_has_the_shape_of_a_screen(tmp_path: Path, count: int) -> None:
    write_large(tmp_path, count)
    components = [c.drawn for c in make_report(tmp_path, "large", cluster=False).components]
    places, width, height = placed(columns(components))
    taken = sorted(places.values())
    for n, (x, y) in enumerate(taken):
        assert 0 <= x <= width - WIDTH and 0 <= y <= height - HEIGHT
        for other_x, other_y in taken[n + 1 :]:
            assert abs(x - other_x) >= WIDTH or abs(y - other_y) >= HEIGHT + DOWN
    if count == 200:
        assert SHAPE / 1.5 < width / height < SHAPE * 1.5
    assert all(places[c.name][0] > places[need][0] + WIDTH for c in components for need in c.needs)
