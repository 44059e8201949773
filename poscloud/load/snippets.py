"""What an editor offers to write: a whole service or backing service, with places to fill in."""

from __future__ import annotations

from typing import Any

_GIT = {"repository": "https://${2:git.example.com/team/project.git}", "revision": "${3:main}"}
_IMAGE = "${4:registry.example.com/team/poscloud:1}"

SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "java": ("A Spring Cloud service", {"${1:name}": {"kind": "java", "version": "${2:latest}"}}),
    "python": (
        "A Python service run by gunicorn",
        {"${1:name}": {"kind": "python", "gunicorn": {"app": "${2:wsgi:app}"}}},
    ),
    "webapp": ("A Tomcat", {"${1:tomcat}": {"kind": "webapp", "port": 8080}}),
    "nginx": (
        "An nginx in front of others",
        {
            "${1:gateway}": {
                "kind": "nginx",
                "locations": {"${2:/}": {"to": "${3:service.other-namespace:8080}"}},
            }
        },
    ),
    "c": (
        "A C program from a git repository; its logs need a redis",
        {"${1:name}": {"kind": "c", "runenv": "${4:pre}", "git": _GIT}},
    ),
    "subsystem": (
        "Several containers in one pod",
        {"${1:name}": {"kind": "subsystem", "containers": {"${2:main}": {"ports": {"${3:http}": 8080}}}}},
    ),
    "dns-proxy": (
        "Names of the cluster for the office",
        {"${1:office-dns}": {"kind": "dns-proxy", "upstreams": ["${2:192.0.2.53}"]}},
    ),
    "janitor": (
        "Removes in the cluster what has come to its end; needs secrets",
        {
            "${1:janitor}": {
                "kind": "janitor",
                "image": _IMAGE,
                "git": _GIT,
                "context": "${5:office}",
                "backend": "${6:postgres://pulumi@db.example.com:5432/state}",
                "passphrase": {"secret": "${7:state}", "key": "${8:passphrase}"},
                "archive": {"claim": "${9:archive}"},
            }
        },
    ),
    "node-guard": (
        "Tells of overloaded nodes, and with restart: true makes room on them",
        {"${1:node-guard}": {"kind": "node-guard", "image": _IMAGE}},
    ),
    "log-stack": (
        "Logstash from the sidecars' Kafka to Elasticsearch; needs a kafka",
        {
            "${1:logs}": {
                "kind": "log-stack",
                "kafka": {"topics": ["${2:applog}"]},
                "elasticsearch": {"hosts": ["${3:http://elasticsearch.example.com:9200}"]},
            }
        },
    ),
}
"""By kind: what it is, and its entry under ``services``."""

BACKING: dict[str, tuple[str, dict[str, Any]]] = {
    "zookeeper": ("A quorum of three", {"zookeeper": {"replicas": 3}}),
    "kafka": (
        "Three brokers and a topic; needs a zookeeper",
        {"kafka": {"replicas": 3, "topics": {"${1:applog}": {}}}},
    ),
    "redis": ("One Redis", {"redis": {}}),
    "mongo": ("One MongoDB", {"mongo": {}}),
    "mysql": (
        "A MySQL with a database and its user",
        {"mysql": {"databases": ["${1:orders}"], "user": "${2:app}"}},
    ),
    "consul": ("Three servers", {"consul": {"replicas": 3}}),
    "mqtt": ("An MQTT broker", {"mqtt": {}}),
}
"""By kind: what it is, and its entry under ``backing``."""


def snippets(kinds: dict[str, tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return them as yaml-language-server takes them (``defaultSnippets``)."""
    return [
        {"label": f"new {kind}", "description": text, "body": body} for kind, (text, body) in kinds.items()
    ]
