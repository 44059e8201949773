"""Load ``images.yaml``: strict, every problem at once and at its place."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from poscloud.errors import InputError, PosCloudError, Problem
from poscloud.load.problems import from_findings, from_validation
from poscloud.load.timezones import check_time_zone
from poscloud.load.yamlread import read_yaml
from poscloud.spec.image import ImagesSpec, check_images

IMAGES_FILE = "images.yaml"


def load_images(file: Path, root: Path) -> ImagesSpec:
    """Load a file of images.

    Args:
        file: Usually ``images.yaml`` in the project's folder.
        root: Messages name files relative to this folder.

    Raises:
        PosCloudError: There is no such file.
        InputError: Everything that is wrong with it, sorted by place.
    """
    if not file.is_file():
        raise PosCloudError(f"there is no {file}", hint="docs/images.md shows one")
    inside = file.resolve().is_relative_to(root.resolve())
    problems: list[Problem] = []
    node = read_yaml(file, file.resolve().relative_to(root.resolve()) if inside else file, problems)
    if node is None:
        raise InputError(problems)
    try:
        spec = ImagesSpec.model_validate(node.plain())
    except ValidationError as error:
        raise InputError(problems + from_validation(error, node, ImagesSpec)) from None
    findings = check_images(spec)
    for name, image in spec.images.items():
        findings += check_time_zone(image.timezone, ("images", name, "timezone"))
    problems += from_findings(findings, node)
    if problems:
        raise InputError(problems)
    return spec
