"""The CI pipeline of a new project: the repository's template, with poscloud installed as a package."""

from __future__ import annotations

from pathlib import Path

from poscloud.errors import PosCloudError

FORGES = ("gitlab", "gitea")

_HERE = Path(__file__).resolve().parent
_REPLACED = {
    "gitlab": {
        "    - pip install --quiet -r requirements.lock\n": "",
        "install --quiet -e '.[forge,postgresql,s3]'": (
            "install --quiet -r requirements.txt 'poscloud[forge,postgresql,s3]'"
        ),
        "[requirements.lock, toolchain/versions.toml]": "[requirements.txt]",
        "newer, make and git": "newer, and git; requirements.txt says where poscloud comes from",
    },
    "gitea": {
        "          .venv/bin/pip install --quiet -r requirements.lock\n": "",
        "install --quiet -e '.[forge,postgresql,s3]'": (
            "install --quiet -r requirements.txt 'poscloud[forge,postgresql,s3]'"
        ),
        "hashFiles('requirements.lock', 'toolchain/versions.toml')": "hashFiles('requirements.txt')",
        "newer, make and git": "newer, and git; requirements.txt says where poscloud comes from",
        "STACK: wbyh-stage": "STACK: {stack}",
    },
}
"""What a checkout of poscloud itself does otherwise than a project that uses it."""


def pipeline(forge: str, stack: str) -> dict[str, str]:
    """Return the files of a forge's pipeline, by their path in the project.

    Args:
        forge: One of ``FORGES``.
        stack: The environment that merge requests are compared with.

    Raises:
        PosCloudError: The installation is not complete.
    """
    if forge == "gitea":
        return {".gitea/workflows/poscloud.yaml": _adapted(forge, "poscloud.yaml", stack)}
    include = (_HERE / "files" / "gitlab-ci.yml").read_text(encoding="utf-8")
    return {
        ".gitlab-ci.yml": include.replace("NAME", stack),
        ".gitlab/poscloud.yml": _adapted(forge, "poscloud.yml", stack),
    }


def _adapted(forge: str, name: str, stack: str) -> str:
    text = _template(forge, name).read_text(encoding="utf-8")
    for old, new in _REPLACED[forge].items():
        text = text.replace(old, new.format(stack=stack))
    return text


def _template(forge: str, name: str) -> Path:
    """Return a template's file, in a checkout or in an installed package."""
    for folder in (_HERE / "pipelines", _HERE.parents[2] / "templates"):
        if (folder / forge / name).is_file():
            return folder / forge / name
    raise PosCloudError(
        f"the template of {forge} is missing beside {_HERE}",
        hint="install its wheel again: pip install --force-reinstall poscloud-VERSION-py3-none-any.whl",
    )
