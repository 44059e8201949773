"""Questions to a cluster that are asked before and after the engine runs."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from poscloud.cluster.target import Target
from poscloud.errors import AuthError, DeployError
from poscloud.provider import config
from poscloud.provider.expiry import rejection
from poscloud.render.names import STACK_ANNOTATION

ANSWER_SECONDS = 15
"""How long the cluster may take to answer."""


class ForbiddenError(AuthError):
    """This user may not ask that."""


class UnansweredError(DeployError):
    """The cluster does not answer."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl, bound to one cluster.

    Attributes:
        target: The cluster.
        environment: Environment variables to run it with; its PATH holds kubectl.
    """

    target: Target
    environment: dict[str, str]

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return what ``kubectl get … -o json`` prints; an empty map for an object that is not there.

        Raises:
            AuthError: The credentials were rejected; ``ForbiddenError`` where they do not allow the question.
            UnansweredError: The cluster does not answer.
        """
        return self._answer(self._run("get", *arguments, "--ignore-not-found", "-o", "json"))

    def raw(self, path: str) -> dict[str, Any]:
        """Return the object at a path of the API; an empty map when there is none; errors as in ``get``."""
        done = self._run("get", "--raw", path)
        return {} if "(NotFound)" in done.stderr else self._answer(done)

    def delete(self, path: str, *, uid: str, version: str) -> bool:
        """Delete one object in the background if it is still just this one; ``False`` when it was changed since.

        Args:
            path: Where the API has it.
            uid: Its uid.
            version: Its resourceVersion.

        Raises:
            AuthError: The credentials were rejected, or do not allow it.
            DeployError: The cluster does not answer, or refuses.
        """
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": version},
        }
        done = self._run("delete", "--raw", path, "-f", "-", given=json.dumps(options))
        if "(Conflict)" in done.stderr:
            return False
        if "(NotFound)" not in done.stderr:
            self._answer(done)
        return True

    def annotate(self, namespace: str, annotations: dict[str, str]) -> dict[str, Any]:
        """Set annotations of a namespace and return it; empty when there is none; errors as in ``get``."""
        given = [f"{name}={value}" for name, value in annotations.items()]
        done = self._run("annotate", "--overwrite", "namespace", namespace, *given, "-o", "json")
        if "(NotFound)" in done.stderr:
            return {}
        return self._answer(done)

    def _run(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [
            "kubectl", f"--kubeconfig={self.target.kubeconfig}", f"--context={self.target.context}",
            f"--request-timeout={ANSWER_SECONDS}s", *arguments,
        ]  # fmt: skip
        done = self._once(command, given)
        # A credential plugin may know better by now.
        return self._once(command, given) if "Unauthorized" in done.stderr else done

    def _once(self, command: list[str], given: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, input=given
        )

    def _answer(self, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
        """Return what kubectl printed."""
        if done.returncode == 0:
            answer: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
            return answer
        message = (done.stderr.strip() or f"kubectl ended with {done.returncode}").splitlines()[-1]
        if "Unauthorized" in message:
            access = config.load({"kubeconfig": str(self.target.kubeconfig), "context": self.target.context})
            raise AuthError(
                rejection(access, message), hint="log in to the cluster again, or choose another context"
            )
        if "orbidden" in message:
            raise ForbiddenError(
                f"{self.target} does not allow it: {message}",
                hint="which rights poscloud needs: poscloud access (docs/access.md)",
            )
        raise UnansweredError(f"cannot reach {self.target}: {message}", hint="run: poscloud doctor")

    def cluster_uid(self) -> str:
        """Return the uid of namespace kube-system, which identifies the cluster whatever its address."""
        return str(self.get("namespace", "kube-system").get("metadata", {}).get("uid", ""))


def stamp_of(live: dict[str, Any]) -> str:
    """Return the ``project/stack`` that a live object says it belongs to; empty when it says nothing."""
    return str(live.get("metadata", {}).get("annotations", {}).get(STACK_ANNOTATION, ""))
