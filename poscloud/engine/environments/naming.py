"""From any branch's name to a name an environment may have."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from poscloud.load import known_stacks
from poscloud.spec.base import NAME_PATTERN

MAX_LENGTH = 40
"""Characters: what is derived from it, as a host ``NAME.shop.example.com``, has to stay within 63 a label."""

DIGEST = 6
"""Characters of the digest that tells names apart which would be the same one otherwise."""


def environment_name(wanted: str) -> str:
    """Return a valid, readable name for an environment; another one for every other ``wanted``.

    A name that is valid already stays as it is. Anything else becomes lower-case words with ``-``, and a digest of the
    whole behind: ``feature/PAY-12`` is ``feature-pay-12-`` and six characters.

    Raises:
        ValueError: There is not a single character to make a name of.
    """
    if not wanted.strip():
        raise ValueError("an environment needs a name")
    if len(wanted) <= MAX_LENGTH and NAME_PATTERN.fullmatch(wanted):
        return wanted
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:DIGEST]
    words = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")
    readable = re.sub(r"^(?=[0-9]|$)", "e-", words)[: MAX_LENGTH - DIGEST - 1].strip("-")
    return f"{readable}-{digest}"


def known_name(root: Path, wanted: str) -> str:
    """Return the name of the environment that ``env create`` made of any text."""
    return wanted if wanted in known_stacks(root) else environment_name(wanted)
