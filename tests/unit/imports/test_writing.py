"""What an import touches in a project, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poscloud.errors import PosCloudError
from poscloud.imports.importing import Choices, Imported, imported, write
from poscloud.imports.reading import source_of
from tests.unit.imports.test_cleartext import deployment, server

SQL = "CREATE TABLE a (b INT);\n"


def brought(root: Path, initial: dict[str, str], **choices: Any) -> Imported:
    metadata = {"name": "mysql-init", "namespace": "sales"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": initial}
    return imported(
        source_of([*server("mysql", {"my.cnf": ""}), config], None), root, "a test", Choices(**choices)
    )


def test_initial_sql_that_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    file = tmp_path / "stacks" / "sales-mysql" / "a.sql"
    file.parent.mkdir(parents=True)
    file.write_text("-- mine\n")
    with pytest.raises(PosCloudError, match=r"already: stacks/sales-mysql/a\.sql") as caught:
        brought(tmp_path, {"001-a.sql": SQL})
    assert "--force" in caught.value.hint
    result = brought(tmp_path, {"001-a.sql": SQL}, force=True)
    assert file.read_text() == "-- mine\n"
    assert [piece.sql for piece in result.spec.backing["mysql"].init_sql] == [SQL]  # type: ignore[union-attr]
    write(result)
    assert file.read_text() == SQL


@pytest.mark.parametrize("key", ["001-../../x.sql", "001-..", "001-/etc/x", "../x.sql", "001-"])
def test_a_key_that_is_no_plain_name_is_noted(key: str, tmp_path: Path) -> None:
    result = brought(tmp_path, {key: SQL, "002-b.sql": SQL})
    assert [file.name for file in result.beside] == ["b.sql"]
    assert f"mysql: initial SQL '{key}' is left out: its name is no plain file name" in result.notes


def test_a_base_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    base = tmp_path / "stacks" / "base" / "x.yaml"
    base.parent.mkdir(parents=True)
    base.write_text("time_zone: Asia/Shanghai\n")
    before = sorted(tmp_path.rglob("*"))
    result = imported(source_of([deployment()], None), tmp_path, "a test", Choices(extends=("base/x.yaml",)))
    assert "extends: [base/x.yaml]" in result.text
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(PosCloudError, match="temporary folder: No such file") as caught:
        brought(tmp_path, {})
    assert "TMPDIR" in caught.value.hint
