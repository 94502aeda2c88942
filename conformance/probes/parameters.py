"""Members of a request that change the answer: each probe asks for a few of them, and serves many checks.

Effects are asked for with a prompt that shows them: in a long story one sees where it was cut or stopped.
Members that a correct target merely takes go with them or with each other, and are asked for apart only where such
a request is refused. No two that could hide each other's effect go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from conformance.model import Json, Probe
from conformance.probes.asker import Asker
from conformance.probes.chat import HELLO

STORY: Final = "Write a long story about a fox, at least 300 words."
"""What nobody tells in a few tokens, nor without a *the*; small models obey it more often than they count."""

TALK: Final[tuple[Json, ...]] = (
    {"role": "user", "content": "Tell me something about foxes."},
    {
        "role": "assistant",
        "content": (
            "Foxes are small wild animals that look a bit like dogs. They have a long tail, a thin face and "
            "ears that stand up. Most of them are red, some are gray, and those that live in the far north "
            "turn white in winter. A fox eats mice, birds, eggs, fruit and almost anything else that it can "
            "find. It hunts alone, mostly at night, and hears a mouse move under deep snow. In spring the "
            "mother stays in the den with four or five young ones, and the father brings food for all of them."
        ),
    },
)
"""Earlier turns of so many words that the bill shows whether they were read."""

TELLER: Final = (
    "You tell long stories to children before they go to sleep, and you never grow tired of it. Begin at once, "
    "without a greeting, a title, or a question. Let each story have a beginning, a middle and an end, and take "
    "your time: say what the animals see, what they hear, what they eat, and what they say to each other. Use "
    "plain words and whole sentences. When a child asks for a story that you have told before, tell it again, "
    "with a new friend in it, and do not say that it is the same one. Never stop in the middle of a story, and "
    "never make a list of it."
)
"""An instruction that the question goes well with, of so many words that the bill shows whether it was read."""

LIMIT: Final = 16
"""Tokens of the limits that have to cut the story. Some upstreams take no less."""

WIDE_LIMIT: Final = 128
"""Tokens of the limit that has to give way to the other one."""

BEYOND_ANY_LIMIT: Final = 1_000_000
"""More tokens than any model writes in one answer."""

STOP: Final = "the"
"""A word, also as part of other words, that an English story surely has."""

STOPS: Final = ("xylograph", STOP)
"""A word that no fox story has comes first: the other one has to count too."""

TOP: Final = 2
"""Alternatives of each token that are asked for."""

UNKNOWN: Final = "x_made_up_member"
"""A member that no description has."""

NULLABLE: Final = (
    "temperature",
    "top_p",
    "n",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
)
"""Members that may be null in OpenAI's description (``CreateChatCompletionRequest``); of the limits one is given."""


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the requests for limits, stop words, several choices, log probabilities, sampling and labels."""
    yield from _limits(ask)
    yield from _sampled(ask)
    yield from _several(ask)
    yield from _taken(ask)


def _probe(
    ask: Asker,
    name: str,
    feature: str,
    prompt: str | list[Json],
    members: Mapping[str, Json],
    *,
    limit: int | None = 24,
) -> Probe:
    body = {**ask.body(prompt, limit=limit), **ask.shape, **members}
    return ask.valid(f"parameters.{name}", body, feature=feature)


def _limits(ask: Asker) -> Iterator[Probe]:
    """Yield limits that are sent as they are: the least budget of the model's card does not count here.

    Members were seen to be lost in streams alone, or in complete answers alone. So each limit is asked in both forms.
    """
    talk: list[Json] = [*TALK, {"role": "user", "content": STORY}]
    teller: list[Json] = [{"role": "system", "content": TELLER}] if "system" in ask.card.roles else []
    counted: dict[str, Json] = {
        "max_completion_tokens": LIMIT,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    yield _probe(ask, "max-completion-tokens", "limits", [*teller, *talk], counted, limit=None)
    both: dict[str, Json] = {"max_tokens": WIDE_LIMIT, "max_completion_tokens": LIMIT}
    yield _probe(ask, "both-limits", "limits", talk, both, limit=None)
    huge = _probe(ask, "max-tokens-huge", "limits", HELLO, {"max_tokens": BEYOND_ANY_LIMIT}, limit=None)
    yield replace(huge, budget=ask.card.unlimited_cost)
    array: dict[str, Json] = {"stop": list(STOPS), "stream": True}
    yield _probe(ask, "stop-array", "stop", STORY, array, limit=64)


def _sampled(ask: Asker) -> Iterator[Probe]:
    """Yield limits and a stop word, each with a bound of the documented ranges of sampling.

    Zeros stand among the bounds: relays were seen to lose them. None of them can undo a limit or a stop word.
    """
    rows: tuple[tuple[str, str, dict[str, Json], int | None, dict[str, Json], bool], ...] = (
        (
            "stop-string",
            "zero",
            {"stop": STOP},
            64,
            {"temperature": 0, "presence_penalty": 0, "frequency_penalty": 0},
            False,
        ),
        (
            "max-tokens",
            "low",
            {"max_tokens": LIMIT},
            None,
            {"top_p": 0, "presence_penalty": -2, "frequency_penalty": -2},
            False,
        ),
        (
            "max-tokens-one",
            "high",
            {"max_tokens": 1},
            None,
            {"temperature": 2, "top_p": 1, "presence_penalty": 2, "frequency_penalty": 2},
            True,
        ),
    )
    for name, bound, members, limit, sampling, streamed in rows:
        feature = "stop" if limit else "limits"
        shape: dict[str, Json] = {"stream": True} if streamed else {}
        yield from ask.together(
            _probe(ask, f"{name}-and-{bound}", feature, STORY, {**members, **sampling, **shape}, limit=limit),
            _probe(ask, name, feature, STORY, {**members, **shape}, limit=limit),
            _probe(ask, f"sampling-{bound}", "sampling", HELLO, {**sampling, **shape}),
        )


def _several(ask: Asker) -> Iterator[Probe]:
    """Yield what is asked for twice, since it was seen to be lost in streams alone."""
    top: dict[str, Json] = {"logprobs": True, "top_logprobs": TOP}
    for streamed in (True,) if ask.card.stream_only else (False, True):
        ending = "-stream" if streamed else ""
        shape: dict[str, Json] = {"stream": True} if streamed else {}
        yield from ask.together(
            _probe(ask, f"several{ending}", "n", HELLO, {"n": 2, **top, **shape}),
            _probe(ask, f"n-two{ending}", "n", HELLO, {"n": 2, **shape}),
            _probe(ask, f"logprobs{ending}", "logprobs", HELLO, {**top, **shape}),
        )


def _taken(ask: Asker) -> Iterator[Probe]:
    """Yield members without an effect that could be seen: those that nobody ought to refuse, and others."""
    everyday: dict[str, dict[str, Json]] = {
        "user": {"user": "ada"},
        "seed": {"seed": 7},
        "text-format": {"response_format": {"type": "text"}},
        "nulls": dict.fromkeys(name for name in NULLABLE if name != ask.card.limit_field),
    }
    labels: dict[str, Json] = {
        "metadata": {"purpose": "conformance"},
        "store": False,
        "prompt_cache_key": "conformance",
    }
    unusual: dict[str, dict[str, Json]] = {"labels": labels, "unknown-member": {UNKNOWN: True}}
    for whole, parts in (("everyday", everyday), ("unusual", unusual)):
        members = {name: value for part in parts.values() for name, value in part.items()}
        yield from ask.together(
            _probe(ask, whole, "metadata", HELLO, members),
            *(_probe(ask, name, "metadata", HELLO, part) for name, part in parts.items()),
        )
    if not ask.card.stream_only:
        options: dict[str, Json] = {"stream_options": {"include_usage": True}}
        yield _probe(ask, "stream-options-alone", "stream-usage", HELLO, options)
