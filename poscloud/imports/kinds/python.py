"""Python services: the variables of the s2i image, and the presets behind RUN_CMD."""

from __future__ import annotations

import shlex
from typing import Any

from pydantic import ValidationError

from poscloud.imports.images import ImageNames
from poscloud.imports.pods import given
from poscloud.imports.source import Workload, texts
from poscloud.spec.pythonrun import PythonRun

DOCKER_CONFIG = "make docker_config"
_CELERY = {"-Q": "queues", "-P": "pool", "-c": "concurrency", "-l": "log_level"}
_CELERY |= {"--max-tasks-per-child": "max_tasks_per_child"}
_GUNICORN = {"-k": "worker_class", "-w": "workers", "-c": "config"}
_NUMBERS = ("concurrency", "max_tasks_per_child", "workers")


def is_python(workload: Workload) -> bool:
    """Whether a workload starts one Python program by the variables of the s2i image."""
    return len(workload.containers) == 1 and "RUN_CMD" in workload.env


def python_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a Python service."""
    env, port = texts(workload.env), None
    if ports := workload.main.get("ports"):
        port = ports[0]["containerPort"]
    run = read_run(workload.name, env, port, bool(workload.main.get("command")))
    return {
        **run,
        **names.of_service(workload.main["image"], env.get("GIT_REPO_NAME") or workload.name),
        **given(
            logs_path=env.get("LOG_DIR"),
            grace_period=workload.pod.get("terminationGracePeriodSeconds"),
        ),
        "log_file": "LOG_NAME" in env,
        "port": port,
    }


def read_run(name: str, env: dict[str, str], port: int | None, shell: bool) -> dict[str, Any]:
    """Return what a container runs.

    Args:
        name: Of the service or container.
        env: Its variables that are text.
        port: What it listens on.
        shell: Whether it has a command of its own.
    """
    init = env.get("INI_CMD", "")
    docker_config = init == DOCKER_CONFIG or init.endswith(f" && {DOCKER_CONFIG}")
    if docker_config:
        init = init.removesuffix(DOCKER_CONFIG).removesuffix(" && ")
    fields = {
        **given(
            git_repo_name=env.get("GIT_REPO_NAME"),
            run_cmd_dir=env.get("RUN_CMD_DIR"),
            django_settings=env.get("DJANGO_SETTINGS_MODULE"),
        ),
        "docker_config": docker_config,
        "entrypoint": "shell" if shell else "image",
        **({"ini_cmd": init} if init else {}),
    }
    command = env["RUN_CMD"]
    return fields | (_preset(name, command, port) or {"run_cmd": command})


def _preset(name: str, command: str, port: int | None) -> dict[str, Any] | None:
    """Return the preset that makes just this command; ``None``: none does."""
    try:
        words = shlex.split(command)
        found = _read(words)
        if found is None:
            return None
        same = PythonRun.model_validate(found).run_command(name, port, None) == command
    except (ValidationError, ValueError, IndexError):
        return None
    return found if same else None


def _read(words: list[str]) -> dict[str, Any] | None:
    if words[:1] == ["python"] and "runserver" in words:
        return {"django": {"manage": words[1]}}
    if words[:1] == ["gunicorn"]:
        return {"gunicorn": {"app": words[-1], **_options(words, _GUNICORN)}}
    if words[:2] != ["celery", "-A"]:
        return None
    fields = {"app": words[2], **_options(words, _CELERY)}
    if words[3] == "worker":
        fields |= {w.removeprefix("--without-"): False for w in words if w.startswith("--without-")}
        return {"celery": fields}
    if "-S" in words:
        fields["scheduler"] = words[words.index("-S") + 1]
    return {"beat": fields}


def _options(words: list[str], known: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option, field in known.items():
        if option in words:
            value = words[words.index(option) + 1]
            found[field] = int(value) if field in _NUMBERS else value
    if "queues" in found:
        found["queues"] = found["queues"].split(",")
    return found
