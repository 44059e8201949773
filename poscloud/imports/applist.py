"""The old scripts' ``ENV-base.yml`` and ``ENV_app_list.conf``: a template of manifests, and the services it is for.

The documents name both files and show neither inside; so the template may mark the service and the namespace in any
of the usual ways, and the list has a service a line, whatever stands behind it.
"""

from __future__ import annotations

import re
from pathlib import Path

from poscloud.errors import PosCloudError
from poscloud.imports.reading import environment_name, parse, source_of
from poscloud.imports.source import Source
from poscloud.spec.base import NAME_PATTERN
from poscloud.spec.kinds import BACKING_KINDS

_APP = r"(?:APP|APP_NAME|SERVICE|SERVICE_NAME|app|app_name|service)"
_NAMESPACE = r"(?:NAMESPACE|MY_POD_NAMESPACE|ENV|namespace|env)"
_FORMS = (r"\$\{{{}\}}", r"\{{\{{ *{} *\}}\}}", r"@{}@", r"__{}__", r"\${}\b")
_ENDING = "-base"


def read_app_list(base: Path, app_list: Path, stack: str | None) -> tuple[Source, list[str]]:
    """Return what the old scripts would have made, and the backing services that the list names.

    Args:
        base: ``ENV-base.yml``.
        app_list: ``ENV_app_list.conf``.
        stack: The environment's name; by default what stands before ``-base`` in the file's name.

    Raises:
        PosCloudError: A file cannot be read, lists nothing, or the template marks no place for the service.
    """
    name = environment_name(stack or base.stem.removesuffix(_ENDING))
    template, names = _text(base), _names(_text(app_list), app_list)
    place = _pattern(_APP)
    if not place.search(template):
        raise PosCloudError(
            f"{base} has no place for a service's name",
            hint="mark it as ${APP}, {{APP}}, @APP@ or __APP__, where the scripts put the name",
        )
    template = _pattern(_NAMESPACE).sub(name, template)
    items = [
        item for app in names if app not in BACKING_KINDS for item in parse(base, place.sub(app, template))
    ]
    return source_of(items, name), [app for app in names if app in BACKING_KINDS]


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile("|".join(form.format(words) for form in _FORMS))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise PosCloudError(f"{file} cannot be read: {why}", hint=f"run: ls -l {file}") from None


def _names(text: str, file: Path) -> list[str]:
    """Return the first word of each line; ``#`` begins a comment, ``[…]`` a section."""
    words = [line.partition("#")[0].split() for line in text.splitlines()]
    names = [w[0].rstrip(",:=") for w in words if w and not w[0].startswith("[")]
    if not names:
        raise PosCloudError(f"{file} lists no service", hint="it has the name of a service on each line")
    for name in names:
        if not NAME_PATTERN.fullmatch(name):
            raise PosCloudError(
                f"{file}: '{name}' cannot be a service's name", hint="lower-case letters, digits and '-'"
            )
    return list(dict.fromkeys(names))
