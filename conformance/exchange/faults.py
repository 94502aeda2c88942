"""Says in our own words how an exchange failed: the texts of libraries hold target bytes and addresses."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final

from conformance.exchange.lean import httpx
from conformance.exchange.tap import TOO_LONG, LimitReached, Tape
from conformance.model import FaultKind, TransportFault

_STATUS_LINE: Final = b"HTTP/1."
_MALFORMED: Final = (
    "illegal status line",
    "illegal header line",
    "illegal chunk header",
    "conflicting Content-Length headers",
    "bad Content-Length",
    "multiple Transfer-Encoding headers",
    "Only Transfer-Encoding: chunked is supported",
    "malformed chunk footer",
    "continuation line at start of headers",
    "no response line received",
)


def fault_of(error: Exception, tape: Tape) -> TransportFault:
    """Name the way in which an exchange ended early, from the exception and what was read before it."""
    if isinstance(error, LimitReached):
        return TransportFault(FaultKind.TOO_LARGE, str(error))
    if tape.stage == "connect":
        return _not_connected(error)
    if tape.stage == "tls":
        return _no_tls(error)
    if isinstance(error, httpx.RemoteProtocolError):
        return _protocol(str(error), tape)
    if isinstance(error, httpx.NetworkError):
        return TransportFault(FaultKind.RESET, f"the connection broke after {len(tape.raw)} bytes of answer")
    kind = FaultKind.MALFORMED if tape.raw else FaultKind.OTHER
    return TransportFault(kind, f"the HTTP library could not read the answer ({type(error).__name__})")


def proxy_fault(error: httpx.ProxyError) -> TransportFault:
    """Say that the proxy which the user chose did not reach the target; nothing is said of the target."""
    status = str(error)[:3]
    said = f" (it answered {status})" if status.isdigit() else ""
    return TransportFault(FaultKind.REFUSED, f"the proxy did not connect to the target{said}")


def _not_connected(error: Exception) -> TransportFault:
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return TransportFault(FaultKind.DNS, "the name of the host is not known")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return TransportFault(FaultKind.REFUSED, "the connection was refused")
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return TransportFault(
        FaultKind.REFUSED, f"no connection ({reasons[-1] if reasons else type(error).__name__})"
    )


def _no_tls(error: Exception) -> TransportFault:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TransportFault(FaultKind.TLS, f"certificate not accepted: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return TransportFault(
                FaultKind.TLS, f"no TLS: {(cause.reason or 'error').lower().replace('_', ' ')}"
            )
    return TransportFault(FaultKind.TLS, "the connection was closed while TLS was set up")


def _protocol(text: str, tape: Tape) -> TransportFault:
    """Tell an answer that ends early from one that is no HTTP."""
    size = len(tape.raw)
    if text.startswith(TOO_LONG):
        return TransportFault(FaultKind.TOO_LARGE, "a head or chunk line is over 100 KiB")
    says = next((known for known in _MALFORMED if text.startswith(known)), "")
    if says:
        return TransportFault(FaultKind.MALFORMED, f"the answer is not HTTP/1.1: {says}")
    if size and not tape.raw.startswith(_STATUS_LINE[:size]):
        return TransportFault(FaultKind.MALFORMED, "the answer does not begin with an HTTP/1 status line")
    if tape.ended:
        part = (
            "the answer" if not size else "the head was complete" if tape.in_head else "the body was complete"
        )
        return TransportFault(FaultKind.CLOSED_EARLY, f"closed before {part} ({size} bytes came)")
    return TransportFault(FaultKind.MALFORMED, "the answer is not HTTP/1.1")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk the chain of causes, into groups, from the outermost to the innermost."""
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        found = queue.pop(0)
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        queue += [found.__cause__, found.__context__]
        if isinstance(found, BaseExceptionGroup):
            queue += found.exceptions
