"""Values set in a YAML file: only their own text changes."""

from __future__ import annotations

import pytest

from poscloud.errors import PosCloudError
from poscloud.load.edit import remove_value, set_value

VERSION = ("services", "a", "version")


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("services:\n  a: java # why\n", VERSION, "v2", "services:\n  a: {kind: java, version: v2} # why\n"),
        (
            "services: {a: {kind: java}, b: java}\n",
            VERSION,
            "v2",
            "services: {a: {kind: java, version: v2}, b: java}\n",
        ),
        (
            "services:\n  a: {version: v1, kind: java} # why\n",
            VERSION,
            "1.10",
            'services:\n  a: {version: "1.10", kind: java} # why\n',
        ),
        (
            "services:\n  # first\n  a:\n    kind: java # why\n  # second\n  b: java\n",
            VERSION,
            "v2",
            "services:\n  # first\n  a:\n    kind: java # why\n    version: v2\n  # second\n  b: java\n",
        ),
        (
            "services:\n  a:\n    version: 'v1' # old\n    kind: java",
            VERSION,
            "v2",
            "services:\n  a:\n    version: v2 # old\n    kind: java",
        ),
        (
            "services:\n  a:\n    release:\n      next:\n        git:\n          revision: x\n      live: blue\n",
            ("services", "a", "release", "next"),
            None,
            "services:\n  a:\n    release:\n      next: null\n      live: blue\n",
        ),
        ("extends: b.yaml\n", VERSION, "v2", "extends: b.yaml\nservices: {a: {version: v2}}\n"),
        ("services:\nquota: {}\n", VERSION, "v2", "services: {a: {version: v2}}\nquota: {}\n"),
        ("# nothing\n", VERSION, "v2", "# nothing\nservices:\n  a:\n    version: v2\n"),
    ],
)
def test_a_value_is_set_and_the_rest_left(before: str, path: tuple[str, ...], value: str, after: str) -> None:
    assert set_value(before, path, value) == after


def test_a_value_that_another_place_shares_is_not_changed() -> None:
    for text in (
        "services: {a: {version: &v v1}, b: {version: *v}}",
        "services: {a: &s {version: v1}, b: *s}",
    ):
        with pytest.raises(PosCloudError, match="cannot be changed in place"):
            set_value(text, VERSION, "v2")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: {env: {X: a, Y: b}} # why\n", "a: {env: {Y: b}} # why\n"),
        ("a: {env: {W: c, X: {secret: s, key: k}, Y: b}}\n", "a: {env: {W: c, Y: b}}\n"),
        ("a: {env: {W: c, X: a}}\n", "a: {env: {W: c}}\n"),
        ("a: {env: {X: a}}\n", "a: {env: {}}\n"),
        ("a:\n  env:\n    X: a\nb: c\n", "a:\n  env: {}\nb: c\n"),
        (
            "a:\n  env:\n    W: c # one\n    X: a # two\n    Y: b\n",
            "a:\n  env:\n    W: c # one\n    Y: b\n",
        ),
        ("a:\n  env:\n    X: |\n      a\n\n      b\n    Y: b", "a:\n  env:\n    Y: b"),
        ("a:\n  env:\n    W: c\n    X:\n      key: k\n      secret: s", "a:\n  env:\n    W: c\n"),
        ("a: {env: {Y: b}}\n", "a: {env: {Y: b}}\n"),
        ("a: java\n", "a: java\n"),
    ],
)
def test_a_key_is_removed_and_the_rest_left(before: str, after: str) -> None:
    assert remove_value(before, ("a", "env", "X")) == after


def test_a_key_that_another_place_shares_is_not_removed() -> None:
    with pytest.raises(PosCloudError, match="cannot be removed in place"):
        remove_value("a: {env: &e {X: a, Y: b}}\nb: {env: *e}\n", ("a", "env", "X"))
