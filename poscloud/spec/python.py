"""PythonService: a Django, Flask or Celery program from an s2i image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, StrictBool, StrictInt, model_validator

from poscloud.spec.pythonrun import PORTLESS, PythonRun
from poscloud.spec.references import Finding
from poscloud.spec.service import ServiceSpec
from poscloud.spec.values import DAY


class PythonServiceSpec(PythonRun, ServiceSpec):
    """A Python program, told by the variables of the s2i image what to run (document 003)."""

    kind: Literal["python"] = Field("python", description="A Python service: Django, Flask, Celery.")
    default_user: ClassVar[int | Literal["image"]] = 1001  # that of s2i's images
    default_writable_root: ClassVar[bool] = True
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
        le=7 * DAY,
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
        """Yield what does not fit what it runs: its port, its variables, several schedulers."""
        yield from self.check_run(self.env, self.port, ("port",), ("env",))
        yield from self.check_beat(self)
        if self.log_file and self.entrypoint == "image":
            message = "log_file: with entrypoint: image nobody writes that file"
            yield Finding(("log_file",), "useless-field", message, "leave one of both out")
