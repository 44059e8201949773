"""The comment: readable, never too long, and harmless whatever a branch contains."""

from __future__ import annotations

import json
import re

import pytest
from markdown_it import MarkdownIt

from poscloud.engine.mergerequest.acknowledge import Acknowledged
from poscloud.engine.mergerequest.changes import Comparison, Grade
from poscloud.engine.mergerequest.comment import SHORTEST, marker, write_comment
from poscloud.engine.mergerequest.figures import headline
from tests.mergerequests import COMMENTS, SHOP, compared, golden_comment
from tests.write_golden import GOLDEN

GITHUB, GITLAB = 65_536, 1_000_000


@pytest.mark.parametrize("name", sorted(COMMENTS))
def test_a_comment_is_the_golden_one(name: str) -> None:
    assert golden_comment(name) == (GOLDEN / "comments" / f"{name}.md").read_text(), "run `make golden`"


def test_every_golden_comment_has_a_case() -> None:
    assert sorted(f.stem for f in (GOLDEN / "comments").glob("*.md")) == sorted(COMMENTS)


def test_the_headline_says_all_in_one_line() -> None:
    new = SHOP.replace("v7", "v8").replace("20Gi", "40Gi") + "  more: {kind: java, replicas: 3}\n"
    assert headline(compared(SHOP, new)) == (
        "3 components change, 3 pods restart, +3 pods, +0.45 CPU, +3 GiB memory, +20 GiB storage, risk: DATA LOSS"
    )


def services(version: str) -> str:
    return "services:\n" + "".join(
        f"  service-{i:03}: {{kind: java, replicas: 2, version: {version}, filebeat: false, env: {{A: {version}}}}}\n"
        for i in range(200)
    )


def databases(size: str) -> str:
    return "backing:\n" + "".join(
        f"  db-{i:03}: {{kind: redis, storage: {{size: {size}}}}}\n" for i in range(200)
    )


@pytest.fixture(scope="module")
def two_hundred() -> Comparison:
    return compared(services("v1"), services("v2"))


@pytest.mark.parametrize("limit", [GITHUB, GITLAB])
def test_two_hundred_changed_services_fit_with_a_whole_headline(two_hundred: Comparison, limit: int) -> None:
    text = write_comment(two_hundred, {}, limit)
    assert len(text) <= limit
    lines = text.splitlines()
    assert lines[0] == marker("shop")
    assert lines[1] == "### poscloud, `shop`: 200 components change, 400 pods restart, risk: restart"
    assert all(f"`service-{i:03}` (java): restart, 2 pods restart" in text for i in range(200))
    assert text.count("</details>") == 1 and "Compared with" in lines[-1]


def test_what_is_too_long_gets_shorter_from_its_end(two_hundred: Comparison) -> None:
    whole = write_comment(two_hundred, {})
    seen = []
    for limit in range(len(whole), SHORTEST, -1999):
        text = write_comment(two_hundred, {}, limit)
        assert len(text) <= limit
        assert headline(two_hundred) in text and text.startswith(marker("shop"))
        seen.append(("more objects" in text, "#### " in text, "components more: " in text))
    details_cut = seen.index((True, True, False))
    lines = next(i for i, (_, sections, _) in enumerate(seen) if not sections)
    counted = next(i for i, (_, _, counted) in enumerate(seen) if counted)
    assert details_cut < lines < counted
    assert all(counted for _, _, counted in seen[counted:]), "nothing comes back when there is less room"


def test_what_is_left_out_is_counted(two_hundred: Comparison) -> None:
    text = write_comment(two_hundred, {}, 4000)
    shown = len(re.findall(r"^- `service-", text, re.MULTILINE))
    assert f"- and {200 - shown} components more: {200 - shown} restart\n" in text


def test_many_losses_leave_room_for_the_components() -> None:
    found = compared(databases("2Gi"), databases("1Gi"))
    text = write_comment(found, {}, 10_000)
    assert len(text) <= 10_000
    assert "risk: DATA LOSS (200 of 200 not acknowledged)" in text
    assert re.search(r"- and \d+ more\n", text) and "components more: " in text
    assert all(len(write_comment(found, {}, limit)) <= limit for limit in range(SHORTEST, 30_000, 997))


EVIL = [
    "</details><h1>x</h1>",
    "```\n</details>",
    "@everybody `@team`",
    "<!-- poscloud:preview:prod -->",
    "<img src=x onerror=alert(1)>",
    "a|b|c [x](javascript:alert) ![y](http://x) **z** _u_ # h",
    "\n/close\n/approve",
    "\u202eevil\u2066 \u200b",
]


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_of_a_branch_means_anything_in_markdown(evil: str) -> None:
    q = json.dumps(evil)
    old = "services: {a: java}\n"
    new = (
        "services:\n  a:\n    kind: java\n    overrides:\n      Deployment:\n        spec:\n          template:\n"
        f"            spec: {{containers: [{{name: a, image: {q}, resources: {{limits: {{memory: {q}, {q}: 1}}}}}},"
        f" {{name: {q}, image: x}}]}}\n"
        f"      Service: {{metadata: {{annotations: {{{q}: x}}}}, spec: {{ports: [{{name: {q}, port: 1}}]}}}}\n"
    )
    found = compared(old, new)
    assert any(evil in (f.new or "") for item in found.objects for f in item.fields)
    text = write_comment(found, {"Deployment/a": (evil,)})
    assert text.count("<!-- ") == 1
    assert not re.search(r"@\w", text)
    assert not any(line.startswith("/") for line in text.splitlines())
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    html = [t.content.strip() for t in tokens if t.type == "html_block"]
    fields = sum(len(item.fields) for item in found.objects)
    summary = f"<details><summary>All changes: {fields} fields of 2 objects</summary>"
    assert html == [marker("shop"), summary, "</details>"]
    inside = {child.type for t in tokens for child in t.children or []}
    assert inside <= {"text", "code_inline", "softbreak", "strong_open", "strong_close"}
    assert len([t for t in tokens if t.type == "fence"]) == 1


def test_who_acknowledged_is_shown_and_the_headline_counts_the_others() -> None:
    new = SHOP.replace("20Gi", "5Gi").replace("kafka: {replicas: 3}", "kafka: {replicas: 1}")
    known: Acknowledged = {"StatefulSet/mysql": ("alice",)}
    text = write_comment(compared(SHOP, new), known)
    assert "risk: DATA LOSS (1 of 2 not acknowledged)" in text
    assert "- `StatefulSet/mysql`: acknowledged by `alice`" in text
    assert "- `StatefulSet/kafka`: write `/poscloud acknowledge StatefulSet/kafka`" in text
    assert compared(SHOP, new).grade is Grade.DATA_LOSS
