"""``poscloud mr`` as a CI job runs it: no passphrase, no kubeconfig, no home, no engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.planted import Planted

POSCLOUD = Path(sys.executable).with_name("poscloud")
KEY = "not-a-real-key-of-a-baseline"

STACK = """\
baseline: base
pull_secret: null
backing: {mysql: {storage: {size: 20Gi}}}
services:
  web: {kind: java, replicas: 2, version: v7}
"""
SECRETS = """\
encryptionsalt: v1:c2FsdHNhbHQ=:v1:bm9uY2U=:Y2lwaGVy
config:
  poscloud:mysql.password:
    secure: v1:OLDNONCE:OLDCIPHERTEXT
  poscloud:checksumKey:
    secure: v1:KEYNONCE:KEYCIPHERTEXT
"""


class Checkout:
    """A project as a job of CI has it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.home = folder / "home"
        for made in (self.root / "stacks", self.home):
            made.mkdir(parents=True)
        (self.root / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        self.describe(STACK)
        (self.root / "Pulumi.dev.yaml").write_text(SECRETS)

    def describe(self, text: str) -> None:
        (self.root / "stacks" / "dev.yaml").write_text(text)

    def run(self, *arguments: str, key: str = KEY, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run poscloud with nothing of this shell's environment."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), **variables}
        if key:
            environment["POSCLOUD_BASELINE_KEY"] = key
        return subprocess.run(
            [POSCLOUD, "mr", *arguments, "-s", "dev"],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def publish(self) -> None:
        done = self.run("baseline", "publish")
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_first_time_everything_is_new_and_nothing_is_needed(checkout: Checkout) -> None:
    done = checkout.run("preview", key="")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no baseline to compare with, 3 components in all: 3 pods" in done.stdout
    assert "There is no baseline of this environment yet" in done.stdout


def test_a_branch_is_compared_with_what_was_published(checkout: Checkout) -> None:
    checkout.publish()
    assert "nothing changes" in checkout.run("preview").stdout
    checkout.describe(STACK.replace("v7", "v8"))
    done = checkout.run("preview", "--output", "out/preview.md", "--json", "out/preview.json")
    assert (done.returncode, done.stdout) == (0, "1 component changes, 2 pods restart, risk: restart\n")
    text = (checkout.root / "out" / "preview.md").read_text()
    assert text.startswith(
        "<!-- poscloud:preview:dev -->\n### poscloud, `dev`: 1 component changes, 2 pods restart"
    )
    found = json.loads((checkout.root / "out" / "preview.json").read_text())
    assert (found["schema"], found["grade"], found["restarts"], found["blocked"]) == (1, "restart", 2, [])
    [field] = found["components"][0]["objects"][0]["fields"]
    assert field["path"] == "spec.template.spec.containers[web].image"
    assert field["old"].endswith(":v7") and field["new"].endswith(":v8")
    assert not (checkout.root / ".poscloud").exists() and not list(checkout.home.iterdir())


def test_data_loss_fails_the_job_and_says_what_to_write(checkout: Checkout) -> None:
    checkout.publish()
    checkout.describe(STACK.replace("20Gi", "5Gi"))
    done = checkout.run("preview", "--json", "preview.json")
    assert done.returncode == 1
    assert "error: data would be lost, and nobody acknowledged that: StatefulSet/mysql" in done.stderr
    assert "/poscloud acknowledge StatefulSet/mysql" in done.stderr
    assert json.loads((checkout.root / "preview.json").read_text())["blocked"] == ["StatefulSet/mysql"]


def test_replicas_do_not(checkout: Checkout) -> None:
    checkout.publish()
    checkout.describe(STACK.replace("replicas: 2", "replicas: 0"))
    assert checkout.run("preview").returncode == 0


def test_neither_value_of_anything_secret_is_in_any_output(checkout: Checkout) -> None:
    old, new = Planted("password", "variable"), Planted("password", "variable")
    for words in (old, new):
        env = f"env: {{TOKEN: {json.dumps(words.values['variable'])}}}"
        checkout.describe(STACK.replace("version: v7", f"version: v7, {env}"))
        # The place of the ciphertext; what stands there may be anything.
        secret = json.dumps(words.values["password"])
        (checkout.root / "Pulumi.dev.yaml").write_text(SECRETS.replace("v1:OLDNONCE:OLDCIPHERTEXT", secret))
        if words is old:
            checkout.publish()
    done = checkout.run("preview", "--output", "out/preview.md", "--json", "out/preview.json")
    assert done.returncode == 0
    shown = checkout.run("preview")
    text = (checkout.root / "out" / "preview.md").read_text()
    assert "`stringData.password`: changed" in text and "env[TOKEN].value`: changed" in text
    for words in (old, new):
        assert words.in_files(checkout.root / "out", checkout.root / "base") == {}
        assert words.found(f"{done.stdout}{done.stderr}{shown.stdout}{shown.stderr}") == []


def test_another_key_or_none_is_told_with_what_to_do(checkout: Checkout) -> None:
    checkout.publish()
    for key, message in (
        ("", "POSCLOUD_BASELINE_KEY is not set"),
        ("short", "POSCLOUD_BASELINE_KEY has 5 characters"),
        ("another-key-of-a-baseline", "published with another POSCLOUD_BASELINE_KEY"),
    ):
        done = checkout.run("preview", key=key)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr and "Traceback" not in done.stderr


def test_publishing_needs_a_place(checkout: Checkout) -> None:
    checkout.describe(STACK.replace("baseline: base\n", ""))
    done = checkout.run("baseline", "publish")
    assert done.returncode == 1
    assert "dev has no place for its baseline" in done.stderr and "stacks/dev.yaml" in done.stderr
    assert checkout.run("baseline", "publish", POSCLOUD_BASELINE="elsewhere").returncode == 0
    assert (checkout.root / "elsewhere" / "shop" / "dev.json").is_file()


def test_a_wrong_description_is_told_with_its_place(checkout: Checkout) -> None:
    checkout.describe(STACK.replace("baseline: base", "baseline: http://h/b"))
    done = checkout.run("preview")
    assert done.returncode == 2
    assert "stacks/dev.yaml:1:11: " in done.stderr and "expected a folder, s3:// or https://" in done.stderr


def test_a_file_that_cannot_be_written_is_told(checkout: Checkout) -> None:
    done = checkout.run("preview", "--output", "Pulumi.yaml/x.md")
    assert (done.returncode, "cannot write Pulumi.yaml/x.md" in done.stderr) == (1, True)
