"""What ``poscloud init`` writes: a project that runs, or one more environment in a project that is there."""

from poscloud.engine.newproject.pipeline import FORGES
from poscloud.engine.newproject.write import DEFAULT_STACK, Made, make

__all__ = ["DEFAULT_STACK", "FORGES", "Made", "make"]
