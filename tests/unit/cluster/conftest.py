"""The small API server of the provider's tests, for those of the archive."""

from __future__ import annotations

from tests.unit.provider.conftest import access, server

__all__ = ["access", "server"]
