"""The namespace of one environment, for somebody who only looks."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from poscloud.cluster.target import Target
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.provider import config
from poscloud.provider.rest import ApiError, Client, Reader, UnreachableError
from poscloud.render.names import CLUSTER_ANNOTATION, STACK_ANNOTATION

Object = dict[str, Any]
Answer = TypeVar("Answer")

_USER = re.compile(r'User "([^"]*)"')

PLURALS = {
    "deployments": "/apis/apps/v1", "statefulsets": "/apis/apps/v1", "pods": "/api/v1", "events": "/api/v1",
    "resourcequotas": "/api/v1", "services": "/api/v1", "ingresses": "/apis/networking.k8s.io/v1",
    "persistentvolumeclaims": "/api/v1",
}  # fmt: skip
"""What is looked at, and where the API has it."""

WORKLOADS = ("deployments", "statefulsets")


class MissingNamespaceError(DeployError):
    """The environment has no namespace: it is not up."""


class Namespace:
    """One environment's namespace; every request reads.

    Args:
        target: Its cluster.
        name: The environment.
        mark: ``project/stack``, which the namespace has to say.
    """

    def __init__(self, target: Target, name: str, mark: str) -> None:
        self.target, self.name, self.mark = target, name, mark
        access = config.load({"kubeconfig": str(target.kubeconfig), "context": target.context})
        self.client = Client(access)
        self._why: PosCloudError | None = None

    async def verify(self) -> Object:
        """Make sure that the namespace is there and this environment's, and return it.

        Raises:
            MissingNamespaceError: It is not there.
            DeployError: It belongs to another stack, or the cluster is another one than the stack was deployed to.
            AuthError: The credentials do not hold, or do not allow it.
            UnreachableError: The cluster does not answer.
        """
        try:
            live = await self.get(f"/api/v1/namespaces/{self.name}")
        except ApiError as error:
            if error.status != 404:
                raise
            raise MissingNamespaceError(
                f"{self.name} is not up: there is no namespace {self.name} in {self.target}",
                hint=f"to bring it up: poscloud up -s {self.name}",
            ) from None
        said = live["metadata"].get("annotations") or {}
        owner, cluster = str(said.get(STACK_ANNOTATION, "")), str(said.get(CLUSTER_ANNOTATION, ""))
        self.refuse_other(cluster)
        if owner != self.mark:
            whose = f"stack {owner}" if owner else "no stack"
            raise DeployError(
                f"namespace {self.name} belongs to {whose} (annotation {STACK_ANNOTATION}), not to {self.mark}",
                hint="look at it in the project whose environment it is",
            )
        return live

    async def listed(self, plural: str, **query: str) -> list[Object]:
        """Return all objects of a kind in ``PLURALS``; errors as in ``get``."""
        answer = await self.get(f"{PLURALS[plural]}/namespaces/{self.name}/{plural}", query)
        kind = {
            "apiVersion": answer.get("apiVersion"),
            "kind": str(answer.get("kind", "")).removesuffix("List"),
        }
        return [{**kind, **item} for item in answer.get("items") or ()]

    async def listed_if_allowed(self, plural: str, **query: str) -> list[Object] | None:
        """Return them, or ``None`` where this user may not: what they tell is then left out."""
        try:
            return await self.listed(plural, **query)
        except AuthError as error:
            if isinstance(error.__cause__, ApiError):
                return None
            raise

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """Return the answer to a GET.

        Raises:
            AuthError: The credentials do not hold, or this user may not; says what to ask for, and how.
            UnreachableError: The cluster does not answer.
            ApiError: The cluster refuses for another reason.
        """
        return await self.explained(self.client.request("GET", path, query))

    async def pour(self, path: str, query: Mapping[str, str], reader: Reader) -> None:
        """Have an answer read as it comes, as a container's log; errors as in ``get``."""
        await self.explained(self.client.pour(path, query, reader))

    def refuse_other(self, cluster: str) -> None:
        """Make sure that a cluster is the one the stack was deployed to, as far as both are known.

        Args:
            cluster: uid of the cluster that answers; empty: not known.

        Raises:
            DeployError: It is another one.
        """
        if cluster and self.target.uid and cluster != self.target.uid:
            raise DeployError(
                f"{self.name} was deployed to cluster {self.target.uid}; {self.target} leads to {cluster}",
                hint="choose the context it was deployed with (poscloud:context, KUBECONFIG)",
            )

    async def explained(self, answer: Awaitable[Answer]) -> Answer:
        """Return an answer of the API server; errors as in ``get``, of requests made at once all with the cause."""
        try:
            return await answer
        except ApiError as error:
            raise self.refused(error) from error
        except (AuthError, UnreachableError) as error:
            # Of requests that were made at once one says why; the others, only that it has been said.
            if error is self.client.given_up:
                raise self._why or error from None
            self._why = self.unreachable(error) if isinstance(error, UnreachableError) else error
            raise self._why from None

    def refused(self, error: ApiError) -> ApiError | AuthError:
        """Return an error of the API server, a missing right as such, with how to ask for it."""
        if error.status != 403:
            return error
        user = found[1] if (found := _USER.search(error.message)) else "USER"
        account = user.removeprefix("system:serviceaccount:").split(":")
        who = f"--service-account {'/'.join(account)}" if len(account) == 2 else f"--user {user}"
        ask = f"poscloud access {who} --namespace {self.name} | kubectl apply -f -"
        check = f"\n  {error.hint}" if error.hint else ""
        return AuthError(
            f"you may not look at that: {error.message}",
            hint=f"ask whoever runs the cluster to run: {ask}{check}",
        )

    def unreachable(self, error: UnreachableError) -> UnreachableError:
        """Return the error of a cluster that does not answer, with what to do about it."""
        hint = "poscloud cluster up" if self.target.local else "poscloud doctor"
        return UnreachableError(
            error.message, hint=f"is it running, and is this network let through? run: {hint}"
        )
