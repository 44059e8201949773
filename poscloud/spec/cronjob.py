"""What services have in common that run by the clock and end."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, ValidationInfo, field_validator

from poscloud.spec.cron import check_schedule
from poscloud.spec.stdout import StdoutServiceSpec
from poscloud.spec.values import DAY

Schedule = Annotated[str, AfterValidator(check_schedule)]


class CronJobSpec(StdoutServiceSpec):
    """A program of one image that begins by the clock, one at a time."""

    schedule: Schedule = Field(
        "*/10 * * * *", description="When it begins: a cron line, or @hourly, @daily and the like."
    )
    time_zone: str | None = Field(
        None,
        description="Time zone of the schedule; left out, the environment's.",
        examples=["Asia/Shanghai"],
    )
    suspend: StrictBool = Field(False, description="Whether none begins.")
    deadline: StrictInt = Field(
        3600, ge=60, le=DAY, description="Seconds after which one is ended; the next one goes on."
    )
    port: StrictInt | None = Field(None, description="None: it serves nothing.")
    host_time: StrictBool = Field(False, description="Mount the host's /etc/localtime.")
    anti_affinity: Literal["required", "preferred", "none"] = Field(
        "none", description="None: there is one pod at a time."
    )

    @field_validator(
        "version", "replicas", "autoscale", "disruption_budget", "port", "node_port", "probes", "rollout", "release",
        "anti_affinity", "log_store",
    )  # fmt: skip
    @classmethod
    def _is_a_job(cls, value: Any, info: ValidationInfo) -> Any:
        if value != cls.model_fields[str(info.field_name)].default:
            raise ValueError("it is a job that runs and ends, of one image; leave this out")
        return value
