"""How mkdocs builds the site: which pages there are, and what is made from the code (mkdocs.yml names this file)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path

from website import pages
from website.components import by_example, has_example


def on_config(config: Any) -> Any:
    """Order the pages."""
    config.nav = pages.navigation()
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not below docs/."""
    for uri, text in pages.generated().items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Add to a component's page what its example gives, and lead links to pages of the site, or nowhere."""
    uri = page.file.src_uri
    folder, _, name = uri.rpartition("/")
    stem = name.removesuffix(".md")
    if folder == "components" and has_example(stem):
        markdown += by_example(stem)
    return pages.linked(markdown, uri)
