from __future__ import annotations

import asyncio
import base64
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.errors import AuthError
from poscloud.provider import rest
from poscloud.provider.config import Access
from poscloud.provider.rest import ApiError, Client, StoppedError, UnreachableError, progress, refused

from .conftest import Answer, FakeClock, FakeServer, Request, refusal
from .test_config import plugin


def answers(server: FakeServer, *given: Answer) -> None:
    sequence: Iterator[Answer] = iter(given)
    server.answer = lambda _: next(sequence)


async def test_connections_are_kept(server: FakeServer, access: Access, clock: FakeClock) -> None:
    client = Client(access, clock)
    for _ in range(5):
        await client.request("GET", "/api")
    assert (len(server.requests), server.connections) == (5, 1)


async def test_a_bounded_number_of_requests_is_in_flight(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    client = Client(access, clock)
    await asyncio.gather(*(client.request("GET", f"/{n}") for n in range(200)))
    assert len(server.requests) == 200
    assert server.connections <= rest.IN_FLIGHT


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(
    server: FakeServer, access: Access, clock: FakeClock, status: int
) -> None:
    busy = Answer(status, {"message": "busy"}, {"Retry-After": "3"})
    answers(server, busy, busy, Answer(body={"ok": True}))
    assert await Client(access, clock).request("POST", "/x", body={}) == {"ok": True}
    assert clock.slept == [3, 3]


async def test_a_server_that_takes_too_long_itself_is_asked_for_minutes(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    def slow(_: Request) -> Answer:
        clock.time += 34
        return Answer(504, {"message": "request did not complete"}) if clock.time < 250 else Answer()

    server.answer = slow
    assert await Client(access, clock).request("PATCH", "/x", body={}) == {}
    server.answer = lambda _: slow(_) and Answer(504, {"message": "request did not complete"})
    with pytest.raises(ApiError):
        await Client(access, clock).request("PATCH", "/x", body={})
    assert clock.time < 250 + 2 * rest.OVERLOADED


async def test_who_wants_a_refusal_at_once_gets_it(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    def at_once(refusal: ApiError) -> None:
        raise refusal

    refused.set(at_once)
    answers(server, Answer(429, {"message": "busy"}), Answer())
    with pytest.raises(ApiError, match="busy"):
        await Client(access, clock).request("POST", "/x", body={})
    assert (len(server.requests), clock.slept) == (1, [])


async def test_a_person_is_told_after_a_while(server: FakeServer, access: Access, clock: FakeClock) -> None:
    told: list[str] = []
    progress.set(told.append)
    busy = Answer(429, {"message": "busy"}, {"Retry-After": "3"})
    answers(server, *[busy] * 6, Answer())
    await Client(access, clock).request("GET", "/x")
    assert told == [
        "API server is busy (HTTP 429), retrying (12 s)",
        "API server is busy (HTTP 429), retrying (15 s)",
    ]


@pytest.mark.parametrize(
    "passing",
    [
        refusal(500, "InternalError", "etcdserver: leader changed"),
        refusal(500, "InternalError", "etcdserver: request timed out"),
        refusal(409, "Conflict", 'Operation cannot be fulfilled on resourcequotas "rq"'),
        refusal(403, "Forbidden", 'error looking up service account: serviceaccount "default" not found'),
    ],
)
async def test_what_passes_is_tried_again(
    server: FakeServer, access: Access, clock: FakeClock, passing: Answer
) -> None:
    answers(server, passing, Answer(201))
    await Client(access, clock).request("POST", "/x", body={})
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500])
async def test_what_is_refused_is_not_tried_again(
    server: FakeServer, access: Access, clock: FakeClock, status: int
) -> None:
    answers(server, refusal(status, "Because", "no", causes=[{"field": "spec"}]))
    with pytest.raises(ApiError, match="no") as caught:
        await Client(access, clock).request("POST", "/x", body={})
    assert (caught.value.reason, caught.value.causes) == ("Because", [{"field": "spec"}])


async def test_lost_connections_are_survived(server: FakeServer, access: Access, clock: FakeClock) -> None:
    answers(server, Answer(), Answer(None), Answer(None), Answer(body={"ok": 1}))
    client = Client(access, clock)
    await client.request("GET", "/x")
    assert await client.request("GET", "/x") == {"ok": 1}


async def test_a_server_that_comes_back_within_a_minute(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    def answer(_: Request) -> Answer:
        return Answer(None) if 1 < clock.time < 50 else Answer()

    server.answer = answer
    client = Client(access, clock)
    await client.request("GET", "/x")
    clock.time = 2
    await client.request("GET", "/x")
    assert 50 <= clock.time < 60


async def test_an_unreachable_server_is_named_and_asked_no_more(clock: FakeClock) -> None:
    access = Access("http://127.0.0.1:1", "k.yaml", "ctx", cluster={"server": "http://127.0.0.1:1"})
    client = Client(access, clock)
    expected = r"cannot reach http://127.0.0.1:1: connection refused \(kubeconfig k.yaml, context ctx\)"
    with pytest.raises(UnreachableError, match=expected):
        await client.request("GET", "/x")
    assert 8 < clock.time < 15
    before = clock.time
    with pytest.raises(UnreachableError):
        await client.request("GET", "/x")
    assert clock.time == before


async def test_rejected_credentials_fail_at_once(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    answers(server, refusal(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(AuthError, match=r"credentials rejected .* context test"):
        await Client(access, clock).request("GET", "/x")
    assert len(server.requests) == 1


async def test_the_credential_plugin_is_called_again_once(
    server: FakeServer, access: Access, clock: FakeClock, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    answer = '{"status": {"token": "\'$(wc -l < ' + str(calls) + ")'\"}}"
    user = plugin(tmp_path, f"echo x >> {calls}; echo '{answer}'")
    asking = Access(access.server, "k", cluster=access.cluster, user=user, folder=tmp_path)
    server.answer = lambda request: (
        Answer()
        if request.headers["authorization"] == "Bearer 2"
        else refusal(401, "Unauthorized", "Unauthorized")
    )
    await Client(asking, clock).request("GET", "/x")
    assert len(server.requests) == 2
    server.answer = lambda _: refusal(401, "Unauthorized", "Unauthorized")
    with pytest.raises(AuthError):
        await Client(asking, clock).request("GET", "/x")


async def test_stopping_ends_retries(server: FakeServer, access: Access, clock: FakeClock) -> None:
    server.answer = lambda _: Answer(503)
    clock.stopped.set()
    with pytest.raises(StoppedError):
        await Client(access, clock).request("GET", "/x")


async def test_nothing_is_written_once_the_engine_is_gone(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    def gone(_: str) -> None:
        raise StoppedError("the engine is gone")

    client = Client(access, clock, gone)
    await client.request("GET", "/x")
    with pytest.raises(StoppedError):
        await client.request("POST", "/x", body={})
    assert not server.asked("POST")


async def test_a_webhook_that_does_not_answer_is_asked_twice_more(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    silent = refusal(500, "InternalError", 'failed calling webhook "w": context deadline exceeded')
    answers(server, silent, silent, Answer())
    await Client(access, clock).request("GET", "/x")
    answers(server, *[silent] * 9)
    with pytest.raises(ApiError, match="failed calling webhook"):
        await Client(access, clock).request("GET", "/x")
    assert len(server.requests) == 6


async def test_only_the_first_request_says_why_the_credentials_are_rejected(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1777593600}').decode().rstrip("=")
    old = dataclasses.replace(access, user={"token": f"e30.{claims}.x"}, user_name="alice")
    server.answer = lambda _: refusal(401, "Unauthorized", "Unauthorized")
    client = Client(old, clock)
    with pytest.raises(AuthError, match=r"rejected \(token expired 2026-05-01\).*kubeconfig user alice"):
        await client.request("GET", "/x")
    with pytest.raises(AuthError, match="see the first error"):
        await client.request("GET", "/x")


async def test_a_server_that_was_away_may_forbid_for_a_moment(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    forbidden = refusal(403, "Forbidden", 'pods is forbidden: User "u" cannot create resource "pods"')
    answers(server, Answer(None), forbidden, forbidden, Answer())
    await Client(access, clock).request("GET", "/x")
    answers(server, forbidden)
    with pytest.raises(ApiError, match="is forbidden"):
        await Client(access, clock).request("GET", "/x")


async def test_a_write_that_waited_for_its_turn_is_not_sent_either(
    server: FakeServer, access: Access, clock: FakeClock
) -> None:
    is_gone = asyncio.Event()

    def may_write(_: str) -> None:
        if is_gone.is_set():
            raise StoppedError("the engine is gone")

    client = Client(access, clock, may_write)
    for _ in range(rest.IN_FLIGHT):
        await client._slots.acquire()
    waiting = asyncio.create_task(client.request("POST", "/x", body={}))
    await asyncio.sleep(0)
    is_gone.set()
    client._slots.release()
    with pytest.raises(StoppedError):
        await waiting
    assert not server.asked("POST")


def test_an_error_in_a_watch_is_an_event_as_well() -> None:
    gone = {
        "type": "ERROR",
        "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410},
    }
    assert rest.answered_event(gone) == gone


@pytest.mark.parametrize(
    "head", ["Content-Length: 6", "Content-Length: 6\r\nConnection: close", "Connection: close"]
)
async def test_a_stream_gives_what_has_come_and_ends_with_the_answer(head: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + b"abcdef")
        await writer.drain()
        if "close" in head:
            writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    client = Client(Access(url, "test.yaml", "test", cluster={"server": url}))
    async with asyncio.timeout(10):
        assert b"".join([part async for part in client.stream("/log", {})]) == b"abcdef"
    listener.close()
