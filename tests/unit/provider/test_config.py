from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from poscloud.errors import AuthError, PosCloudError
from poscloud.provider import config
from poscloud.provider.config import AS_TEXT, Access, kubectl_to, load
from poscloud.provider.credentials import Credentials


def kubeconfig(**changes: Any) -> dict[str, Any]:
    document = {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "a", "user": "u", "namespace": "shop"}},
            {"name": "two", "context": {"cluster": "b"}},
        ],
        "clusters": [
            {"name": "a", "cluster": {"server": "https://a:6443/"}},
            {"name": "b", "cluster": {"server": "https://b:6443"}},
        ],
        "users": [{"name": "u", "user": {"token": "t0ken"}}],
    }
    return {**document, **changes}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def write(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def test_a_file_and_its_current_context(tmp_path: Path) -> None:
    access = load({"kubeconfig": write(tmp_path / "k", kubeconfig())})
    assert (access.server, access.context, access.namespace) == ("https://a:6443", "one", "shop")
    assert access.where == f"kubeconfig {tmp_path / 'k'}, context one"


def test_configuration_chooses_context_cluster_and_namespace() -> None:
    text = json.dumps(kubeconfig())
    assert load({"kubeconfig": text, "context": "two"}).server == "https://b:6443"
    assert load({"kubeconfig": text, "cluster": "b"}).server == "https://b:6443"
    assert load({"kubeconfig": text, "namespace": "n"}).namespace == "n"


def test_several_files_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path / "1", {"current-context": "two", "contexts": kubeconfig()["contexts"]})
    second = write(tmp_path / "2", kubeconfig())
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert load({}).server == "https://b:6443"


@pytest.mark.parametrize(
    ("document", "phrase"),
    [
        (kubeconfig(**{"current-context": "gone"}), "has no context 'gone'; it has: one, two"),
        (kubeconfig(clusters=[]), "has no cluster 'a'; it has: none"),
        (kubeconfig(**{"current-context": ""}), "no current-context"),
    ],
)
def test_what_is_missing_is_named(document: dict[str, Any], phrase: str) -> None:
    with pytest.raises(PosCloudError, match=phrase):
        load({"kubeconfig": json.dumps(document)})


def test_bad_yaml_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("users:\n- token: s3cret\n  - bad: [")
    with pytest.raises(PosCloudError, match="line 3") as caught:
        load({"kubeconfig": str(tmp_path / "k")})
    assert "s3cret" not in str(caught.value)


def test_no_kubeconfig_at_all() -> None:
    with pytest.raises(PosCloudError, match="KUBECONFIG is not set"):
        load({})
    with pytest.raises(PosCloudError, match="does not exist"):
        load({"kubeconfig": "/nowhere/k"})


def test_a_file_of_another_machine_gives_way_to_this_ones_where_the_cluster_is_made_sure_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", write(tmp_path / "here", kubeconfig()))
    gone = {"kubeconfig": "/nowhere/k", "context": "two"}
    assert load({**gone, "clusterIdentifier": "uid:1"}).server == "https://b:6443"
    for unsure in (
        gone,
        {**gone, "clusterIdentifier": "b"},
        {**gone, "clusterIdentifier": "uid:1", "context": ""},
    ):
        with pytest.raises(PosCloudError, match="/nowhere/k does not exist"):
            load(unsure)


def test_in_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "namespace").write_text("own\n")
    monkeypatch.setattr(config, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    access = load({})
    assert (access.server, access.namespace) == ("https://10.0.0.1:443", "own")


async def header(user: dict[str, Any], folder: Path = Path()) -> str:
    return (await Credentials(Access("https://a", "k", user=user, folder=folder)).headers()).get(
        "Authorization", ""
    )


async def test_tokens_and_passwords(tmp_path: Path) -> None:
    assert await header({"token": "abc"}) == "Bearer abc"
    (tmp_path / "token").write_text("from-file\n")
    assert await header({"tokenFile": "token"}, tmp_path) == "Bearer from-file"
    assert await header({"username": "u", "password": "p"}) == "Basic " + base64.b64encode(b"u:p").decode()
    assert await header({}) == ""


def plugin(folder: Path, script: str) -> dict[str, Any]:
    (folder / "plugin").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "plugin").chmod(0o755)
    env = [{"name": "TOKEN", "value": "abc"}]
    return {"exec": {"command": "./plugin", "apiVersion": "client.authentication.k8s.io/v1", "env": env}}


async def test_a_credential_plugin_is_asked_once_until_forgotten(tmp_path: Path) -> None:
    answer = '{"status": {"token": "\'$TOKEN\'"}}'
    user = plugin(tmp_path, f"echo x >> {tmp_path}/calls; echo '{answer}'")
    credentials = Credentials(Access("https://a", "k", user=user, folder=tmp_path))
    for _ in range(3):
        assert await credentials.headers() == {"Authorization": "Bearer abc"}
    credentials.forget()
    await credentials.headers()
    assert (tmp_path / "calls").read_text().split() == ["x", "x"]


@pytest.mark.parametrize("script", ["echo no access >&2; exit 1", "echo nonsense"])
async def test_a_failing_plugin_is_named(tmp_path: Path, script: str) -> None:
    with pytest.raises(AuthError, match=r"credential plugin .*plugin failed"):
        await header(plugin(tmp_path, script), tmp_path)


def test_only_the_cluster_makes_the_identity() -> None:
    other_user = kubeconfig(users=[{"name": "u", "user": {"token": "new"}}])
    one, two = (load({"kubeconfig": json.dumps(document)}) for document in (kubeconfig(), other_user))
    assert one.identity == two.identity
    assert one.identity != load({"kubeconfig": json.dumps(kubeconfig()), "context": "two"}).identity


@pytest.mark.parametrize(
    ("file", "begins"),
    [
        ("/home/me/.kube/config", "kubectl --context=far"),
        ("/etc/far", "kubectl --kubeconfig=/etc/far --context=far"),
        ("/a:/b", "KUBECONFIG=/a:/b kubectl --context=far"),
        (AS_TEXT, "kubectl --context=far"),
    ],
)
def test_suggested_commands_name_the_cluster(file: str, begins: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert kubectl_to(file, "far") == begins


@pytest.mark.parametrize(
    "user",
    [
        {"exec": {"command": "true", "env": {"A": "b"}}},
        {"exec": {"command": "true", "env": [{"name": "A", "value": 1}]}},
        {"exec": {"command": "true", "args": 3}},
        {"exec": {"command": "echo", "args": ["[]"]}},
        {"exec": {"command": "echo", "args": ['{"status": 3}']}},
        {"tokenFile": 3},
        {"client-certificate": 3},
        {"client-key-data": 3},
    ],
)
async def test_a_user_of_other_types_is_a_mistake_in_the_kubeconfig(user: dict[str, Any]) -> None:
    access = config.Access(server="https://127.0.0.1:1", source="the-file", user=user)
    with pytest.raises(AuthError, match="the-file"):
        await Credentials(access).headers()
        await Credentials(access).tls()
