"""Passwords of backing services: in a Secret that poscloud makes, or in one that is there already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, StrictBool, Tag

from poscloud.spec.base import DnsName, Model
from poscloud.spec.references import OUTPUTS, Finding
from poscloud.spec.stateful import StatefulSpec

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec

PASSWORD_KEY = "password"
"""Key in the Secret: the password that clients log in with."""


class ExistingSecret(Model):
    """A Secret that poscloud does not make, or makes for the environment's `secrets`."""

    secret: DnsName = Field(description="Name of the Secret, one of the environment's `secrets` or another.")


def _form(value: Any) -> str:
    return "ExistingSecretSpec" if isinstance(value, (dict, ExistingSecret)) else "literal[bool]"


def _no_word(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(
            "a password is not written here, where everybody reads it; write true, and set it as secret configuration"
        )
    return value


Password = Annotated[
    Annotated[StrictBool, Tag("literal[bool]")] | Annotated[ExistingSecret, Tag("ExistingSecretSpec")],
    Discriminator(_form),
    BeforeValidator(_no_word),
]
"""Whether there is one: ``true``, in a Secret with the part's name; or the Secret that has it."""


class WithPassword(StatefulSpec):
    """A backing service that may have a password."""

    password: Password = Field(
        False,
        description="true: clients need a password, key `password` of a Secret with the part's name, from the secret "
        "configuration `poscloud:NAME.password`, which `poscloud up` makes where it is missing; {secret: NAME}: of "
        "that Secret.",
        examples=[True, {"secret": "database"}],
    )

    @property
    def with_password(self) -> bool:
        """Whether its clients need a password."""
        return self.password is not False

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys that the Secret must have."""
        return (PASSWORD_KEY,) if self.with_password else ()

    def offered(self) -> tuple[str, ...]:
        """Return the outputs; with a password the Secret's name as well."""
        return (*OUTPUTS, "secret") if self.with_password else OUTPUTS

    def check_among(self, name: str, environment: EnvironmentSpec) -> Iterator[Finding]:
        """Yield a finding if its Secret is one of the environment's and has not the keys it needs."""
        yield from super().check_among(name, environment)
        if isinstance(self.password, ExistingSecret):
            secret = self.password.secret
            missing = [
                k for k in self.secret_keys if k not in environment.secrets.get(secret, self.secret_keys)
            ]
            if missing:
                message = f"Secret '{secret}' has no key {' and no key '.join(map(repr, missing))}"
                yield Finding(
                    ("password", "secret"), "unknown-reference", message, f"add it to secrets.{secret}"
                )
