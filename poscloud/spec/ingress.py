"""Ingress rules: which service answers which host and path from outside the cluster."""

from __future__ import annotations

import re
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


class IngressRule(Model):
    """Paths of one host (document 004: client, ingress-nginx, upstream, pod); one Ingress object."""

    host: Annotated[str, AfterValidator(_check_host)] = Field(
        description="DNS name; `*.` at its beginning stands for one label.", examples=["shop.example.com"]
    )
    paths: dict[UrlPath, Target] = Field(
        min_length=1, description="Path → what answers it.", examples=[{"/": "dac-web"}]
    )
    path_type: Literal["Prefix", "Exact", "ImplementationSpecific"] = Field(
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

    def object_name(self) -> str:
        """Return the name of the Ingress object."""
        return self.name or self.host.replace("*.", "any.")


def check_ingress(spec: EnvironmentSpec) -> list[Finding]:
    """Return every path to nothing, every host and path given twice, and every certificate that is none."""
    findings: list[Finding] = []
    names: dict[str, int] = {}
    taken: dict[tuple[str, str], int] = {}
    for i, rule in enumerate(spec.ingress):
        here: Path = ("ingress", i)
        findings += check_labels(dict.fromkeys(rule.annotations, ""), (*here, "annotations"))
        findings += _check_tls(spec, rule, (*here, "tls"))
        if names.setdefault(rule.object_name(), i) != i:
            field = "name" if rule.name else "host"
            message = f"rule {names[rule.object_name()] + 1} is called '{rule.object_name()}' already"
            hint = "give this one another `name`" if rule.name else "give this one a `name`"
            findings.append(Finding((*here, field), "duplicate-name", message, hint))
        for path, target in rule.paths.items():
            where = (*here, "paths", path)
            findings += _check_path(rule, path, where)
            findings += _check_target(spec, target, where)
            key = (rule.host, path.rstrip("/") or "/")
            if taken.setdefault(key, i) != i or _twice(rule, path):
                message = f"{rule.host}{path} has a service already"
                findings.append(Finding(where, "duplicate-path", message))
    return findings


def _check_path(rule: IngressRule, path: str, where: Path) -> list[Finding]:
    """Return a finding for a path that the API server refuses; one with a pattern in it is the controller's affair."""
    wrong = re.search(r"//|/\.\.?(?=/|$)|%2[fF]", path)
    if rule.path_type == "ImplementationSpecific" or not wrong:
        return []
    message = f"'{path}' holds '{wrong[0]}', which no path may: no empty step, none of dots, no %2F"
    return [Finding(where, "name-path", message, "write the path as it is asked for")]


def _twice(rule: IngressRule, path: str) -> bool:
    """Whether an earlier path of the same rule is the same but for its last slash."""
    for other in rule.paths:
        if other == path:
            return False
        if other.rstrip("/") == path.rstrip("/"):
            return True
    return False


def _check_target(spec: EnvironmentSpec, target: IngressTarget, path: Path) -> list[Finding]:
    known = {*spec.backing, *spec.services}
    if target.service not in known:
        message = f"'{target.service}' names no service or backing service"
        return [Finding(path, "unknown-reference", message, nearest(target.service, known))]
    if "port" in spec.part(target.service).offered():
        return []
    message = f"'{target.service}' has no port that could answer"
    return [Finding(path, "no-port", message, "give it a `port`")]


def _check_tls(spec: EnvironmentSpec, rule: IngressRule, path: Path) -> list[Finding]:
    keys = spec.secrets.get(rule.tls or "")
    missing = [k for k in ("tls.crt", "tls.key") if keys is not None and k not in keys]
    message = f"secret '{rule.tls}' has no {' and no '.join(missing)}, so that it is no certificate"
    return [Finding(path, "no-certificate", message)] if missing else []
