"""From files to specs: strict YAML with places, ``extends`` and ``defaults``, and every problem at once."""

from poscloud.load.environment import known_stacks, load_environment, load_file
from poscloud.load.schema import environment_schema

__all__ = ["environment_schema", "known_stacks", "load_environment", "load_file"]
