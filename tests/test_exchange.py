"""What goes out is exactly the request; what comes back is kept to the byte; an exchange always ends."""

import asyncio
import gzip
import json
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import (
    Connection,
    Script,
    Server,
    answer,
    closed_port,
    flooding,
    replying,
    replying_once,
    serving,
)

from conformance import http1, sse
from conformance.errors import HarnessError, UsageError
from conformance.evidence import Writer, read
from conformance.exchange import Limits, Sender, sender
from conformance.exchange.faults import fault_of
from conformance.exchange.tap import MOST_PIECES, Tape
from conformance.model import Exchange, FaultKind, Request
from conformance.redact import Redactor
from conformance.secret import Secret
from conformance.target import Target, parse_target

T = TypeVar("T")

KEY = "sk-test-0123456789"
QUICK = Limits(deadline=0.5, max_bytes=200_000, max_head=20_000, linger=0.1)
ASK = Request(
    headers=(("Content-Type", "application/json"), ("authorization", "Bearer {key}")), body=b'{"model":"m"}'
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n"


def target(origin: str, **more: object) -> Target:
    return parse_target(origin, key=Secret(KEY), **more)  # type: ignore[arg-type]


async def send(door: Sender, request: Request = ASK, **more: object) -> Exchange:
    return await door.send(request, id="ex-1", probe="p", model="m", **more)  # type: ignore[arg-type]


def against(script: Script, request: Request = ASK, limits: Limits = QUICK) -> Exchange:
    """Send one request to a server that follows a script."""
    return conversation(script, lambda door, _: send(door, request), limits=limits)


def conversation(
    script: Script,
    talk: Callable[[Sender, Server], Awaitable[T]],
    *,
    limits: Limits = QUICK,
    concurrency: int = 2,
) -> T:
    """Let ``talk`` use a sender that is bound to a server that follows a script."""

    async def main() -> T:
        async with (
            serving(script) as server,
            Sender(target(server.origin), limits=limits, concurrency=concurrency) as door,
        ):
            return await talk(door, server)

    return asyncio.run(main())


def kind(exchange: Exchange) -> FaultKind | None:
    return exchange.fault.kind if exchange.fault else None


# ---- what goes out


def test_the_request_goes_out_as_it_is_with_the_key_put_in():
    async def talk(door: Sender, server: Server) -> tuple[Exchange, bytes, int]:
        return await send(door), server.requests[0], server.port

    exchange, seen, port = conversation(replying(answer()), talk)
    assert seen == (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
        b"authorization: Bearer %s\r\nContent-Length: 13\r\n\r\n"
        b'{"model":"m"}' % (port, KEY.encode())
    )
    assert exchange.request.headers[2] == ("authorization", "Bearer {key}")
    assert KEY not in repr(exchange)


def test_headers_of_the_target_are_added_unless_the_request_has_them():
    async def main() -> tuple[bytes, Exchange]:
        async with serving(replying(answer())) as server:
            aim = target(
                server.origin,
                headers=(
                    ("X-Tenant", "t1"),
                    ("Content-Type", "text/plain"),
                    ("X-Pass", Secret("open-sesame")),
                ),
            )
            async with Sender(aim, limits=QUICK, concurrency=1) as door:
                return (await send(door)), server.requests[0]

    exchange, seen = asyncio.run(main())
    assert b"\r\nX-Tenant: t1\r\n" in seen
    assert b"\r\nX-Pass: open-sesame\r\n" in seen
    assert b"text/plain" not in seen
    assert ("X-Pass", "***") in exchange.request.headers


def test_a_header_that_needs_a_key_is_left_out_when_there_is_none():
    async def main() -> bytes:
        async with serving(replying(answer())) as server:
            async with Sender(parse_target(server.origin), limits=QUICK, concurrency=1) as door:
                await send(door)
            return server.requests[0]

    assert b"authorization" not in asyncio.run(main())


def test_a_key_in_the_body_is_escaped_as_json_demands():
    async def main() -> bytes:
        async with serving(replying(answer())) as server:
            aim = parse_target(server.origin, key=Secret('sk-"quoted"'))
            async with Sender(aim, limits=QUICK, concurrency=1) as door:
                await send(door, Request(body=b'{"key":"{key}"}'))
            return server.requests[0]

    assert asyncio.run(main()).endswith(b'{"key":"sk-\\"quoted\\""}')


def test_a_request_without_body_announces_no_length():
    async def talk(door: Sender, server: Server) -> bytes:
        await send(door, Request(method="GET", path="/models"))
        return server.requests[0]

    seen = conversation(replying(answer()), talk)
    assert seen.startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert b"content-length" not in seen.lower()


def test_a_request_that_is_no_http_is_our_own_error():
    with pytest.raises(HarnessError):
        against(replying(answer()), Request(headers=(("X-A", "b\r\nX-B: c"),)))


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    assert against(replying(answer())).fault is None


# ---- what comes back is kept


def test_every_byte_is_kept_with_its_time():
    parts = (CHUNKED, b"5\r\nhello\r\n", b"0\r\nX-Trailer: 1\r\n\r\n")
    exchange = against(replying(*parts))
    assert exchange.raw == b"".join(parts)
    assert exchange.fault is None
    assert sum(size for _, size in exchange.pieces) == len(exchange.raw)
    times = [when for when, _ in exchange.pieces]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= exchange.elapsed
    assert abs(exchange.started_at - time.time()) < 60


def test_a_compressed_body_stays_compressed():
    body = gzip.compress(b'{"object": "chat.completion"}')
    exchange = against(replying(answer(body, b"Content-Encoding: gzip")))
    assert exchange.raw.endswith(body)


def test_an_answer_to_head_ends_with_its_head():
    exchange = against(
        replying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), Request(method="HEAD", path="/models")
    )
    assert exchange.fault is None


def test_a_body_may_end_with_the_connection():
    exchange = against(replying_once(b"HTTP/1.1 200 OK\r\n\r\nall of it"))
    assert exchange.raw.endswith(b"all of it")
    assert exchange.fault is None


def test_a_change_of_protocol_ends_the_exchange():
    exchange = against(replying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"))
    assert exchange.raw.startswith(b"HTTP/1.1 101 ")


def test_times_of_very_many_reads_are_merged():
    tape = Tape(QUICK)
    for _ in range(MOST_PIECES + 5):
        tape.add(b"ab")
    assert len(tape.pieces) == MOST_PIECES
    assert sum(size for _, size in tape.pieces) == len(tape.raw) == 2 * (MOST_PIECES + 5)


# ---- redirects, cookies, logs


@pytest.mark.parametrize("location", ["{other}/v1/chat/completions", "http://[oops", "\\\\\\", ""])
def test_a_redirect_is_not_followed(location: str):
    async def main() -> tuple[Exchange, Server]:
        async with serving(replying(answer(b"stolen"))) as other:
            where = location.format(other=other.origin).encode()
            redirect = answer(b"", b"Location: " + where, status=b"307 Temporary Redirect")
            async with (
                serving(replying(redirect)) as server,
                Sender(target(server.origin), limits=QUICK, concurrency=1) as door,
            ):
                return await send(door), other

    exchange, other = asyncio.run(main())
    assert exchange.raw.startswith(b"HTTP/1.1 307 ")
    assert exchange.fault is None
    assert other.connections == 0


def test_cookies_are_not_sent_back():
    async def talk(door: Sender, server: Server) -> list[bytes]:
        await send(door)
        await send(door)
        return server.requests

    seen = conversation(replying(answer(b"ok", b"Set-Cookie: a=b")), talk)
    assert len(seen) == 2
    assert b"ookie" not in b"".join(seen)


def test_nothing_that_a_target_says_is_logged(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    against(replying(answer(b"ok", b"X-Echo: " + KEY.encode())))
    assert KEY not in caplog.text


# ---- how connections fail


def test_a_refused_connection():
    async def main() -> Exchange:
        aim = target(f"http://127.0.0.1:{closed_port()}")
        async with Sender(aim, limits=QUICK, concurrency=1) as door:
            return await send(door)

    exchange = asyncio.run(main())
    assert kind(exchange) is FaultKind.REFUSED
    assert exchange.raw == b""


def test_an_unknown_host():
    error = httpx.ConnectError("")
    error.__cause__ = OSError("all attempts")
    error.__cause__.__context__ = ExceptionGroup(
        "several", [socket.gaierror(-2, "Name or service not known")]
    )
    fault = fault_of(error, Tape(QUICK))
    assert fault.kind is FaultKind.DNS


async def silent(connection: Connection) -> None:
    await connection.request()
    await asyncio.Event().wait()


def then_silent(*parts: bytes) -> Script:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(*parts)
        await asyncio.Event().wait()

    return script


async def trickle(connection: Connection) -> None:
    await connection.request()
    await connection.say(CHUNKED)
    while True:
        await connection.say(b"1\r\nx\r\n")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (silent, "no first byte"),
        (then_silent(b"HTTP/1.1 200 OK\r\nX-A: "), "no end of the head"),
        (then_silent(b"HTTP/1.1 100 Continue\r\n\r\n"), "no end of the head"),
        (then_silent(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "no end of the body"),
        (trickle, "no end of the body"),
    ],
    ids=["silent", "half a head", "only interim", "half a body", "trickle"],
)
def test_the_deadline_ends_every_wait(script: Script, words: str):
    exchange = against(script, limits=Limits(deadline=0.25))
    assert kind(exchange) is FaultKind.DEADLINE
    assert exchange.fault is not None
    assert words in exchange.fault.detail
    assert 0.2 < exchange.elapsed < 2


def test_what_came_before_the_deadline_is_kept():
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
    assert against(then_silent(start), limits=Limits(deadline=0.25)).raw == start


def test_a_deadline_of_one_exchange_replaces_the_usual_one():
    async def talk(door: Sender, _: Server) -> Exchange:
        return await send(door, deadline=0.1)

    exchange = conversation(silent, talk, limits=Limits(deadline=30))
    assert kind(exchange) is FaultKind.DEADLINE
    assert exchange.elapsed < 5


@pytest.mark.parametrize(
    ("start", "again", "most"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 900 + b"\r\n", 100_000),
        (b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x" * 1000, 100_000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 20, 100_000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4000, QUICK.max_bytes),
        (CHUNKED, b"a\r\n0123456789\r\n" * 100, QUICK.max_bytes),
        (CHUNKED + b"5;", b"x" * 1000, QUICK.max_bytes),
    ],
    ids=["headers", "one header", "interim answers", "body", "chunks", "one chunk line"],
)
def test_an_endless_answer_is_cut(start: bytes, again: bytes, most: int):
    exchange = against(flooding(start, again), limits=Limits(deadline=5, max_bytes=200_000, max_head=20_000))
    assert kind(exchange) is FaultKind.TOO_LARGE
    assert exchange.raw.startswith(start)
    assert len(exchange.raw) <= most


def test_an_answer_of_just_the_limit_is_taken():
    whole = answer(b"x" * 50)
    exchange = against(replying(whole), limits=Limits(deadline=0.5, max_bytes=len(whole)))
    assert exchange.fault is None
    assert exchange.raw == whole


def test_a_stream_of_too_many_events_is_cut():
    events = b"data: {}\n\n" * 30
    body = b"%x\r\n%s\r\n" % (len(events), events)
    exchange = against(replying(CHUNKED, body), limits=Limits(deadline=0.5, max_events=20))
    assert kind(exchange) is FaultKind.TOO_LARGE


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02garbage\xff\xfe",
        b"<html>Bad gateway</html>",
        b"<html>\r\n\r\nBad gateway</html>",
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 twohundred\r\n\r\n",
    ],
)
def test_what_is_no_http_is_malformed_and_kept(raw: bytes):
    exchange = against(replying_once(raw))
    assert kind(exchange) is FaultKind.MALFORMED
    assert exchange.raw == raw


def test_all_of_a_malformed_answer_is_kept_also_what_comes_later():
    body_let_go = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n")
        body_let_go.set()
        await asyncio.sleep(0.05)
        await connection.say(b"hello!")
        await asyncio.Event().wait()

    exchange = against(script)
    assert body_let_go.is_set()
    assert kind(exchange) is FaultKind.MALFORMED
    assert exchange.raw.endswith(b"\r\n\r\nhello!")
    assert exchange.fault is not None
    assert "Content-Length" in exchange.fault.detail


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "before the answer"),
        (b"HTTP/1.1 200 OK\r\nX-A", "before the head"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "before the body"),
        (CHUNKED + b"5\r\nab", "before the body"),
        (CHUNKED + b"2\r\nab\r\n", "before the body"),
    ],
)
def test_a_connection_that_is_closed_early(raw: bytes, words: str):
    exchange = against(replying_once(raw))
    assert kind(exchange) is FaultKind.CLOSED_EARLY
    assert exchange.raw == raw
    assert exchange.fault is not None
    assert words in exchange.fault.detail


def test_a_connection_that_is_reset():
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(CHUNKED)
        await asyncio.sleep(0.05)
        connection.reset()

    exchange = against(script)
    assert kind(exchange) is FaultKind.RESET
    assert exchange.raw == CHUNKED


def test_a_stream_that_is_kept_open_after_its_end_is_left_soon():
    stream = b"data: {}\n\ndata: [DONE]\n\n"
    raw = CHUNKED + b"%x\r\n%s\r\n" % (len(stream), stream)
    exchange = against(then_silent(raw), limits=Limits(deadline=20, linger=0.1))
    assert kind(exchange) is FaultKind.LINGERING
    assert exchange.raw == raw
    assert exchange.elapsed < 5


def test_the_end_of_a_stream_is_found_across_reads():
    first, second = b"7\r\ndata: [\r\n", b"7\r\nDONE]\n\n\r\n"
    exchange = against(then_silent(CHUNKED, first, second), limits=Limits(deadline=20, linger=0.1))
    assert kind(exchange) is FaultKind.LINGERING


def test_done_inside_a_text_does_not_end_a_stream():
    stream = b'data: {"content": "data: [DONE]"}\n\n'
    raw = CHUNKED + b"%x\r\n%s\r\n" % (len(stream), stream)
    assert kind(against(then_silent(raw), limits=Limits(deadline=0.3, linger=0.05))) is FaultKind.DEADLINE


# ---- connections are reused, and that is never the target's fault


def test_connections_are_reused():
    async def talk(door: Sender, server: Server) -> int:
        for _ in range(3):
            await send(door)
        return server.connections

    assert conversation(replying(answer()), talk) == 1


def test_a_server_may_close_an_idle_connection():
    async def talk(door: Sender, server: Server) -> list[Exchange]:
        return [await send(door) for _ in range(3)]

    assert [each.fault for each in conversation(replying_once(answer()), talk)] == [None, None, None]


def closing_on_the_second_request(*, reset: bool) -> Script:
    """Close the first connection when a second request comes on it, as if it had been closed before."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(answer())
        await connection.request()
        if connection.number > 1:
            await connection.say(answer())
        elif reset:
            connection.reset()

    return script


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_was_closed_while_idle_costs_no_verdict(reset: bool):  # noqa: FBT001
    async def talk(door: Sender, server: Server) -> tuple[list[Exchange], int]:
        return [await send(door), await send(door)], len(server.requests)

    exchanges, requests = conversation(closing_on_the_second_request(reset=reset), talk)
    assert [each.fault for each in exchanges] == [None, None]
    assert requests == 3


def test_a_reused_connection_that_breaks_later_is_the_targets_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sender, "STALE_WITHIN", 0.0)

    async def talk(door: Sender, server: Server) -> tuple[list[Exchange], int]:
        return [await send(door), await send(door)], len(server.requests)

    exchanges, requests = conversation(closing_on_the_second_request(reset=False), talk)
    assert [kind(each) for each in exchanges] == [None, FaultKind.CLOSED_EARLY]
    assert requests == 2


def test_a_new_connection_that_is_closed_is_not_tried_again():
    async def talk(door: Sender, server: Server) -> tuple[Exchange, int]:
        return await send(door), server.connections

    exchange, connections = conversation(replying_once(), talk)
    assert kind(exchange) is FaultKind.CLOSED_EARLY
    assert connections == 1


@pytest.mark.parametrize("surplus", [b"x", answer(b"of somebody else"), b"\r\n\r\n"])
def test_bytes_behind_an_answer_never_reach_the_next_exchange(surplus: bytes):
    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.say(answer(b"mine") + surplus)

    async def talk(door: Sender, server: Server) -> list[Exchange]:
        return [await send(door) for _ in range(3)]

    for exchange in conversation(script, talk):
        assert exchange.fault is None
        assert exchange.raw == answer(b"mine") + surplus


# ---- many at once


def test_waiting_for_a_turn_costs_no_time_of_the_deadline():
    most = 0
    under_way = 0

    async def script(connection: Connection) -> None:
        nonlocal most, under_way
        while True:
            await connection.request()
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.05)
            under_way -= 1
            await connection.say(answer())

    async def talk(door: Sender, server: Server) -> list[Exchange]:
        return await asyncio.gather(*(send(door) for _ in range(16)))

    exchanges = conversation(script, talk, limits=Limits(deadline=0.3), concurrency=2)
    assert [each.fault for each in exchanges] == [None] * 16
    assert most == 2


def test_exchanges_that_run_side_by_side_keep_their_bytes_apart():
    async def script(connection: Connection) -> None:
        while True:
            seen = await connection.request()
            await connection.say(*(bytes([byte]) for byte in answer(seen[-4:])))

    async def talk(door: Sender, server: Server) -> list[Exchange]:
        return await asyncio.gather(*(send(door, Request(body=b"%04d" % n)) for n in range(20)))

    for number, exchange in enumerate(conversation(script, talk, concurrency=5)):
        assert exchange.raw == answer(b"%04d" % number)


def test_a_cancelled_exchange_is_not_swallowed():
    asked = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        asked.set()
        await asyncio.Event().wait()

    async def talk(door: Sender, server: Server) -> bool:
        task = asyncio.create_task(send(door))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return True

    assert conversation(script, talk)


# ---- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def over_tls(context: ssl.SSLContext | None, bundle: object = None, script: Script | None = None) -> Exchange:
    async def main() -> Exchange:
        async with serving(script or replying(answer()), tls=context) as server:
            aim = target(f"https://127.0.0.1:{server.port}", ca_bundle=bundle)
            async with Sender(aim, limits=Limits(deadline=3), concurrency=1) as door:
                return await send(door)

    return asyncio.run(main())


def test_bytes_are_kept_as_they_are_inside_tls(authority: trustme.CA, tmp_path: Path):
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    exchange = over_tls(server_context(authority), bundle)
    assert exchange.fault is None
    assert exchange.raw == answer()


def test_a_certificate_of_nobody_we_trust(authority: trustme.CA):
    exchange = over_tls(server_context(authority))
    assert kind(exchange) is FaultKind.TLS
    assert exchange.fault is not None
    assert "certificate" in exchange.fault.detail


def test_a_certificate_for_another_host(authority: trustme.CA, tmp_path: Path):
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    exchange = over_tls(server_context(authority, "other.example"), bundle)
    assert kind(exchange) is FaultKind.TLS


def test_a_server_that_speaks_no_tls():
    async def plain(connection: Connection) -> None:
        await connection.say(answer(status=b"400 Bad Request"))

    assert kind(over_tls(None, script=plain)) is FaultKind.TLS


def test_a_server_that_never_answers_the_tls_greeting():
    async def mute(_: Connection) -> None:
        await asyncio.Event().wait()

    async def main() -> Exchange:
        async with serving(mute) as server:
            aim = target(f"https://127.0.0.1:{server.port}")
            async with Sender(aim, limits=QUICK, concurrency=1) as door:
                return await send(door)

    exchange = asyncio.run(main())
    assert kind(exchange) is FaultKind.DEADLINE
    assert exchange.fault is not None
    assert "TLS" in exchange.fault.detail


def test_a_bundle_without_certificates_is_a_usage_error(tmp_path: Path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("nothing")
    with pytest.raises(UsageError):
        Sender(target("https://h", ca_bundle=bundle), limits=QUICK, concurrency=1)


# ---- from the wire to the disk


def test_a_key_that_a_target_gives_back_piece_by_piece_never_reaches_the_disk(tmp_path: Path):
    async def echo(connection: Connection) -> None:
        seen = await connection.request()
        key = seen.partition(b"Bearer ")[2].partition(b"\r\n")[0]
        await connection.say(CHUNKED)
        for at in range(0, len(key), 2):
            event = b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n' % key[at : at + 2]
            await connection.say(*(b"%x\r\n%s\r\n" % (len(part), part) for part in (event[:44], event[44:])))
        await connection.say(b"0\r\n\r\n")

    exchange = Redactor([KEY]).exchange(against(echo))
    with Writer(tmp_path / "evidence.jsonl", {}) as writer:
        writer.exchange(exchange)
    assert exchange.fault is None
    shown = sse.parse(http1.read_answer(exchange.raw, closed=True).body)  # type: ignore[union-attr]
    deltas = [json.loads(event.data)["choices"][0]["delta"]["content"] for event in shown.events]
    assert "".join(deltas) == "~" * len(KEY)
    (kept,) = read(tmp_path / "evidence.jsonl").exchanges
    assert kept == exchange


# ---- whatever comes


HEADS = st.sampled_from(
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        CHUNKED,
        CHUNKED + b"5\r\n",
        b"HTTP/1.1 204 No\r\n\r\n",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(head=HEADS, rest=st.binary(max_size=200))
def test_no_answer_raises_and_no_byte_is_lost(head: bytes, rest: bytes):
    exchange = against(replying_once(head + rest))
    assert (head + rest).startswith(exchange.raw)
    if exchange.fault is not None:
        assert " 0x" not in exchange.fault.detail
        assert len(exchange.fault.detail) < 100
    if kind(exchange) in {FaultKind.MALFORMED, FaultKind.CLOSED_EARLY}:
        assert exchange.raw == head + rest
