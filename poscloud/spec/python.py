"""PythonService: a Django, Flask or Celery program from an s2i image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, StrictBool, StrictInt, model_validator

from poscloud.spec.pythonrun import PORTLESS, PythonRun
from poscloud.spec.references import Finding
from poscloud.spec.service import ServiceSpec


class PythonServiceSpec(PythonRun, ServiceSpec):
    """A Python program, told by the variables of the s2i image what to run (document 003)."""

    kind: Literal["python"] = Field("python", description="A Python service: Django, Flask, Celery.")
    port: StrictInt | None = Field(
        8080,
        ge=1,
        le=65535,
        description="TCP port of container and Service; null: it serves nothing, as a Celery worker or beat.",
    )
    logs_path: str = Field(
        "/data/home/logs",
        description="Folder of the application's own log files, told to it as LOG_DIR; the sidecar ships them.",
        pattern=r"^/.*[^/]$",
    )
    log_file: StrictBool = Field(
        False,
        description="Also write what the program prints to LOG_DIR/SERVICE.log; nothing rotates that file.",
    )
    grace_period: StrictInt | None = Field(
        None,
        ge=0,
        description="Seconds to stop in; left out, 300 for a Celery worker, which first ends its tasks, else 40.",
    )

    @model_validator(mode="before")
    @classmethod
    def _no_port_by_default(cls, data: Any) -> Any:
        if isinstance(data, dict) and "port" not in data and any(data.get(p) is not None for p in PORTLESS):
            return {**data, "port": None}
        return data

    def cores(self) -> int | None:
        """Return the CPU limit rounded up to whole cores; ``None`` without one."""
        return self.resources.limits.cores()

    def check(self) -> Iterator[Finding]:
        """Yield a port where none can be, or none where one must be; several schedulers; variables with a field."""
        if not self.serves and self.port:
            message = f"port: {self.port} is given, but a Celery worker or beat listens on none"
            yield Finding(("port",), "useless-port", message, "write port: null, or leave it out")
        if (self.django or self.gunicorn) and not self.port:
            message = "port: null is given, but django and gunicorn serve requests on a port"
            yield Finding(("port",), "missing-port", message, "give a port, or leave it out (8080)")
        if self.beat and self.replicas > 1:
            message = f"replicas: {self.replicas} is given, but each beat would send every task"
            yield Finding(("replicas",), "several-schedulers", message, "one beat is all there may be")
        for variable in self.managed():
            if variable in self.env:
                message = f"env.{variable} is set by a field"
                yield Finding(("env", variable), "managed-variable", message, f"use {field_of(variable)}")
        if self.log_file and self.entrypoint == "image":
            message = "log_file: with entrypoint: image nobody writes that file"
            yield Finding(("log_file",), "useless-field", message, "leave one of both out")


def field_of(variable: str) -> str:
    """Return the field that sets a variable of ``PythonRun.managed``."""
    return "django_settings" if variable == "DJANGO_SETTINGS_MODULE" else variable.lower()
