"""Which values of an object nobody is shown: those the stack keeps secret, and those that a name says are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from poscloud.engine.drift.keyed import Steps
from poscloud.provider.hiding import HIDDEN, telling
from poscloud.provider.items import Item
from poscloud.provider.values import Mask

FREE = frozenset({"data", "stringData", "binaryData", "annotations"})
"""Maps whose keys are anybody's."""

VARIABLES = "env"
"""The list whose items have a name and a value."""


def is_hidden(mask: Mask, steps: Steps, *objects: Any) -> bool:
    """Whether the value at some steps is secret as a whole.

    Args:
        mask: What the stack keeps secret.
        steps: The field.
        objects: The keyed objects it is in; where a list has no keys, they say which variable it is.
    """
    for step in steps:
        if not isinstance(mask, dict):
            break
        mask = mask.get(step)
    variable = VARIABLES in steps[:-1] and telling(steps[steps.index(VARIABLES) + 1])
    free = any(above in FREE and telling(step) for above, step in pairwise(steps))
    return bool(mask) or variable or free or any(_is_variable(obj, steps) for obj in objects)


def sealed(value: Any, above: str = "") -> Any:
    """Return a value without what is secret in it.

    Args:
        value: Keyed or not.
        above: The step it is at.
    """
    if isinstance(value, list):
        return [_variable(item) if above == VARIABLES else sealed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if above == VARIABLES:
        return {step: _variable(item, step) for step, item in value.items()}
    return {
        key: HIDDEN if above in FREE and telling(key) else sealed(item, key) for key, item in value.items()
    }


def _variable(item: Any, step: str = "") -> Any:
    """Return one variable, of a secret one only its name."""
    if not isinstance(item, dict):
        return HIDDEN if telling(step) else item
    if not telling(step) and not telling(str(item.get("name", ""))):
        return item
    return {key: below if key == "name" else HIDDEN for key, below in item.items()}


def _is_variable(obj: Any, steps: Steps) -> bool:
    """Whether the steps lead to a variable with a telling name, or into one."""
    above = ""
    for step in steps:
        if isinstance(obj, list) and isinstance(step, Item) and step[1:-1].isdigit():
            obj = obj[int(step[1:-1])] if int(step[1:-1]) < len(obj) else None
        else:
            obj = obj.get(step) if isinstance(obj, dict) else None
        if above == VARIABLES and isinstance(obj, dict) and telling(str(obj.get("name", ""))):
            return True
        above = step
    return False
