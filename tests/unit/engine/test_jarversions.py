"""The latest version of a jar, as a Maven repository tells it."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poscloud.engine.jarversions import index_address, latest_good, versions
from poscloud.errors import PosCloudError
from poscloud.spec import JarSource

INDEX = """<metadata><versioning><latest>4-SNAPSHOT</latest><release>3</release>
<versions><version>1</version><version>2</version><version>3</version></versions></versioning></metadata>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def source(store: str, **fields: Any) -> JarSource:
    return JarSource(
        url=f"{store}/{{service}}/{{version}}/{{service}}-{{version}}.jar", jdk="jdk:17", **fields
    )


def put(folder: Path, version: str, *endings: str) -> None:
    for ending in endings:
        file = folder / "pay" / version / f"pay-{version}.jar{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")


def test_the_release_comes_first_then_the_latest_then_the_others() -> None:
    assert versions(INDEX.encode(), "x") == ["3", "4-SNAPSHOT", "2", "1"]


def test_the_latest_is_one_that_is_there_with_its_checksum(store: str, tmp_path: Path) -> None:
    put(tmp_path, "3", "")
    put(tmp_path, "2", "", ".sha256")
    put(tmp_path, "1", "", ".sha256")
    (tmp_path / "pay" / "maven-metadata.xml").write_text(INDEX)
    assert latest_good(source(store), "shop", "pay") == "2"


def test_none_that_is_complete_is_told(store: str, tmp_path: Path) -> None:
    put(tmp_path, "3", "")
    (tmp_path / "pay" / "maven-metadata.xml").write_text(INDEX)
    with pytest.raises(PosCloudError, match="none of the 4 versions of 'pay'") as caught:
        latest_good(source(store), "shop", "pay")
    assert caught.value.hint == "give a version: poscloud push-jar VERSION pay -s shop"


def test_a_store_that_does_not_say_is_told(store: str) -> None:
    with pytest.raises(PosCloudError, match=r"/pay/maven-metadata\.xml could not be read: HTTP 404"):
        latest_good(source(store), "shop", "pay")


@pytest.mark.parametrize(
    ("text", "message"), [("<html>", "is not what Maven writes"), ("<metadata/>", "names no versions")]
)
def test_what_is_no_index_is_told(text: str, message: str) -> None:
    with pytest.raises(PosCloudError, match=message):
        versions(text.encode(), "x")


def test_jars_without_folders_of_their_own_have_no_index() -> None:
    jar = JarSource(url="http://h/{service}-{version}.jar", jdk="jdk:17")
    with pytest.raises(PosCloudError, match="has no folder for each version"):
        index_address(jar, "shop", "pay")
