"""What a component's page gets from its example: YAML, Python, the manifests that follow, outputs."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from poscloud.load.environment import load_file
from poscloud.render import render_environment, to_yaml
from poscloud.render.kinds import outputs_of
from website.python import as_python

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

OWN = {"team-access": "environment", "monitoring": "environment"}
"""Pages whose objects belong to no part of their kind, but to the environment."""


def has_example(page: str) -> bool:
    """Whether a component's page has an example of its own."""
    return (EXAMPLES / f"{page}.yaml").is_file()


def by_example(page: str) -> str:
    """Return the section of a component's page that its example gives.

    Args:
        page: The page's name, ``redis`` for docs/components/redis.md.
    """
    file = EXAMPLES / f"{page}.yaml"
    spec = load_file(file, ROOT, "example")
    wanted = OWN.get(page, page)
    lines = [
        line
        for line in file.read_text(encoding="utf-8").splitlines(keepends=True)
        if not line.startswith("# yaml-language-server")
    ]
    found = [
        "\n## By example\n",
        f"`examples/{page}.yaml`; what follows is made from it when this page is.\n",
        _tab('=== "YAML"', "yaml", "".join(lines)),
        _tab('=== "Python"', "python", as_python(spec)),
    ]
    outputs = outputs_of(spec)
    rows = [
        f"| `{name}` | {', '.join(f'{key} `{value}`' for key, value in outputs[name].items() if value)} |"
        for name in (*spec.backing, *spec.services)
        if spec.kind(name) == wanted and any(outputs[name].values())
    ]
    if rows:
        found.append(
            "\n### Outputs\n\n| part | what others may refer to |\n|---|---|\n" + "\n".join(rows) + "\n"
        )
    found.append("\n### Manifests\n")
    for part in render_environment(spec):
        if part.kind == wanted:
            for item in part.manifests:
                title = f"{item['kind']} {item['metadata']['name']}"
                body = to_yaml([item]).removeprefix("---\n")
                found.append(_tab(f'??? example "{title}"', "yaml", body))
    return "\n".join(found)


def _tab(head: str, language: str, text: str) -> str:
    block = indent(f"```{language}\n{text}```", "    ")
    return f"{head}\n\n{block}\n"
