"""Turns a request of the plan into the one that is sent; here, and only here, the key is put in."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from conformance.model import HIDDEN, KEY_MARK, Request
from conformance.secret import Secret
from conformance.target import Target

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class Prepared(Struct, frozen=True):
    """A request ready to be sent, with the key in it; ``shown`` is the same request without any secret."""

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    shown: Request

    def __repr__(self) -> str:
        """Show what has no secret in it."""
        return f"{type(self).__name__}({self.shown!r})"


def prepare(request: Request, target: Target) -> Prepared:
    """Add what the request lacks (Host, the target's headers, Content-Length) and put the key in.

    A header that holds the key mark is left out when the target has no key. Nothing else is added.
    """
    url = target.base_url + request.path
    body = _with_key_in_json(request.body, target.key)
    given = {name.lower() for name, _ in request.headers}
    headers: list[tuple[str, str | Secret]] = []
    if "host" not in given:
        headers.append(("Host", urlsplit(url).netloc))
    headers += request.headers
    headers += [(name, value) for name, value in target.headers if name.lower() not in given]
    if target.key is None:
        headers = [
            (name, value) for name, value in headers if isinstance(value, Secret) or KEY_MARK not in value
        ]
    framed = not given.isdisjoint({"content-length", "transfer-encoding"})
    if not framed and (body or request.method in _WITH_BODY):
        headers.append(("Content-Length", str(len(body))))
    shown = tuple((name, HIDDEN if isinstance(value, Secret) else value) for name, value in headers)
    return Prepared(
        method=request.method,
        url=url,
        headers=tuple((name.encode(), _with_key(value, target.key).encode()) for name, value in headers),
        body=body,
        shown=replace(request, headers=shown),
    )


def _with_key(value: str | Secret, key: Secret | None) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    return value.replace(KEY_MARK, key.reveal()) if key else value


def _with_key_in_json(body: bytes, key: Secret | None) -> bytes:
    mark = KEY_MARK.encode()
    if key is None or mark not in body:
        return body
    return body.replace(mark, json.dumps(key.reveal())[1:-1].encode())
