"""Following the logs of a cluster's programs."""

from __future__ import annotations

from pathlib import Path

from poscloud.local import logs


def test_a_log_that_is_moved_away_is_read_from_its_new_beginning(tmp_path: Path) -> None:
    first, second = tmp_path / "kubelet.log", tmp_path / "kubelet.real2.log"
    first.write_text("one\n")
    second.write_text("two\n")
    lines = logs.read_all([first, second], follow=True, lines=5)
    assert [next(lines), next(lines)] == ["kubelet: one", "kubelet.real2: two"]
    first.unlink()
    with second.open("a") as file:
        file.write("three\n")
    assert next(lines) == "kubelet.real2: three"
    first.write_text("new\n")
    assert next(lines) == "kubelet: new"
