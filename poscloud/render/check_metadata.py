"""Labels and annotations as they come out at the end: what `overrides` put in is seen nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from poscloud.render.manifest import Manifest
from poscloud.spec.kubernetes import check_labels
from poscloud.spec.references import Finding, Path

MAX_ANNOTATION_BYTES = 256 * 1024
"""Keys and values of one object's annotations, all together (``TotalAnnotationSizeLimitB`` in its validation)."""


def check_metadata(manifests: list[Manifest], path: Path) -> list[Finding]:
    """Return a finding for each label that is none, and for annotations that are too large."""
    findings: list[Finding] = []
    for item in manifests:
        name = f"{item['kind']} '{item['metadata']['name']}'"
        template = (item.get("spec") or {}).get("template") or {}
        for metadata in (item["metadata"], template.get("metadata") or {}):
            labels = {str(key): str(value) for key, value in (metadata.get("labels") or {}).items()}
            findings += [
                replace(f, path=path, message=f"{name}: {f.message}") for f in check_labels(labels, path)
            ]
            size = _size(metadata.get("annotations") or {})
            if size > MAX_ANNOTATION_BYTES:
                message = (
                    f"{name} has {size} bytes of annotations, at most {MAX_ANNOTATION_BYTES} are allowed"
                )
                findings.append(
                    Finding(path, "too-large", message, "what is that long belongs into a ConfigMap")
                )
    return findings


def _size(annotations: dict[str, Any]) -> int:
    return sum(len(str(key).encode()) + len(str(value).encode()) for key, value in annotations.items())
