"""Whether credentials that a server rejects are simply too old, which the server itself never says."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from contextlib import suppress

from poscloud.provider.config import Access


def rejection(access: Access, reason: str) -> str:
    """The message for credentials that were rejected.

    Args:
        access: The cluster and the user.
        reason: The server's own word, or the credential plugin's.
    """
    why = f" ({found})" if (found := expired(access)) else ""
    user = f"; kubeconfig user {access.user_name}" if access.user_name else ""
    return f"credentials rejected{why} by {access.server}: {reason} ({access.where}){user}"


def expired(access: Access) -> str:
    """``certificate expired 2026-05-01``, or the same of a token; empty when neither is known to be so."""
    now = datetime.datetime.now(datetime.UTC)
    for what, end in (("certificate", _certificate_end(access)), ("token", _token_end(access))):
        if end is not None and end <= now:
            return f"{what} expired {end:%Y-%m-%d}"
    return ""


def _certificate_end(access: Access) -> datetime.datetime | None:
    from cryptography import x509

    with suppress(OSError, ValueError):
        data = access.data("client-certificate", of_user=True)
        return x509.load_pem_x509_certificate(data).not_valid_after_utc if data else None
    return None


def _token_end(access: Access) -> datetime.datetime | None:
    """When a JSON Web Token ends (RFC 7519, ``exp``)."""
    parts = str(access.user.get("token", "")).split(".")
    if len(parts) != 3:
        return None
    with suppress(ValueError, KeyError, TypeError, binascii.Error, OverflowError):
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.datetime.fromtimestamp(float(claims["exp"]), datetime.UTC)
    return None
