"""What to ask when RBAC does not allow something."""

from __future__ import annotations

import re

_CANNOT = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"'
    r'( in API group "(?P<group>[^"]*)")?( in the namespace "(?P<namespace>[^"]+)")?'
)


def permission_hint(message: str) -> str:
    """Return the command that shows, and whoever may grant it can check, what is not allowed; RBAC only."""
    found = _CANNOT.search(message)
    if found is None:
        return ""
    resource = f"{found['resource']}.{found['group']}" if found["group"] else found["resource"]
    where = f" -n {found['namespace']}" if found["namespace"] else ""
    return f"whoever may grant it can check: kubectl auth can-i {found['verb']} {resource}{where} --as={found['user']}"
