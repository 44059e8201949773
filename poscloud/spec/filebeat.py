"""FilebeatSidecar: a container beside the application that ships its log files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StrictBool, Tag, model_validator

from poscloud.spec.base import Model
from poscloud.spec.filebeat_output import (
    OUTPUT_FIELDS,
    BackingOrHosts,
    ElasticsearchOutput,
    KafkaOutput,
    LogstashOutput,
    Output,
    PlainText,
    RedisOutput,
    at_least_one,
)
from poscloud.spec.goregexp import check_go_pattern
from poscloud.spec.part import Need
from poscloud.spec.values import Resources, WithResources, resources

LOGS_MOUNT = "/mnt"
"""Where the sidecar sees the volume of log files."""

NEXT_MAJOR = 9
"""Filebeat's first version that no longer reads files with the input ``log``."""


def _log_path(path: str) -> str:
    if not path.startswith(f"{LOGS_MOUNT}/") or ".." in path.split("/"):
        raise ValueError(
            f"'{path}' is not seen in the sidecar, which has the application's log folder at {LOGS_MOUNT}: "
            f"write {LOGS_MOUNT}/*.log or the like"
        )
    return path


def _version(version: str) -> str:
    major = re.match(r"\d+", version)
    if major and int(major[0]) >= NEXT_MAJOR:
        raise ValueError(
            f"Filebeat {version} no longer reads files by the input `log`, which is rendered here; use 8 or older"
        )
    return version


class MultilineSpec(Model):
    """Which lines make one event (Filebeat's ``multiline``)."""

    pattern: Annotated[PlainText, AfterValidator(check_go_pattern)] = Field(
        description="Regular expression (RE2).", min_length=1, examples=[r"^\["]
    )
    negate: StrictBool = Field(
        True, description="Whether the lines that do not match are joined to the others."
    )
    match: Literal["after", "before"] = Field(
        "after", description="Whether joined lines come after the line they belong to, or before it."
    )


MULTILINE_PRESETS = {
    "timestamp": MultilineSpec(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}.[0-9]{3}"),
    "bracket": MultilineSpec(pattern=r"^\["),
    "java": MultilineSpec(
        pattern=r"^[[:space:]]+(at |\.\.\. |Suppressed: |Caused by: )|^Caused by: "
        r"|^([a-zA-Z_$][a-zA-Z0-9_$]*\.)+[a-zA-Z0-9_$]*(Exception|Error|Throwable)\b",
        negate=False,
    ),
}
"""What begins an event (a time, a bracket), or what continues one (the lines of a Java stack trace)."""


def _form(value: Any) -> str:
    return "MultilineSpec" if isinstance(value, (dict, MultilineSpec)) else "literal[preset]"


AnyMultiline = Annotated[
    Annotated[Literal["timestamp", "bracket", "java", "none"], Tag("literal[preset]")]
    | Annotated[MultilineSpec, Tag("MultilineSpec")],
    Discriminator(_form),
]


class FilebeatSidecar(WithResources):
    """Ships the log files in the shared ``logs`` volume, with fields for namespace, service and pod address.

    Not a resource of its own: a value that is added to a service's pod. Kafka and the fields as in document 004,
    Redis and the tags as in document 000.
    """

    version: Annotated[str, AfterValidator(_version)] = Field(
        "6.0.0", description="Filebeat version, the tag in the image pattern; below 9."
    )
    image: str | None = Field(
        None, description="Image; left out, made from the environment's `images.sidecar`."
    )
    paths: Annotated[
        tuple[Annotated[PlainText, AfterValidator(_log_path)], ...], AfterValidator(at_least_one)
    ] = Field(("/mnt/*.log",), description="Log files, as seen in the sidecar: below /mnt.")
    multiline: AnyMultiline = Field(
        "timestamp",
        description="What makes one event of several lines: it begins with a `timestamp` or a `bracket`; lines of "
        "a `java` stack trace are joined to the line before; `none`; or a pattern of your own.",
        examples=["bracket", {"pattern": "^END", "match": "before"}],
    )
    tags: tuple[Annotated[PlainText, Field(min_length=1)], ...] = Field(
        (), description="Tags of every event.", examples=[["posp_trade_c"]]
    )
    pod_fields: StrictBool = Field(
        True, description="Add the fields namespace, service-name and pod-ip to every event."
    )
    fields: dict[PlainText, PlainText] = Field({}, description="Further fields added to every event.")
    kafka: KafkaOutput | None = Field(
        None, description="Target: a Kafka topic. The default where no other target is given."
    )
    redis: RedisOutput | None = Field(None, description="Target: a Redis list or channel.")
    elasticsearch: ElasticsearchOutput | None = Field(None, description="Target: Elasticsearch.")
    logstash: LogstashOutput | None = Field(None, description="Target: Logstash.")
    level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        "info", description="logging.level."
    )
    resources: Resources = Field(
        resources(cpu=("10m", "200m"), memory=("64Mi", "256Mi")), description="CPU and memory of the sidecar."
    )

    @model_validator(mode="after")
    def _one_output(self) -> FilebeatSidecar:
        given = [name for name in OUTPUT_FIELDS if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(
                f"{' and '.join(given)} are given; Filebeat has one target: write `{given[0]}: null` "
                "to take back one that is inherited"
            )
        return self

    @model_validator(mode="after")
    def _output_is_not_empty(self) -> FilebeatSidecar:
        if not any(getattr(self, name) for name in OUTPUT_FIELDS):
            for name in OUTPUT_FIELDS:
                if name in self.model_fields_set:
                    raise ValueError(f"{name} is empty and there is no other target; write `{name}: {{}}`")
        return self

    def target(self) -> str | None:
        """Return which target is given; ``None``: none, and so it is a Kafka called ``kafka``."""
        return next((name for name in OUTPUT_FIELDS if getattr(self, name)), None)

    def with_target_of(self, other: FilebeatSidecar) -> FilebeatSidecar:
        """Return this sidecar with the target of ``other``, unless it has one of its own."""
        name = other.target()
        if self.target() or name is None:
            return self
        return self.model_copy(update={name: getattr(other, name)})

    @property
    def output(self) -> Output:
        """Where it sends events."""
        return self.redis or self.elasticsearch or self.logstash or self.kafka or KafkaOutput()

    def line_rule(self) -> MultilineSpec | None:
        """Return which lines make one event; ``None``: each by itself."""
        if isinstance(self.multiline, MultilineSpec):
            return self.multiline
        return MULTILINE_PRESETS.get(self.multiline)

    def needs(self) -> Iterator[Need]:
        """Yield the backing service of this environment that it writes to."""
        output = self.output
        if isinstance(output, BackingOrHosts) and output.backing:
            kind = output.targets[0]
            yield Need(("filebeat", kind, "backing"), output.backing, kind)
