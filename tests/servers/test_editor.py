"""What an editor shows of an environment: the real yaml-language-server with the committed schema."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from poscloud.load import environment_schema
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS
from tests.servers.languageserver import LanguageServer
from tests.servers.npm import npm_program
from tests.workspace import ROOT

pytestmark = [pytest.mark.servers, pytest.mark.long]

PACKAGE = "yaml-language-server@2.0.0"
MODELINE = "# yaml-language-server: $schema=../schemas/environment.schema.json\n"
PLACES = [("services", kind) for kind in SERVICE_KINDS] + [("backing", kind) for kind in BACKING_KINDS]
NUMBER = count()


@pytest.fixture(scope="module")
def editor() -> Iterator[LanguageServer]:
    command = npm_program(PACKAGE, "yaml-language-server")
    with LanguageServer([*command, "--stdio"], ROOT) as server:
        yield server


def opened(editor: LanguageServer, text: str) -> tuple[Path, list[dict[str, Any]]]:
    """Open an environment with this text; its first line is line 1, after the modeline."""
    file = ROOT / "stacks" / f"edited-{next(NUMBER)}.yaml"
    editor.open(file, MODELINE + text)
    return file, editor.problems(file)


def own_field(kind: str, kinds: dict[str, Any]) -> str:
    """Return a field that only this kind has; where there is none, one that all have."""
    others = {name for other, spec in kinds.items() if other != kind for name in spec.model_fields}
    own = [name for name in kinds[kind].model_fields if name not in others]
    return own[0] if own else "storage"


@pytest.mark.parametrize("place", PLACES, ids="-".join)
def test_a_misspelled_field_is_one_error_at_its_line(editor: LanguageServer, place: tuple[str, str]) -> None:
    section, kind = place
    _, problems = opened(editor, f"{section}:\n  part:\n    kind: {kind}\n    replcas: 2\n")
    assert [(p["range"]["start"]["line"], "replcas" in p["message"]) for p in problems] == [(4, True)], (
        problems
    )


@pytest.mark.parametrize("place", PLACES, ids="-".join)
def test_a_kinds_own_fields_are_offered_and_explained(editor: LanguageServer, place: tuple[str, str]) -> None:
    section, kind = place
    kinds = dict(SERVICE_KINDS if section == "services" else BACKING_KINDS)
    field = own_field(kind, kinds)
    file, _ = opened(editor, f"{section}:\n  part:\n    kind: {kind}\n    \n")
    offered = editor.complete(file, 4, 4)
    assert field in offered, sorted(offered)
    foreign = {own_field(other, kinds) for other in kinds if other != kind} - set(kinds[kind].model_fields)
    assert foreign & set(offered) == set()
    file, _ = opened(editor, f"{section}:\n  part:\n    kind: {kind}\n    {field}: \n")
    about = environment_schema()["definitions"][kinds[kind].__name__]["properties"][field]["description"]
    shown = editor.hover(file, 4, 5).replace("\\", "").replace("&nbsp;", " ").replace("\n\n", "\n")
    assert about.split("\n")[0][:40] in shown


def test_a_right_description_has_no_errors(editor: LanguageServer) -> None:
    for file in sorted((ROOT / "stacks").glob("*.yaml")):
        _, problems = opened(editor, file.read_text().partition("\n")[2])
        assert problems == [], file


def test_kinds_are_offered_and_a_wrong_one_is_told(editor: LanguageServer) -> None:
    file, _ = opened(editor, "services:\n  part:\n    kind: \n")
    assert set(SERVICE_KINDS) <= set(editor.complete(file, 3, 10))
    _, problems = opened(editor, "services:\n  part: jva\n")
    assert [p["range"]["start"]["line"] for p in problems] == [2]
    assert "java" in problems[0]["message"]


@pytest.mark.parametrize("section", ["services", "backing"])
def test_snippets_are_offered(editor: LanguageServer, section: str) -> None:
    file, _ = opened(editor, f"{section}:\n  \n")
    offered = editor.complete(file, 2, 2)
    kinds = SERVICE_KINDS if section == "services" else BACKING_KINDS
    assert {f"new {kind}" for kind in kinds} <= set(offered)
