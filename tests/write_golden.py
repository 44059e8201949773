"""Write tests/golden/ anew: ``make golden``."""

from __future__ import annotations

from pathlib import Path

from poscloud.load import known_stacks, load_environment, load_file
from poscloud.render import render_environment, to_yaml
from tests.mergerequests import COMMENTS, golden_comment

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
EXAMPLES = (
    "environment", "log-stack", "monitoring", "node-guard", "team-access", "apps/shop", "apps/shop-small",
)  # fmt: skip
"""Examples that show what no stack has."""


def render(stack: str) -> str:
    """Return all manifests of one stack of this repository."""
    return to_yaml(m for part in render_environment(load_environment(ROOT, stack)) for m in part.manifests)


def render_example(name: str) -> str:
    """Return all manifests of one of the examples."""
    spec = load_file(ROOT / "examples" / f"{name}.yaml", ROOT)
    return to_yaml(m for part in render_environment(spec) for m in part.manifests)


def main() -> None:
    """Write one file a stack, example and comment, and remove those of what is gone."""
    for old in [*GOLDEN.glob("**/*.yaml"), *GOLDEN.glob("**/*.md")]:
        old.unlink()
    for name in COMMENTS:
        (GOLDEN / "comments" / f"{name}.md").write_text(golden_comment(name), encoding="utf-8")
    for example in EXAMPLES:
        (GOLDEN / "examples" / example).parent.mkdir(parents=True, exist_ok=True)
        (GOLDEN / "examples" / f"{example}.yaml").write_text(render_example(example), encoding="utf-8")
    for stack in known_stacks(ROOT):
        (GOLDEN / f"{stack}.yaml").write_text(render(stack), encoding="utf-8")


if __name__ == "__main__":
    main()
