"""What a stack has of each of its objects: its inputs in the engine's state, secrets opened."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct

from poscloud.engine.inventory import Key, deployment
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError
from poscloud.provider.values import SECRET, SIGNATURE, Mask, decode, secret_mask

Object = dict[str, Any]

ENVIRONMENT = "poscloud:index:Environment"
"""Type of the component that has the namespace, and what belongs to no part."""


@dataclass(frozen=True)
class Described:
    """One object of a stack.

    Attributes:
        urn: The engine's name of it.
        component: The part it belongs to; ``environment`` for the namespace and what belongs to no part.
        inputs: What the stack sets.
        mask: Where that is secret.
        outputs: What the state keeps of the object.
    """

    urn: str
    component: str
    inputs: Object
    mask: Mask
    outputs: Object

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.inputs["kind"])

    @property
    def namespace(self) -> str:
        """Its namespace; empty outside of any."""
        return str(self.inputs["metadata"].get("namespace") or "")

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.inputs["metadata"]["name"])

    @property
    def key(self) -> Key:
        """Kind, and ``namespace/name`` or ``name``."""
        return self.kind, f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def manager(self) -> str:
        """The stack's field manager of this object."""
        return str(self.outputs.get("__fieldManager") or "")

    @property
    def uid(self) -> str:
        """The uid of the object the stack made."""
        return str((self.outputs.get("metadata") or {}).get("uid") or "")

    @property
    def wanted(self) -> Object:
        """The inputs as the server would answer them: the data of a Secret is encoded."""
        if self.kind != "Secret" or "stringData" not in self.inputs:
            return self.inputs
        text = {k: base64.b64encode(str(v).encode()).decode() for k, v in self.inputs["stringData"].items()}
        rest = {key: value for key, value in self.inputs.items() if key != "stringData"}
        return {**rest, "data": {**(self.inputs.get("data") or {}), **text}}


def described(pulumi: Pulumi, stack: str, *, secrets: bool = True) -> list[Described]:
    """Return the objects of a stack, in the order the engine made them.

    Args:
        pulumi: The engine.
        stack: The stack.
        secrets: Open what is secret. Without, such values are missing; who only asks for others needs no passphrase.

    Raises:
        AuthError: The passphrase is not the stack's.
        DeployError: The state cannot be read, or nothing was deployed.
    """
    try:
        state = deployment(pulumi, stack)
    except DeployError as error:
        if "no stack named" not in error.message:
            raise
        state = {}
    if secrets and '"ciphertext"' in json.dumps(state):
        state = _opened(pulumi, stack)
    found = [_object(r) for r in state.get("resources") or [] if _is_object(r)]
    if not found:
        raise DeployError(
            f"the state has no objects of stack {stack}: nothing was deployed, or its state is elsewhere",
            hint=f"to bring it up: poscloud up -s {stack}; which state is used: poscloud doctor",
        )
    return found


def _opened(pulumi: Pulumi, stack: str) -> Object:
    """Return the state with its secrets in clear text, which stay in this process."""
    done = pulumi.quietly("stack", "export", "--stack", stack, "--show-secrets")
    if done.returncode != 0:
        from poscloud.engine.passphrase import check_passphrase

        check_passphrase(pulumi.root, stack, pulumi.environment)
        message = done.stderr.strip().splitlines()[-1:] or [f"pulumi ended with {done.returncode}"]
        raise DeployError(
            f"cannot read the state of stack {stack}: {message[0]}", hint="run: poscloud doctor"
        )
    return dict(json.loads(done.stdout).get("deployment") or {})


def _is_object(resource: Object) -> bool:
    inputs = resource.get("inputs") or {}
    named = isinstance(inputs.get("metadata"), dict) and bool(inputs["metadata"].get("name"))
    return str(resource.get("type")).startswith("kubernetes:") and named and not resource.get("delete")


def _object(resource: Object) -> Described:
    inputs, mask = decode(_struct(resource["inputs"]))
    kind, _, part = str(resource.get("parent") or "").rpartition("::")
    return Described(
        urn=str(resource["urn"]),
        component="environment" if not part or kind.endswith(ENVIRONMENT) else part,
        inputs=inputs,
        mask=secret_mask(inputs, mask),
        outputs=dict(resource.get("outputs") or {}),
    )


def _struct(value: Object) -> Struct:
    struct = Struct()
    struct.update(_wire(value))
    return struct


def _wire(value: Any) -> Any:
    """Return a value of the state as the provider gets it; a secret that is still closed has no value."""
    if isinstance(value, list):
        return [_wire(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET:
        plain = json.loads(value["plaintext"]) if "plaintext" in value else ""
        return {SIGNATURE: SECRET, "value": plain}
    return {key: _wire(item) for key, item in value.items()}
