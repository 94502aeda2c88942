"""Log probabilities: there when they are asked for, and numbers that JSON has.

openai-openapi, ``ChatCompletionTokenLogprob``; RFC 8259, section 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from conformance.checks.api import Case, Reads, check
from conformance.checks.outcomes import Effect, Shown, Wanted, conclude
from conformance.checks.select import ids
from conformance.checks.values import choices_of, show
from conformance.model import Finding, Json
from conformance.strictjson import is_integer, is_number
from conformance.views import Form, View

LOGPROBS: Final = Wanted("logprobs", ("logprob", "log prob", "log_prob"), ("logprobs",))
_BYTE: Final = range(256)
_ROUNDED: Final = 0.01
"""More than rounding makes of the logarithm of 1, the greatest probability."""
_OFTEN: Final = 3
"""Times that nothing happens by chance."""
_BOTH: Final = ids("parameters.logprobs", "parameters.logprobs-stream")


class _Token(NamedTuple):
    """One entry for one token, with the place where it stands."""

    value: Json
    pointer: str
    frame: int | None = None


def _tokens(view: View) -> Iterator[_Token]:
    """Yield every entry of ``logprobs.content`` of an answer, whatever it is."""
    if view.form is Form.STREAM:
        for delta in view.stream.deltas:
            for number, entry in enumerate(_content(delta.value)):
                yield _Token(entry, f"/choices/{delta.position}/logprobs/content/{number}", delta.frame)
    else:
        for position, choice in enumerate(choices_of(view)):
            for number, entry in enumerate(_content(choice)):
                yield _Token(entry, f"/choices/{position}/logprobs/content/{number}")


def _content(choice: Mapping[str, Json]) -> list[Json]:
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return content if isinstance(content, list) else []


def _flaw(entry: Json) -> str:
    """Say what is wrong with the form of one entry, empty when nothing is."""
    if not isinstance(entry, dict):
        return f"it is {entry!r}"[:80]
    if not isinstance(entry.get("token"), str):
        return f"token is {show(entry, 'token')}"
    if not is_number(entry.get("logprob")):
        return f"logprob is {show(entry, 'logprob')}"
    if is_number(told := entry.get("logprob")) and told > _ROUNDED:
        return f"logprob is {told}, which no probability has for its logarithm"
    raw = entry.get("bytes")
    if raw is not None and not (isinstance(raw, list) and all(is_integer(b) and b in _BYTE for b in raw)):
        return f"bytes is {show(entry, 'bytes')}"
    return ""


def _alternatives(entry: Json) -> list[Json]:
    top = entry.get("top_logprobs") if isinstance(entry, dict) else None
    return top if isinstance(top, list) else []


@check("parameters.logprobs-shape", on=ids("parameters.logprobs"), reads=Reads.ANSWER)
def logprobs_shape(case: Case) -> Iterator[Finding]:
    """Whoever asks for log probabilities gets one for each token."""
    yield conclude(case, LOGPROBS, _shape(case.view))


def _shape(view: View) -> Shown:
    tokens = list(_tokens(view))
    for token in tokens:
        if flaw := _flaw(token.value):
            return Shown(
                Effect.SPOILT,
                f"an entry of logprobs.content: {flaw}",
                "objects with token (a string), logprob (a number) and bytes (an array of bytes, or null)",
                examined=len(tokens),
                frame=token.frame,
                pointer=token.pointer,
            )
    without = _choices_without(view)
    if tokens and without:
        return Shown(
            Effect.SPOILT,
            f"choice {without[0]} has text and no log probabilities, though another choice has some",
            "logprobs.content in each choice",
            examined=len(tokens),
            pointer=None if view.form is Form.STREAM else f"/choices/{without[0]}/logprobs",
        )
    if tokens and (saw := _astray(view)):
        expected = "logprobs.content, one entry a token of the text"
        return Shown(
            Effect.SPOILT, saw, expected, examined=len(tokens), pointer="/choices/0/logprobs/content"
        )
    if tokens:
        return Shown(Effect.SEEN, f"log probabilities of {len(tokens)} tokens", examined=len(tokens))
    if not view.text:
        return Shown(Effect.UNCLEAR, "the answer has no text whose log probabilities there could be")
    first = view.choice(0) if view.form is Form.COMPLETION else {}
    saw = f"logprobs is {show(first, 'logprobs')}" if first else "no chunk has logprobs"
    return Shown(Effect.MISSING, saw, "logprobs.content, one entry a token", pointer="/choices/0/logprobs")


def _astray(view: View) -> str:
    """Say how the tokens of the first choice are not those of its text, empty where that is not plain."""
    parts, text = list(_entries(view)), view.text
    repeats = sum(len(old) < len(new) and new[: len(old)] == old for old, new in pairwise(parts))
    if repeats >= _OFTEN and repeats >= len(parts) - 2:
        return f"{repeats} chunks repeat what the one before them has, up to {len(parts[-1])} entries in one chunk"
    tokens = [str(entry.get("token")) for part in parts for entry in part if isinstance(entry, dict)]
    told = "".join(tokens)
    if view.form is Form.COMPLETION and told and _much_less(told, text):
        return f"the tokens of logprobs.content are {told[:40]!r}, the text is {text[:60]!r}"
    # A token of text beyond ASCII may be a part of a character; so nothing more is said of such text.
    return _strange(tokens, text.strip()) if text.isascii() and len(tokens) > _OFTEN else ""


def _entries(view: View) -> Iterator[list[Json]]:
    """Yield the entries of the first choice as they came together: those of each chunk, or of the whole answer."""
    first = choices_of(view)[:1]
    if view.form is Form.STREAM:
        first = [delta.value for delta in view.stream.deltas if delta.choice == 0]
    yield from (entries for choice in first if (entries := _content(choice)))


def _strange(tokens: list[str], text: str) -> str:
    """Say that the tokens are all the same and the text is not, or that those of its beginning are missing."""
    told = "".join(tokens).strip()
    if len(set(tokens)) == 1 and text.count(tokens[0].strip()) * 2 < len(tokens):
        return f"each of {len(tokens)} entries has the token {tokens[0]!r}, the text is {text[:60]!r}"
    head = text.removesuffix(told) if told else ""
    if text.endswith(told) and any(sign.isalnum() for sign in head):
        return f"the tokens begin with {told[:30]!r}, the text with {text[:30]!r}"
    return ""


def _choices_without(view: View) -> list[int]:
    """Return the choices that have text and not one log probability."""
    if view.form is Form.STREAM:
        deltas = [(index, delta) for delta in view.stream.deltas if is_integer(index := delta.index)]
        told = {index for index, delta in deltas if _content(delta.value)}
        return sorted({index for index, delta in deltas if delta.string("content")} - told)
    messages = ((place, choice, choice.get("message")) for place, choice in enumerate(choices_of(view)))
    return [
        place
        for place, choice, message in messages
        if isinstance(message, dict) and message.get("content") and not _content(choice)
    ]


def _told(choices: Iterable[Mapping[str, Json]]) -> str:
    """Return the tokens that have log probabilities, as one text."""
    entries = (entry for choice in choices for entry in _content(choice))
    return "".join(str(entry["token"]) for entry in entries if isinstance(entry, dict) and "token" in entry)


def _much_less(told: str, text: str) -> bool:
    return len(told.strip()) * 2 < len(text.strip())


@check("parameters.top-logprobs", on=_BOTH, reads=Reads.TEXT)
def top_logprobs(case: Case) -> Iterator[Finding]:
    """Asked for, the likeliest alternatives of a token stand beside it."""
    tokens = list(_tokens(case.view))
    if tokens:
        yield conclude(case, LOGPROBS, _top(tokens, case.view.asked.get("top_logprobs")))
    else:
        yield case.skip("there are no log probabilities; parameters.logprobs-shape judges that")


def _top(tokens: list[_Token], asked: Json) -> Shown:
    alternatives = [other for token in tokens for other in _alternatives(token.value)]
    if flaw := next((flaw for other in alternatives if (flaw := _flaw(other))), ""):
        return Shown(Effect.SPOILT, f"an entry of top_logprobs: {flaw}", "objects with token and logprob")
    counts = [len(_alternatives(token.value)) for token in tokens]
    if is_integer(asked) and len(counts) > 1 and min(counts) > asked:
        # One more beside a token that is none of the likeliest is what some servers send; beside each it is too many.
        saw = f"{min(counts)} or more alternatives of each token, and {asked} were asked for"
        return Shown(Effect.SPOILT, saw, f"at most {asked} alternatives of a token", examined=len(tokens))
    if alternatives:
        return Shown(Effect.SEEN, f"{len(alternatives)} alternatives", examined=len(tokens))
    saw = f"no top_logprobs in {len(tokens)} tokens"
    return Shown(Effect.MISSING, saw, "top_logprobs beside each token")


@check("parameters.logprobs-stream", on=ids("parameters.logprobs-stream"), reads=Reads.STREAM)
def logprobs_stream(case: Case) -> Iterator[Finding]:
    """A stream has the log probabilities of its text too."""
    yield conclude(case, LOGPROBS, _streamed(case.view))


def _streamed(view: View) -> Shown:
    """Tell whether the tokens of the first choice's text are there; a chunk may carry those of its neighbours."""
    shape = _shape(view)
    if shape.effect is not Effect.SEEN:
        return shape
    first = [delta for delta in view.stream.deltas if delta.choice == 0]
    bare = [delta for delta in first if delta.string("content") and not _content(delta.value)]
    told = _told(delta.value for delta in first)
    if bare and _much_less(told, view.text):
        return Shown(
            Effect.SPOILT,
            f"{len(bare)} chunks have text and no logprobs; the tokens that have are {told[:60]!r}",
            "logprobs.content in each chunk with text",
            examined=len(view.stream.chunks),
            frame=bare[0].frame,
            pointer=f"/choices/{bare[0].position}/logprobs",
        )
    return shape


@check("parameters.logprobs-finite", on=_BOTH, reads=Reads.TEXT)
def logprobs_finite(case: Case) -> Iterator[Finding]:
    """A probability of zero is a great negative number: JSON has no infinity (RFC 8259 section 6)."""
    examined = 0
    for token in _tokens(case.view):
        for entry in (token.value, *_alternatives(token.value)):
            value = entry.get("logprob") if isinstance(entry, dict) else None
            if not is_number(value):
                continue
            examined += 1
            if not math.isfinite(value):
                yield case.fail(
                    f"logprob is {value}",
                    "a finite number",
                    examined=examined,
                    frame=token.frame,
                    pointer=f"{token.pointer}/logprob",
                )
                return
    if examined:
        yield case.ok(examined)
    else:
        yield case.skip("there are no log probabilities; parameters.logprobs-shape judges that")
