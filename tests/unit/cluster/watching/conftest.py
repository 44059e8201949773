"""The small API server of the provider's tests, for those who only look."""

from __future__ import annotations

from tests.unit.provider.conftest import server

__all__ = ["server"]
