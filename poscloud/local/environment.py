"""The environment in which plain ``pulumi`` and ``kubectl`` do the same as poscloud."""

from __future__ import annotations

import getpass
import os
import pwd
import shlex
from collections.abc import Mapping
from pathlib import Path

from poscloud.local.paths import USER_KUBECONFIG, ProjectPaths, write_private
from poscloud.local.pythoncommand import python_command

# Requests to the API server, not processor work, are what an update waits for.
PARALLEL = "64"

PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def pulumi_environment(
    paths: ProjectPaths, *, context: str | None = None, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables to set for running plain ``pulumi``.

    What the user set stays the user's: the state backend, the passphrase, the number of parallel operations.

    Args:
        paths: The project.
        context: The kubeconfig context that is used instead of the local cluster; ``None`` for the local one.
        base: The user's environment; the process's own by default.

    Returns:
        Only what differs from ``base``, with a complete PATH.
    """
    user = os.environ if base is None else base
    env = {
        "PATH": _path(paths, user.get("PATH", os.defpath)),
        "PULUMI_HOME": str(paths.pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Everything is installed by poscloud; a plugin that is missing must be an error, not a download.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    if _is_virtual(paths):
        env["VIRTUAL_ENV"] = str(paths.venv)
    if not user.get("PULUMI_CONTINUE_ON_ERROR"):
        env["PULUMI_CONTINUE_ON_ERROR"] = "true"  # one app that cannot run keeps no other from running
    env |= _no_proxy(user)
    env |= _user(user)
    if not user.get("PULUMI_PARALLEL"):
        env["PULUMI_PARALLEL"] = PARALLEL
    if not user.get("PULUMI_PARALLEL_DIFF"):
        env["PULUMI_PARALLEL_DIFF"] = "true"  # the engine asks for the next one's differences without waiting
    if not user.get("PULUMI_BACKEND_URL"):
        env["PULUMI_BACKEND_URL"] = paths.state_url
    if not (user.get("PULUMI_CONFIG_PASSPHRASE") or user.get("PULUMI_CONFIG_PASSPHRASE_FILE")):
        env["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(paths.passphrase)
    if not user.get("PULUMI_PYTHON_CMD") and python_command(paths).is_file():
        env["PULUMI_PYTHON_CMD"] = str(python_command(paths))
    if context is None:
        if USER_KUBECONFIG not in user:
            env[USER_KUBECONFIG] = user.get("KUBECONFIG", "")
        env["KUBECONFIG"] = str(paths.kubeconfig)
    return env


def user_name() -> str:
    """Return the name of this machine's user; ``uid-1234`` where no file names it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def _user(user: Mapping[str, str]) -> dict[str, str]:
    """Name a user that the machine has no name for: the engine looks for one, and refuses to work without."""
    if user.get("USER"):
        return {}
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return {"USER": f"uid-{os.getuid()}"}
    return {}


def _no_proxy(user: Mapping[str, str]) -> dict[str, str]:
    """Keep the engine, its plugins and the local cluster, which talk on this machine, from a user's proxy."""
    if not any(user.get(name) for name in PROXIES):
        return {}
    known = user.get("NO_PROXY") or user.get("no_proxy") or ""
    entries = [entry for entry in known.split(",") if entry]
    value = ",".join([*entries, *(entry for entry in LOOPBACK if entry not in entries)])
    return {"NO_PROXY": value, "no_proxy": value}


def _is_virtual(paths: ProjectPaths) -> bool:
    return (paths.venv / "pyvenv.cfg").is_file()


def _first(paths: ProjectPaths) -> list[str]:
    """Return the folders to put first on PATH: the language host runs the first Python it finds."""
    python, programs = str(paths.venv / "bin"), str(paths.bin)
    # The system's folder of programs may have a kubectl of its own.
    return [python, programs] if _is_virtual(paths) else [programs, python]


def full_environment(paths: ProjectPaths, *, context: str | None = None) -> dict[str, str]:
    """The whole environment for a child process."""
    return {**os.environ, **pulumi_environment(paths, context=context)}


def _path(paths: ProjectPaths, path: str) -> str:
    first = _first(paths)
    return os.pathsep.join([*first, *(folder for folder in path.split(os.pathsep) if folder not in first)])


# Sourced by sh, bash and zsh, so only what all three understand; the same file twice changes nothing more.
_ACTIVATE = """\
# Use it with: . {file}
# Afterwards plain pulumi and kubectl work on this project; poscloud_deactivate ends that.
if command -v poscloud_deactivate >/dev/null 2>&1; then poscloud_deactivate; fi

poscloud_deactivate() {{
{restore}
    unset -f poscloud_deactivate
}}

{save}

{set}
"""


_UNLESS_SET = (
    "PULUMI_PARALLEL",
    "PULUMI_PARALLEL_DIFF",
    "PULUMI_BACKEND_URL",
    "PULUMI_PYTHON_CMD",
    "PULUMI_CONTINUE_ON_ERROR",
    "USER",
)
"""Variables that stay as a user's shell has them."""


def _setting(paths: ProjectPaths, name: str, value: str) -> str:
    """Return the shell's line for a variable."""
    if name == "PATH":
        folders = map(shlex.quote, _first(paths))
        return f'PATH={":".join(folders)}:"$PATH"\nexport PATH'
    if name == USER_KUBECONFIG:
        return f'export {name}="${{KUBECONFIG-}}"'
    line = f"export {name}={shlex.quote(value)}"
    if name == "PULUMI_CONFIG_PASSPHRASE_FILE":
        return f'[ -n "${{PULUMI_CONFIG_PASSPHRASE:-}}${{{name}:-}}" ] || {line}'
    return f'[ -n "${{{name}:-}}" ] || {line}' if name in _UNLESS_SET else line


def write_activate(paths: ProjectPaths, *, context: str | None = None) -> Path:
    """Write the file that a shell reads to get this environment.

    It decides when it is read, not now, what the user has set: a backend chosen later is respected as well.

    Args:
        paths: The project.
        context: The kubeconfig context that is used instead of the local cluster.
    """
    everything = pulumi_environment(paths, context=context, base={"PATH": ""})
    names = list(everything)
    settings = [_setting(paths, name, value) for name, value in everything.items()]
    save, restore = [], []
    for name in names:
        # "x" marks a variable that was set, be it to nothing.
        save.append(f'_poscloud_had_{name}="${{{name}+x}}"; _poscloud_old_{name}="${{{name}-}}"')
        restore.append(
            f'    if [ -n "$_poscloud_had_{name}" ]; then export {name}="$_poscloud_old_{name}"; else unset {name}; fi'
        )
        restore.append(f"    unset _poscloud_had_{name} _poscloud_old_{name}")
    text = _ACTIVATE.format(
        file=shlex.quote(str(paths.activate)),
        restore="\n".join(restore),
        save="\n".join(save),
        set="\n".join(settings),
    )
    paths.prepare()
    write_private(paths.activate, text)
    return paths.activate
