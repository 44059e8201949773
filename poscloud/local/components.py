"""The programs of the control plane and how each is called.

Everything listens on 127.0.0.1 only; the controller-manager and the scheduler do not listen at all.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poscloud.local import kubeconfig, simulated_exec
from poscloud.local.certificates import Pki, node_address
from poscloud.local.paths import ProjectPaths, write_private
from poscloud.local.ports import LOOPBACK

SERVICE_CIDR = "10.96.0.0/16"
POD_CIDR = "10.244.0.0/16"
FAKE_NODE = "kwok.x-k8s.io/node=fake"

# 20 requests a second, the default, makes the controllers the slowest part of any test cluster.
CLIENT_QPS, CLIENT_BURST = 1000, 2000
CONCURRENT = (
    "daemonset", "deployment", "endpoint", "ephemeralvolume", "gc", "horizontal-pod-autoscaler", "job",
    "cron-job", "namespace", "replicaset", "resource-quota", "service-endpoint", "serviceaccount-token",
    "statefulset", "ttl-after-finished",
)  # fmt: skip

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [{"level": "Metadata"}],
}

# In the format of the container runtimes: time, stream, whole line or part of one.
SIMULATED_LOG = (
    "2026-01-01T00:00:00.0Z stdout F This container is simulated (kwok): it runs nothing and logs nothing.\n"
)


@dataclass(frozen=True)
class Settings:
    """What the command lines depend on.

    Attributes:
        paths: The checkout.
        bin: Folder of the programs.
        port: The API server's port.
        etcd_port: etcd's port.
        kubelet_port: Where the simulated nodes answer as their kubelets would.
        exec_folder: Where commands in simulated containers run; empty: they do not.
        real: How many nodes with real containers there are; everything then runs in their sandboxes.
        fleet: How many simulated nodes stand beside those.
    """

    paths: ProjectPaths
    bin: Path
    port: int
    etcd_port: int
    kubelet_port: int = 0
    exec_folder: str = ""
    real: int = 0
    fleet: int = 0

    @property
    def pki(self) -> Pki:
        """The cluster's certificates."""
        return Pki(self.paths.cluster / "pki", self.real)

    @property
    def address(self) -> str:
        """Where nodes and pods find the API server."""
        return node_address(1) if self.real else LOOPBACK

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{LOOPBACK}:{self.port}"

    def file(self, name: str) -> Path:
        """A configuration file of the cluster."""
        return self.paths.cluster / "config" / name


@dataclass(frozen=True)
class Component:
    """One program of the control plane.

    Attributes:
        name: The program's name, also that of its log.
        arguments: Makes its arguments.
        garbage: Go's GOGC: lower needs less memory and more processor time.
        grace: Seconds to end by itself before it is killed.
    """

    name: str
    arguments: Callable[[Settings], list[str]]
    garbage: int
    grace: float

    def command(self, settings: Settings) -> list[str]:
        """The whole command line."""
        return [str(settings.bin / self.name), *self.arguments(settings)]

    def environment(self, settings: Settings) -> dict[str, str]:
        """A small environment of its own: nothing of the user's leaks in, least of all a proxy."""
        return {
            "PATH": os.defpath,
            # kwok reads settings from the home folder; ours must not be mixed with the user's.
            "HOME": str(settings.paths.cluster / "run"),
            "GOGC": str(self.garbage),
        }

    def digest(self, settings: Settings) -> str:
        """Changes when the component must be restarted to be what it should be."""
        program = os.path.realpath(settings.bin / self.name)
        # Their kubeconfig files hold the server's address; only etcd has none.
        server = "" if self.name == "etcd" else settings.server
        command, certificates = self.command(settings), settings.pki.fingerprint()
        seen = json.dumps([program, command, self.environment(settings), certificates, server])
        return hashlib.sha256(seen.encode()).hexdigest()[:16]


def _etcd(s: Settings) -> list[str]:
    pki, client = s.pki, f"https://{LOOPBACK}:{s.etcd_port}"
    # Port 0: there is no second member that would have to find this one.
    peer = f"https://{LOOPBACK}:0"
    return [
        "--name=poscloud",
        f"--data-dir={s.paths.cluster / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=poscloud={peer}",
        f"--trusted-ca-file={pki.certificate('etcd-ca')}",
        f"--cert-file={pki.certificate('etcd')}",
        f"--key-file={pki.key('etcd')}",
        "--client-cert-auth",
        f"--peer-trusted-ca-file={pki.certificate('etcd-ca')}",
        f"--peer-cert-file={pki.certificate('etcd')}",
        f"--peer-key-file={pki.key('etcd')}",
        "--peer-client-cert-auth",
        # A crash of the machine may lose the last writes of this test cluster; a crash of etcd does not.
        "--unsafe-no-fsync",
        "--snapshot-count=5000",
        "--auto-compaction-mode=revision",
        "--auto-compaction-retention=5000",
        "--log-level=warn",
    ]


# A loopback address is not allowed in the "kubernetes" Endpoints, and simulated pods do not need them.
_NO_ENDPOINTS = ("--endpoint-reconciler-type=none",)


def _to_kubelets(s: Settings) -> list[str]:
    """How the API server shows kubelets who it is."""
    return [
        f"--kubelet-client-certificate={s.pki.certificate('apiserver-kubelet')}",
        f"--kubelet-client-key={s.pki.key('apiserver-kubelet')}",
    ]


def _apiserver(s: Settings) -> list[str]:
    pki = s.pki
    return [
        # A sandbox has a network of its own; of it, only this port leads to 127.0.0.1 of this machine.
        f"--bind-address={'0.0.0.0' if s.real else LOOPBACK}",
        f"--advertise-address={s.address}",
        *(_to_kubelets(s) if s.real else _NO_ENDPOINTS),
        f"--external-hostname={LOOPBACK}",
        f"--secure-port={s.port}",
        f"--etcd-servers=https://{LOOPBACK}:{s.etcd_port}",
        f"--etcd-cafile={pki.certificate('etcd-ca')}",
        f"--etcd-certfile={pki.certificate('etcd-client')}",
        f"--etcd-keyfile={pki.key('etcd-client')}",
        f"--client-ca-file={pki.certificate('ca')}",
        f"--tls-cert-file={pki.certificate('apiserver')}",
        f"--tls-private-key-file={pki.key('apiserver')}",
        # For logs. A simulated node's name leads nowhere.
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki.certificate('ca')}",
        f"--service-account-key-file={pki.service_account_key}",
        f"--service-account-signing-key-file={pki.service_account_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--anonymous-auth=false",
        "--allow-privileged=true",
        "--profiling=false",
        "--shutdown-delay-duration=0s",
        f"--audit-policy-file={s.file('audit-policy.json')}",
        f"--audit-log-path={s.paths.cluster / 'logs' / 'audit.log'}",
        "--audit-log-maxsize=50",
        "--audit-log-maxbackup=2",
    ]


def _controller_manager(s: Settings) -> list[str]:
    pki = s.pki
    return [
        f"--kubeconfig={s.file('kube-controller-manager.kubeconfig')}",
        "--secure-port=0",
        "--leader-elect=false",
        "--profiling=false",
        f"--root-ca-file={pki.certificate('ca')}",
        f"--service-account-private-key-file={pki.service_account_key}",
        f"--cluster-signing-cert-file={pki.certificate('ca')}",
        f"--cluster-signing-key-file={pki.key('ca')}",
        f"--cluster-cidr={POD_CIDR}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        # What belongs to a cloud or to address ranges of real nodes has nothing to do here.
        "--controllers=*,-node-ipam-controller,-node-route-controller,-service-lb-controller,"
        "-cloud-node-lifecycle-controller",
        "--enable-hostpath-provisioner=true",
        "--namespace-sync-period=2s",
        "--pvclaimbinder-sync-period=5s",
        f"--kube-api-qps={CLIENT_QPS}",
        f"--kube-api-burst={CLIENT_BURST}",
        *(f"--concurrent-{name}-syncs=50" for name in CONCURRENT),
    ]


def _scheduler(s: Settings) -> list[str]:
    return [f"--config={s.file('kube-scheduler.json')}", "--secure-port=0"]


def _kwok(s: Settings) -> list[str]:
    return [
        f"--kubeconfig={s.file('kwok.kubeconfig')}",
        f"--config={s.file('kwok-stages.yaml')}",
        *([f"--config={s.file('kwok-exec.yaml')}"] if s.exec_folder else []),
        # Only nodes that ask for it: real ones may stand beside them.
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={FAKE_NODE}",
        "--node-lease-duration-seconds=40",
        f"--node-ip={LOOPBACK}",
        f"--node-port={s.kubelet_port}",
        f"--server-address={LOOPBACK}:{s.kubelet_port}",
        f"--tls-cert-file={s.pki.certificate('kubelet')}",
        f"--tls-private-key-file={s.pki.key('kubelet')}",
        f"--cidr={POD_CIDR}",
        # It would write a line for each renewed lease.
        "--v=WARN",
    ]


# In the order of starting; stopping goes the other way. Collecting garbage twice as often as usual costs a start
# nothing that could be measured, and saves 40 MB at rest and 110 MB with 200 pods.
COMPONENTS = (
    Component("etcd", _etcd, garbage=50, grace=1.0),
    Component("kube-apiserver", _apiserver, garbage=50, grace=2.0),
    Component("kube-controller-manager", _controller_manager, garbage=50, grace=1.0),
    Component("kube-scheduler", _scheduler, garbage=50, grace=1.0),
    Component("kwok", _kwok, garbage=50, grace=1.0),
)


def component(name: str) -> Component | None:
    """The component of that name."""
    return next((entry for entry in COMPONENTS if entry.name == name), None)


def write_configuration(settings: Settings) -> None:
    """Write every file the command lines refer to, and the kubeconfigs of the user and the administrator."""
    write_private(settings.file("audit-policy.json"), json.dumps(AUDIT_POLICY))
    write_private(settings.file("kube-scheduler.json"), json.dumps(_scheduler_configuration(settings)))
    # A copy, so that the running simulator does not depend on where this package is installed.
    simulation = Path(__file__).with_name("kwok_stages.yaml").read_text()
    for word, value in (
        ("KUBELET_PORT", settings.kubelet_port),
        ("LOG_FILE", settings.file("simulated.log")),
    ):
        simulation = simulation.replace(word, str(value))
    write_private(settings.file("kwok-stages.yaml"), simulation)
    write_private(settings.file("simulated.log"), SIMULATED_LOG)
    if settings.exec_folder:
        text = json.dumps(simulated_exec.configuration(settings.exec_folder))
        write_private(settings.file("kwok-exec.yaml"), text)
    files = {f"{name}.kubeconfig": name for name in ("kube-controller-manager", "kube-scheduler", "kwok")}
    for file, user in {**files, settings.paths.admin_kubeconfig.name: "admin"}.items():
        kubeconfig.write(settings.file(file), server=settings.server, pki=settings.pki, user=user)
    kubeconfig.write(settings.paths.kubeconfig, server=settings.server, pki=settings.pki, user="user")


def _scheduler_configuration(settings: Settings) -> dict[str, object]:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(settings.file("kube-scheduler.kubeconfig")),
            "qps": CLIENT_QPS,
            "burst": CLIENT_BURST,
        },
        "leaderElection": {"leaderElect": False},
        "enableProfiling": False,
        # A pod that waits for its volume is looked at again soon.
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 2,
    }
