"""Passwords of backing services: the Secret that holds one, and how a start script gets at it."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.secrets import render_secret
from poscloud.spec.password import ExistingSecret, WithPassword

QUOTED = r"""# A password in double quotes, as redis.conf and JavaScript take it.
quoted() {
  if [ "$(printf '%s\n' "$1" | wc -l)" -ne 1 ]; then
    echo "poscloud: the password has more than one line" >&2
    exit 1
  fi
  printf '"%s"' "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g')"
}
"""
"""A function for start scripts; standard input, because arguments are seen by all."""


def secret_name(name: str, spec: WithPassword) -> str:
    """Return the name of the Secret with the password of the part ``name``."""
    return spec.password.secret if isinstance(spec.password, ExistingSecret) else name


def own_secret(
    context: Context, name: str, kind: str, spec: WithPassword, *, random: bool = True
) -> list[Manifest]:
    """Return the Secret that poscloud makes for the part ``name``, if it makes one.

    Args:
        context: The environment.
        name: The part's name, and the Secret's.
        kind: For labels.
        spec: The part.
        random: Whether any word will do: the password is for a server that poscloud makes.
    """
    if not spec.with_password or isinstance(spec.password, ExistingSecret):
        return []
    return [render_secret(context, name, context.labels(name, kind), spec.secret_keys, random=random)]
