"""The passphrase that a stack's secrets are encrypted with: whether it is the right one.

The engine keeps a word encrypted with it, the *salt*, in Pulumi.STACK.yaml and in the state, as
``v1:SALT:v1:NONCE:CIPHERTEXT``: PBKDF2 with SHA-256, a million rounds, then AES-256-GCM
(pulumi/pkg, secrets/passphrase/manager.go).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml

from poscloud.errors import AuthError
from poscloud.local.paths import ProjectPaths

ROUNDS = 1_000_000
WORD = b"pulumi"
"""What the salt's ciphertext says."""

VARIABLE = "PULUMI_CONFIG_PASSPHRASE"


_SALT = re.compile(r"v1:[A-Za-z0-9+/]{11}=:v1:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")
"""A salt, wherever it stands; it has eight bytes, and a value that was encrypted no part of that length."""


@cache
def opens(passphrase: str, salt: str) -> bool:
    """Whether a passphrase is the one that a salt was made with; takes a third of a second of processor time."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        _, seed, _, nonce, ciphertext = salt.split(":")
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), base64.b64decode(seed), ROUNDS, 32)
        return AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(ciphertext), None) == WORD
    except (ValueError, InvalidTag):
        return False


def given(environment: Mapping[str, str]) -> str | None:
    """Return the passphrase that the engine would use; ``None`` where there is none to read.

    Args:
        environment: The engine's environment variables.
    """
    if VARIABLE in environment:
        return environment[VARIABLE]
    try:
        return Path(environment[f"{VARIABLE}_FILE"]).read_text(encoding="utf-8").strip()
    except (KeyError, OSError, ValueError):
        return None


def salt_of(file: Path) -> str:
    """Return the salt in a Pulumi.STACK.yaml; empty where there is none or the file cannot be read."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return str(document.get("encryptionsalt") or "") if isinstance(document, dict) else ""


def salts_in(file: Path) -> Iterator[str]:
    """Yield every salt in a file of the state or of configuration, once."""
    yield from dict.fromkeys(_SALT.findall(file.read_text(encoding="utf-8", errors="replace")))


def check_passphrase(root: Path, stack: str, environment: Mapping[str, str]) -> None:
    """Make sure that a stack's secrets can be opened.

    Asked for only after the engine has failed: it looks itself before it does anything, and asking takes time.

    Args:
        root: The project's folder.
        stack: The stack; its secrets may be encrypted in another way, which is not checked.
        environment: The engine's environment variables.

    Raises:
        AuthError: The passphrase is another one's, or there is none.
    """
    salt = salt_of(root / f"Pulumi.{stack}.yaml")
    if not salt:
        return
    passphrase = given(environment)
    if passphrase is not None and opens(passphrase, salt):
        return
    hint = f"nothing was changed; Pulumi.{stack}.yaml was made with another one than {_source(environment)} holds"
    if journal(root).exists():
        hint = (
            "its rotation was cut short; finish it: poscloud passphrase rotate\n"
            f"  until then, a stack that has the new one opens with {VARIABLE}_FILE={journal(root) / 'new'}"
        )
    raise AuthError(f"wrong passphrase for stack {stack} ({VARIABLE} or …_FILE)", hint=hint)


def journal(root: Path) -> Path:
    """Return the folder that is there while the passphrase is rotated."""
    return ProjectPaths(root).owned / "rotation"


def _source(environment: Mapping[str, str]) -> str:
    """Return where the passphrase comes from."""
    return VARIABLE if VARIABLE in environment else environment.get(f"{VARIABLE}_FILE", f"{VARIABLE}_FILE")
