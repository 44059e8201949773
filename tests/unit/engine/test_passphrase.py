"""The passphrase, checked against a salt that engine 3.250 wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine.passphrase import check_passphrase, opens
from poscloud.errors import AuthError

PASSPHRASE = "a-fake-passphrase"
SALT = "v1:g90z6qorITo=:v1:2/UHchiozVcijo7e:69MBteMWJRjeGnRD7qAsZNnHbU4cjA=="


def test_the_passphrase_of_a_salt_and_no_other_opens_it() -> None:
    assert opens(PASSPHRASE, SALT)
    assert not opens(f"{PASSPHRASE}!", SALT)


def test_what_is_no_salt_is_opened_by_nothing() -> None:
    assert not opens(PASSPHRASE, "v1:nonsense")


def test_a_wrong_one_is_named_with_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {SALT}\n")
    file = tmp_path / "passphrase"
    file.write_text("not it")
    with pytest.raises(AuthError) as caught:
        check_passphrase(tmp_path, "dev", {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)})
    assert caught.value.message == "wrong passphrase for stack dev (PULUMI_CONFIG_PASSPHRASE or …_FILE)"
    assert str(file) in caught.value.hint
    file.write_text(f"{PASSPHRASE}\n")
    check_passphrase(tmp_path, "dev", {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)})
    check_passphrase(tmp_path, "another", {})
