"""A file by URL that the run itself serves to a target on this machine: which request has one, and what becomes of it.

Every plan holds the document as a data URL, the same for every target. A target on a loopback address can reach this
machine: it is sent an address of the run in place of the data URL, and whether it fetched the document stands in the
evidence. The address is new each time, so it belongs to no plan and to no digest; the word of the document is never a
part of it. Pure: what listens is :mod:`conformance.exchange.serving`.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from conformance.canaries import marks_of
from conformance.model import Exchange, Request
from conformance.strictjson import read

if TYPE_CHECKING:
    from conformance.views import View

_FILE: Final = re.compile(rb'"file":\{"url":"(data:application/pdf;base64,([A-Za-z0-9+/]+=*))"\}')
_ADDRESS: Final = re.compile(
    rb'"file":\{"url":"(http://127\.0\.0\.1:[0-9]{1,5}/[A-Za-z0-9_-]{20,64}\.pdf)"\}'
)


def document_in(request: Request) -> bytes | None:
    """Return the marked document that a planned request has by URL, None when it has none."""
    found = _FILE.search(request.body)
    if found is None or not _marks(request.body):
        return None
    return base64.b64decode(found.group(2))


def at_address(request: Request, url: str) -> Request:
    """Return the request with an address in place of the data URL of its document."""
    found = _FILE.search(request.body)
    if found is None:
        return request
    start, end = found.span(1)
    return replace(request, body=request.body[:start] + url.encode("ascii") + request.body[end:])


def as_served(planned: Request, exchange: Exchange) -> Request:
    """Return the planned request with the address that was sent in a recorded exchange, if its document was served."""
    found = _ADDRESS.search(exchange.request.body) if exchange.fetched is not None else None
    return at_address(planned, found.group(1).decode("ascii")) if found else planned


def marks_in(view: View) -> tuple[str, ...]:
    """Return the marks of what was attached, in lower case; those of a served document stand in the plan alone."""
    return marks_of(view.asked) or _marks(view.probe.request.body)


def _marks(body: bytes) -> tuple[str, ...]:
    value = read(body).value
    return marks_of(value) if isinstance(value, dict) else ()
