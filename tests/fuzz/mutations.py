"""Descriptions with something wrong in them: the environments of stacks/ and examples/, changed at random."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

from poscloud.load.merge import read_with_bases
from tests.workspace import ROOT

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2.5, 65536, 2**31, 2**63, 10**30, -0.0, 1e300, "", " ", "\t", "a",
    "A", "-", "0",
    "a" * 64, "b" * 254, "c" * 5000, "é", "日本語", "\u202e\u200b", "😀", "a\nb", "a\r\n", "yes", "0x1F",
    "0o17", "1_000",
    "12:30:45", "2001-01-01", ".nan", ".inf", "1e999", "1e999999999", "9" * 400, "0.0000000001",
    "99999Ei", "1.5Gi", "-1Gi",
    "1m", "${redis.host}", "${a.b", "$${", "${}", "{registry}", "{", "{}{0}{x!r}", "%s",
    "../../etc/passwd", "/dev/zero", "/",
    "//", "a/../b", "*", "*.a", "a:b", "a=b", "#", "'", '"', "\\", "null", "~", "&a", "*a", "!!int x",
    "- a", "[", "?", "|",
    "a" + " " * 100, {}, [], [[]], {"": ""}, {"a": {"a": {"a": {}}}}, [None], {"kind": "java"},
    {"secret": "a", "key": "b"},
)  # fmt: skip
"""Values that stand where others are expected."""

PIECES = (
    b"\t", b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x1b[31m",
    b"\x7f", b"\r\n", b"\r",
    b"\n", b"[", b"]", b"{", b"}", b"&a ", b"*a", b"!!int ", b"!!python/object:os.system ", b"!", b"? ",
    b": ", b"- ", b"|\n",
    b">+9\n", b"---\n", b"...\n", b"%YAML 9.9\n", b"%TAG ! x\n", b"<<: ", b"#", b"'", b'"', b'"\\ud800"',
    b'"\\x00"', b"@", b"`",
    b"extends: env.yaml\n", b"defaults: {java: {}}\n", b"services:\n", b"  " * 40, b"9" * 50, b"~", b"~:",
    b"null: ",
)  # fmt: skip
"""What is put into the middle of a file."""


def described() -> list[dict[str, Any]]:
    """Return the environments of stacks/ and examples/ as plain values, bases included."""
    files = [
        *sorted((ROOT / "stacks").glob("*.yaml")),
        *(f for f in sorted((ROOT / "examples").glob("*.yaml")) if f.name != "images.yaml"),
    ]
    nodes = [read_with_bases(file, ROOT, []) for file in files]
    return [node.plain() for node in nodes if node is not None]


def _parts(document: dict[str, Any], group: str) -> list[tuple[str, Any]]:
    return list((document.get(group) or {}).items())


WHOLE = described()


@st.composite
def small_documents(draw: Any) -> dict[str, Any]:
    """A description with a few parts of one that is right, and some of its other fields."""
    source = draw(st.sampled_from(WHOLE))
    fields = [key for key in source if key not in ("services", "backing")]
    document = (
        {key: source[key] for key in draw(st.lists(st.sampled_from(fields), unique=True))} if fields else {}
    )
    for group, most in (("backing", 3), ("services", 2)):
        parts = _parts(source, group)
        chosen = (
            draw(st.lists(st.sampled_from(range(len(parts))), max_size=most, unique=True)) if parts else []
        )
        if chosen:
            document[group] = dict(parts[i] for i in chosen)
    return copy.deepcopy(document)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a tree."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from places(child, (*path, key))


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


@st.composite
def mutated_trees(draw: Any) -> Any:
    """A small description in which one to three values are removed, renamed, repeated or replaced."""
    tree = draw(small_documents())
    for _ in range(draw(st.integers(1, 3))):
        paths = list(places(tree))[1:]
        if not paths:
            break
        *above, last = draw(st.sampled_from(paths))
        holder = _at(tree, tuple(above))
        how = draw(st.sampled_from(("replace", "replace", "remove", "rename", "borrow", "wrap")))
        if how == "remove":
            del holder[last]
        elif how == "rename" and isinstance(holder, dict):
            holder[draw(st.sampled_from([str(o) for o in ODD if not isinstance(o, (dict, list))]))] = (
                holder.pop(last)
            )
        elif how == "borrow":
            other = draw(st.sampled_from(WHOLE))
            holder[last] = copy.deepcopy(_at(other, draw(st.sampled_from(list(places(other))))))
        elif how == "wrap":
            holder[last] = draw(st.sampled_from(([holder[last]], {"a": holder[last]}, [holder[last]] * 2)))
        else:
            holder[last] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return tree


@st.composite
def mutated_texts(draw: Any) -> bytes:
    """A small description as a file, in which a few bytes are removed, repeated, inserted or changed."""
    tree = draw(small_documents())
    text = yaml.safe_dump(
        tree, allow_unicode=True, sort_keys=False, default_flow_style=draw(st.booleans())
    ).encode()
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 40))
        how = draw(st.sampled_from(("insert", "insert", "remove", "repeat", "flip", "indent")))
        there = text[at : at + length]
        middle = {
            "insert": draw(st.sampled_from(PIECES)) + there,
            "remove": b"",
            "repeat": there * 2,
            "flip": bytes(byte ^ 1 for byte in there),
            "indent": there.replace(b"\n", b"\n "),
        }[how]
        text = text[:at] + middle + text[at + length :]
    return text
