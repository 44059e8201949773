"""Locations of an nginx: what the path of a request is matched against, and where the request goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt

from poscloud.spec.base import NAME_PATTERN, Model

MAX_TOKEN = 2000
"""Longest word of nginx.conf here, in bytes; nginx reads its file in pieces of 4096."""

_MATCH = re.compile(r"(?P<modifier>=|\^~|~\*|~)?\s*(?P<path>.+)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BROKEN_REGEX = ("missing )", "unbalanced parenthesis", "unterminated character set", "nothing to repeat")
_HOST = r"[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?|\[[0-9a-fA-F:.]+\]"
_LABEL = NAME_PATTERN.pattern
_TARGET = re.compile(
    rf"((?P<scheme>https?)://(?P<host>{_HOST})|(?P<service>{_LABEL})(\.(?P<environment>{_LABEL}))?)"
    r"(:(?P<port>[0-9]{1,5}))?"
)

MANAGED = {
    "proxy_pass": "use `to`",
    "proxy_set_header": "use `headers`; one of its own would switch off all others",
    "client_max_body_size": "use `body_size`",
    "proxy_connect_timeout": "use `connect_timeout`",
    "proxy_read_timeout": "use `read_timeout`",
    "proxy_send_timeout": "use `send_timeout`",
    "access_log": "use `access_log`; everything is logged to stdout",
    "error_log": "it logs to stderr",
    "resolver": "use the gateway's `resolver` and `resolver_valid`",
    "listen": "it always listens on 8080; `port` is the Service's",
    "location": "use `locations`",
    "include": "there is no other file in the container",
}
"""Directive that may not be given as such → what to do instead."""

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})


@dataclass(frozen=True)
class Match:
    """What a location is matched by.

    Attributes:
        modifier: ``=`` exactly this path; empty, the longest prefix; ``^~``, a prefix that keeps regular expressions
            out; ``~`` a regular expression; ``~*``, one without regard to case. The first of these that matches wins.
        path: The path, prefix or expression.
    """

    modifier: str
    path: str

    @property
    def is_regex(self) -> bool:
        """Whether ``path`` is a regular expression."""
        return self.modifier.startswith("~")

    @property
    def identity(self) -> tuple[str, str]:
        """What nginx tells locations apart by: both kinds of prefix are one."""
        return ("" if self.modifier == "^~" else self.modifier, self.path)


def parse_match(text: str) -> Match:
    """Return a location's key taken apart; raises ``ValueError`` for what nginx refuses or would never match."""
    found = _MATCH.fullmatch(text.strip())
    if found is None or _CONTROL.search(text) or len(text.encode()) > MAX_TOKEN:
        raise ValueError(f"{text!r} is no location: a path such as /api/, or one of = ^~ ~ ~* before it")
    match = Match(found["modifier"] or "", found["path"])
    if match.is_regex:
        _check_regex(match.path)
    elif not match.path.startswith("/"):
        raise ValueError(
            f"'{text}' is no location: a path begins with '/'; a regular expression with ~ before it"
        )
    elif wrong := re.search(r"\?|%[0-9A-Fa-f]{2}|//|/\.\.?(/|$)", match.path):
        raise ValueError(
            f"'{text}' never matches, because of '{wrong[0]}': nginx compares the decoded path, without its query, "
            "with '//', '/./' and '/../' resolved"
        )
    return match


def _check_regex(pattern: str) -> None:
    try:
        re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern))
    except re.error as error:
        if error.msg.startswith(_BROKEN_REGEX):  # else perhaps what only nginx's own expressions know
            raise ValueError(f"'{pattern}' is no regular expression: {error}") from None


def _check_match(text: str) -> str:
    parse_match(text)
    return text


@dataclass(frozen=True)
class Target:
    """Where a location sends its requests: a service, or a host outside the cluster.

    Attributes:
        scheme: ``http`` or ``https``.
        service: Name of a service; ``None`` for a host.
        environment: Its environment; ``None``: this one.
        host: Name or address of a host; ``None`` for a service.
        port: TCP port; ``None``: the one the service has, or the scheme's.
    """

    scheme: str
    service: str | None
    environment: str | None
    host: str | None
    port: int | None


def parse_target(text: str) -> Target:
    """Return ``to`` taken apart; raises ``ValueError`` if it leads nowhere."""
    found = _TARGET.fullmatch(text)
    if found is None:
        hint = "; what follows the host goes into `rewrite`" if re.match(r"https?://[^/]+/", text) else ""
        raise ValueError(
            f"'{text}' is no target: SERVICE, SERVICE:PORT, SERVICE.ENVIRONMENT:PORT, http://HOST:PORT or "
            f"https://HOST:PORT{hint}"
        )
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(f"'{text}': {port} is no port, it must be 1 to 65535")
    if found["environment"] and port is None:
        raise ValueError(
            f"'{text}' has no port, and another environment's is not known here: write {text}:9090"
        )
    return Target(found["scheme"] or "http", found["service"], found["environment"], found["host"], port)


def _check_target(text: str) -> str:
    parse_target(text)
    return text


def _check_directive(text: str) -> str:
    line = text.strip().removesuffix(";").rstrip()
    name = re.match(r"[a-z][a-z0-9_]*(?=\s|$)", line)
    if (
        name is None
        or re.search(r"[;{}#\x00-\x08\x0a-\x1f]", line)
        or line.count('"') % 2
        or line.count("'") % 2
    ):
        raise ValueError(f"{text!r} is not one directive of nginx on one line, such as proxy_buffering off")
    if name[0] in MANAGED:
        raise ValueError(f"'{name[0]}' may not be set here: {MANAGED[name[0]]}")
    return line


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name) or _CONTROL.search(value):
            raise ValueError(
                f"{name!r}: {value!r} is no header: letters, digits and '-', and a value on one line"
            )
        if name.lower() in _CREDENTIALS and value and "$" not in value:
            raise ValueError(
                f"'{name}' would be readable by everybody in the ConfigMap; send it from the service"
            )
    return headers


def _size_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Word = Annotated[str, Field(max_length=MAX_TOKEN)]
BodySize = Annotated[
    str, BeforeValidator(_size_as_text, json_schema_input_type=str | int), Field(pattern=r"^[0-9]+[kKmMgG]?$")
]
"""Bytes as nginx writes them, with an optional k, m or g; 0 is no limit."""

Seconds = Annotated[StrictInt, Field(ge=1, le=86400)]
Headers = Annotated[dict[str, Word], AfterValidator(_check_headers)]
Directive = Annotated[Word, AfterValidator(_check_directive)]
LocationKey = Annotated[str, AfterValidator(_check_match)]


class Location(Model):
    """Where the requests of one location go, and what is different from the gateway's own settings."""

    to: Annotated[str, AfterValidator(_check_target)] = Field(
        description="Target: `tomcat` or `tomcat:8080` of this environment, `tomcat.dac-prod:9090` of another, or "
        "`http://HOST:PORT`, `https://HOST` outside the cluster.",
        examples=["tomcat", "tomcat.dac-prod:9090", "http://10.31.222.108:8080"],
    )
    rewrite: Annotated[str, Field(pattern=r"^/[^\s]*$", max_length=MAX_TOKEN)] | None = Field(
        None,
        description="What the matched prefix becomes: / strips it. Of a regular expression, the new path, with $1 for "
        "its groups. Left out, the path is passed on as it came.",
        examples=["/", "/v2/"],
    )
    body_size: BodySize | None = Field(None, description="Largest request body (client_max_body_size).")
    connect_timeout: Seconds | None = Field(None, description="Seconds (proxy_connect_timeout).")
    read_timeout: Seconds | None = Field(None, description="Seconds (proxy_read_timeout).")
    send_timeout: Seconds | None = Field(None, description="Seconds (proxy_send_timeout).")
    headers: Headers = Field(
        {},
        description="Request headers over the gateway's own; nginx's variables are allowed, '' sends none.",
        examples=[{"Host": "$host"}],
    )
    directives: tuple[Directive, ...] = Field(
        (), description="Further directives of nginx, one each.", examples=[["proxy_buffering off"]]
    )
    access_log: StrictBool = Field(True, description="Whether requests are logged to stdout.")


def _long_form(value: Any) -> Any:
    return {"to": value} if isinstance(value, str) else value


AnyLocation = Annotated[Location, BeforeValidator(_long_form, json_schema_input_type=str | Location)]
"""A location; a text is its target."""
