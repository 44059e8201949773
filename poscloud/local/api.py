"""A very small client for the local API server: a few requests at start, nothing more.

Standard library only, because starting a cluster must not pay for an HTTP library.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any

from poscloud.errors import DeployError
from poscloud.local.certificates import Pki
from poscloud.local.ports import LOOPBACK


class LocalApi:
    """A connection to the local API server, the administrator's by default; one request at a time.

    Args:
        port: The API server's port on 127.0.0.1.
        pki: Holds the certificate.
        user: Whose certificate: ``admin`` or ``user``.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, port: int, pki: Pki, *, user: str = "admin", timeout: float = 5.0) -> None:
        self._port = port
        self._timeout = timeout
        self._context = ssl.create_default_context(cafile=str(pki.certificate("ca")))
        self._context.load_cert_chain(pki.certificate(user), pki.key(user))
        self._connection: http.client.HTTPSConnection | None = None

    def request(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> tuple[int, bytes]:
        """Send a request; an ``OSError`` means the server cannot be reached."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                LOOPBACK, self._port, timeout=self._timeout, context=self._context
            )
        headers = {"Accept": "application/json"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = content
        try:
            self._connection.request(method, path, payload, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise error if isinstance(error, OSError) else ConnectionError(str(error)) from error

    def ready(self, path: str = "/readyz") -> bool:
        """Whether the server answers and says that it is ready."""
        try:
            return self.request("GET", path)[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> dict[str, Any] | None:
        """An object or list; ``None`` when there is none."""
        status, body = self.request("GET", path)
        if status == 404:
            return None
        return self._decode("GET", path, status, body)

    def create(self, path: str, manifest: dict[str, Any]) -> bool:
        """Create an object; ``False`` when it exists already."""
        status, body = self.request("POST", path, manifest)
        if status == 409:
            return False
        self._decode("POST", path, status, body)
        return True

    def replace(self, path: str, manifest: dict[str, Any]) -> None:
        """Write an object that exists, whatever it was."""
        status, body = self.request("PUT", path, manifest)
        self._decode("PUT", path, status, body)

    def merge(self, path: str, changes: dict[str, Any]) -> None:
        """Change some fields of an object that exists."""
        status, body = self.request("PATCH", path, changes, "application/merge-patch+json")
        self._decode("PATCH", path, status, body)

    def delete(self, path: str) -> bool:
        """Delete an object; ``False`` when there is none."""
        status, body = self.request("DELETE", path)
        if status == 404:
            return False
        self._decode("DELETE", path, status, body)
        return True

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _decode(self, method: str, path: str, status: int, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {"message": body.decode(errors="replace")[:500]}
        if status >= 400:
            raise DeployError(
                f"the local API server refused {method} {path}: {status} {answer.get('message', '')}",
                hint="poscloud cluster logs kube-apiserver",
            )
        return dict(answer)
