"""Which fields of the models had another value than by default in a description that is right."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from poscloud.spec import EnvironmentSpec
from tests.fuzz.strategies import KINDS, models_in


class Covered:
    """Collects the fields of valid environments."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def add(self, value: Any) -> None:
        """Note every field in ``value`` that differs from its default."""
        if isinstance(value, BaseModel):
            for name, field in type(value).model_fields.items():
                found = getattr(value, name)
                if field.is_required() or found != field.default:
                    self._seen.add((type(value).__name__, name))
                    self.add(found)
        elif isinstance(value, dict | list | tuple):
            for item in value.values() if isinstance(value, dict) else value:
                self.add(item)

    def reached(self) -> int:
        """Return how many fields did."""
        return len(self._seen)

    def missing(self) -> list[str]:
        """Return the fields that never did, as ``Model.field``."""
        known: dict[type[BaseModel], None] = {}
        for model in (EnvironmentSpec, *KINDS.values()):
            _collect(model, known)
        fields = {(model.__name__, name) for model in known for name in model.model_fields if name != "kind"}
        return sorted(f"{model}.{name}" for model, name in fields - self._seen)


def _collect(annotation: Any, known: dict[type[BaseModel], None]) -> None:
    for model in models_in(annotation):
        if model not in known:
            known[model] = None
            for field in model.model_fields.values():
                _collect(field.annotation, known)
