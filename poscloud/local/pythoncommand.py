"""The Python that the language host runs, where the host was built here.

Before each run that host asks ``python -m pip list`` which Pulumi packages are installed, and pip needs a third
of a second to say so. ``PULUMI_PYTHON_CMD`` is the host's own setting for another Python: ours gives the same
answer to that one question from the installed packages' metadata, and keeps it until packages change. It takes the
secrets that the program is given out of the listing of processes as early as can be (``poscloud.local.launch``), and is
the virtual environment's Python in everything else. A host of an official release asks in another way and is left
alone.
"""

from __future__ import annotations

import shlex
import sys
import sysconfig
from pathlib import Path

from poscloud.local.paths import ProjectPaths, write_private

QUESTION = "-m pip list -v --format json"

_LIST = """\
import json, os, sys
from importlib.metadata import distributions
found = {d.metadata["Name"]: {"name": d.metadata["Name"], "version": d.version, "location": str(d.locate_file(""))}
         for d in distributions() if d.metadata["Name"].lower().startswith("pulumi")}
answer = json.dumps(list(found.values()))
print(answer)
with open(f"{sys.argv[1]}.{os.getpid()}", "w") as file:
    file.write(answer)
os.replace(file.name, sys.argv[1])
"""

_COMMAND = """\
#!/bin/sh
# {about}
if [ "$*" = {question} ]; then
    if [ -z "$PYTHONPATH" ] && [ {answer} -nt {packages} ]; then exec cat {answer}; fi
    exec {python} -c {program} {answer}
fi
if [ -f "$1" ]; then exec {python} -c {launch} "$@"; fi
exec {python} "$@"
"""


def python_command(paths: ProjectPaths) -> Path:
    """Return where the command is, if there is one."""
    return paths.bin / "pulumi-python"


def _packages(paths: ProjectPaths) -> str:
    """Return the folder that packages are installed into."""
    if paths.venv == Path(sys.prefix):
        return sysconfig.get_path("purelib")
    return sysconfig.get_path("purelib", vars={"base": str(paths.venv)})


def write_python_command(paths: ProjectPaths, *, built_here: bool) -> None:
    """Write the command, or remove it where the language host was not built here.

    Args:
        paths: The checkout.
        built_here: Whether the language host is the one built from Go modules.
    """
    command = python_command(paths)
    if not built_here:
        command.unlink(missing_ok=True)
        return
    text = _COMMAND.format(
        about="The language host's Python (PULUMI_PYTHON_CMD); answers its one question to pip without pip.",
        question=shlex.quote(QUESTION),
        python=shlex.quote(str(paths.python)),
        program=shlex.quote(_LIST),
        # Installing or removing a package makes or removes a folder here.
        packages=shlex.quote(_packages(paths)),
        answer=shlex.quote(str(paths.bin / "pulumi-packages.json")),
        launch=shlex.quote("from poscloud.local.launch import launch; launch()"),
    )
    if not command.is_file() or command.read_text() != text:
        write_private(command, text)
        command.chmod(0o700)
