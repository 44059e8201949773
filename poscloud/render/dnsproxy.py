"""The cluster's DNS on a node's port 53: ConfigMap and Deployment in the node's own network."""

from __future__ import annotations

from poscloud.render.container import Container, render_container, tcp_probes, variables
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import CONTAINER_SECURITY, HOST_TIME_MOUNT, field_env
from poscloud.render.service import Application, render_service
from poscloud.render.startscript import CLUSTER_DNS, NODE_ADDRESS, RUN_PATH, SCRIPT, start_script
from poscloud.spec import DnsProxySpec
from poscloud.spec.network import split_address

CONFIG_PATH = "/etc/dns-proxy"
DNS_PORT = 53
COMMANDS = {"dnsmasq": "dnsmasq --keep-in-foreground --conf-file={}", "nginx": "nginx -g 'daemon off;' -c {}"}
TEMP_SPACE = "16Mi"

SECURITY: Manifest = {
    **CONTAINER_SECURITY,
    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
    "readOnlyRootFilesystem": True,
    "runAsUser": 0,
    "runAsGroup": 0,
}
"""Root with that one capability: a capability that Kubernetes adds is lost by every other user, and
``net.ipv4.ip_unprivileged_port_start`` may not be set in the node's own network."""


def render_dns_proxy(context: Context, name: str, spec: DnsProxySpec) -> list[Manifest]:
    """Return the manifests of one DNS proxy, in the order they are made."""
    file = f"{spec.program}.conf"
    target = f"{RUN_PATH}/{file}"
    nginx = spec.program == "nginx"
    script = start_script(
        f"{CONFIG_PATH}/{file}", target, COMMANDS[spec.program].format(target), brackets=nginx
    )
    mounts: list[Manifest] = [
        {"name": "config", "mountPath": CONFIG_PATH},
        {"name": "tmp", "mountPath": RUN_PATH},
    ]
    if spec.host_time:
        mounts.append(dict(HOST_TIME_MOUNT))
    container = Container(
        name=name,
        image=context.backing_image(spec.image, spec.program, spec.version),
        pull_policy=spec.pull_policy,
        resources=spec.resources,
        env=[*variables(context, spec.uses, spec.env, {}), field_env("NODE_ADDRESS", "status.hostIP")],
        command=("sh", f"{CONFIG_PATH}/{SCRIPT}"),
        probes=_probes(spec),
        mounts=tuple(mounts),
    )
    rendered = render_container(container)
    # Named as the node's own ports, so that the scheduler never puts two of them on one node.
    rendered["ports"] = [
        {"name": f"dns-{p.lower()}", "containerPort": spec.port, "hostPort": spec.port, "protocol": p}
        for p in ("TCP", "UDP")
    ]
    rendered["securityContext"] = SECURITY
    application = Application(
        kind="dns-proxy",
        logs_path="",
        config={file: (nginx_conf if nginx else dnsmasq_conf)(spec), SCRIPT: script},
        config_path=CONFIG_PATH,
        volumes=({"name": "tmp", "emptyDir": {"sizeLimit": TEMP_SPACE}},),
        containers=(rendered,),
        pod={"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
    )
    return render_service(context, name, spec, application)


def _probes(spec: DnsProxySpec) -> dict[str, Manifest]:
    """Return the probes, which go to the pod's address, the node's, unless it listens on another one."""
    found = tcp_probes(spec.port, spec.probes)
    if spec.address:
        for probe in found.values():
            probe["tcpSocket"]["host"] = spec.address
    return found


def dnsmasq_conf(spec: DnsProxySpec) -> str:
    """Return the dnsmasq.conf that sends the cluster's names to its DNS and all others elsewhere."""
    address, port = split_address(spec.cluster_dns) if spec.cluster_dns else (CLUSTER_DNS, None)
    cluster = f"{address}#{port}" if port else address
    upstreams = [
        f"{address}#{port}" if port else address for address, port in map(split_address, spec.upstreams)
    ]
    lines = [
        f"port={spec.port}",
        # The node's own address and no other: 127.0.0.53 or a cache on each node may have port 53 of theirs.
        f"listen-address={spec.address or NODE_ADDRESS}",
        "bind-interfaces",
        "user=root",
        "group=",  # none: it may not change groups, and would try even for those it has
        f"pid-file={RUN_PATH}/dnsmasq.pid",
        "log-facility=-",
        "no-hosts",
        "no-resolv",
        f"cache-size={spec.cache}",
        "dns-forward-max=1000",
        *(f"server=/{domain}/{cluster}" for domain in spec.domains),
        *(f"server={upstream}" for upstream in upstreams),
    ]
    return "\n".join(line for line in lines) + "\n"


def nginx_conf(spec: DnsProxySpec) -> str:
    """Return the nginx.conf that passes every query on, over TCP and UDP.

    It does what ingress-nginx makes of ``53: "kube-system/kube-dns:53"`` in its ConfigMaps tcp-services and
    udp-services.
    """
    address, port = split_address(spec.cluster_dns) if spec.cluster_dns else (CLUSTER_DNS, None)
    cluster = f"{_bracketed(address)}:{port or DNS_PORT}"
    listen = f"{_bracketed(spec.address or NODE_ADDRESS)}:{spec.port}"
    return f"""\
user root;
worker_processes 1;
error_log /dev/stderr warn;
pid {RUN_PATH}/nginx.pid;
events {{
    worker_connections 4096;
}}
stream {{
    server {{
        listen {listen};
        proxy_connect_timeout 5s;
        proxy_timeout 30s;
        proxy_pass {cluster};
    }}
    server {{
        listen {listen} udp;
        proxy_responses 1;
        proxy_timeout 10s;
        proxy_pass {cluster};
    }}
}}
"""


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
