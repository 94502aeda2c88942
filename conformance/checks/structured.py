"""Structured output: taken and obeyed, in a complete answer and a stream (contract clauses C19, C20, K17).

Text where JSON was asked for means that the format was dropped. JSON that stops in the middle is no proof
of that: with finish_reason ``length`` the limit has cut it, and another requirement asks that it be told
so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from conformance import strictjson
from conformance.checks.api import Case, Reads, Selector, check
from conformance.checks.outcomes import SERVED, Effect, Shown, Wanted, allowed_of, conclude
from conformance.checks.parameters_members import TEXT_FORMAT
from conformance.checks.select import either, ids, valid
from conformance.checks.usage import billed_of
from conformance.checks.values import judges_of_break, refuses
from conformance.model import Finding, Json, Outcome
from conformance.probes.structured import CUT
from conformance.views import Form, View

_NAMES: Final = ("response_format", "response format", "json", "schema", "grammar")
JSON_MODE: Final = Wanted("response_format json_object", _NAMES, ("response_format",))
SCHEMA: Final = Wanted("response_format json_schema", _NAMES, ("response_format",))
STRICT: Final = Wanted("a strict JSON schema", (*_NAMES, "strict"), ("response_format",), or_refused=True)
KEYWORDS: Final = Wanted(
    "a schema with $defs and additionalProperties",
    (*_NAMES, "$defs", "$ref", "additionalproperties"),
    ("response_format",),
    or_refused=True,
)

_JSON_MODE: Final = valid("json-mode")
_SCHEMA: Final = valid("schema")
_MAIN: Final = either(_JSON_MODE, _SCHEMA, ids("structured.json-schema-strict"))
_FENCE: Final = re.compile(r"\s*```[\w-]*\s*\n?(.*?)\n?\s*```\s*\Z", re.DOTALL)
_FLAWS: Final = frozenset({"trailing", "nan"})
_SHOWN: Final = 60


def _accepts(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted, SERVED)

    check(requirement, on=on, reads=Reads.ANSWER, verb="accepts")(judge)


_accepts("structured.json-object-accepted", _JSON_MODE, JSON_MODE)
_accepts("structured.json-schema-accepted", _SCHEMA, SCHEMA)
_accepts("structured.text-accepted", ids("parameters.text-format"), TEXT_FORMAT)
_accepts("structured.json-schema-keywords", ids("structured.json-schema-strict"), KEYWORDS)


def parsed(text: str) -> Mapping[str, Json] | None:
    """Return the JSON object that a text is, None when it is none or has anything around it."""
    document = strictjson.read(text)
    flawed = any(problem.kind in _FLAWS for problem in document.problems)
    return document.value if document.ok and not flawed and isinstance(document.value, dict) else None


def _unfinished(view: View) -> Shown | None:
    """Say why an answer is none that could be parsed: it was cut, refused or left empty by the model."""
    finish = view.finish_reason
    if view.cut:
        return Shown(Effect.UNCLEAR, "the answer broke off", by=judges_of_break(view))
    if finish == "length":
        return Shown(Effect.UNCLEAR, "the limit has cut the answer")
    if refuses(view):
        return Shown(Effect.UNCLEAR, "the model refused to answer")
    if finish != "stop":
        return Shown(Effect.ELSEWHERE, f"finish_reason is {finish!r}; other requirements judge that")
    if not view.text.strip():
        return Shown(Effect.ELSEWHERE, "there is no text; other requirements judge that")
    return None


def _parses(view: View) -> Shown:
    text = view.text
    if parsed(text) is not None:
        return Shown(Effect.SEEN, "one JSON object")
    unfinished = _unfinished(view)
    if unfinished is not None:
        return unfinished
    fenced = _FENCE.match(text)
    if fenced and parsed(fenced.group(1)) is not None:
        return Shown(Effect.ELSEWHERE, "JSON in a code fence; structured.no-code-fence judges that")
    if text.lstrip()[:1] in {"{", "["} and strictjson.read(text).ok:
        saw = f"JSON and no object, or with more behind it: {text[:_SHOWN]!r}"
    elif text.lstrip().startswith("{"):
        saw = f"broken JSON with finish_reason 'stop', ending {text[-_SHOWN:]!r}"
    else:
        saw = f"text where JSON was asked for: {text[:_SHOWN]!r}"
    return Shown(
        Effect.MISSING, saw, "one JSON object and nothing around it", pointer="/choices/0/message/content"
    )


def _follows(view: View) -> Shown:
    """Tell whether JSON that parses follows the schema that was sent."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, and no plan needs it

    value, schema = parsed(view.text), _schema_of(view)
    if value is None:
        unfinished = _unfinished(view)
        return unfinished or Shown(Effect.ELSEWHERE, "it does not parse; another requirement judges that")
    problem = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    if problem is None:
        return Shown(Effect.SEEN, "it follows the schema")
    place = "/".join(str(step) for step in problem.absolute_path)
    return Shown(
        Effect.MISSING,
        f"at /{place}: {problem.message[:120]}; the content is {view.text[:_SHOWN]!r}",
        "content that follows the schema of the request",
        pointer="/choices/0/message/content",
    )


def _schema_of(view: View) -> dict[str, Json]:
    form = view.asked.get("response_format")
    inner = form.get("json_schema") if isinstance(form, dict) else None
    schema = inner.get("schema") if isinstance(inner, dict) else None
    return schema if isinstance(schema, dict) else {}


def _shows(requirement: str, on: Selector, wanted: Wanted, tell: Callable[[View], Shown]) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted, tell(case.view))

    check(requirement, on=on, reads=Reads.TEXT, verb="shows")(judge)


_shows("structured.json-object-parses", _JSON_MODE, JSON_MODE, _parses)
_shows("structured.json-schema-parses", _SCHEMA, SCHEMA, _parses)
_shows("structured.json-schema-valid", _SCHEMA, SCHEMA, _follows)


@check("structured.no-code-fence", on=either(_MAIN, ids("structured.json-schema-stream")), reads=Reads.TEXT)
def no_code_fence(case: Case) -> Iterator[Finding]:
    """JSON stands bare (C19): ``json.loads`` fails on a fence."""
    text = case.view.text.lstrip()
    if text.startswith("```"):
        shown = Shown(Effect.MISSING, f"it begins {text[:_SHOWN]!r}", "JSON from the first character")
    elif parsed(text) is not None:
        shown = Shown(Effect.SEEN, "no fence")
    elif text:
        shown = Shown(Effect.ELSEWHERE, "it does not parse; another requirement judges that")
    else:
        shown = Shown(Effect.UNCLEAR, "the answer has no text")
    yield conclude(case, JSON_MODE, shown)


@check("structured.json-schema-strict", on=ids("structured.json-schema-strict"), reads=Reads.ANSWER)
def json_schema_strict(case: Case) -> Iterator[Finding]:
    """A strict schema binds, or is refused (C20)."""
    parses = _parses(case.view)
    yield conclude(case, STRICT, _follows(case.view) if parses.effect is Effect.SEEN else parses)


@check(
    "structured.stream",
    on=ids("structured.json-schema-stream"),
    reads=Reads.STREAM,
    beside=("structured.json-schema",),
)
def stream(case: Case) -> Iterator[Finding]:
    """A stream obeys what a complete answer obeys (C19, C20)."""
    complete = case.others.get("structured.json-schema")
    before = _follows(complete) if complete and complete.succeeded else Shown(Effect.UNCLEAR)
    parses = _parses(case.view)
    shown = _follows(case.view) if parses.effect is Effect.SEEN else parses
    if shown.effect is Effect.MISSING and before.effect is not Effect.SEEN:
        yield case.skip("the complete answer does not obey either; other requirements judge that")
    else:
        yield conclude(case, SCHEMA, shown)


@check("structured.cut-is-told", on=ids("structured.cut"), reads=Reads.TEXT)
def cut_is_told(case: Case) -> Iterator[Finding]:
    """Half an object does not say *stop* (C04, C19): it would be parsed as a whole one."""
    text, finish, billed = case.view.text.strip(), case.view.finish_reason, billed_of(case)
    if parsed(text) is not None:
        yield case.skip("the object fits into the limit")
    elif finish == "length":
        yield case.ok(saw=f"cut after {text[-_SHOWN:]!r}")
    elif finish != "stop":
        yield case.skip(f"finish_reason is {finish!r}; other requirements judge that")
    elif text.startswith("{") and billed is not None and billed >= CUT:
        yield case.fail(
            f"{text[-_SHOWN:]!r} after {billed} tokens, with finish_reason 'stop'",
            "finish_reason 'length': the limit has cut the object",
            pointer="/choices/0/finish_reason",
        )
    else:
        yield case.unsure("the model stopped by itself before it met the limit")


@check("structured.json-schema-invalid", on=ids("structured.json-schema-invalid"), reads=Reads.ANSWER)
def json_schema_invalid(case: Case) -> Iterator[Finding]:
    """A schema that is none is refused, not left out (C20)."""
    view = case.view
    if view.form is Form.REFUSED:
        yield case.ok(saw=str(view.status), outcome=Outcome.REJECTED_CLEAN)
    elif not view.succeeded:
        yield case.skip(f"the answer is {view.form.noun}; other requirements judge that")
    elif Outcome.LENIENT in allowed_of(case, SCHEMA):
        yield case.skip("it was accepted, as this model's rule allows")
    else:
        kind = json.dumps(_schema_of(view).get("properties"), ensure_ascii=False)[:_SHOWN]
        yield case.fail(
            f"status {view.status} to a schema with the properties {kind}",
            "status 400 or 422 that names the schema",
            outcome=Outcome.LENIENT,
        )
