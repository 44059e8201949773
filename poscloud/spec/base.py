"""What every spec has in common, the names Kubernetes allows, and values of Secrets."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

NAME_PATTERN = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
"""RFC 1035 label: what a Kubernetes Service name has to be, and so every name a user gives here."""

MAX_NAME = 63
"""Longest RFC 1035 label in characters; also the longest label value."""

MAX_DNS_NAME = 253
"""Longest RFC 1123 subdomain in characters."""

MAX_STATEFUL_NAME = 52
"""A StatefulSet's pods carry the label ``controller-revision-hash`` = name + ``-`` + 10 characters."""

CHOSEN_KEYS = frozenset(
    "access alert_labels annotations backing config containers dashboard_labels env fields headers labels locations "
    "mounts node_pools node_selector paths ports priority_classes quota repositories rule_labels secrets services "
    "storage_classes teams topics volumes webapps".split()
)
"""Fields that are maps whose keys the writer chooses: in them null removes a key that was inherited."""


class Model(BaseModel):
    """Base of all specs: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, defer_build=True)


def check_name(name: str) -> str:
    """Return ``name`` if it is an RFC 1035 label of at most 63 characters, else raise ``ValueError``."""
    if len(name) > MAX_NAME:
        raise ValueError(f"'{name}' has {len(name)} characters, at most {MAX_NAME} are allowed")
    if not NAME_PATTERN.fullmatch(name):
        raise ValueError(
            f"'{name}' is not a DNS name: lower-case letters, digits and '-', "
            "beginning with a letter and ending with a letter or digit"
        )
    return name


def check_stateful_name(name: str) -> str:
    """Return ``name`` if a StatefulSet may carry it, else raise ``ValueError``."""
    if len(name) > MAX_STATEFUL_NAME:
        raise ValueError(
            f"'{name}' has {len(name)} characters; a stateful set may have at most {MAX_STATEFUL_NAME}, "
            "because its pods carry the name with a suffix of 11 in a label"
        )
    return check_name(name)


def check_dns_name(name: str) -> str:
    """Return ``name`` if it is an RFC 1123 subdomain, what most objects may be called, else raise ``ValueError``."""
    label = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    if len(name) > MAX_DNS_NAME or not re.fullmatch(rf"{label}(\.{label})*", name):
        raise ValueError(
            f"'{name}' is not a DNS name: at most {MAX_DNS_NAME} lower-case letters, digits, '-' and '.', "
            "each part beginning and ending with a letter or digit"
        )
    return name


def check_env_name(name: str) -> str:
    """Return ``name`` if a container's environment variable may carry it, else raise ``ValueError``."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
        raise ValueError(f"'{name}' is not an environment variable: letters, digits, '_', '.' and '-'")
    return name


Name = Annotated[str, AfterValidator(check_name)]
DnsName = Annotated[str, AfterValidator(check_dns_name)]
StatefulName = Annotated[str, AfterValidator(check_stateful_name)]
EnvName = Annotated[str, AfterValidator(check_env_name)]
MountPath = Annotated[str, StringConstraints(pattern=r"^/[^:]*[^:/]$")]
"""An absolute path in a container, not its root."""

SecretKeyName = Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]{1,253}$")]


class SecretKey(Model):
    """A value of a Secret, which a container gets without anybody reading it elsewhere."""

    secret: DnsName = Field(description="Name of the Secret, one of the environment's `secrets` or another.")
    key: SecretKeyName = Field(description="Key in the Secret.")


def _no_text(value: object) -> object:
    if isinstance(value, str):
        raise ValueError("what is secret stands in no description; use {secret: NAME, key: KEY}")
    return value


OnlySecretKey = Annotated[SecretKey, BeforeValidator(_no_text)]
"""A value of a Secret; where it is given as text, the message does not repeat it."""
