"""What doctor says about a machine: proxies that lead nowhere, and versions of the provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine.machine import check_proxy
from poscloud.local.checks import check_pulumi_home
from poscloud.local.paths import ProjectPaths
from poscloud.provider.install import install, plugin_path, sdk_version

NOWHERE = "http://alice:word@127.0.0.1:9"


def test_a_proxy_before_the_cluster_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", NOWHERE)
    check = check_proxy("https://192.0.2.1:6443")
    assert (check.passed, check.fix) == (False, "export NO_PROXY=192.0.2.1,$NO_PROXY")
    assert "word" not in check.found
    assert check_proxy("https://127.0.0.1:6443").passed
    monkeypatch.setenv("no_proxy", "192.0.2.1")
    assert check_proxy("https://192.0.2.1:6443").passed


def test_the_provider_has_the_version_that_the_sdk_asks_for(tmp_path: Path) -> None:
    paths = ProjectPaths(tmp_path)
    program = plugin_path(paths.pulumi_home, sdk_version())
    install(paths.pulumi_home, Path("/python"), "4.1.0")
    check = check_pulumi_home(paths)
    assert (check.passed, check.found) == (False, f"no {program}: wanted {sdk_version()}, found 4.1.0")
    install(paths.pulumi_home, Path("/python"), sdk_version())
    assert check_pulumi_home(paths).passed
