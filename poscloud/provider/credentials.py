"""Who we are to the API server: what a kubeconfig's user entry says, or its credential plugin."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from poscloud.errors import AuthError
from poscloud.provider.config import Access
from poscloud.provider.hiding import telling

EXEC_TIMEOUT = 60.0
"""Seconds a credential plugin may take."""

Object = dict[str, Any]


class Credentials:
    """Proves who we are: fixed, from a file that is rotated, or from a credential plugin.

    Attributes:
        learn: Gets what is secret in them, so that no message has it.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self.learn: Callable[[Object], None] = lambda _: None
        self._plugin: Object | None = None
        self._lock = asyncio.Lock()

    @property
    def can_refresh(self) -> bool:
        """Whether asking again may give other credentials."""
        return "exec" in self.access.user or "tokenFile" in self.access.user

    def forget(self) -> None:
        """Ask the credential plugin again next time."""
        self._plugin = None

    async def headers(self) -> dict[str, str]:
        """The Authorization header, if there is one."""
        with _understood(self.access):
            return await self._headers()

    async def _headers(self) -> dict[str, str]:
        user = self.access.user
        if "exec" in user:
            token = (await self._ask_plugin()).get("token")
        elif "tokenFile" in user:
            token = (self.access.folder / user["tokenFile"]).read_text().strip()
        else:
            token = user.get("token")
        self.learn({"token": token, "password": user.get("password")})
        if token:
            return {"Authorization": f"Bearer {token}"}
        if "username" in user:
            pair = f"{user['username']}:{user.get('password', '')}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    async def tls(self) -> ssl.SSLContext | None:
        """How to talk TLS to the API server; ``None`` when it is plain HTTP."""
        if not self.access.server.startswith("https:"):
            return None
        with _understood(self.access):
            return await self._tls()

    async def _tls(self) -> ssl.SSLContext:
        cluster, user = self.access.cluster, self.access.user
        authority = self.access.data("certificate-authority")
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate = self.access.data("client-certificate", of_user=True)
        key = self.access.data("client-key", of_user=True)
        if "exec" in user and (given := await self._ask_plugin()).get("clientCertificateData"):
            certificate, key = given["clientCertificateData"].encode(), given["clientKeyData"].encode()
        if certificate and key:
            with _as_file(certificate + b"\n" + key) as name:
                context.load_cert_chain(name)
        return context

    async def _ask_plugin(self) -> Object:
        async with self._lock:
            if self._plugin is None:
                self._plugin = await self._run_plugin(self.access.user["exec"])
            return self._plugin

    async def _run_plugin(self, spec: Object) -> Object:
        if not isinstance(spec, dict) or not spec.get("command"):
            raise AuthError(f"the credential plugin has no command ({self.access.where})")
        command = str(spec["command"])
        if os.sep in command:
            command = str(self.access.folder / command)
        info: Object = {"apiVersion": spec.get("apiVersion"), "kind": "ExecCredential"}
        info["spec"] = {"interactive": False}
        if spec.get("provideClusterInfo"):
            info["spec"]["cluster"] = {"server": self.access.server}
        try:
            extra = {item["name"]: item["value"] for item in spec.get("env") or []}
            self.learn({name: value for name, value in extra.items() if telling(name)})
            process = await asyncio.create_subprocess_exec(
                command,
                *map(str, spec.get("args") or []),
                env={**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(EXEC_TIMEOUT):
                out, err = await process.communicate()
            if process.returncode == 0:
                status = dict(json.loads(out)["status"])
                self.learn({key: status.get(key) for key in ("token", "clientKeyData")})
                return status
            reason = err.decode(errors="replace").strip()[-500:] or f"exit code {process.returncode}"
        except (OSError, TimeoutError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
        hint = str(spec.get("installHint") or "run the command by hand to see what it says")
        raise AuthError(f"credential plugin {command} failed ({self.access.where}): {reason}", hint=hint)


@contextmanager
def _understood(access: Access) -> Iterator[None]:
    """Name the kubeconfig where an entry of it, or what its credential plugin gave, is not of the type it has to be.

    Raises:
        AuthError: It is so; nothing of the entry is quoted.
    """
    try:
        yield
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        message = f"the credentials are not as a kubeconfig has them ({access.where}): {type(error).__name__}"
        raise AuthError(message, hint="kubectl get namespace kube-system") from None


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A name under which the ssl module, which reads files only, finds a private key; in memory where that is possible.

    A file on disk would stay if this process were killed now.
    """
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
        return
    descriptor = os.memfd_create("client")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
