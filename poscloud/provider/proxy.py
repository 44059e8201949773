"""Which proxy leads to an API server."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from poscloud.provider.config import Access


def proxy_of(access: Access) -> str:
    """Return the address of the proxy that leads to a server; empty without one.

    That of the kubeconfig, else that of the environment; none leads to this machine itself.
    """
    if given := access.cluster.get("proxy-url"):
        return str(given)
    url = urlsplit(access.server)
    host = url.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host):
        return ""
    return getproxies().get(url.scheme, "")
