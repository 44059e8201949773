"""Which cluster, as whom: the provider's configuration, kubeconfig and credentials."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shlex
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from poscloud.errors import AuthError, PosCloudError
from poscloud.provider.hiding import telling
from poscloud.provider.yamltext import documents_of

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_TIMEOUT = 60.0
AS_TEXT = "(given as text)"
"""Stands where a kubeconfig's file would."""

Object = dict[str, Any]


@dataclass(frozen=True)
class Access:
    """One cluster and one user, as a kubeconfig names them.

    Attributes:
        server: Address of the API server.
        source: Where this comes from, for messages.
        context: The kubeconfig context's name.
        namespace: Where namespaced objects go that name none.
        cluster: The kubeconfig's ``cluster`` entry, with files read into ``…-data``.
        user: Its ``user`` entry.
        folder: Relative paths in it are relative to this folder.
        user_name: What the kubeconfig calls that user.
    """

    server: str
    source: str
    context: str = ""
    namespace: str = "default"
    cluster: Object = field(default_factory=dict, repr=False)
    user: Object = field(default_factory=dict, repr=False)
    folder: Path = Path()
    user_name: str = ""

    @property
    def where(self) -> str:
        """The part of a message that says which cluster was meant."""
        return f"kubeconfig {self.source}, context {self.context}" if self.context else self.source

    @property
    def kubectl(self) -> str:
        """How a suggested command has to begin, so that it goes to this cluster from any shell."""
        return kubectl_to(self.source if self.context else "", self.context)

    @property
    def identity(self) -> tuple[Any, ...]:
        """Differs when the cluster differs; credentials do not count."""
        keys = ("server", "certificate-authority", "certificate-authority-data", "tls-server-name")
        return tuple(self.cluster.get(key) for key in keys)

    def data(self, key: str, *, of_user: bool = False) -> bytes | None:
        """What an entry holds: given as ``KEY-data``, or in the file that ``KEY`` names."""
        entry = self.user if of_user else self.cluster
        if inline := entry.get(f"{key}-data"):
            return base64.b64decode(inline)
        return (self.folder / entry[key]).read_bytes() if entry.get(key) else None


def kubectl_to(kubeconfig: str, context: str) -> str:
    """``kubectl`` with the options that lead it to one cluster, quoted for a shell.

    Args:
        kubeconfig: The file, or several with ``os.pathsep`` between them, of which kubectl's option takes only one.
            The default is not named, as a shell that has KUBECONFIG set for another one has another context, too.
        context: Its context; empty for the one a pod is in.
    """
    files = [str(Path(f).absolute()) for f in kubeconfig.split(os.pathsep) if f and f != AS_TEXT]
    words = ["kubectl", *([f"--context={context}"] if context else [])]
    if len(files) > 1:
        return f"KUBECONFIG={shlex.quote(os.pathsep.join(files))} {shlex.join(words)}"
    words[1:1] = [
        f"--kubeconfig={file}" for file in files if file != str(Path("~/.kube/config").expanduser())
    ]
    return shlex.join(words)


def load(variables: Mapping[str, str]) -> Access:
    """Find the cluster by the provider's configuration, the environment, ``~/.kube/config`` or the pod.

    Args:
        variables: The provider's configuration: ``kubeconfig``, ``context``, ``cluster``, ``namespace``.

    Raises:
        PosCloudError: There is no usable kubeconfig.
    """
    given = variables.get("kubeconfig", "")
    if "\n" in given or given.lstrip().startswith("{"):
        return _choose(_parse(given, AS_TEXT), variables, AS_TEXT, Path())
    paths = [Path(p).expanduser() for p in (given or os.environ.get("KUBECONFIG", "")).split(os.pathsep) if p]
    default = Path("~/.kube/config").expanduser()
    files = [path for path in paths or [default] if path.is_file()]
    if files:
        source = os.pathsep.join(map(str, files))
        return _choose(_merge(files), variables, source, files[0].absolute().parent)
    if paths:
        raise PosCloudError(
            f"kubeconfig {paths[0]} does not exist", hint="set KUBECONFIG to an existing file"
        )
    if "KUBERNETES_SERVICE_HOST" in os.environ and SERVICE_ACCOUNT.is_dir():
        return _in_cluster(variables)
    raise PosCloudError(f"no kubeconfig: {default} does not exist and KUBECONFIG is not set")


def _parse(text: str, source: str) -> Object:
    documents = documents_of(
        text, f"kubeconfig {source}"
    )  # whose errors quote nothing, as it holds credentials
    document = documents[0] if len(documents) == 1 else None
    if not isinstance(document, dict):
        raise PosCloudError(f"kubeconfig {source} is not a kubeconfig: expected a map")
    return document


def _merge(files: list[Path]) -> Object:
    merged: Object = {}
    for file in files:
        try:
            document = _parse(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise PosCloudError(f"kubeconfig {file} cannot be read: {type(error).__name__}") from None
        for key in ("clusters", "users", "contexts"):
            merged.setdefault(key, []).extend(_entries(document, key, str(file)))
        merged.setdefault("current-context", document.get("current-context"))
    return merged


def _named(document: Object, kind: str, name: str, source: str) -> Object:
    entries = _entries(document, f"{kind}s", source)
    for entry in entries:
        if entry.get("name") == name:
            found = entry.get(kind) or {}
            if not isinstance(found, dict):
                raise PosCloudError(f"kubeconfig {source}: {kind} {name!r} is no map")
            return found
    known = ", ".join(sorted(str(entry.get("name")) for entry in entries)) or "none"
    raise PosCloudError(f"kubeconfig {source} has no {kind} {name!r}; it has: {known}")


def _entries(document: Object, key: str, source: str) -> list[Object]:
    entries = document.get(key) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise PosCloudError(f"kubeconfig {source}: {key} is no list of maps")
    return entries


def _check_server(server: str, source: str) -> None:
    """Refuse an address that is none.

    Raises:
        PosCloudError: Nobody could be asked there.
    """
    try:
        url = urlsplit(server)
        known = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        known = False
    if not known or not server.isascii() or not server.isprintable() or " " in server:
        raise PosCloudError(f"kubeconfig {source}: server {server!r} is no address such as https://HOST:6443")


def _choose(document: Object, variables: Mapping[str, str], source: str, folder: Path) -> Access:
    context_name = str(variables.get("context") or document.get("current-context") or "")
    if not context_name:
        raise PosCloudError(
            f"kubeconfig {source} has no current-context", hint="kubectl config use-context NAME"
        )
    context = _named(document, "context", context_name, source)
    cluster = _named(document, "cluster", variables.get("cluster") or context.get("cluster", ""), source)
    user = _named(document, "user", context["user"], source) if context.get("user") else {}
    server = str(cluster.get("server", "")).rstrip("/")
    _check_server(server, source)
    return Access(
        server=server,
        source=source,
        context=context_name,
        namespace=str(variables.get("namespace") or context.get("namespace") or "default"),
        cluster=cluster,
        user=user,
        folder=folder,
        user_name=str(context.get("user") or ""),
    )


def _in_cluster(variables: Mapping[str, str]) -> Access:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    own = (SERVICE_ACCOUNT / "namespace").read_text().strip()
    return Access(
        server=server,
        source="in-cluster service account",
        namespace=variables.get("namespace") or own,
        cluster={"server": server, "certificate-authority": str(SERVICE_ACCOUNT / "ca.crt")},
        user={"tokenFile": str(SERVICE_ACCOUNT / "token")},
    )


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
