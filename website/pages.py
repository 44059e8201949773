"""The pages of the site: their order, those that are made when it is built, and links between them."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

ELSEWHERE = {
    "README.md": "index.md",
    "README.zh.md": "README.zh.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "docs/decisions": "decisions/index.md",
    "docs/decisions/": "decisions/index.md",
}
"""Files of the project, and folders, that are pages under another name."""

_SECTIONS: dict[str, tuple[str, ...]] = {
    "Using it": (
        "language.md", "environment.md", "check.md", "daily-commands.md", "watching.md", "report.md", "releases.md",
        "environments.md", "merge-requests.md", "drift.md", "import.md", "editor.md", "install.md",
    ),
    "Running it": (
        "operations.md", "local-cluster.md", "state.md", "recovery.md", "secrets.md", "access.md", "fence.md",
        "archive.md", "images.md", "forges.md",
    ),
    "Reference": ("reference.md", "commands.md", "errors.md", "provider.md"),
    "Measured": ("performance.md", "scaling.md", "faults.md", "hostile-input.md"),
}  # fmt: skip

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]*)\]\((?P<target>[^()\s]+)\)")
_CODE = re.compile(r"(?ms)^(\s*)```.*?^\1```\s*$")


def navigation() -> list[Any]:
    """Return the order of all pages; one that no section names stands at the end of the first."""
    named = {page for pages in _SECTIONS.values() for page in pages} | {"quickstart.md"}
    others = sorted(file.name for file in DOCS.glob("*.md") if file.name not in named)
    found: list[Any] = [{"poscloud": "index.md"}, {"Quickstart": "quickstart.md"}]
    for title, pages in _SECTIONS.items():
        kept = [page for page in pages if page == "reference.md" or (DOCS / page).is_file()]
        found.append({title: [*kept, *(others if title == "Using it" else [])]})
    components = sorted(f"components/{file.name}" for file in (DOCS / "components").glob("*.md"))
    decisions = sorted(f"decisions/{file.name}" for file in (DOCS / "decisions").glob("*.md"))
    found += [
        {"Components": components},
        {"Decisions": ["decisions/index.md", *decisions]},
        {"Contributing": "CONTRIBUTING.md"},
        {"Changes": "CHANGELOG.md"},
        {"中文": "README.zh.md"},
    ]
    return found


def generated() -> dict[str, str]:
    """Return the pages that are not below docs/, by their place."""
    found = {
        page: (ROOT / file).read_text(encoding="utf-8")
        for file, page in ELSEWHERE.items()
        if file.endswith(".md")
    }
    return {**found, "decisions/index.md": _decisions(), "reference.md": reference()}


def linked(markdown: str, uri: str) -> str:
    """Return a page whose links lead to pages of the site; of others the text stays.

    Args:
        markdown: The page.
        uri: Its place in the site.
    """
    source = next((file for file, page in ELSEWHERE.items() if page == uri), f"docs/{uri}")
    parts, at = [], 0
    for block in _CODE.finditer(markdown):
        parts += [_relinked(markdown[at : block.start()], source, uri), block[0]]
        at = block.end()
    return "".join([*parts, _relinked(markdown[at:], source, uri)])


def _relinked(text: str, source: str, uri: str) -> str:
    def one(found: re.Match[str]) -> str:
        target, _, anchor = found["target"].partition("#")
        if not target or "://" in found["target"] or target.startswith("mailto:"):
            return found[0]
        place = os.path.normpath(os.path.join(os.path.dirname(source), target))
        page = ELSEWHERE.get(place) or (place.removeprefix("docs/") if place.startswith("docs/") else "")
        if not page.endswith(".md"):
            if found["text"].strip("`") in (place, target):
                return f"`{place}`"
            return found["text"] if found["text"].startswith("`") else f"{found['text']} (`{place}`)"
        way = os.path.relpath(page, os.path.dirname(uri) or ".")
        return f"[{found['text']}]({way}{f'#{anchor}' if anchor else ''})"

    return _LINK.sub(one, text)


def _decisions() -> str:
    rows = []
    for file in sorted((DOCS / "decisions").glob("*.md")):
        title = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        rows.append(f"- [{title}]({file.name})")
    return "# Decisions\n\nWhat was decided, and why.\n\n" + "\n".join(rows) + "\n"


def reference() -> str:
    """Return the reference of the language: every field of an environment and of every kind."""
    lines = [
        "# Fields",
        "",
        "Every field that a description can have, made from the code; [the language](language.md) tells how they are "
        "used, and an [editor](editor.md) shows all this while you type.",
        "",
        "## environment",
        "",
        *_table(EnvironmentSpec, without=("backing", "services")),
    ]
    for title, kinds in (("services", SERVICE_KINDS), ("backing services", BACKING_KINDS)):
        lines += ["", f"## {title}"]
        for kind, model in sorted(kinds.items()):
            lines += ["", f"### {kind}", "", *_table(model, without=("kind",))]
    return "\n".join(lines) + "\n"


def _table(model: type[BaseModel], without: tuple[str, ...]) -> list[str]:
    rows = [
        f"| `{name}` | {_default(field)} | {_told(field)} |"
        for name, field in model.model_fields.items()
        if name not in without
    ]
    return ["| field | left out | |", "|---|---|---|", *rows]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, (), []) or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).replace('|', chr(92) + '|')}`" if len(str(value)) < 60 else ""


def _told(field: FieldInfo) -> str:
    text = " ".join((field.description or "").split())
    return text.replace("|", "\\|").replace("<", "&lt;")
