"""The Pulumi program: the environment that the stack is named after, from stacks/."""

from pathlib import Path

from poscloud.engine.program import run

run(Path(__file__).parent)
