"""Masks secrets in everything that a target said, before it is stored or shown.

A mask is as long as what it covers, so that offsets into the redacted bytes are offsets into what was sent.
A key is found in every form of :mod:`conformance.secretforms`, also when it is split over chunks of the
transfer coding, over reads, or over the events of a stream, of which a client would put it together again. A
body that may hold a key where no part of it can be masked (compressed) is masked as a whole, and the fault
says so. What is not masked: a key that a target enciphered, or spread in a way that no client undoes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from msgspec.structs import replace

from conformance import http1
from conformance.errors import UsageError
from conformance.model import Exchange, FaultKind, TransportFault
from conformance.secret import SHORTEST, Secret, why_not_masked
from conformance.secretforms import SecretForms, Span
from conformance.textpieces import texts_in_pieces, texts_put_together

MASK: Final = b"~"
"""What each masked byte becomes. Servers mask with stars or crosses: this says that a secret stood here."""

_DECODED_LIMIT: Final = 4 * 1024 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_CHUNK_LINE: Final = re.compile(rb"(?:\r?\n)?(?<=\n)[0-9A-Fa-f]{1,16}[ \t]*(?:;[^\r\n]{0,200})?\r?\n")

_SHORT: Final = 100
_KNOWN: Final = 500
"""Characters of a text that is worth remembering as free of secrets, and how many such texts are remembered."""


class Redactor:
    """Masks some secrets. It shows none of them, not even in its ``repr``."""

    def __init__(self, secrets: Iterable[str | Secret]) -> None:
        """Build the patterns.

        Raises:
            UsageError: a secret is so short or so common that masking it would spoil the evidence, or is not
                printable ASCII.

        """
        plain = [secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets]
        for secret in plain:
            _demand_maskable(secret)
        self._forms = SecretForms(plain)
        self._plain = [secret.encode("ascii") for secret in plain]
        self._idle = not plain
        self._clean: set[str] = set()

    def text(self, text: str) -> str:
        """Return the text with every secret masked, of the same length."""
        if self._idle or text in self._clean:
            return text
        # One byte for each character: no secret has a character outside ASCII.
        flat = text.encode("ascii", "replace")
        spans = list(self._forms.spans(flat))
        if not spans:
            if len(text) <= _SHORT and len(self._clean) < _KNOWN:  # the same headers go with every request
                self._clean.add(text)
            return text
        masked = list(text)
        for start, end in spans:
            masked[start:end] = MASK.decode() * (end - start)
        return "".join(masked)

    def bytes(self, data: bytes) -> bytes:
        """Return the bytes with every secret masked, of the same length."""
        return data if self._idle else _masked(data, self._forms.spans(data))

    def exchange(self, exchange: Exchange) -> Exchange:
        """Return the exchange with every secret masked in what was sent, what came back, and the fault."""
        if self._idle:
            return exchange
        request, fault = exchange.request, exchange.fault
        raw, withheld = _mask_answer(self._forms, exchange.raw, request.method)
        if fault is not None:
            raw = _masked(raw, _cut_off(self._plain, raw))
            fault = replace(fault, detail=self.text(fault.detail))
        return replace(
            exchange,
            request=replace(
                request,
                path=self.text(request.path),
                headers=tuple((self.text(name), self.text(value)) for name, value in request.headers),
                body=self.bytes(request.body),
            ),
            raw=raw,
            fault=_with_notice(fault, withheld) if withheld else fault,
        )


def _mask_answer(forms: SecretForms, raw: bytes, method: str) -> tuple[bytes, str]:
    """Mask the bytes of a connection; also return why the whole body had to be masked, if it had."""
    answer = http1.read_answer(raw, method=method, closed=True)
    spans = list(forms.spans(raw))
    if answer is None or not answer.complete or answer.leftover:
        spans += _in_body(forms, raw, _without_chunk_lines(raw))
    if answer is None:
        return _masked(raw, spans), ""
    pieces = [(segment.raw, segment.raw + segment.size) for segment in answer.segments]
    spans += _in_body(forms, raw, pieces)
    behind = max((end for _, end in pieces), default=answer.head_size)
    rest = b"" if answer.complete else raw[behind:]
    reason = _cannot_be_masked(forms, answer, rest)
    if reason:
        spans += pieces
        spans.append((behind, behind + len(rest)))
    return _masked(raw, spans), reason


def _cut_off(secrets: Iterable[bytes], raw: bytes) -> Iterator[Span]:
    """Yield where the first half or more of a secret stands at the end of an answer that was cut off inside it."""
    for secret in secrets:
        sizes = range(len(secret) - 1, max(SHORTEST, len(secret) // 2) - 1, -1)
        size = next((size for size in sizes if raw.endswith(secret[:size])), 0)
        if size:
            yield len(raw) - size, len(raw)


def _in_body(forms: SecretForms, raw: bytes, pieces: Sequence[Span]) -> Iterator[Span]:
    """Yield the spans of the connection that hold secrets of the body which these pieces make up."""
    body = b"".join(raw[start:end] for start, end in pieces)
    if len(pieces) > 1:  # else what stands in one piece was found in the raw bytes
        yield from _through(pieces, forms.spans(body))
    yield from _through(pieces, _in_texts(forms, body))


def _in_texts(forms: SecretForms, body: bytes) -> Iterator[Span]:
    """Yield the spans of a body that hold secrets which came in pieces."""
    if not any(_found(forms, text) for text in texts_put_together(body)):
        return
    for pieces in texts_in_pieces(body):
        text = b"".join(body[start:end] for start, end in pieces)
        yield from _through(pieces, forms.spans(text))


def _found(forms: SecretForms, data: bytes) -> bool:
    return next(iter(forms.spans(data)), None) is not None


def _cannot_be_masked(forms: SecretForms, answer: http1.Answer, rest: bytes) -> str:
    """Return why a secret may be in the body where it cannot be masked, or an empty text.

    ``rest`` is what came behind the part of the body whose framing could be followed.
    """
    body = answer.body
    if body.startswith(_GZIP_MAGIC) and not answer.header("content-encoding"):
        answer = replace(answer, headers=(("content-encoding", "gzip"),))
    if not answer.header("content-encoding"):
        return ""
    decoded, problem = http1.decoded_body(answer, limit=_DECODED_LIMIT)
    if len(decoded) >= _DECODED_LIMIT:
        return f"it has more than {_DECODED_LIMIT} bytes when decompressed, too many to be searched"
    if decoded != body and (_found(forms, decoded) or any(True for _ in _in_texts(forms, decoded))):
        return "it holds a secret and is compressed"
    if (problem and decoded == body and not _is_text(body)) or not _is_text(rest):
        return "it is in a coding that cannot be undone, so it cannot be searched for secrets"
    return ""


def _demand_maskable(secret: str) -> None:
    if why := why_not_masked(secret):
        raise UsageError(
            "A secret cannot be masked.", why=why, hint="use a real key, or none when the target needs none"
        )


def _masked(data: bytes, spans: Iterable[Span]) -> bytes:
    masked: bytearray | None = None
    for start, end in spans:
        if masked is None:
            masked = bytearray(data)
        masked[start:end] = MASK * (end - start)
    return data if masked is None else bytes(masked)


def _through(pieces: Sequence[Span], spans: Iterable[Span]) -> Iterator[Span]:
    """Turn spans of a text into spans of what its pieces were taken from."""
    starts: list[int] | None = None
    for start, end in spans:
        if starts is None:
            starts = list(accumulate((last - first for first, last in pieces), initial=0))
        at = bisect_right(starts, start) - 1
        while at < len(pieces) and starts[at] < end:
            first, last = pieces[at]
            yield max(first, first + start - starts[at]), min(last, first + end - starts[at])
            at += 1


def _without_chunk_lines(raw: bytes) -> list[Span]:
    """Return what is left without all that looks like chunked coding, for framing that cannot be followed."""
    pieces: list[Span] = []
    at = 0
    for line in _CHUNK_LINE.finditer(raw):
        pieces.append((at, line.start()))
        at = line.end()
    return [*pieces, (at, len(raw))]


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in body


def _with_notice(fault: TransportFault | None, reason: str) -> TransportFault:
    notice = f"the body was masked as a whole: {reason}"
    if fault is None:
        return TransportFault(FaultKind.WITHHELD, notice)
    return replace(fault, detail=f"{fault.detail}; {notice}")
