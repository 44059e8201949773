"""The environment of stacks/wbyh-stage.yaml, written in Python; both give the same manifests, byte for byte.

A file like this works as stacks/NAME.py too: ``pulumi up -s NAME`` deploys its ``environment``.
"""

from poscloud import (
    EnvironmentSpec,
    FilebeatSidecar,
    JavaServiceSpec,
    KafkaSpec,
    MongoSpec,
    RedisSpec,
    WebAppSpec,
    ZooKeeperSpec,
)

EUREKA = "dac-eureka-server"
USES = ("redis", "mongo", "kafka")
SERVICES = """
    dac-api-center dac-app-web dac-config-server dac-message-center dac-quartz-dac dac-quartz-jfdata
    dac-quartz-mach dac-resources-center dac-resources-item dac-task dac-task-apply dac-task-h5
    dac-usercenter-web dac-web
""".split()

environment = EnvironmentSpec(
    name="wbyh-stage",
    registry="harbor.example.com/wbyh",
    node_selector={"node": "public"},
    quota={
        "requests.cpu": "20",
        "requests.memory": "60Gi",
        "limits.cpu": "200",
        "limits.memory": "200Gi",
        "persistentvolumeclaims": "20",
    },
    filebeat=FilebeatSidecar(),
    backing={
        "zookeeper": ZooKeeperSpec(replicas=3),
        "kafka": KafkaSpec(replicas=3),
        "redis": RedisSpec(),
        "mongo": MongoSpec(),
    },
    services={
        EUREKA: JavaServiceSpec(replicas=2, eureka=EUREKA),
        **{name: JavaServiceSpec(uses=USES, eureka=EUREKA) for name in SERVICES},
        "tomcat": WebAppSpec(uses=USES),
    },
)
