"""Putting back: what the state has to learn, and what a person is told to do where it cannot be."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from poscloud.engine.drift.compare import compare
from poscloud.engine.drift.difference import Compared
from poscloud.engine.drift.report import Report
from poscloud.engine.drift.revert import _put_back, made_anew
from poscloud.engine.manual.place import Place
from poscloud.errors import DeployError, PosCloudError
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import Access
from poscloud.provider.crud import PartialError
from poscloud.provider.hiding import Secrets
from poscloud.provider.rest import Clock
from tests.unit.engine.drift.objects import INPUTS, Object, described, live

OTHER = {**live(), "metadata": {**live()["metadata"], "uid": "u-2"}}
NOT_READY = PartialError("was created, but it is not ready", cast(Any, None))


@pytest.mark.parametrize(
    ("obj", "error", "learns"),
    [
        (None, None, True),
        (None, NOT_READY, True),
        (OTHER, NOT_READY, True),
        (None, DeployError("refused"), False),
        (live(), None, False),
    ],
)
def test_the_state_learns_the_uid_of_what_is_there_though_it_is_not_ready(
    obj: Object | None, error: PosCloudError | None, learns: bool
) -> None:
    found = compare(described(), obj)
    failed = {found.described.key: error} if error else {}
    assert made_anew([found], failed) == (["urn"] if learns else [])


@pytest.mark.parametrize(("namespace", "words"), [("shop", ["-n", "shop"]), ("", [])])
async def test_what_somebody_else_made_is_named_with_a_command_that_finds_it(
    tmp_path: Path, namespace: str, words: list[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    inputs = copy.deepcopy(INPUTS)
    inputs["metadata"]["namespace"] = namespace
    place = Place(tmp_path, "stage", cast(Any, None), cast(Any, None))
    access = Access("https://127.0.0.1:1", str(tmp_path / "kubeconfig"), "office")
    found = Compared(described(inputs), OTHER, "anew")
    with pytest.raises(DeployError) as caught:
        await _put_back(place, Cluster(access, Settings(), Clock()), cast(Any, None), found)
    command = " ".join([access.kubectl, *words, "delete deployment web"])
    assert "--context=office" in command
    assert caught.value.hint == f"save what it has, then: {command}"


@pytest.mark.parametrize(("local", "options"), [(True, "--revert"), (False, "--revert --yes")])
def test_elsewhere_than_on_the_local_cluster_the_way_back_has_to_be_meant(local: bool, options: str) -> None:
    assert Report([], [], Secrets(), datetime(2026, 11, 22, tzinfo=UTC), local=local).way_back == options
