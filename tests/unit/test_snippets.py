"""What an editor offers to write is a right description."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from poscloud.load import environment_schema, load_environment
from poscloud.load.snippets import BACKING, SERVICES
from poscloud.render import render_environment
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS

PLACE = re.compile(r"\$\{\d+:([^}]*)\}")
ALL = [("services", kind, body) for kind, (_, body) in SERVICES.items()]
NEEDS: dict[str, dict[str, Any]] = {
    "janitor": {"secrets": {"state": ["passphrase"]}},
    "c": {"backing": {"redis": {}}},
    "log-stack": {"backing": {"zookeeper": {}, "kafka": {}}},
    "kafka": {"backing": {"zookeeper": {}}},
}
"""What the descriptions of these say that they need."""
ALL += [("backing", kind, body) for kind, (_, body) in BACKING.items()]


def test_there_is_one_for_each_kind() -> None:
    assert (set(SERVICES), set(BACKING)) == (set(SERVICE_KINDS), set(BACKING_KINDS))


@pytest.mark.parametrize(("section", "kind", "body"), ALL, ids=[kind for _, kind, _ in ALL])
def test_it_can_be_used_as_it_is_written(
    tmp_path: Path, section: str, kind: str, body: dict[str, Any]
) -> None:
    described = {**NEEDS.get(kind, {}), section: NEEDS.get(kind, {}).get(section, {}) | body}
    text = PLACE.sub(r"\1", yaml.safe_dump(described, sort_keys=False))
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "env.yaml").write_text(text)
    jsonschema.Draft7Validator(environment_schema()).validate(yaml.safe_load(text))
    name = PLACE.sub(r"\1", next(iter(body)))
    assert name in [part.name for part in render_environment(load_environment(tmp_path, "env"))]
