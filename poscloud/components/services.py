"""Components of services."""

from __future__ import annotations

from poscloud.components.part import Part
from poscloud.spec import (
    CServiceSpec,
    DnsProxySpec,
    JanitorSpec,
    JavaServiceSpec,
    LogStackSpec,
    NginxGatewaySpec,
    NodeGuardSpec,
    PythonServiceSpec,
    SubsystemSpec,
    WebAppSpec,
)


class DnsProxy(Part[DnsProxySpec], kind="dns-proxy"):
    """The cluster's DNS for the office network, on a node's own port 53."""


class Janitor(Part[JanitorSpec], kind="janitor"):
    """The sweep of the project's copies, by the clock: ServiceAccount, ClusterRoleBinding, ConfigMap, CronJob."""


class JavaService(Part[JavaServiceSpec], kind="java"):
    """A Spring Cloud service: ConfigMap of its log shipping, Service, Deployment."""


class LogStack(Part[LogStackSpec], kind="log-stack"):
    """Logstash from Kafka or Redis to Elasticsearch: ConfigMap, Service, Deployment, Job of Kibana's index patterns."""


class NginxGateway(Part[NginxGatewaySpec], kind="nginx"):
    """nginx with hundreds of locations, which lead to services by their DNS names."""


class NodeGuard(Part[NodeGuardSpec], kind="node-guard"):
    """The watch over nodes, by the clock: ServiceAccount, ClusterRoleBinding, ConfigMap, CronJob."""


class PythonService(Part[PythonServiceSpec], kind="python"):
    """A Django, Flask or Celery program: ConfigMap of its log shipping, Service if it serves, Deployment."""


class Subsystem(Part[SubsystemSpec], kind="subsystem"):
    """Several containers in one pod: Service with the ports of all of them, Deployment."""


class WebApp(Part[WebAppSpec], kind="webapp"):
    """A web application in Tomcat."""


class CService(Part[CServiceSpec], kind="c"):
    """A C program: ConfigMaps of its start and its log shipping, Service if it serves, Deployment."""
