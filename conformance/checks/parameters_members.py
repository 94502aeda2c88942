"""Members whose effect nothing shows: a target takes them, or says that it does not (clauses C01-C21)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from conformance.checks.api import Case, Reads, Selector, check
from conformance.checks.errortext import error_words
from conformance.checks.limitfield import wants_limit
from conformance.checks.outcomes import CLEAR, Effect, Shown, Wanted, conclude, names_any
from conformance.checks.select import ids, valid
from conformance.model import Finding
from conformance.probes.parameters import NULLABLE, UNKNOWN
from conformance.views import Form, View

_PAIR: Final = "temperature+top_p"
_TEMPERATURE: Final = Wanted("temperature", ("temperature", "温度"), ("temperature", _PAIR))
_TOP_P: Final = Wanted("top_p", ("top_p", "topp", "top-p", "top p"), ("top_p", _PAIR))
_PRESENCE: Final = Wanted("presence_penalty", ("presence", "penalties"), ("presence_penalty",))
_FREQUENCY: Final = Wanted("frequency_penalty", ("frequency", "penalties"), ("frequency_penalty",))
_SAMPLING: Final = (_TEMPERATURE, _TOP_P, _PRESENCE, _FREQUENCY)

USER: Final = Wanted("user", ("user",))
SEED: Final = Wanted("seed", ("seed", "种子"), or_refused=True)
TEXT_FORMAT: Final = Wanted(
    "response_format text", ("response_format", "response format"), ("response_format",)
)


def _accepts(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted)

    check(requirement, on=on, reads=Reads.ANSWER, verb="accepts")(judge)


def beside(wanted: Wanted, all_of_them: tuple[Wanted, ...]) -> Wanted:
    """Return what is wanted together with what else its request asks for."""
    others = tuple(other for other in all_of_them if other is not wanted)
    return replace(wanted, beside=others)


_BOUNDS: Final = (
    ("temperature", _TEMPERATURE, ("zero", "high")),
    ("top-p", _TOP_P, ("low", "high")),
    ("presence-penalty", _PRESENCE, ("zero", "low", "high")),
    ("frequency-penalty", _FREQUENCY, ("zero", "low", "high")),
)
for _name, _wanted, _probes in _BOUNDS:
    _accepts(
        f"parameters.{_name}-accepted",
        ids(*(f"parameters.sampling-{_probe}" for _probe in _probes)),
        beside(_wanted, _SAMPLING),
    )
_accepts(
    "parameters.both-sampling",
    ids("parameters.sampling-high"),
    Wanted(
        "temperature and top_p together",
        (*_TEMPERATURE.names, *_TOP_P.names),
        ("temperature", "top_p", _PAIR),
        (_PRESENCE, _FREQUENCY),
        or_refused=True,
    ),
)
_accepts("parameters.seed-accepted", ids("parameters.seed"), SEED)
_accepts("parameters.user-accepted", ids("parameters.user"), USER)
_accepts(
    "parameters.metadata-accepted",
    ids("parameters.labels"),
    Wanted(
        "metadata, store and prompt_cache_key", ("metadata", "store", "prompt_cache_key"), or_refused=True
    ),
)
_accepts(
    "parameters.unknown-member",
    ids("parameters.unknown-member"),
    Wanted("a member that nobody knows", (UNKNOWN,), or_refused=True),
)
_accepts(
    "parameters.stream-options-accepted",
    ids("stream.usage"),
    Wanted("stream_options with stream", ("stream_options", "stream options", "include_usage")),
)
_accepts(
    "parameters.stream-options-without-stream",
    ids("parameters.stream-options-alone"),
    Wanted("stream_options without stream", ("stream_options", "stream options"), or_refused=True),
)
_NULLS: Final = Wanted("null in optional members", ("null", "none", *NULLABLE))


@check(
    "parameters.null-accepted",
    on=ids("parameters.nulls"),
    reads=Reads.ANSWER,
    beside=(
        *(f"parameters.sampling-{bound}" for bound in ("zero", "low", "high")),
        *(f"parameters.{name}" for name in ("n-two", "logprobs", "stop-string", "max-tokens", "both-limits")),
        "stream.usage",
    ),
)
def null_accepted(case: Case) -> Iterator[Finding]:
    """Null is no value; a member that the target does not have may be refused with every value."""
    unknown = next((name for name in NULLABLE if _unknown(case, name)), "")
    if unknown:
        yield case.skip(
            f"refused for {unknown}, as it is with a value; the requirements of that member judge it"
        )
    else:
        yield conclude(case, _NULLS)


def _unknown(case: Case, member: str) -> bool:
    """Whether the error names a member that is refused by name in a request of its own, too, where it has a value."""
    others = (other for other in case.others.values() if other.asked.get(member) is not None)
    null = member in case.view.asked and case.view.asked[member] is None
    return null and _names(case.view, member) and any(_names(other, member) for other in others)


def _names(view: View, member: str) -> bool:
    return view.form is Form.REFUSED and view.status in CLEAR and names_any(error_words(view), [member])


@check("parameters.model-listed", on=valid("minimal"), reads=Reads.ANSWER)
def model_listed(case: Case) -> Iterator[Finding]:
    """A model that is offered answers the plainest request with text (B02)."""
    view = case.view
    if unlimited := wants_limit(view, case.plain):
        yield case.skip(unlimited)
        return
    if view.text.strip():
        shown = Shown(Effect.SEEN, "it answers with text")
    else:
        shown = Shown(Effect.ELSEWHERE, "it answers without text; other requirements judge that")
    yield conclude(case, Wanted("the model", ("model", "模型"), ("stream",)), shown)
