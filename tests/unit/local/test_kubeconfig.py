from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from poscloud.errors import DeployError
from poscloud.local import kubeconfig
from poscloud.local.certificates import Pki


def write(file: Path, *contexts: str, current: str = "") -> Path:
    file.write_text(
        yaml.safe_dump(
            {
                "contexts": [{"name": name, "context": {"cluster": f"{name}-cluster"}} for name in contexts],
                "clusters": [
                    {"name": f"{name}-cluster", "cluster": {"server": f"https://{name}:6443"}}
                    for name in contexts
                ],
                "current-context": current,
            }
        )
    )
    return file


def test_the_local_one_reads_back(tmp_path: Path) -> None:
    pki = Pki(tmp_path / "pki")
    pki.ensure()
    file = tmp_path / "kubeconfig"
    kubeconfig.write(file, server="https://127.0.0.1:1", pki=pki, user="admin")
    target = kubeconfig.target([file])
    assert (target.context, target.server, target.file) == ("poscloud", "https://127.0.0.1:1", file)
    assert yaml.safe_load(file.read_text())["users"][0]["user"]["client-key-data"]


def test_the_first_file_wins(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "a", "dev", current="dev"),
        write(tmp_path / "b", "dev", "prod", current="prod"),
    ]
    assert kubeconfig.target(files).context == "dev"
    assert kubeconfig.target(files, "prod").server == "https://prod:6443"


def test_an_unknown_context_names_the_known_ones(tmp_path: Path) -> None:
    file = write(tmp_path / "a", "dev", "prod")
    with pytest.raises(DeployError, match=r"no context 'stage' in .*; known: dev, prod"):
        kubeconfig.target([file], "stage")
    with pytest.raises(DeployError, match="no current context"):
        kubeconfig.target([file])


def test_no_file_and_no_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="no kubeconfig found"):
        kubeconfig.target([tmp_path / "none"])
    for text in ("[1, 2]", "a: b: c", "just words"):
        (tmp_path / "bad").write_text(text)
        with pytest.raises(DeployError, match="is not a kubeconfig"):
            kubeconfig.target([tmp_path / "bad"])


def test_where_kubectl_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", "/a:/b:")
    assert kubeconfig.search_path(Path("/own")) == [Path("/a"), Path("/b")]
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig.search_path(Path("/own")) == [tmp_path / ".kube" / "config"]
