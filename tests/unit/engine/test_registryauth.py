"""Whether a live pull secret has something to lose."""

from __future__ import annotations

import base64

import pytest

from poscloud.engine.registryauth import has_credentials
from poscloud.render.namespace import EMPTY_DOCKER_CONFIG


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (EMPTY_DOCKER_CONFIG, False),
        ("{}", False),
        ("", False),
        ('{"auths": {"r.example.com": {"auth": "YTpi"}}}', True),
        ('{"auths": {}, "credHelpers": {"r.example.com": "x"}}', True),
        ("not JSON", True),
    ],
)
def test_only_what_says_nothing_may_be_replaced_by_nothing(text: str, found: bool) -> None:
    data = {".dockerconfigjson": base64.b64encode(text.encode()).decode()}
    assert has_credentials({"data": data}) is found


def test_a_secret_without_content_has_none() -> None:
    assert not has_credentials({"metadata": {}})
    assert has_credentials({"data": {".dockerconfigjson": "*"}})
