"""The typed, validated description of an environment and everything in it.

Frozen pydantic models without any I/O and without Pulumi: a spec is plain data that can be compared,
hashed, printed and rendered anywhere.
"""

from poscloud.spec.archive import ArchiveSpec
from poscloud.spec.base import SecretKey
from poscloud.spec.c import CServiceSpec, GitSource
from poscloud.spec.clusterwide import CephRbd, PriorityClassSpec, StorageClassSpec
from poscloud.spec.consul import ConsulSpec
from poscloud.spec.dnsproxy import DnsProxySpec
from poscloud.spec.environment import EnvironmentSpec, Images
from poscloud.spec.external import ExternalServer
from poscloud.spec.filebeat import FilebeatSidecar, MultilineSpec
from poscloud.spec.filebeat_output import ElasticsearchOutput, KafkaOutput, LogstashOutput, RedisOutput
from poscloud.spec.ingress import IngressHost, IngressRule, IngressTarget
from poscloud.spec.isolation import IsolationSpec
from poscloud.spec.janitor import JanitorSpec
from poscloud.spec.jar import JarSource
from poscloud.spec.java import JavaServiceSpec
from poscloud.spec.kafka import KafkaSpec
from poscloud.spec.limits import LimitRangeSpec
from poscloud.spec.logstack import LogStackSpec
from poscloud.spec.mongo import MongoSpec
from poscloud.spec.monitoring import MonitoringSpec
from poscloud.spec.mqtt import MqttBrokerSpec
from poscloud.spec.mysql import InitSql, MySQLSpec
from poscloud.spec.nginx import NginxGatewaySpec
from poscloud.spec.nodeguard import NodeGuardSpec
from poscloud.spec.nodes import NodePool, Taint
from poscloud.spec.password import ExistingSecret
from poscloud.spec.python import PythonServiceSpec
from poscloud.spec.pythonrun import PythonRun
from poscloud.spec.redis import RedisSpec
from poscloud.spec.release import Release
from poscloud.spec.scaling import Autoscale
from poscloud.spec.service import Probes, Rollout, ServiceSpec
from poscloud.spec.stateful import StatefulSpec
from poscloud.spec.subsystem import ContainerSpec, SubsystemSpec
from poscloud.spec.teams import TeamAccessSpec
from poscloud.spec.values import LogStore, NfsMount, Resources, Storage
from poscloud.spec.volumes import SharedVolume
from poscloud.spec.webapp import WebAppArchive, WebAppSpec
from poscloud.spec.zookeeper import ZooKeeperSpec

__all__ = [
    "ArchiveSpec",
    "Autoscale",
    "CServiceSpec",
    "CephRbd",
    "ConsulSpec",
    "ContainerSpec",
    "DnsProxySpec",
    "ElasticsearchOutput",
    "EnvironmentSpec",
    "ExistingSecret",
    "ExternalServer",
    "FilebeatSidecar",
    "GitSource",
    "Images",
    "IngressHost",
    "IngressRule",
    "IngressTarget",
    "InitSql",
    "IsolationSpec",
    "JanitorSpec",
    "JarSource",
    "JavaServiceSpec",
    "KafkaOutput",
    "KafkaSpec",
    "LimitRangeSpec",
    "LogStackSpec",
    "LogStore",
    "LogstashOutput",
    "MongoSpec",
    "MonitoringSpec",
    "MqttBrokerSpec",
    "MultilineSpec",
    "MySQLSpec",
    "NfsMount",
    "NginxGatewaySpec",
    "NodeGuardSpec",
    "NodePool",
    "PriorityClassSpec",
    "Probes",
    "PythonRun",
    "PythonServiceSpec",
    "RedisOutput",
    "RedisSpec",
    "Release",
    "Resources",
    "Rollout",
    "SecretKey",
    "ServiceSpec",
    "SharedVolume",
    "StatefulSpec",
    "Storage",
    "StorageClassSpec",
    "SubsystemSpec",
    "Taint",
    "TeamAccessSpec",
    "WebAppArchive",
    "WebAppSpec",
    "ZooKeeperSpec",
]
