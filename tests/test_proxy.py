"""A proxy of the environment is used when the user asks for it, and then it is no part of the target."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest
import trustme

from conformance.errors import UsageError
from conformance.exchange import Limits, Sender
from conformance.model import Exchange, FaultKind, Request
from conformance.proxy import proxy_for
from conformance.secret import Secret
from conformance.target import Target
from tests.loopback import Connection, Script, answer, replying, serving

PASSWORD = "proxy-password-of-nobody"


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"ALL_PROXY": "http://proxy.example"}, "http://proxy.example"),
        ({"HTTP_PROXY": "http://proxy.example"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "api.example"}, None),
        ({}, None),
    ],
)
def test_variables_name_the_proxy_of_a_target(
    variables: dict[str, str], url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_for("https://api.example/v1")
    assert (found.reveal() if found else None) == url


@pytest.mark.parametrize("value", ["socks5://proxy.example", "http://", "http://host:port"])
def test_proxy_that_cannot_be_used_is_a_usage_error_without_its_text(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(UsageError) as caught:
        proxy_for("https://api.example/v1")
    assert value not in str(caught.value)


async def ask(target: Target) -> Exchange:
    """Send one request to a target."""
    async with Sender(target, limits=Limits(deadline=5), concurrency=1) as sender:
        return await sender.send(Request(body=b"{}"), id="ex-1", probe="p", model="m")


def through(script: Script, url: str, **more: object) -> tuple[Exchange, list[bytes]]:
    """Send one request through a proxy that follows a script; also return what the proxy was asked."""

    async def main() -> tuple[Exchange, list[bytes]]:
        async with serving(script) as proxy:
            secret = Secret(f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}")
            exchange = await ask(Target(url, proxy=secret, **more))  # type: ignore[arg-type]
            return exchange, proxy.requests

    return asyncio.run(main())


def test_plain_request_goes_to_the_proxy_whole() -> None:
    exchange, asked = through(replying(answer(b"{}")), "http://api.example/v1")
    assert asked[0].startswith(b"POST http://api.example/v1/chat/completions HTTP/1.1\r\n")
    assert exchange.raw == answer(b"{}")
    assert not any("proxy" in name.lower() for name, _ in exchange.request.headers)


def test_answer_of_a_proxy_that_refuses_is_none_of_the_target() -> None:
    exchange, asked = through(replying(answer(b"no", status=b"407 No")), "https://api.example/v1")
    assert asked[0].startswith(b"CONNECT api.example:443")
    assert exchange.raw == b""
    assert exchange.fault is not None
    assert exchange.fault.kind is FaultKind.REFUSED
    assert "proxy" in exchange.fault.detail
    assert "407" in exchange.fault.detail


def test_tunnel_leaves_the_bytes_of_the_target_alone(tmp_path: Path) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def main() -> Exchange:
        async with serving(replying(answer(b"{}")), tls=context) as server:

            async def tunnel(connection: Connection) -> None:
                await connection.request()
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                await connection.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
                try:
                    await asyncio.gather(pump(connection.reader, writer), pump(reader, connection.writer))
                finally:
                    writer.close()

            async with serving(tunnel) as proxy:
                secret = Secret(f"http://127.0.0.1:{proxy.port}")
                return await ask(Target(f"https://127.0.0.1:{server.port}", ca_bundle=bundle, proxy=secret))

    exchange = asyncio.run(main())
    assert exchange.fault is None
    assert exchange.raw == answer(b"{}")
    assert sum(size for _, size in exchange.pieces) == len(exchange.raw)


def test_password_of_a_proxy_is_a_secret_of_the_target() -> None:
    target = Target("http://api.example", proxy=Secret(f"http://user:{PASSWORD}@proxy.example"))
    assert Secret(PASSWORD) in target.secrets
    assert PASSWORD not in repr(target)
