"""The description of the sample applications: what is rendered, and that nothing is found wrong with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from poscloud.engine.preflight.report import check
from poscloud.load import load_file
from poscloud.render.check import check_rendering
from tests.sampleapps import APPS
from tests.workspace import ROOT
from tests.write_golden import GOLDEN, render_example

STACKS = ("shop", "shop-small")


@pytest.mark.parametrize("name", STACKS)
def test_manifests_are_as_they_were_read_last(name: str) -> None:
    assert render_example(f"apps/{name}") == (GOLDEN / "examples" / "apps" / f"{name}.yaml").read_text()


@pytest.mark.parametrize("name", STACKS)
def test_nothing_is_found_wrong_with_it(tmp_path: Path, name: str) -> None:
    assert check_rendering(load_file(APPS / f"{name}.yaml", ROOT)) == []
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    shutil.copytree(APPS, tmp_path / "stacks", ignore=shutil.ignore_patterns("files"))
    report = check(tmp_path, name, "", cluster=False, images=False)
    assert (report.problems, report.notes) == ([], [])


def test_each_application_is_fetched_in_one_of_the_three_ways() -> None:
    services = load_file(APPS / "shop.yaml", ROOT).services
    jars = {n for n, s in services.items() if getattr(s, "jar", None)}
    assert jars == {"eureka", "orders"}
    assert {n for n, s in services.items() if getattr(s, "git", None)} == {"account"}
    own = {f.parent.name for f in APPS.glob("*/image.toml")}
    assert own == {"store", "shop-django", "cart-flask", "mailer-celery", "catalog-web"}
