"""The small API server of the provider's tests, for a report of what a cluster tells."""

from __future__ import annotations

from tests.unit.provider.conftest import server

__all__ = ["server"]
