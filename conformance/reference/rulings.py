"""What a correct gateway decides on a request: an answer to a valid chat, the list of models, or a refusal.

The order is fixed and each step can refuse: path, method, key, content type, JSON, model, the model's own
rules, the documented parameters. A fault can leave a step out
(:class:`~conformance.reference.mutators.requests.Draft`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from conformance.model import Json
from conformance.models import Conduct, ModelCard
from conformance.reference.asked import Asked, ask, read_model
from conformance.reference.mutators import Mutation
from conformance.reference.mutators.requests import Draft
from conformance.reference.reading import read_object
from conformance.reference.refusal import Refused
from conformance.reference.reply import Received
from conformance.reference.routes import METHODS, MODELS
from conformance.reference.searching import Page, found
from conformance.reference.voice import Thinking, prompt_tokens

_NOTHING_SKIPPED: Final[frozenset[str]] = frozenset()


class House(Struct, frozen=True):
    """What a gateway has: key, cards of its models, a clock (Unix seconds), a seed for ids, its faults."""

    key: str
    cards: Mapping[str, ModelCard]
    clock: Callable[[], float]
    seed: int = 0
    mutations: tuple[Mutation, ...] = ()


class Granted(Struct, frozen=True):
    """A valid chat request, the card of its model, how that model thinks about it, and what it read in the web."""

    asked: Asked
    card: ModelCard
    thinking: Thinking
    page: Page | None = None


class Listing(Struct, frozen=True):
    """The list of models is to be answered."""


class Preflight(Struct, frozen=True):
    """A browser asks whether it may ask (CORS)."""


Ruling: TypeAlias = Granted | Listing | Preflight | Refused


def rule(received: Received, house: House, draft: Draft | None = None) -> Ruling:
    """Return what to answer. ``draft`` is the request as a faulty gateway takes it."""
    skipped = draft.skipped if draft else _NOTHING_SKIPPED
    try:
        if "route" not in skipped:
            _check_route(received)
        if received.method == "OPTIONS":
            return Preflight()
        if "key" not in skipped:
            _check_key(received, house.key)
        if received.path == MODELS:
            return Listing()
        if "content-type" not in skipped:
            _check_content_type(received)
        drafted = draft.body if draft else None
        body = drafted if isinstance(drafted, dict) else read_object(received.body)
        return _grant(body, house, offered="model" not in skipped)
    except Refused as refused:
        return refused


def _grant(body: dict[str, Json], house: House, *, offered: bool) -> Granted:
    model = read_model(body)
    card = house.cards.get(model)
    if card is None:
        if offered:
            message = f"The model '{model[:200]}' does not exist or you do not have access to it."
            raise Refused(message, status=404, param="model", code="model_not_found")
        card = ModelCard(model)
    kept = _obey(card, body)
    asked = ask(kept)
    _check_window(asked, card)
    return Granted(asked, card, _thinking(card, kept), found(card.searches, kept))


def _check_window(asked: Asked, card: ModelCard) -> None:
    tokens = prompt_tokens(asked)
    if card.window is not None and tokens > card.window:
        message = (
            f"This model's maximum context length is {card.window} tokens. However, your messages resulted in "
            f"{tokens} tokens. Please reduce the length of the messages."
        )
        raise Refused(message, param="messages", code="context_length_exceeded")


def _obey(card: ModelCard, body: dict[str, Json]) -> dict[str, Json]:
    """Return ``body`` as the model's rules leave it; refuse what they refuse."""
    for one in card.rules_for(body):
        if one.conduct is Conduct.REFUSE:
            error = one.error
            status = int(error.get("status", "400"))
            kind = error.get("type", "invalid_request_error")
            raise Refused(
                error["message"], status=status, kind=kind, param=error.get("param"), code=error.get("code")
            )
        if one.conduct is Conduct.DROP:
            body = {name: value for name, value in body.items() if name != one.parameter}
    return body


def _thinking(card: ModelCard, body: Mapping[str, Json]) -> Thinking:
    """Return whether the model thinks about ``body``, and shows it."""
    if not card.will_think(body):
        return Thinking.NONE
    return Thinking.SHOWN if card.shows_thoughts else Thinking.HIDDEN


def _check_route(received: Received) -> None:
    methods = METHODS.get(received.path)
    if methods is None:
        raise Refused(
            f"Invalid URL ({received.method} {received.path[:200]})", status=404, code="unknown_url"
        )
    if received.method not in methods:
        raise Refused(
            f"Not allowed to {received.method} on {received.path} (use {methods[0]}).",
            status=405,
            code="method_not_allowed",
            headers={"allow": ", ".join(methods)},
        )


def _check_key(received: Received, key: str) -> None:
    header = (received.header("authorization") or "").strip()
    scheme, _, given = header.partition(" ")
    code: str | None = "invalid_api_key"
    if not header:
        code = None
        message = (
            "You didn't provide an API key. Send it in an Authorization header: 'Authorization: Bearer KEY'."
        )
    elif scheme.lower() != "bearer" or not given.strip():
        message = "Malformed Authorization header. Expected 'Authorization: Bearer KEY'."
    elif hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), key.encode()):
        return
    else:
        message = "Incorrect API key provided."
    challenge = {"www-authenticate": 'Bearer realm="reference"'}
    raise Refused(message, status=401, code=code, headers=challenge)


def _check_content_type(received: Received) -> None:
    media_type = (received.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        said = f"'{media_type[:80]}'" if media_type else "no Content-Type"
        raise Refused(
            f"Unsupported content type: expected 'application/json', but got {said} instead.",
            status=415,
            code="unsupported_media_type",
        )
