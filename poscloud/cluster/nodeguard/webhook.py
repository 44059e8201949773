"""Telling people: a robot of a DingTalk group, or any server that takes JSON.

An address has the robot's token in it: no message and no error shows it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

from poscloud.errors import PosCloudError
from poscloud.spec.nodeguard import sign_variable, url_variable

SECONDS = 10
"""How long a server may take to answer."""

LONGEST = 18_000
"""Bytes of a text; DingTalk takes 20000."""

CUT = "\n…"


class WebhookError(PosCloudError):
    """People could not be told."""


@dataclass(frozen=True)
class Hook:
    """Where people are told.

    Attributes:
        kind: ``dingtalk`` or ``json``.
        url: Its address.
        sign: DingTalk's signing secret; empty: none.
        keyword: The word that the robot asks for; empty: none.
        number: Which one of the settings it is, from 1.
    """

    kind: str
    url: str = field(repr=False)
    sign: str = field(default="", repr=False)
    keyword: str = ""
    number: int = 1

    def __str__(self) -> str:
        return f"webhook {self.number} ({self.kind}, {urlsplit(self.url).hostname})"


def hooks(given: Sequence[Mapping[str, Any]], environ: Mapping[str, str]) -> list[Hook]:
    """Return the webhooks of the settings, with their addresses from variables.

    Raises:
        WebhookError: A variable is missing, or has no address.
    """
    found = []
    for number, each in enumerate(given, 1):
        variable = url_variable(number)
        url = environ.get(variable, "").strip()
        if not _is_address(url):
            raise WebhookError(
                f"{variable} has no address of webhook {number}: expected https://…",
                hint="the Secret that `webhooks` names has it",
            )
        sign = environ.get(sign_variable(number), "").strip()
        found.append(Hook(str(each["kind"]), url, sign, str(each.get("keyword", "")), number))
    return found


def _is_address(url: str) -> bool:
    if any(each <= " " or each == "\x7f" or each.isspace() for each in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # http://[ or http://host:many
        return False


def send(hook: Hook, text: str, data: Mapping[str, Any], now: Callable[[], float] = time.time) -> None:
    """Tell people.

    Args:
        hook: Where.
        text: What, for people.
        data: The same for programs.
        now: Seconds since 1970.

    Raises:
        WebhookError: The server cannot be reached, or does not take it.
    """
    if hook.kind == "dingtalk":
        content = f"{hook.keyword} {text}" if hook.keyword and hook.keyword not in text else text
        body: dict[str, Any] = {"msgtype": "text", "text": {"content": cut(content)}}
        answer = _post(hook, _signed(hook, now()), body)
        if answer.get("errcode") != 0:
            raise WebhookError(
                f"{hook} did not take it: {answer.get('errcode')} {answer.get('errmsg', '')}",
                hint="310000: the keyword or the signing secret is not the robot's",
            )
    else:
        _post(hook, hook.url, {"schema": 1, "text": text, **data})


def cut(text: str) -> str:
    """Return a text that is not too long for DingTalk."""
    data = text.encode()
    if len(data) <= LONGEST:
        return text
    return data[:LONGEST].decode(errors="ignore").rpartition("\n")[0] + CUT


def _signed(hook: Hook, seconds: float) -> str:
    """Return the address with a time and its signature, where the robot asks for that."""
    if not hook.sign:
        return hook.url
    stamp = str(round(seconds * 1000))
    digest = hmac.new(hook.sign.encode(), f"{stamp}\n{hook.sign}".encode(), hashlib.sha256).digest()
    joint = "&" if urlsplit(hook.url).query else "?"
    return f"{hook.url}{joint}timestamp={stamp}&sign={quote_plus(base64.b64encode(digest))}"


def _post(hook: Hook, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        url,
        json.dumps(body, ensure_ascii=False).encode(),
        {"Content-Type": "application/json; charset=utf-8"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            content = response.read(1 << 16)
    except urllib.error.HTTPError as error:
        raise WebhookError(f"{hook} answered {error.code}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Of no other error is the text told: it may have the address.
        reason = error.reason if isinstance(error, urllib.error.URLError) else type(error).__name__
        raise WebhookError(f"{hook} cannot be reached: {reason}", hint="may the pod reach it?") from None
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {}
