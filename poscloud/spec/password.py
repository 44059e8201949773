"""Passwords of backing services: a Secret that poscloud makes, or one that is there already."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, StrictBool, Tag

from poscloud.spec.base import DnsName, Model


class ExistingSecret(Model):
    """A Secret that poscloud does not make, or makes for the environment's `secrets`."""

    secret: DnsName = Field(description="Name of the Secret, one of the environment's `secrets` or another.")


def _form(value: Any) -> str:
    return "ExistingSecretSpec" if isinstance(value, (dict, ExistingSecret)) else "literal[bool]"


Password = Annotated[
    Annotated[StrictBool, Tag("literal[bool]")] | Annotated[ExistingSecret, Tag("ExistingSecretSpec")],
    Discriminator(_form),
]
"""Whether there is one: ``true``, in a Secret with the part's name; or the Secret that has it."""
