"""Values set in a YAML file: only their own text changes."""

from __future__ import annotations

import pytest

from poscloud.errors import PosCloudError
from poscloud.load.edit import set_value

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
