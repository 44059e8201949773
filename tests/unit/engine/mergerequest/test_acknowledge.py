"""Who may let a merge request lose data: whoever names exactly what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from poscloud.engine.mergerequest.acknowledge import acknowledged
from poscloud.engine.mergerequest.changes import Comparison
from poscloud.engine.mergerequest.comment import marker
from poscloud.engine.mergerequest.preview import post
from poscloud.errors import PosCloudError
from tests.mergerequests import CLAIM, NAMESPACE, SHOP, changed, compared

LOST = SHOP.replace("20Gi", "5Gi")
LINE = "/poscloud acknowledge StatefulSet/mysql"


@dataclass
class Request:
    description: str = ""
    state: str = "open"
    number: int = 7


@dataclass
class Comment:
    author: str
    body: str


@dataclass
class Page:
    """A merge request's page, kept here: one comment by its marker, as a forge has it."""

    request_: Request = field(default_factory=Request)
    others: list[Comment] = field(default_factory=list)
    ours: dict[str, str] = field(default_factory=dict)
    limit: int = 65_536
    writes: int = 0

    def request(self) -> Request:
        return self.request_

    def comments(self) -> Sequence[Comment]:
        return [*self.others, *(Comment("poscloud", body) for body in self.ours.values())]

    def put(self, marker: str, body: str) -> str:
        assert marker in body and len(body) <= self.limit
        self.ours[marker] = body
        self.writes += 1
        return "https://forge.example/shop/7#note_1"


def test_there_is_one_comment_and_it_is_edited() -> None:
    page = Page()
    first = post(page, compared(SHOP, SHOP.replace("v7", "v8")))
    second = post(page, compared(SHOP, SHOP))
    assert (page.writes, list(page.ours)) == (2, [marker("shop")])
    assert "risk: restart" in first.comment and "nothing changes" in page.ours[marker("shop")]
    assert second.url == "https://forge.example/shop/7#note_1"


@pytest.mark.parametrize(
    "body",
    [
        LINE,
        f"All right.\r\n{LINE}  \r\nThanks",
        f"/poscloud  acknowledge StatefulSet/mysql\n{LINE}",
        f"```\ncode\n```\n{LINE}",
    ],
)
def test_a_line_of_its_own_acknowledges(body: str) -> None:
    found = post(Page(others=[Comment("alice", body)]), compared(SHOP, LOST))
    assert (found.blocked, found.known) == ([], {"StatefulSet/mysql": ("alice",)})
    assert "acknowledged by `alice`" in found.comment


@pytest.mark.parametrize(
    ("found", "lost"),
    [
        (compared(SHOP, LOST), "StatefulSet/mysql"),
        (changed(CLAIM, spec__storageClassName="slow"), "PersistentVolumeClaim/data"),
        (changed(NAMESPACE, metadata__name="other"), "Namespace/shop"),
    ],
)
def test_each_kind_of_loss_blocks_until_exactly_that_object_is_named(found: Comparison, lost: str) -> None:
    assert [item.id for item in post(Page(), found).blocked] == [lost]
    other = Page(others=[Comment("bob", f"/poscloud acknowledge {lost}-2")])
    assert [item.id for item in post(other, found).blocked] == [lost]
    named = Page(others=[Comment("bob", f"/poscloud acknowledge {lost}")])
    assert post(named, found).blocked == []


def test_the_description_acknowledges_too() -> None:
    found = post(Page(Request(f"What it does.\n\n{LINE}\n")), compared(SHOP, LOST))
    assert found.blocked == [] and "acknowledged by `the description`" in found.comment


@pytest.mark.parametrize(
    "body",
    [
        "/poscloud acknowledge StatefulSet/mysq",
        "/poscloud acknowledge StatefulSet/mysql2",
        "/poscloud acknowledge Statefulset/mysql",
        "/poscloud acknowledge Deployment/mysql",
        "/poscloud acknowledge mysql",
        "/poscloud acknowledge *",
        f"> {LINE}",
        f"please write {LINE}",
        f"{LINE} or not",
        f"```\n{LINE}\n```",
        f"~~~\n```\n{LINE}\n~~~",
        f"    {LINE}",
        f"{marker('dev')}\n{LINE}",
    ],
)
def test_nothing_else_does(body: str) -> None:
    found = post(Page(others=[Comment("mallory", body)]), compared(SHOP, LOST))
    assert [item.id for item in found.blocked] == ["StatefulSet/mysql"]


def test_our_own_comment_acknowledges_nothing() -> None:
    page = Page()
    post(page, compared(SHOP, LOST))
    assert post(page, compared(SHOP, LOST)).blocked
    assert acknowledged(page.request(), page.comments()) == {}


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_a_merge_request_that_is_over_gets_no_comment(state: str) -> None:
    page = Page(Request(state=state))
    with pytest.raises(PosCloudError, match=f"merge request 7 is {state}") as error:
        post(page, compared(SHOP, SHOP))
    assert page.writes == 0 and "poscloud mr preview -s shop" in error.value.hint
