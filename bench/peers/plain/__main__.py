"""A plain pulumi_kubernetes program, as people write it: a function for a service, a loop over them."""

import json
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

items = json.loads(Path(pulumi.Config("bench").require("list")).read_text())["items"]
first = next(item for item in items if item["kind"] == "Namespace")
namespace = k8s.core.v1.Namespace("namespace", metadata=first["metadata"])
# As it is written: classes by kind, everything waited for.
classes = {
    "ConfigMap": k8s.core.v1.ConfigMap,
    "Service": k8s.core.v1.Service,
    "Secret": k8s.core.v1.Secret,
    "Deployment": k8s.apps.v1.Deployment,
    "StatefulSet": k8s.apps.v1.StatefulSet,
    "PodDisruptionBudget": k8s.policy.v1.PodDisruptionBudget,
}
for item in items:
    if item["kind"] == "Namespace":
        continue
    item["metadata"].pop("annotations", None)  # whose words they are: poscloud's
    given = {key: value for key, value in item.items() if key not in ("apiVersion", "kind")}
    name = f"{item['kind'].lower()}-{item['metadata']['name']}"
    classes[item["kind"]](name, **given, opts=pulumi.ResourceOptions(depends_on=[namespace]))
