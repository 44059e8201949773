"""Write tests/golden/ anew: ``make golden``."""

from __future__ import annotations

from pathlib import Path

from poscloud.load import known_stacks, load_environment
from poscloud.render import render_environment, to_yaml

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"


def render(stack: str) -> str:
    """Return all manifests of one stack of this repository."""
    return to_yaml(m for part in render_environment(load_environment(ROOT, stack)) for m in part.manifests)


def main() -> None:
    """Write one file a stack and remove those of stacks that are gone."""
    for old in GOLDEN.glob("*.yaml"):
        old.unlink()
    for stack in known_stacks(ROOT):
        (GOLDEN / f"{stack}.yaml").write_text(render(stack), encoding="utf-8")


if __name__ == "__main__":
    main()
