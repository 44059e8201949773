"""The script of Kafka's Job with stand-ins for the image's tools: which code it ends with, and when."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from poscloud.render import render_environment
from poscloud.render.job import HOPELESS
from poscloud.spec import EnvironmentSpec

WITH_TOPICS: dict[str, Any] = {"topics": {"applog": {"partitions": 3}, "orders": {}}}
LONG = "trap '' TERM; exec sleep 15"
"""Longer than anybody may wait for it here, and not to be stopped: a reader takes its time to leave its group."""
DESCRIBED = """[[ $* != *--describe* ]] || echo $'Topic: applog\\tPartitionCount: 9 ReplicationFactor: 1'"""
"""What a broker says of a topic with more partitions than are declared."""


def job(kafka: dict[str, Any], **environment: Any) -> dict[str, Any]:
    """Return the Job's container."""
    backing = {"kafka": {"kind": "kafka", "version": "4.1.0", **kafka}}
    spec = EnvironmentSpec.model_validate({"name": "a", "backing": backing, **environment})
    (found,) = [m for part in render_environment(spec) for m in part.manifests if m["kind"] == "Job"]
    container: dict[str, Any] = found["spec"]["template"]["spec"]["containers"][0]
    return container


def ends(tmp_path: Path, kafka: dict[str, Any], **tools: str) -> tuple[int, str]:
    """Run the script with tools that are these lines of a shell; return its code and what it said."""
    usual = {
        "topics": "",
        "configs": "",
        "console_producer": "cat > /dev/null",
        "console_consumer": "echo usable",
    }
    for name, line in (usual | tools).items():
        tool = tmp_path / f"kafka-{name.replace('_', '-')}.sh"
        tool.write_text(f"#!/bin/bash\n{line}\n")
        tool.chmod(0o755)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    with (tmp_path / "log").open("w") as log:
        done = subprocess.run(
            job(kafka)["command"], env=path, stdout=log, stderr=log, timeout=10, check=False
        )
    return done.returncode, (tmp_path / "log").read_text()


@pytest.mark.parametrize("kafka", [{}, WITH_TOPICS])
def test_it_ends_well_when_what_was_written_is_read(tmp_path: Path, kafka: dict[str, Any]) -> None:
    assert ends(tmp_path, kafka) == (0, "written and read\n")


@pytest.mark.parametrize("kafka", [{}, WITH_TOPICS])
def test_what_cannot_be_read_is_said_last(tmp_path: Path, kafka: dict[str, Any]) -> None:
    code, said = ends(tmp_path, kafka, console_consumer="echo other")
    assert code == 1
    assert said.endswith("could not be read\n")


def test_what_can_never_be_is_said_at_once_and_last(tmp_path: Path) -> None:
    code, said = ends(tmp_path, WITH_TOPICS, topics=DESCRIBED, console_consumer=LONG)
    assert code == HOPELESS
    assert said.splitlines()[-1].startswith("topic applog has 9 partitions")


@pytest.mark.parametrize("kafka", [{}, WITH_TOPICS])
def test_a_writer_that_fails_is_not_waited_for(tmp_path: Path, kafka: dict[str, Any]) -> None:
    writer = "echo no leader >&2; exit 1"
    assert ends(tmp_path, kafka, console_producer=writer, console_consumer=LONG) == (
        1,
        "no leader\nnothing could be written to the topic poscloud-usable\n",
    )


@pytest.mark.parametrize("kafka", [{}, WITH_TOPICS])
@pytest.mark.parametrize("tool", ["topics", "console_producer"])
def test_the_code_of_a_tool_is_not_taken_for_hopeless(
    tmp_path: Path, kafka: dict[str, Any], tool: str
) -> None:
    assert ends(tmp_path, kafka, **{tool: f"exit {HOPELESS}"})[0] == 1


def test_it_may_take_no_more_than_the_environment_lets_a_container() -> None:
    assert job({})["resources"]["limits"] == {"cpu": "2", "memory": "512Mi"}
    bounded = job({"resources": {"limits": {"cpu": "1", "memory": "448Mi"}}}, limits={"max": {"cpu": 1}})
    assert bounded["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
