"""LogStack: Logstash between what the sidecars write to and Elasticsearch, and Kibana's index patterns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, field_validator, model_validator

from poscloud.quantity import parse_quantity
from poscloud.spec.base import Model, Name, OnlySecretKey
from poscloud.spec.filebeat_output import BackingOrHosts, Host, KafkaOutput, RedisOutput, Url, at_least_one
from poscloud.spec.kubernetes import check_image
from poscloud.spec.part import Need
from poscloud.spec.references import Finding
from poscloud.spec.release import Release
from poscloud.spec.service import Probes
from poscloud.spec.stdout import StdoutServiceSpec
from poscloud.spec.values import Resources, Size, resources

MANAGED = {
    "REDIS_PASSWORD": "redis",
    "ELASTICSEARCH_PASSWORD": "elasticsearch",
    "LS_JAVA_OPTS": "heap",
}
"""Variable that Logstash reads → the field that sets it."""

User = Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]+$")]


class KafkaSource(BackingOrHosts):
    """Topics of a Kafka, where document 004's sidecars write to."""

    targets = KafkaOutput.targets
    backing: Name | None = Field(
        "kafka", description="Kafka of this environment; Logstash then starts after it is ready."
    )
    hosts: tuple[Host, ...] = Field(
        (),
        description="Brokers host:port outside this environment, instead of `backing`.",
        examples=[["10.31.222.108:9092"]],
    )
    topics: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")], ...], AfterValidator(at_least_one)
    ] = Field(("applog",), description="Topics.")
    group: str | None = Field(
        None,
        description="Consumer group: who has the same one shares the events. Left out, ENVIRONMENT-NAME; with `hosts` "
        "it is needed.",
        pattern=r"^[a-zA-Z0-9._-]{1,249}$",
    )
    threads: StrictInt = Field(
        1, ge=1, le=100, description="Consumers in each pod; more than partitions in all have nothing to do."
    )

    @model_validator(mode="after")
    def _group_is_said(self) -> KafkaSource:
        if self.hosts and self.group is None:
            raise ValueError(
                "with hosts, `group` is needed: a copy of this environment would else read all again"
            )
        return self


class RedisSource(BackingOrHosts):
    """A list or channel of a Redis, where document 000's sidecars write to."""

    targets = RedisOutput.targets
    backing: Name | None = Field(
        "redis",
        description="Redis of this environment; Logstash then starts after it is ready. Its password, where it has "
        "one, comes from its own Secret.",
    )
    hosts: tuple[Host, ...] = Field(
        (),
        description="Redis servers host:port outside this environment, instead of `backing`; port 6379 if none is "
        "given.",
        examples=[["10.0.116.62:6379"]],
    )
    key: str = Field(
        "logstash:redis",
        description="Name of the list or channel.",
        pattern=r"^[A-Za-z0-9_.:/-]{1,512}$",
    )
    channel: StrictBool = Field(
        False, description="Whether `key` names a channel. Each pod then gets every event: one pod is right."
    )
    password: OnlySecretKey | None = Field(
        None,
        description="Password of `hosts`, from a Secret.",
        examples=[{"secret": "elk", "key": "redis"}],
    )

    @model_validator(mode="after")
    def _backing_has_its_own(self) -> RedisSource:
        if self.backing and self.password:
            raise ValueError("password is for hosts; a Redis of this environment has its own Secret")
        return self


class Login(Model):
    """A server with a user who has a password."""

    username: User | None = Field(None, description="User, given together with `password`.")
    password: OnlySecretKey | None = Field(None, description="The user's password, from a Secret.")

    @model_validator(mode="after")
    def _user_has_a_password(self) -> Login:
        if bool(self.username) != bool(self.password):
            raise ValueError("give both username and password, or neither")
        return self


class ElasticsearchTarget(Login):
    """The Elasticsearch that keeps the events."""

    hosts: Annotated[tuple[Url, ...], AfterValidator(at_least_one)] = Field(
        description="Its nodes.", examples=[["http://10.31.222.120:9200"]]
    )


class KibanaTarget(Login):
    """The Kibana that gets index patterns."""

    url: Url = Field(description="Its address.", examples=["http://10.31.222.121:5601"])
    namespaces: tuple[Name, ...] = Field(
        (),
        description="Environments with an index pattern of their own, beside the one for all; left out, this one.",
        examples=[["dac-test", "dac-stage"]],
    )
    image: str | None = Field(
        None,
        description="Image with sh and curl, which writes them; left out, curl:8 of the environment's registry.",
    )


class LogStackSpec(StdoutServiceSpec):
    """Logstash between Kafka or Redis and Elasticsearch, and Kibana's index patterns (documents 000 and 004).

    An event's namespace, service-name and pod-ip, which the sidecars write, are fields of their own, and each
    namespace has indices of its own, a new one every day.
    """

    kind: Literal["log-stack"] = Field(
        "log-stack", description="Logstash, from the sidecars' Kafka or Redis to Elasticsearch."
    )
    version: str = Field("7.17.28", description="Version, the tag in the image pattern for programs.")
    kafka: KafkaSource | None = Field(None, description="Where events come from: a Kafka.")
    redis: RedisSource | None = Field(None, description="Where events come from: a Redis. Both may be given.")
    elasticsearch: ElasticsearchTarget = Field(description="Where events go.")
    index: str = Field(
        "applog",
        description="Beginning of each index's name: INDEX-NAMESPACE-YYYY.MM.DD.",
        pattern=r"^[a-z][a-z0-9._]{0,63}$",
    )
    kibana: KibanaTarget | None = Field(
        None, description="The Kibana that gets index patterns; left out, none does."
    )
    heap: Size = Field("1Gi", description="Java heap of Logstash, less than its memory limit.")
    port: StrictInt = Field(
        9600,
        ge=1,
        le=65535,
        description="TCP port of Logstash's API, by which it is known to be ready.",
    )
    probes: Probes = Field(
        Probes(initial_delay=60, failures=6), description="Readiness and liveness by Logstash's API."
    )
    resources: Resources = Field(
        resources(cpu=("200m", "2"), memory=("1536Mi", "2Gi")), description="CPU and memory."
    )

    @field_validator("release")
    @classmethod
    def _rolling_only(cls, value: Release | None) -> Release | None:
        if value is not None and value.strategy != "rolling":
            raise ValueError("two versions would share the events between them; only rolling will do")
        return value

    @model_validator(mode="after")
    def _has_a_source(self) -> LogStackSpec:
        if not (self.kafka or self.redis):
            raise ValueError("where do events come from? write `kafka: {}` or `redis: {}`")
        limit = self.resources.limits.memory
        if limit and parse_quantity(self.heap) >= parse_quantity(limit):
            raise ValueError(
                f"heap {self.heap} leaves nothing of the memory limit {limit} for the rest of Java"
            )
        return self

    def needs(self) -> Iterator[Need]:
        """Yield what it uses, and the Kafka and Redis of this environment that it reads."""
        yield from super().needs()
        for field in ("kafka", "redis"):
            source: KafkaSource | RedisSource | None = getattr(self, field)
            if source and source.backing:
                yield Need((field, "backing"), source.backing, field)

    def check(self) -> Iterator[Finding]:
        """Yield variables that a field sets, and an image of Kibana's that cannot be one."""
        yield from super().check()
        if self.kibana:
            yield from check_image(self.kibana.image, ("kibana", "image"))
        for variable, field in MANAGED.items():
            if variable in self.env:
                message = f"env.{variable} is set by a field"
                yield Finding(("env", variable), "managed-variable", message, f"use {field}")
