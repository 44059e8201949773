"""Importing: from manifests to descriptions."""
