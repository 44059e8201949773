"""Writes docs/errors.md anew: what every code means (``make errors``)."""

from __future__ import annotations

from pathlib import Path

from poscloud.load.codes import as_markdown

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"

if __name__ == "__main__":
    PAGE.write_text(as_markdown(), encoding="utf-8")
