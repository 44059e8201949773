"""Variables by which a Spring Cloud service finds its Eureka servers, and the servers each other.

Names are Spring Cloud Netflix's properties (``eureka.client.*``, ``eureka.instance.*``) as Spring Boot reads them
from the environment.
"""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.spec import JavaServiceSpec

POD_NAME = "MY_POD_NAME"

_ADDRESS = "EUREKA_INSTANCE_IPADDRESS"
_ZONE = "EUREKA_CLIENT_SERVICEURL_DEFAULTZONE"

_AS_PROPERTY = f'{{"eureka":{{"client":{{"serviceUrl":{{"defaultZone":"${{{_ZONE}}}"}}}}}}}}'
"""The variable again, as a property with a capital letter: ``defaultZone`` is a key of a map, which Spring Boot 2 and 3
read from a variable as ``defaultzone``, and then ask localhost, unless the application's own files name it."""


def eureka_env(context: Context, name: str, spec: JavaServiceSpec) -> dict[str, str]:
    """Return the variables of a client, or of a server, which is a client of all servers."""
    if not spec.eureka:
        return {}
    server = context.environment.services[spec.eureka]
    peers = names.peer_dns_names(spec.eureka, context.namespace, max(server.replicas, 1))
    env = {
        _ZONE: ",".join(f"http://{host}:{server.port}/eureka/" for host in peers),
        "SPRING_APPLICATION_JSON": _AS_PROPERTY,
    }
    if spec.port:
        env["EUREKA_INSTANCE_INSTANCEID"] = f"$({_ADDRESS}):{name}:{spec.port}"
    if spec.eureka != name:
        return env | {"EUREKA_INSTANCE_PREFERIPADDRESS": "true"}
    return env | {
        "EUREKA_CLIENT_REGISTERWITHEUREKA": "true",
        "EUREKA_CLIENT_FETCHREGISTRY": "true",
        # A server knows its peers, and itself among them, by the host in their addresses: the address it is
        # registered with is its pod's, its host name the one in the list above.
        "EUREKA_INSTANCE_PREFERIPADDRESS": "false",
        "EUREKA_INSTANCE_HOSTNAME": f"$({POD_NAME}).{names.peers_dns_name(name, context.namespace)}",
    }


def eureka_fields(name: str, spec: JavaServiceSpec) -> dict[str, str]:
    """Return the variables that are fields of the pod itself."""
    if not spec.eureka:
        return {}
    fields = {_ADDRESS: "status.podIP"}
    return {POD_NAME: "metadata.name", **fields} if spec.eureka == name else fields
