"""Faults of the objects themselves: each is told by name, quickly, and the rest goes on."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from tests.faults.arena import DESCRIPTION, STACK, Arena, says

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")


@pytest.mark.fault(9)
def test_a_quota_that_no_pod_fits_is_told_soon(present: Arena) -> None:
    present.describe(
        DESCRIPTION.replace("services:", "quota: {limits.memory: 11Gi}\nservices:") + "  c: java\n"
    )
    done = present.run(*UP)
    assert done.code != 0
    assert done.seconds < 40, "ten minutes would be Kubernetes' own"
    says(done, "exceeded quota", "Deployment faults/c")


@pytest.mark.fault(12)
def test_a_pod_that_no_node_takes_is_told_with_the_scheduler_s_words(present: Arena) -> None:
    text = DESCRIPTION.replace(
        "a: {kind: java, uses: [redis]}",
        "a: {kind: java, resources: {requests: {cpu: '64'}, limits: {cpu: '64'}}}",
    )
    present.describe(text)
    done = present.run(*UP, POSCLOUD_FAILURE_GRACE_SECONDS="2")
    assert done.code != 0
    assert done.seconds < 25
    says(done, "Deployment faults/a", "Insufficient cpu")


@pytest.mark.fault(13)
def test_a_field_that_somebody_else_owns_is_left_alone(present: Arena) -> None:
    def apply_as_alice(**spec: int) -> None:
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
        command = [
            "kubectl",
            "-n",
            STACK,
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=alice",
        ]
        environment = present.workspace.admin_environment()
        subprocess.run(
            [*command, "-f", "-"],
            input=json.dumps(body),
            env=environment,
            text=True,
            check=True,
            capture_output=True,
        )

    apply_as_alice(replicas=2)
    present.describe(DESCRIPTION.replace("a: {kind: java,", "a: {kind: java, replicas: 3,"))
    done = present.run(*UP)
    try:
        assert done.code != 0
        says(done, ".spec.replicas", "alice", "ignore_changes", "take it over")
        live = json.loads(present.kubectl("get", "deployment", "a", "-o", "json"))
        assert live["spec"]["replicas"] == 2
    finally:
        apply_as_alice()
        present.kubectl("scale", "deployment", "a", "--replicas=1")


@pytest.mark.fault(14)
def test_an_object_of_somebody_else_is_not_taken(present: Arena) -> None:
    present.kubectl("create", "service", "clusterip", "c", "--tcp=80:80")
    present.describe(DESCRIPTION + "  c: java\n")
    done = present.run(*UP)
    try:
        assert done.code != 0
        says(done, "Service faults/c exists already", "nothing was changed", "choose another name")
    finally:
        present.kubectl("delete", "service", "c")


@pytest.mark.fault(15)
def test_a_change_that_loses_data_is_refused_by_the_preview(present: Arena) -> None:
    present.describe(DESCRIPTION.replace("redis: {}", "redis: {storage: {size: 20Gi}}"))
    done = present.run("poscloud", "preview")
    assert done.code != 0
    says(done, "StatefulSet", "redis", "volumeClaimTemplates")


@pytest.mark.fault(16)
def test_a_finalizer_that_nobody_clears_is_named_and_destroy_is_resumed(present: Arena) -> None:
    present.kubectl("patch", "configmap", "redis-config", "--type=merge", "-p",
                    '{"metadata": {"finalizers": ["example.com/never"]}}')  # fmt: skip
    try:
        done = present.run("poscloud", "destroy", "--yes", POSCLOUD_DELETE_TIMEOUT_SECONDS="15", limit=60)
        assert done.code != 0
        says(done, "example.com/never")
    finally:
        present.kubectl("patch", "configmap", "redis-config", "--type=merge", "-p",
                        '{"metadata": {"finalizers": null}}')  # fmt: skip
    again = present.run("poscloud", "destroy", "--yes")
    assert again.code == 0, again.text


@pytest.mark.fault(18)
def test_a_webhook_that_refuses_is_quoted_by_the_preview(present: Arena) -> None:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-v9"},
        "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
                                                    "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}]},
            "validations": [{"expression": "!object.spec.template.spec.containers[0].image.endsWith(':v9')",
                             "message": "v9 is not for this company"}],
        },
    }  # fmt: skip
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-v9"}, "spec": {"policyName": "no-v9", "validationActions": ["Deny"]},
    }  # fmt: skip
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": [policy, binding]})
    environment = present.workspace.admin_environment()
    subprocess.run(
        ["kubectl", "apply", "-f", "-"],
        input=items,
        env=environment,
        text=True,
        check=True,
        capture_output=True,
    )
    try:
        present.describe(DESCRIPTION.replace("a: {kind: java,", "a: {kind: java, version: v9,"))
        deadline = time.monotonic() + 30
        while True:  # the policy takes effect a moment after it was made
            done = present.run("poscloud", "preview")
            if done.code != 0 or time.monotonic() > deadline:
                break
        assert done.code != 0
        says(done, "v9 is not for this company", 'deployments.apps "a"')
    finally:
        present.workspace.ok(
            "kubectl", "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "no-v9"
        )
