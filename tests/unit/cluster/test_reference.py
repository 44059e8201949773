"""Names of images, as a container runtime reads them."""

from __future__ import annotations

import pytest

from poscloud.cluster.registry.reference import Reference, parse


@pytest.mark.parametrize(
    ("image", "expected", "address"),
    [
        ("redis", ("docker.io", "library/redis", "latest"), "https://registry-1.docker.io"),
        ("redis:7.2", ("docker.io", "library/redis", "7.2"), "https://registry-1.docker.io"),
        ("pay/core:v1", ("docker.io", "pay/core", "v1"), "https://registry-1.docker.io"),
        ("r.example.com/pay/core", ("r.example.com", "pay/core", "latest"), "https://r.example.com"),
        ("r.example.com:5000/core:v1", ("r.example.com:5000", "core", "v1"), "https://r.example.com:5000"),
        ("localhost/core:v1", ("localhost", "core", "v1"), "http://localhost"),
        ("127.0.0.1:5000/a/b@sha256:00", ("127.0.0.1:5000", "a/b", "sha256:00"), "http://127.0.0.1:5000"),
        ("r.example.com/a:v1@sha256:00", ("r.example.com", "a", "sha256:00"), "https://r.example.com"),
    ],
)
def test_an_image_is_taken_apart(image: str, expected: tuple[str, str, str], address: str) -> None:
    assert parse(image) == Reference(*expected)
    assert parse(image).address == address
