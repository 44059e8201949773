"""The configuration files of a node's programs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from poscloud.local import kubeconfig
from poscloud.local.components import Settings
from poscloud.local.paths import private_directory, write_private
from poscloud.local.realnodes.layout import (
    CONTAINERD_SOCKET,
    DNS_SERVER,
    DNS_SERVICE,
    DOMAIN,
    POD_NETWORK,
    REGISTRY,
    NodePlace,
    nodes,
)  # fmt: skip

PAUSE = "poscloud.local/pause:1"
"""What holds a pod's network; under this name the registry serves every image of the set as it is."""

CNI_PLUGINS = "/usr/lib/cni"
"""Where Debian has the network plugins."""


def write(settings: Settings) -> None:
    """Write the files of all nodes, and make the folders that they keep."""
    for node in nodes(settings.paths, settings.real):
        for folder in (
            node.config,
            node.data,
            *(node.data / name for name in ("containerd", "kubelet", "pods")),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            private_directory(folder)
        # Not root alone enters these: containers' users need the way to their volumes and files.
        for name in ("containerd", "kubelet", "pods"):
            (node.data / name).chmod(0o711)
        (node.config / "certs.d" / "_default").mkdir(parents=True, exist_ok=True)
        (node.config / "cni").mkdir(exist_ok=True)
        server = f"https://{settings.address}:{settings.port}"
        for file, user in (
            ("kubelet", f"kubelet-{node.name}"),
            ("kube-proxy", "kube-proxy"),
            ("coredns", "coredns"),
        ):
            kubeconfig.write(node.config / f"{file}.kubeconfig", server=server, pki=settings.pki, user=user)
        for name, content in texts(settings, node).items():
            write_private(node.config / name, content)


def texts(settings: Settings, node: NodePlace) -> dict[str, str]:
    """Every file of a node except the kubeconfigs, by its path in the node's folder."""
    documents = {
        "kubelet.json": _kubelet(settings, node),
        "kube-proxy.json": _kube_proxy(node),
        "cni/10-poscloud.conflist": _network(node),
    }
    return {
        "containerd.toml": _containerd(node),
        "certs.d/_default/hosts.toml": _REGISTRIES,
        "resolv.conf": "",
        "Corefile": _COREFILE.format(
            server=DNS_SERVER, domain=DOMAIN, file=node.config / "coredns.kubeconfig"
        ),
        **{name: json.dumps(document, indent=1) for name, document in documents.items()},
    }


# Every registry there is, and nothing else when this one does not have an image: nothing leaves the sandbox.
_REGISTRIES = f"""server = "http://{REGISTRY}"
[host."http://{REGISTRY}"]
capabilities = ["pull", "resolve"]
"""

# A name outside the cluster does not exist: said at once, so that nobody waits for it.
_COREFILE = """. {{
    bind {server}
    errors
    cache 5
    kubernetes {domain} in-addr.arpa {{
        kubeconfig {file}
        ttl 2
    }}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def _containerd(node: NodePlace) -> str:
    def quoted(value: str | Path) -> str:
        return json.dumps(str(value))

    # Its socket is at the usual place: elsewhere the kubelet's metrics have no names of pods and containers.
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# Lowering a score is refused even to root where CAP_SYS_RESOURCE is missing; no pod would start.
restrict_oom_score_adj = true
# A profile is loaded for the whole machine.
disable_apparmor = true
max_concurrent_downloads = 3
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = {quoted(CNI_PLUGINS)}
conf_dir = {quoted(node.config / "cni")}
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = {quoted(node.config / "certs.d")}
"""


def _network(node: NodePlace) -> dict[str, Any]:
    ranges = {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": node.pods}]],
              "routes": [{"dst": "0.0.0.0/0"}]}  # fmt: skip
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True}
    plugins = [{**bridge, "ipam": ranges}, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return {"cniVersion": "0.4.0", "name": "poscloud", "plugins": plugins}


def _kubelet(settings: Settings, node: NodePlace) -> dict[str, Any]:
    pki = settings.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki.certificate(f"{node.name}-server")),
        "tlsPrivateKeyFile": str(pki.key(f"{node.name}-server")),
        "address": node.address,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        # It otherwise refuses to run on version 1.
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": DOMAIN,
        "resolvConf": str(node.config / "resolv.conf"),
        "volumePluginDir": "/var/lib/kubelet/volumeplugins",
        "systemReserved": reserved(settings.real),
        # The machine's disk and memory are not this node's to clear.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "serializeImagePulls": False,
        "maxParallelImagePulls": 3,
        "nodeStatusUpdateFrequency": "5s",
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
    }


def reserved(count: int) -> dict[str, str]:
    """What each of so many nodes leaves to the others: each believes that it has the whole machine."""
    if count < 2:
        return {}
    processors = (os.cpu_count() or 1) * 1000
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    others = count - 1
    return {"cpu": f"{processors * others // count}m", "memory": f"{memory * others // count}Mi"}


def _kube_proxy(node: NodePlace) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(node.config / "kube-proxy.kubeconfig")},
        "hostnameOverride": node.name,
        "bindAddress": node.address,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clusterCIDR": POD_NETWORK,
        "oomScoreAdj": 0,
        # Zero: leaves the machine's own settings alone.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
