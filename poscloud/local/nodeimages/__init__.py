"""Images of the local cluster's real nodes: made here from packages, never downloaded as images."""

from __future__ import annotations

from poscloud.local.nodeimages.ensure import Images, ensure_images

__all__ = ["Images", "ensure_images"]
