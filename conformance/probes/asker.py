"""How one model is asked: builds every probe's request cheaply and the same way each time.

What differs between models (the field that limits an answer, the least budget that still gives text, whether
non-streamed requests are served) comes from the model's card; nothing here knows a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from conformance.jsontext import encode
from conformance.model import GATEWAY, KEY_MARK, Defect, Follow, Intent, Json, Probe, Request, Retry
from conformance.models import ModelCard

JSON_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("Accept", "application/json"),
    ("Accept-Encoding", "identity"),
)
AUTH: Final = ("Authorization", f"Bearer {KEY_MARK}")
TRIES: Final = 3
"""How often at most a model is asked for its cooperation."""
_SYLLABLES: Final = ("ba", "do", "fi", "ku", "le", "mo", "na", "pi", "ro", "su", "ta", "ve", "wi", "xo", "zu")


def request(
    body: Json | bytes = None,
    *,
    headers: Iterable[tuple[str, str]] | None = None,
    auth: tuple[str, str] | None = AUTH,
    method: str = "POST",
    path: str = "/chat/completions",
) -> Request:
    """Build a request; ``body`` may be a value to encode or raw bytes, ``auth=None`` sends no key."""
    raw = body if isinstance(body, bytes) else (b"" if body is None else encode(body))
    chosen = tuple(JSON_HEADERS if headers is None else headers)
    return Request(method=method, path=path, headers=((auth,) if auth else ()) + chosen, body=raw)


def traits_of(body: Mapping[str, Json]) -> frozenset[str]:
    """Return the traits that follow from a body itself: several choices, usage asked for, tools given."""
    options, n = body.get("stream_options"), body.get("n")
    found = {
        "several": isinstance(n, int) and n > 1,
        "include-usage": isinstance(options, dict) and options.get("include_usage") is True,
        "tools": bool(body.get("tools")),
    }
    return frozenset(name for name, given in found.items() if given)


class Asker(Struct, frozen=True):
    """Builds the probes of one model.

    ``seed`` and ``challenge`` make the nonces; ``extra`` is merged into every JSON body (the user's extra members).
    ``documents`` are those whose printed examples are asked too.
    """

    model: str
    card: ModelCard
    seed: int = 0
    challenge: str = ""
    extra: Mapping[str, Json] = ()  # type: ignore[assignment]
    documents: frozenset[str] = frozenset()

    def nonce(self, use: str) -> str:
        """Return a readable made-up word that is the same for the same seed, challenge, model and use."""
        text = f"{self.seed}\0{self.challenge}\0{self.model}\0{use}"
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        return "".join(_SYLLABLES[byte % len(_SYLLABLES)] for byte in digest[:4]).capitalize()

    def budget(self, tokens: int) -> int:
        """Return the limit to ask for so that ``tokens`` of visible text fit (reasoning needs more)."""
        return max(tokens, self.card.least_budget)

    @property
    def shape(self) -> dict[str, Json]:
        """Return the members with which a model is asked in the one form that it serves; empty where it serves both."""
        return {"stream": True} if self.card.stream_only else {}

    def body(
        self,
        messages: str | list[Json] = "Say hello in five words.",
        *,
        limit: int | None = 24,
        **members: Json,
    ) -> dict[str, Json]:
        """Build a body: model, messages (a string is one user message), a token limit, and further members."""
        said: list[Json] = (
            [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
        )
        body: dict[str, Json] = {"model": self.model, "messages": said}
        if limit is not None:
            body[self.card.limit_field] = self.budget(limit)
        return {**body, **dict(self.extra), **members}

    def valid(
        self,
        id: str,  # noqa: A002 - the word of the catalogue
        body: Mapping[str, Json],
        *,
        feature: str = "chat",
        traits: Iterable[str] = (),
        headers: Iterable[tuple[str, str]] | None = None,
        auth: tuple[str, str] = AUTH,
        follow: Follow | None = None,
    ) -> Probe:
        """Build a probe that a correct target accepts."""
        return Probe(
            id=id,
            model=self.model,
            request=request(dict(body), headers=headers, auth=auth),
            feature=feature,
            streamed=body.get("stream") is True,
            traits=frozenset(traits) | traits_of(body),
            follow=follow,
            budget=self._cost(body),
        )

    def tries(self, make: Callable[[int], Probe], *, when: str, most: int = TRIES) -> Iterator[Probe]:
        """Yield a probe and its further tries, each sent only ``when`` the one before gave reason to.

        ``make`` builds the try of a number, from 1; tries may differ in made-up words alone.
        """
        first = before = make(1)
        yield first
        for number in range(2, most + 1):
            before = replace(make(number), id=f"{first.id}~{number}", retry=Retry(before.id, when))
            yield before

    def together(self, whole: Probe, *parts: Probe) -> Iterator[Probe]:
        """Yield a request for several things, and one for each, which is sent only where the first is not served.

        A part has the traits of the whole too: a check that looks at the whole looks at it there, not once a part.
        """
        yield whole
        for part in parts:
            yield replace(part, apart=whole.id, traits=part.traits | whole.traits)

    def invalid(
        self,
        id: str,  # noqa: A002 - the word of the catalogue
        sent: Request,
        *,
        twin: str,
        defect: Defect,
        traits: Iterable[str] = (),
        feature: str = "errors",
        streamed: bool = False,
        gateway: bool = True,
    ) -> Probe:
        """Build a probe with exactly one defect; ``twin`` is the valid probe without it."""
        return Probe(
            id=id,
            model=GATEWAY if gateway else self.model,
            request=sent,
            intent=Intent.INVALID,
            feature=feature,
            streamed=streamed,
            traits=frozenset(traits),
            twin=twin,
            defect=defect,
            budget=self.budget(24),
        )

    def _cost(self, body: Mapping[str, Json]) -> int:
        n = body.get("n")
        limits = [body.get(name) for name in ("max_tokens", "max_completion_tokens")]
        known = [limit for limit in limits if isinstance(limit, int)]
        most = max(known) if known else self.card.unlimited_cost
        return most * (n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1)
