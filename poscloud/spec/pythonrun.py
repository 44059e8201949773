"""How a Python program is started: the variables of the s2i image, and presets for the common frameworks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StringConstraints, field_validator, model_validator

from poscloud.spec.base import Model
from poscloud.spec.references import Finding, Path
from poscloud.spec.service import ServiceSpec

_MODULE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
_CALLABLE = r"^[A-Za-z_][A-Za-z0-9_.]*(:[A-Za-z_][A-Za-z0-9_.]*(\(.*\))?)?$"
_WORD = r"^[^\s'\"\\$`;&|<>]+$"
"""Text that the shell takes as one word."""

LogLevel = Literal["debug", "info", "warning", "error", "critical"]

PORTLESS = ("celery", "beat")
"""Presets that serve nothing."""

PRESETS = ("django", "gunicorn", *PORTLESS)

VARIABLES = ("GIT_REPO_NAME", "INI_CMD", "RUN_CMD", "RUN_CMD_DIR")
"""What the start script of the s2i image of document 003 reads."""


class Django(Model):
    """``manage.py runserver``: Django's own server, for test environments (document 003, ``start_test``)."""

    manage: str = Field("manage.py", description="Path of manage.py in the repository.", pattern=_WORD)

    def command(self, name: str, port: int | None, cores: int | None) -> list[str]:
        """Return the command line."""
        return ["python", self.manage, "runserver", f"0.0.0.0:{port}", "--noreload"]


class Gunicorn(Model):
    """A WSGI application, such as one in Flask, served by gunicorn (document 003, ``entrypoint.sh``)."""

    app: str = Field(description="MODULE:CALLABLE.", pattern=_CALLABLE, examples=["yin.app:app"])
    config: str | None = Field(
        None,
        description="Configuration file in the repository; the port, and logs to stdout, are set over it.",
        pattern=_WORD,
        examples=["gunicorn_dev.py"],
    )
    workers: StrictInt | None = Field(
        None, ge=1, le=1000, description="Worker processes; left out, the configuration file's, or 1."
    )
    worker_class: Literal["sync", "gthread", "gevent", "eventlet", "tornado"] = Field(
        "gevent", description="How a worker serves several requests at once."
    )

    def command(self, name: str, port: int | None, cores: int | None) -> list[str]:
        """Return the command line."""
        workers = ["-w", str(self.workers)] if self.workers else []
        config = ["-c", self.config] if self.config else []
        logs = ["--access-logfile", "-", "--error-logfile", "-"]
        return [
            "gunicorn",
            "-k",
            self.worker_class,
            *workers,
            "-b",
            f"0.0.0.0:{port}",
            *config,
            *logs,
            self.app,
        ]


class Celery(Model):
    """A Celery worker (document 003, ``start_celery-…``)."""

    app: str = Field(description="Application, -A.", pattern=_CALLABLE, examples=["async_tasks"])
    queues: tuple[str, ...] = Field(
        (), description="Queues it takes tasks from, -Q; none: the application's default queue."
    )
    pool: Literal["prefork", "eventlet", "gevent", "threads", "solo"] = Field("prefork", description="-P.")
    concurrency: StrictInt | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Tasks at once, -c; left out, the CPU limit rounded up, because Celery itself would take "
        "the cores of the whole node.",
    )
    log_level: LogLevel = Field("info", description="-l.")
    heartbeat: StrictBool = Field(True, description="Event heartbeats; false: --without-heartbeat.")
    gossip: StrictBool = Field(True, description="Listen to other workers' events; false: --without-gossip.")
    mingle: StrictBool = Field(
        True, description="Synchronise with other workers at the start; false: --without-mingle."
    )
    max_tasks_per_child: StrictInt | None = Field(
        None,
        ge=1,
        le=2**31 - 1,
        description="Tasks after which a process of the pool is replaced; left out, never.",
    )

    @field_validator("queues")
    @classmethod
    def _queues_are_words(cls, queues: tuple[str, ...]) -> tuple[str, ...]:
        for queue in queues:
            if not queue or set(queue) & set(", \t\n"):
                raise ValueError(f"'{queue}' is no queue's name: text without comma and blank")
        return queues

    def node(self, name: str) -> str:
        """Return the worker's node name: of its own, because several workers of a pod have one host name."""
        return f"{name}@%h"

    def command(self, name: str, port: int | None, cores: int | None) -> list[str]:
        """Return the command line; ``-A`` stands first, where every Celery from 3.1 on takes it."""
        command = ["celery", "-A", self.app, "worker", "-n", self.node(name)]
        if self.queues:
            command += ["-Q", ",".join(self.queues)]
        command += ["-P", self.pool]
        if concurrency := self.concurrency or cores:
            command += ["-c", str(concurrency)]
        command += ["-l", self.log_level]
        if self.max_tasks_per_child:
            command += ["--max-tasks-per-child", str(self.max_tasks_per_child)]
        return command + [f"--without-{f}" for f in ("heartbeat", "gossip", "mingle") if not getattr(self, f)]


class Beat(Model):
    """Celery's scheduler, of which there is one."""

    app: str = Field(description="Application, -A.", pattern=_CALLABLE, examples=["async_tasks"])
    scheduler: str | None = Field(
        None,
        description="Scheduler class, -S; left out, the schedule is in the application's configuration.",
        pattern=_CALLABLE,
        examples=["django_celery_beat.schedulers:DatabaseScheduler"],
    )
    log_level: LogLevel = Field("info", description="-l.")

    def command(self, name: str, port: int | None, cores: int | None) -> list[str]:
        """Return the command line, without a pid file: a stale one would keep beat from starting."""
        command = ["celery", "-A", self.app, "beat", "-l", self.log_level, "--pidfile="]
        return [*command, *(["-S", self.scheduler] if self.scheduler else ["-s", "/tmp/celerybeat-schedule"])]


class PythonRun(Model):
    """What a Python container runs: a preset, or a command."""

    git_repo_name: str | None = Field(
        None,
        description="GIT_REPO_NAME: the project, part of the code's path and of the image's name; left out, the "
        "service's name.",
        pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$",
        examples=["hydra"],
    )
    ini_cmd: str | None = Field(
        None, description="INI_CMD: run before the program.", examples=["cp nginx.conf /etc/nginx/"]
    )
    docker_config: StrictBool = Field(
        False,
        description="Run `make docker_config` first, which writes the project's configuration from variables.",
    )
    run_cmd: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = Field(
        None, description="RUN_CMD: the program, instead of a preset.", examples=["make start_test"]
    )
    run_cmd_dir: str | None = Field(
        None,
        description="RUN_CMD_DIR: where it runs; left out, /data/home/work/REPOSITORY/.",
        pattern=r"^/.*",
    )
    django: Django | None = Field(None, description="Preset: manage.py runserver, for test environments.")
    gunicorn: Gunicorn | None = Field(
        None, description="Preset: a WSGI (Flask, Django) application in gunicorn."
    )
    celery: Celery | None = Field(None, description="Preset: a Celery worker.")
    beat: Beat | None = Field(None, description="Preset: Celery's scheduler.")
    django_settings: str | None = Field(
        None, description="DJANGO_SETTINGS_MODULE.", pattern=_MODULE, examples=["hydra.settings"]
    )
    entrypoint: Literal["shell", "image"] = Field(
        "shell",
        description="Who runs INI_CMD and RUN_CMD in RUN_CMD_DIR: a shell that poscloud starts and that hands on the "
        "signal to stop, or the image's own start script, which reads the same variables.",
    )

    @model_validator(mode="after")
    def _one_program(self) -> PythonRun:
        given = [name for name in (*PRESETS, "run_cmd") if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"found {' and '.join(given)}" if given else "found none of them"
            raise ValueError(f"give exactly one of {', '.join(PRESETS)} and run_cmd; {found}")
        return self

    @property
    def preset(self) -> Django | Gunicorn | Celery | Beat | None:
        """The chosen preset; ``None`` with ``run_cmd``."""
        return self.django or self.gunicorn or self.celery or self.beat

    def repository(self, name: str) -> str:
        """Return the project's name, by default that of the service or container ``name``."""
        return self.git_repo_name or name

    def folder(self, name: str) -> str:
        """Return where the program runs."""
        return self.run_cmd_dir or f"/data/home/work/{self.repository(name)}/"

    def run_command(self, name: str, port: int | None, cores: int | None) -> str:
        """Return RUN_CMD.

        Args:
            name: Of the service or container.
            port: What it listens on.
            cores: CPU limit in whole cores.
        """
        if self.run_cmd is not None:
            return self.run_cmd
        assert self.preset is not None
        return shlex.join(self.preset.command(name, port, cores))

    def init_command(self) -> str:
        """Return INI_CMD, empty when there is nothing to do first."""
        commands = (self.ini_cmd, "make docker_config" if self.docker_config else None)
        return " && ".join(c for c in commands if c)

    def check_run(
        self, env: Iterable[str], port: int | None, port_at: Path, env_at: Path
    ) -> Iterator[Finding]:
        """Yield a port where none can be, or none where one must be, and variables that fields set.

        Args:
            env: The variables that are given beside it.
            port: What it listens on.
            port_at: Where the port stands.
            env_at: Where the variables stand.
        """
        if port and (self.celery or self.beat):
            message = f"port {port} is given, but a Celery worker or beat listens on none"
            yield Finding(
                port_at, "useless-port", message, "leave it out, or write null where one is inherited"
            )
        if (self.django or self.gunicorn) and not port:
            message = "no port is given, but django and gunicorn serve requests on one"
            yield Finding(port_at, "missing-port", message)
        fields = {variable: variable.lower() for variable in VARIABLES}
        if self.django_settings:
            fields["DJANGO_SETTINGS_MODULE"] = "django_settings"
        for variable in env:
            if variable in fields:
                message = f"env.{variable} is set by a field"
                yield Finding((*env_at, variable), "managed-variable", message, f"use {fields[variable]}")

    def check_beat(self, service: ServiceSpec) -> Iterator[Finding]:
        """Yield what would run several schedulers, each of which sends every task."""
        if self.beat is None:
            return
        release = service.release.strategy if service.release else "rolling"
        several = {
            ("replicas",): f"replicas: {service.replicas} is given" if service.replicas > 1 else "",
            ("autoscale",): "autoscale is given" if service.autoscale else "",
            ("release", "strategy"): f"{release} runs two versions" if release != "rolling" else "",
        }
        for path, why in several.items():
            if why:
                message = f"{why}, but each beat would send every task"
                hint = "there may be one beat; give it a service of its own"
                yield Finding(path, "several-schedulers", message, hint)
