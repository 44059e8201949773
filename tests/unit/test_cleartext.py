"""What is no secret, though it looks like one: names, addresses, paths, checksums."""

from __future__ import annotations

import base64
import random

import pytest

from poscloud.render.preflight.cleartext import check_cleartext
from poscloud.spec.cleartext import dense_in

HARMLESS = {
    "TOKEN_TTL": "3600",
    "PASSWORD_FILE": "/run/secrets/database",
    "DB_PASSWORD": "${redis.secret}",
    "MQ_PASSWORD": "$(FROM_ELSEWHERE)",
    "LDAP_PASSWORD": "",
    "USE_TOKEN": "true",
    "KEYSTORE_PASSWORD": "/etc/keystore/password",
    "REDIS_SECRET": "******",
    "SECRET_NAME": "database",
    "TOKEN_URL": "https://login.example.com/oauth/token",
    "COMPASS": "north",
    "BYPASS": "yes",
    "MONKEY": "banana",
    "URL": "http://tomcat.dac-prod:9090/x?user=a&page=2",
    "JDBC": "jdbc:mysql://db:3306/x?useSSL=false&serverTimezone=Asia/Shanghai",
    "REPOSITORY": "git@git.example.com:pay/core.git",
    "COMMIT": "3f5a9c0d1e2b4a6788990011223344556677aabb",
    "IMAGE": "r.example.com/pay/core@sha256:" + "0a1b2c3d" * 8,
    "ID": "123e4567-e89b-12d3-a456-426614174000",
    "CLASS": "com.example.AccountServiceConfiguration2Factory",
    "BEAN": "AccountServiceConfiguration2FactoryBeanImpl",
    "FOLDER": "/data/home/work/Hydra2/logs/AccountConfirm2026",
    "TOPICS": "hydra_loan_notify,Hydra2_loan_apply_V2_retry",
    "OPTIONS": "-Xmx1g -Dspring.profiles.active=stage -Dfile.encoding=UTF-8 -XX:+UseG1GC",
    "ARGS": "--password-stdin --token-file /run/token --secret-name database",
    "DATE": "2026-11-22T10:00:00.000Z",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_it_is_no_secret(name: str) -> None:
    part = {"kind": "java", "env": {name: HARMLESS[name]}}
    assert check_cleartext({"services": {"a": part}}, "env") == []


def test_fields_that_name_secrets_are_none() -> None:
    described = {
        "pull_secret": "myregistrykey",
        "secrets": {"database": ["password", "token"]},
        "services": {"a": {"env": {"DB_PASSWORD": {"secret": "database", "key": "password"}}}},
        "backing": {"redis": {"password": True}},
    }
    assert check_cleartext(described, "env") == []


def test_nine_of_ten_words_made_by_chance_are_found_and_none_of_hex() -> None:
    chance = random.Random(1)
    keys = [base64.b64encode(chance.randbytes(24)).decode() for _ in range(500)]
    assert sum(any(True for _ in dense_in(f"key: {key}")) for key in keys) >= 450
    assert not [k for k in keys if any(True for _ in dense_in(chance.randbytes(24).hex()))]
