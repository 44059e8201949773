"""The picture of an environment."""

from __future__ import annotations

from xml.etree import ElementTree

from poscloud.cluster.watching.graph.model import Component, columns, of_needs
from poscloud.cluster.watching.graph.picture import as_page, as_svg
from poscloud.cluster.watching.graph.text import as_lines, as_mermaid

PARTS = of_needs(
    {
        "web": ("java", {"pay", "redis"}),
        "pay": ("java", {"redis"}),
        "redis": ("redis", set()),
        "mongo": ("mongo", set()),
    }
)
LIVE = [
    Component("web", "java", "ready", "2/2 v1", ("redis",)),
    Component("redis", "redis", "CrashLoopBackOff", "0/1", ()),
]


def test_each_is_right_of_what_it_needs() -> None:
    assert [[each.name for each in column] for column in columns(PARTS)] == [
        ["mongo", "redis"],
        ["pay"],
        ["web"],
    ]


def test_a_circle_ends() -> None:
    circle = of_needs({"a": ("java", {"b"}), "b": ("java", {"a"})})
    assert sorted(each.name for column in columns(circle) for each in column) == ["a", "b"]


def test_lines_in_start_order() -> None:
    assert as_lines("dev", LIVE) == (
        "dev\n  redis  redis  CrashLoopBackOff  0/1\n  web    java   ready             2/2 v1  → redis\n"
    )


def test_mermaid_needs_no_name_to_be_an_identifier() -> None:
    text = as_mermaid("dev", LIVE)
    assert '  n0["web<br/>java<br/>ready<br/>2/2 v1"]:::ready\n' in text
    assert "  n0 --> n1\n" in text


def test_the_image_is_xml_with_a_box_for_each_and_an_arrow_for_each_need() -> None:
    odd = [*LIVE, Component("a&b<c>", "java", "", "", ("web",))]
    root = ElementTree.fromstring(as_svg("dev", odd))
    space = "{http://www.w3.org/2000/svg}"
    assert {box.get("data-name"): box.get("class") for box in root.iter(f"{space}g")} == {
        "web": "c ready", "redis": "c failed", "a&b<c>": "c unknown"
    }  # fmt: skip
    arrows = [path for path in root.iter(f"{space}path") if path.get("class") == "a"]
    assert [(path.get("data-from"), path.get("data-to")) for path in arrows] == [
        ("web", "redis"),
        ("a&b<c>", "web"),
    ]


def test_the_page_needs_nothing_else() -> None:
    page = as_page("dev", LIVE)
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_an_empty_environment_has_a_picture_too() -> None:
    ElementTree.fromstring(as_svg("dev", []))
    assert as_lines("dev", []) == "dev\n"
