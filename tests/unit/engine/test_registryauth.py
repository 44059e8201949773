"""Whether a live pull secret has something to lose."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.kubectl import ForbiddenError, Kubectl, UnansweredError
from poscloud.engine.registryauth import carry_over, has_credentials, refuse_emptied
from poscloud.errors import DeployError
from poscloud.render.namespace import EMPTY_DOCKER_CONFIG
from poscloud.spec import EnvironmentSpec

OFFICE = Target(Path("/home/a b/config"), "office", "https://office:6443", "u", local=False)
SPEC = EnvironmentSpec(name="shop", adopt=True, pull_secret="key", services={"a": {"kind": "java"}})


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
    assert has_credentials({"data": {".dockercfg": "e30="}})


def test_the_command_reads_the_cluster_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    live = {"metadata": {}, "data": {".dockerconfigjson": "YTpi"}}
    monkeypatch.setattr(Kubectl, "get", lambda *_: live)
    with pytest.raises(DeployError) as caught:
        refuse_emptied(OFFICE, SPEC, dry_run=True)
    words = shlex.split(caught.value.hint)
    assert {"--kubeconfig=/home/a b/config", "--context=office"} <= set(words)
    assert "kubectl get secret key -n shop" in carry_over("shop", "key")


@pytest.mark.parametrize(
    ("error", "dry_run", "stops"),
    [(UnansweredError, True, False), (UnansweredError, False, True), (ForbiddenError, False, False)],
)
def test_a_run_that_gets_no_answer_stops(
    error: type[DeployError], dry_run: bool, stops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(*_: Any) -> Any:
        raise error("no")

    monkeypatch.setattr(Kubectl, "get", unanswered)
    if stops:
        with pytest.raises(error):
            refuse_emptied(OFFICE, SPEC, dry_run=dry_run)
    else:
        refuse_emptied(OFFICE, SPEC, dry_run=dry_run)
