"""Ingress rules: which service answers which host and path from outside the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StringConstraints

from poscloud.spec.base import DnsName, Model, Name, check_dns_name
from poscloud.spec.kubernetes import check_labels
from poscloud.spec.references import Finding, Path, nearest

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec


class IngressTarget(Model):
    """What answers a path."""

    service: Name = Field(description="Service or backing service.")
    port: StrictInt | None = Field(
        None, ge=1, le=65535, description="One of its ports; left out, its first one."
    )


def _target(value: object) -> object:
    return {"service": value} if isinstance(value, str) else value


def _check_host(host: str) -> str:
    check_dns_name(re.sub(r"^\*\.", "", host))
    return host


UrlPath = Annotated[str, StringConstraints(pattern=r"^/\S*$")]
Target = Annotated[IngressTarget, BeforeValidator(_target, json_schema_input_type=str | IngressTarget)]
"""``dac-web``, or ``{service: dac-web, port: 8080}``."""


HostName = Annotated[str, AfterValidator(_check_host)]
PathType = Literal["Prefix", "Exact", "ImplementationSpecific"]


class IngressHost(Model):
    """A further host of an Ingress, which has everything of the rule that it does not say otherwise."""

    host: HostName = Field(description="DNS name, as of the rule.", examples=["www.shop.example.com"])
    paths: dict[UrlPath, Target] | None = Field(
        None, min_length=1, description="Path → what answers it; left out, those of the rule."
    )
    path_type: PathType | None = Field(
        None, description="How its paths are matched; left out, as those of the rule."
    )
    tls: DnsName | None = Field(None, description="Secret with its certificate; left out, that of the rule.")


def _further_host(value: object) -> object:
    return {"host": value} if isinstance(value, str) else value


AnyHost = Annotated[IngressHost, BeforeValidator(_further_host, json_schema_input_type=str | IngressHost)]
"""``www.shop.example.com``, or ``{host: api.shop.example.com, paths: {/: dac-api}}``."""


@dataclass(frozen=True)
class HostPaths:
    """Everything that an Ingress says of one host.

    Attributes:
        place: Where it is said, within the rule.
        host: The host.
        paths: Path → what answers it; the rule's own where ``place`` has none.
        path_type: How they are matched.
        tls: Secret with the certificate.
    """

    place: Path
    host: str
    paths: Mapping[str, IngressTarget]
    path_type: str
    tls: str | None


class IngressRule(Model):
    """Paths of one host (document 004: client, ingress-nginx, upstream, pod); one Ingress object."""

    host: HostName = Field(
        description="DNS name; `*.` at its beginning stands for one label.", examples=["shop.example.com"]
    )
    paths: dict[UrlPath, Target] = Field(
        min_length=1, description="Path → what answers it.", examples=[{"/": "dac-web"}]
    )
    path_type: PathType = Field(
        "Prefix", description="How paths are matched; regular expressions need ImplementationSpecific."
    )
    tls: DnsName | None = Field(
        None, description="Secret with `tls.crt` and `tls.key` for the host; left out, no HTTPS of its own."
    )
    ingress_class: DnsName = Field("nginx", description="IngressClass, which picks the controller.")
    annotations: dict[str, str] = Field(
        {},
        description="Annotations that the controller reads.",
        examples=[{"nginx.ingress.kubernetes.io/proxy-read-timeout": "300"}],
    )
    name: DnsName | None = Field(
        None, description="Name of the Ingress; left out, the host. A host with several rules needs one."
    )

    also: tuple[AnyHost, ...] = Field(
        (),
        description="Further hosts of the same Ingress object: a name, or with paths or a certificate of its own.",
        examples=[["www.shop.example.com"]],
    )

    def hosts(self) -> Iterator[HostPaths]:
        """Yield every host with what holds for it, the rule's own first."""
        yield HostPaths((), self.host, self.paths, self.path_type, self.tls)
        for i, further in enumerate(self.also):
            paths, path_type = further.paths or self.paths, further.path_type or self.path_type
            yield HostPaths(("also", i), further.host, paths, path_type, further.tls or self.tls)

    def place_of_path(self, host: HostPaths, path: str) -> Path:
        """Return where the path of a host is said, within the rule."""
        further = self.also[int(host.place[1])] if host.place else None
        if further is not None and further.paths is None:
            return (*host.place, "host")  # its paths are said once, and are right there
        return (*host.place, "paths", path)

    def object_name(self) -> str:
        """Return the name of the Ingress object."""
        return self.name or self.host.replace("*.", "any.")


def check_ingress(spec: EnvironmentSpec) -> list[Finding]:
    """Return every path to nothing, every host and path given twice, and every certificate that is none."""
    findings: list[Finding] = []
    names: dict[str, int] = {}
    taken: dict[tuple[str, str], Path] = {}
    for i, rule in enumerate(spec.ingress):
        here: Path = ("ingress", i)
        findings += check_labels(dict.fromkeys(rule.annotations, ""), (*here, "annotations"))
        findings += _check_tls(spec, rule.tls, (*here, "tls"))
        for i_also, further in enumerate(rule.also):
            findings += _check_tls(spec, further.tls, (*here, "also", i_also, "tls"))
        if names.setdefault(rule.object_name(), i) != i:
            field = "name" if rule.name else "host"
            message = f"rule {names[rule.object_name()] + 1} is called '{rule.object_name()}' already"
            hint = "give this one another `name`" if rule.name else "give this one a `name`"
            findings.append(Finding((*here, field), "duplicate-name", message, hint))
        findings += _check_hosts(spec, rule, i, taken)
    return findings


def _check_hosts(
    spec: EnvironmentSpec, rule: IngressRule, number: int, taken: dict[tuple[str, str], Path]
) -> list[Finding]:
    """Return what is wrong with the paths of a rule; ``taken`` is where each host's paths were said until here."""
    findings: list[Finding] = []
    for each in rule.hosts():
        for path, target in each.paths.items():
            where = ("ingress", number, *rule.place_of_path(each, path))
            if not each.place or where[-2] == "paths":
                findings += _check_path(each.path_type, path, where)
                findings += _check_target(spec, target, where)
            key = (each.host, path.rstrip("/") or "/")
            if taken.setdefault(key, where) != where:
                message = f"{each.host}{path} has a service already"
                findings.append(Finding(where, "duplicate-path", message))
    return findings


def _check_path(path_type: str, path: str, where: Path) -> list[Finding]:
    """Return a finding for a path that the API server refuses; one with a pattern in it is the controller's affair."""
    wrong = re.search(r"//|/\.\.?(?=/|$)|%2[fF]", path)
    if path_type == "ImplementationSpecific" or not wrong:
        return []
    message = f"'{path}' holds '{wrong[0]}', which no path may: no empty step, none of dots, no %2F"
    return [Finding(where, "name-path", message, "write the path as it is asked for")]


def _check_target(spec: EnvironmentSpec, target: IngressTarget, path: Path) -> list[Finding]:
    known = {*spec.backing, *spec.services}
    if target.service not in known:
        message = f"'{target.service}' names no service or backing service"
        return [Finding(path, "unknown-reference", message, nearest(target.service, known))]
    if "port" in spec.part(target.service).offered():
        return []
    message = f"'{target.service}' has no port that could answer"
    return [Finding(path, "no-port", message, "give it a `port`")]


def _check_tls(spec: EnvironmentSpec, tls: str | None, path: Path) -> list[Finding]:
    keys = spec.secrets.get(tls or "")
    missing = [k for k in ("tls.crt", "tls.key") if keys is not None and k not in keys]
    message = f"secret '{tls}' has no {' and no '.join(missing)}, so that it is no certificate"
    return [Finding(path, "no-certificate", message)] if missing else []
