"""Which cluster, as whom: the provider's configuration, kubeconfig and credentials."""

from __future__ import annotations

import base64
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from poscloud.errors import PosCloudError
from poscloud.provider.yamltext import documents_of

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
UID = "uid:"
"""Begins a ``clusterIdentifier`` that the cluster is compared with; the rest is the uid of namespace kube-system."""

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
    here = _paths(os.environ.get("KUBECONFIG", ""))
    paths, default = _paths(given) or here, Path("~/.kube/config").expanduser()
    files = [path for path in paths or [default] if path.is_file()]
    if not files and variables.get("clusterIdentifier", "").startswith(UID) and variables.get("context"):
        # The state has a path of the machine that it was last written from. That this machine's context of that name
        # leads to the same cluster is made sure of before anything is written; of an identifier of another form it is
        # not, and without a context it would be whichever is current here.
        files = [path for path in here or [default] if path.is_file()]
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


def _paths(text: str) -> list[Path]:
    return [Path(part).expanduser() for part in text.split(os.pathsep) if part]


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
