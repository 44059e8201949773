"""A large environment, as a company may have it."""

from __future__ import annotations

from pathlib import Path


def write_large(root: Path, count: int, name: str = "large") -> None:
    """Write the description of ``count`` Java services over Kafka, Redis, Mongo and a registry of services."""
    (root / "stacks").mkdir(parents=True, exist_ok=True)
    (root / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    services = "".join(f"  service-{n:03}: java\n" for n in range(1, count))
    (root / "stacks" / f"{name}.yaml").write_text(
        "backing: {zookeeper: {replicas: 3}, kafka: {replicas: 3}, redis: {}, mongo: {}}\n"
        "defaults: {java: {uses: [redis, mongo, kafka], eureka: service-000}}\n"
        "filebeat: {kafka: {backing: kafka, topic: applog}}\n"
        f"services:\n  service-000: {{kind: java, uses: []}}\n{services}"
    )
