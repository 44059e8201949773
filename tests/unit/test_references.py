"""``$${`` in a text stands for itself, whatever is around it."""

from __future__ import annotations

import pytest

from poscloud.spec.references import check_text, substitute


@pytest.mark.parametrize(("text", "becomes"), [("$${", "${"), ("$$${{", "$${{"), ("a$$${b}", "a$${b}")])
def test_a_literal_is_no_reference(text: str, becomes: str) -> None:
    assert check_text(text, ("env",), {}) == []
    assert substitute(text, {}) == becomes


@pytest.mark.parametrize("text", ["${", "a ${redis.host", "$${x} ${"])
def test_a_reference_that_has_no_end_is_told(text: str) -> None:
    assert [(f.code, f.path) for f in check_text(text, ("env",), {})] == [("bad-reference", ("env",))]
