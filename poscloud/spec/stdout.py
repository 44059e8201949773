"""Services whose program logs to stdout and stderr, and so needs no sidecar that ships files."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from poscloud.spec.filebeat import FilebeatSidecar
from poscloud.spec.service import ServiceSpec


class StdoutServiceSpec(ServiceSpec):
    """A service without log files: the node's own log shipping has its output."""

    filebeat: FilebeatSidecar | Literal[False] | None = Field(
        False, description="None: there are no log files to ship."
    )

    @field_validator("user", "writable_root")
    @classmethod
    def _is_known(cls, value: Any) -> None:
        if value is not None:
            raise ValueError("what this program needs is known and set; leave this out")

    @field_validator("log_space", "filebeat")
    @classmethod
    def _has_no_files(cls, value: Any, info: ValidationInfo) -> Any:
        default = cls.model_fields[str(info.field_name)].default
        if value is not None and value != default:
            raise ValueError("it logs to stdout and stderr and has no log files; leave this out")
        return default
