"""An nginx in front of services: ConfigMap with its locations, Service, Deployment."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from poscloud.render import names
from poscloud.render.container import Container, render_container, tcp_probes, variables
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import HOST_TIME_MOUNT
from poscloud.render.service import Application, render_service
from poscloud.render.startscript import CLUSTER_DNS, RUN_PATH, SCRIPT, start_script
from poscloud.spec import NginxGatewaySpec
from poscloud.spec.locations import Location, Match, parse_match, parse_target
from poscloud.spec.network import split_address
from poscloud.spec.service import Rollout
from poscloud.spec.values import parse_quantity

PROGRAM = "nginx"
CONFIG_PATH = "/etc/nginx/poscloud"
PORT = 8080
USER = 101
"""User and group ``nginx`` of the usual images; any other but root works as well."""

DRAIN_SECONDS = 5
"""For so long a pod that is to stop still answers, because the nodes hear of it a little later."""

STOP_SECONDS = 10
"""What a stop takes beside the longest answer."""

HEADERS = {
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-For": "$proxy_add_x_forwarded_for",
    "X-Forwarded-Proto": "$scheme",
}
"""Request headers that every target gets."""

_LOG_FORMAT = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" "$http_x_forwarded_for" backend=$backend time=$request_time'
)
_PLAIN = re.compile(r"[-A-Za-z0-9_./~^*=:]+")


def render_nginx(context: Context, name: str, spec: NginxGatewaySpec) -> list[Manifest]:
    """Return the manifests of one gateway, in the order they are made."""
    spec = _without_gap(spec)
    config, command = {"nginx.conf": nginx_conf(context, spec)}, f"{PROGRAM} -g 'daemon off;' -c"
    if spec.resolver:
        start: tuple[str, ...] = (PROGRAM, "-g", "daemon off;", "-c", f"{CONFIG_PATH}/nginx.conf")
    else:
        target = f"{RUN_PATH}/nginx.conf"
        script = start_script(f"{CONFIG_PATH}/nginx.conf", target, f"{command} {target}", brackets=True)
        config[SCRIPT] = script
        start = ("sh", f"{CONFIG_PATH}/{SCRIPT}")
    mounts: list[Manifest] = [
        {"name": "config", "mountPath": CONFIG_PATH},
        {"name": "tmp", "mountPath": RUN_PATH},
    ]
    if spec.host_time:
        mounts.append(dict(HOST_TIME_MOUNT))
    container = Container(
        name=name,
        image=context.backing_image(spec.image, PROGRAM, spec.version),
        pull_policy=spec.pull_policy,
        resources=spec.resources,
        env=variables(context, spec.uses, spec.env, {}),
        command=start,
        ports={"http": PORT},
        probes=tcp_probes(PORT, spec.probes),
        mounts=tuple(mounts),
    )
    rendered = render_container(container)
    rendered["lifecycle"] = {"preStop": {"exec": {"command": ["sh", "-c", _stop()]}}}
    rendered["securityContext"] = {**rendered["securityContext"], "readOnlyRootFilesystem": True}
    application = Application(
        kind="nginx-gateway",
        logs_path="",
        config=config,
        config_path=CONFIG_PATH,
        volumes=({"name": "tmp", "emptyDir": {"sizeLimit": spec.temp_space}},),
        containers=(rendered,),
        grace_period=max(spec.read_timeout, *(loc.read_timeout or 0 for loc in spec.locations.values()))
        + STOP_SECONDS,
        pod={
            "securityContext": {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
        },
    )
    return render_service(context, name, spec, application)


def _without_gap(spec: NginxGatewaySpec) -> NginxGatewaySpec:
    """Return the description of a gateway of one pod such that a changed table is no outage, unless it says otherwise.

    The new pod is ready before the old one stops, on the same host if there is no other.
    """
    if spec.most_pods() != 1:
        return spec
    beside = {"rollout": Rollout(max_surge=1, max_unavailable=0), "anti_affinity": "preferred"}
    given = spec.model_fields_set
    if "rollout" in given:
        return spec
    return spec.model_copy(update={name: value for name, value in beside.items() if name not in given})


def _stop() -> str:
    """Return the shell line that stops nginx without breaking a request off.

    It goes on answering until the nodes have heard that its address is no longer one of the Service's, then ends what
    it has begun. The line waits for that, because the kubelet's SIGTERM, which follows it, would break it off. It is
    `nginx -s quit` without reading the configuration, which may be the next one by then.
    """
    pid = f"{RUN_PATH}/nginx.pid"
    return f'sleep {DRAIN_SECONDS}; read -r pid < {pid} && kill -QUIT "$pid"; while [ -e {pid} ]; do sleep 1; done'


def nginx_conf(context: Context, spec: NginxGatewaySpec) -> str:
    """Return the whole nginx.conf: what holds for all locations stands once, above them."""
    cpu = spec.resources.limits.cpu
    address, port = split_address(spec.resolver) if spec.resolver else (CLUSTER_DNS, None)
    resolver = (f"[{address}]" if ":" in address else address) + (f":{port}" if port else "")
    temporary = [
        f"{t}_temp_path {RUN_PATH}/{t};" for t in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ]
    http = [
        f"log_format main '{_LOG_FORMAT}';",
        "access_log /dev/stdout main;",
        *temporary,
        f"resolver {resolver} valid={spec.resolver_valid}s{'' if ':' in address else ' ipv6=off'};",
        "resolver_timeout 5s;",
        "server_tokens off;",
        # A redirect to /a/ for /a would name port 8080, which is not the Service's.
        "absolute_redirect off;",
        "proxy_http_version 1.1;",
        "proxy_redirect off;",
        "proxy_ssl_server_name on;",
        *_limits(spec),
        *_headers({**HEADERS, **spec.headers}),
    ]
    server = [f"listen {PORT};", 'set $backend "";', *(f"{d};" for d in spec.directives)]
    for key, location in spec.locations.items():
        server += _location(context, spec, parse_match(key), location)
    return "\n".join(
        [
            f"worker_processes {math.ceil(parse_quantity(cpu)) or 1 if cpu else 'auto'};",
            "error_log /dev/stderr warn;",
            f"pid {RUN_PATH}/nginx.pid;",
            "events {",
            "    worker_connections 4096;",
            "}",
            "http {",
            *(f"    {line}" for line in http),
            "    server {",
            *(f"        {line}" for line in server),
            "    }",
            "}",
            "",
        ]
    )


def _limits(settings: NginxGatewaySpec | Location) -> Iterable[str]:
    if settings.body_size is not None:
        yield f"client_max_body_size {settings.body_size};"
    for when in ("connect", "read", "send"):
        seconds = getattr(settings, f"{when}_timeout")
        if seconds is not None:
            yield f"proxy_{when}_timeout {seconds}s;"


def _headers(headers: Mapping[str, str]) -> Iterable[str]:
    return (f"proxy_set_header {name} {_quote(value, always=True)};" for name, value in headers.items())


def _location(context: Context, spec: NginxGatewaySpec, match: Match, location: Location) -> Iterable[str]:
    scheme, host, port = _address(context, location)
    # First the variable: `break` ends what is set in a location.
    lines = [f'set $backend "{host}";']
    if location.rewrite is not None:
        lines.append(f"rewrite {_rewrite(match, location.rewrite)} break;")
    lines += _limits(location)
    if location.headers:  # one of its own replaces all of the level above
        lines += _headers({**HEADERS, **spec.headers, **location.headers})
    if not location.access_log:
        lines.append("access_log off;")
    lines += [f"{directive};" for directive in location.directives]
    lines.append(f"proxy_pass {scheme}://$backend{f':{port}' if port else ''};")
    yield f"location {match.modifier}{' ' if match.modifier else ''}{_quote(match.path)} {{"
    yield from (f"    {line}" for line in lines)
    yield "}"


def _address(context: Context, location: Location) -> tuple[str, str, str]:
    """Return scheme, host and port of a location's target; no port: the scheme's."""
    target = parse_target(location.to)
    port = str(target.port or "")
    if target.service is None:
        return target.scheme, str(target.host), port
    if target.environment not in (None, context.namespace):
        return target.scheme, names.dns_name(target.service, str(target.environment)), port
    outputs = context.outputs[target.service]
    host = outputs.get("host") or names.dns_name(target.service, context.namespace)
    return target.scheme, host, port or outputs["port"]


def _rewrite(match: Match, replacement: str) -> str:
    """Return the arguments of ``rewrite``.

    With a variable in ``proxy_pass`` nginx passes the path on as it came, so that a prefix has to be taken off before.
    """
    if match.is_regex:
        pattern = f"(?i){match.path}" if match.modifier == "~*" else match.path
    elif match.modifier == "=":
        pattern, replacement = "^", replacement.replace("$", "")
    else:
        pattern, replacement = f"(?s)^{_escape(match.path)}(.*)", f"{replacement}$1"
    return f"{_quote(pattern, always=True)} {_quote(replacement, always=True)}"


def _escape(text: str) -> str:
    """Return a regular expression for just this text."""
    return re.sub(r"([^-A-Za-z0-9_/~])", r"\\\1", text)


def _quote(text: str, *, always: bool = False) -> str:
    r"""Return one word of nginx.conf, in which nginx takes a backslash before ``\\``, ``"``, t, r and n away."""
    if not always and _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
