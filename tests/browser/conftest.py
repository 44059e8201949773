"""One browser for all tests of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Browser, browser


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser; POSCLOUD_PICTURES names a folder where the pictures that tests take are kept."""
    folder = tmp_path_factory.mktemp("browser")
    with browser(folder) as found:
        if kept := os.environ.get("POSCLOUD_PICTURES"):
            found.folder = Path(kept).absolute()
            found.folder.mkdir(parents=True, exist_ok=True)
        yield found
