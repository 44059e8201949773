"""Where Filebeat sends events: one of Kafka, Redis, Elasticsearch, Logstash."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from poscloud.spec.base import Model, Name, SecretKey


def _no_password(text: str) -> str:
    if "@" in text:
        raise ValueError("a host may not carry a user or password: a ConfigMap is readable by everybody")
    return text


def _host(text: str) -> str:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:([0-9]{1,5}))?", text)
    if match is None:
        raise ValueError(f"'{text}' is not of the form host:port")
    if match[3] and not 1 <= int(match[3]) <= 65535:
        raise ValueError(f"'{text}' has port {match[3]}; a port is 1 to 65535")
    return text


def _url(text: str) -> str:
    match = re.fullmatch(r"https?://([^/?#\s]+)(/[^?#\s]*)?", text)
    if match is None:
        raise ValueError(f"'{text}' is not of the form http://host:port or https://host:port")
    _host(match[1])
    return text


def check_literal(text: str) -> str:
    """Return ``text`` unless Filebeat would expand something in it, else raise ``ValueError``."""
    if "${" in text:
        raise ValueError(f"'{text}' has '${{', which Filebeat takes for a variable")
    return text


def at_least_one(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``values`` unless there is none; unlike ``min_length`` it says nothing where one of them is wrong."""
    if not values:
        raise ValueError("at least one is needed")
    return values


Host = Annotated[str, AfterValidator(_no_password), AfterValidator(_host)]
Url = Annotated[str, AfterValidator(_no_password), AfterValidator(_url)]
PlainText = Annotated[str, AfterValidator(check_literal)]


class BackingOrHosts(Model):
    """An output that goes either to a backing service of this environment or to hosts outside it."""

    targets: ClassVar[tuple[str, str, str]]
    """Kind of the backing service, what it is called, what the hosts are called."""

    backing: Name | None
    hosts: tuple[Host, ...]

    @model_validator(mode="before")
    @classmethod
    def _hosts_replace_backing(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("hosts") and "backing" not in data:
            return {**data, "backing": None}
        return data

    @model_validator(mode="after")
    def _one_target(self) -> BackingOrHosts:
        if bool(self.backing) == bool(self.hosts):
            _, service, hosts = self.targets
            raise ValueError(
                f"give either backing (a {service} of this environment) or hosts ({hosts} outside it)"
            )
        return self


class KafkaOutput(BackingOrHosts):
    """A Kafka topic (``output.kafka``)."""

    targets = ("kafka", "Kafka", "brokers")
    backing: Name | None = Field(
        "kafka", description="Kafka of this environment; the service then starts after it is ready."
    )
    hosts: tuple[Host, ...] = Field(
        (),
        description="Brokers host:port outside this environment, instead of `backing`.",
        examples=[["10.31.222.108:9092"]],
    )
    topic: str = Field("applog", description="Topic.", pattern=r"^[a-zA-Z0-9._-]{1,249}$")
    required_acks: Literal[-1, 0, 1] = Field(1, description="Acknowledgements a write waits for.")
    compression: Literal["none", "snappy", "lz4", "gzip"] = Field("gzip", description="Compression.")


class RedisOutput(BackingOrHosts):
    """A Redis list or channel (``output.redis``), as document 000 has it."""

    targets = ("redis", "Redis", "Redis servers")
    backing: Name | None = Field(
        "redis",
        description="Redis of this environment; the service then starts after it is ready. Its password, where "
        "it has one, comes from its own Secret.",
    )
    hosts: tuple[Host, ...] = Field(
        (),
        description="Redis servers host:port outside this environment, instead of `backing`; port 6379 if none "
        "is given.",
        examples=[["10.0.116.62:6379"]],
    )
    key: PlainText = Field(
        "logstash:redis", description="Name of the list or channel.", pattern=r"^\S{1,512}$"
    )
    datatype: Literal["list", "channel"] = Field("list", description="What `key` names.")
    password: SecretKey | None = Field(
        None,
        description="Password of `hosts`, from a Secret.",
        examples=[{"secret": "elk", "key": "password"}],
    )

    @model_validator(mode="after")
    def _backing_has_its_own(self) -> RedisOutput:
        if self.backing and self.password:
            raise ValueError("password is for hosts; a Redis of this environment has its own Secret")
        return self


class ElasticsearchOutput(Model):
    """Elasticsearch itself (``output.elasticsearch``)."""

    hosts: Annotated[tuple[Url, ...], AfterValidator(at_least_one)] = Field(
        description="Its nodes.", examples=[["http://10.31.222.120:9200"]]
    )
    index: str | None = Field(
        None,
        description="Index, lower case; may have Filebeat's formats such as `%{+yyyy.MM.dd}`. Left out, "
        "Filebeat's own.",
        pattern=r"^[a-z0-9][a-z0-9._-]*(%\{[^{}\s]+\}[a-z0-9._-]*)*$",
        examples=["applog-%{+yyyy.MM.dd}"],
    )
    username: str | None = Field(
        None, description="User, given together with `password`.", pattern=r"^[^\s$]+$"
    )
    password: SecretKey | None = Field(None, description="The user's password, from a Secret.")

    @model_validator(mode="after")
    def _user_has_a_password(self) -> ElasticsearchOutput:
        if bool(self.username) != bool(self.password):
            raise ValueError("give both username and password, or neither")
        return self


class LogstashOutput(Model):
    """Logstash's Beats input (``output.logstash``)."""

    hosts: Annotated[tuple[Host, ...], AfterValidator(at_least_one)] = Field(
        description="host:port of each; port 5044 if none is given.",
        examples=[["10.31.222.121:5044"]],
    )


Output = KafkaOutput | RedisOutput | ElasticsearchOutput | LogstashOutput

OUTPUT_FIELDS = ("kafka", "redis", "elasticsearch", "logstash")
"""The sidecar's fields of which one is given."""
