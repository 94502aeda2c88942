"""Structured output: what counts as obeyed, dropped, cut or refused, and a schema that a compliant answer has seen."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from conformance.checks import all_checks
from conformance.checks.structured import parsed
from conformance.model import Claim, Finding, Intent, Json, Outcome, Verdict
from conformance.models import ModelCard, load_cards
from conformance.probes.asker import Asker
from conformance.probes.structured import CUT, UNICODE_NAME
from conformance.probes.structured import probes as structured_probes
from tests.factory import (
    case_of,
    chunk,
    completion,
    error,
    findings,
    json_answer,
    probes,
    sse_answer,
    verdict,
    view_of,
)

PROBES = probes("chat", "structured")
PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
FORMAT = {
    name: json.loads(probe.request.body)["response_format"]
    for name, probe in PROBES.items()
    if "struct" in name
}
MARKER = FORMAT["structured.json-schema"]["json_schema"]["schema"]["properties"]["marker"]["enum"][0]
STRICT_MARKER = FORMAT["structured.json-schema-strict"]["json_schema"]["schema"]["$defs"]["marker"]["enum"][0]
OBEYED = {
    "structured.json-object": '{"word": "Badofiku"}',
    "structured.json-schema": json.dumps({"summary": "Blue, deep, wide, salty, old.", "marker": MARKER}),
    "structured.json-schema-strict": json.dumps(
        {"marker": STRICT_MARKER, UNICODE_NAME: "海", "rows": [[1, 2], [3]]}
    ),
}
PROSE = "The sea is blue and deep."
FENCED = '```json\n{"a": 1}\n```'


def said(content: str, finish: str = "stop", tokens: int = 5, **message: Json) -> bytes:
    found: Json = {"role": "assistant", "content": content, **message}
    usage: Json = {"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": 20 + tokens}
    choice: Json = {"index": 0, "message": found, "finish_reason": finish}
    return json_answer(200, {**completion(), "choices": [choice], "usage": usage})


def streamed(content: str, finish: str = "stop") -> bytes:
    pieces = [chunk({"content": content[:5]}), chunk({"content": content[5:]})]
    return sse_answer([chunk({"role": "assistant", "content": ""}), *pieces, chunk({}, finish), "[DONE]"])


def says(requirement: str, probe: str, answer: bytes) -> Verdict | None:
    return verdict(requirement, view_of(PROBES[probe], answer))


def of(requirement: str, probe: str, answer: bytes, card: ModelCard, claim: Claim = Claim.YES) -> Finding:
    case = replace(case_of(requirement, view_of(PROBES[probe], answer), claim=claim), card=card)
    (check,) = (check for check in all_checks() if check.requirement == requirement)
    (finding,) = check.judge(case)
    return finding


PARSES = [
    ("structured.json-object-parses", "structured.json-object"),
    ("structured.json-schema-parses", "structured.json-schema"),
]
EFFECTS = [
    *PARSES,
    ("structured.json-schema-valid", "structured.json-schema"),
    ("structured.json-schema-strict", "structured.json-schema-strict"),
    ("structured.no-code-fence", "structured.json-object"),
    ("structured.no-code-fence", "structured.json-schema"),
    ("structured.no-code-fence", "structured.json-schema-strict"),
]


@pytest.mark.parametrize(("row", "probe"), EFFECTS)
def test_an_answer_that_obeys_passes(row: str, probe: str) -> None:
    (finding,) = findings(row, view_of(PROBES[probe], said(f" {OBEYED[probe]}\n")))
    assert (finding.verdict, finding.outcome) == (PASS, Outcome.APPLIED)


@pytest.mark.parametrize(("row", "probe"), PARSES)
@pytest.mark.parametrize(
    "text",
    [PROSE, f'{{"a": 1}}\n{PROSE}', f'{PROSE} {{"a": 1}}', '{"a": 1', "{'a': 1}", "[1]", "7", '{"a": NaN,}'],
)
def test_what_is_no_json_object_was_dropped(row: str, probe: str, text: str) -> None:
    (finding,) = findings(row, view_of(PROBES[probe], said(text)))
    assert (finding.verdict, finding.outcome) == (FAIL, Outcome.DROPPED)
    assert finding.where[0].pointer == "/choices/0/message/content"


@pytest.mark.parametrize(
    ("row", "probe"), [*PARSES, ("structured.json-schema-strict", "structured.json-schema-strict")]
)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said('{"a": ', "length"), UNSURE),
        (said(PROSE, "length"), UNSURE),
        (said(PROSE, "content_filter"), SKIP),
        (said("", "stop"), SKIP),
        (said("", "stop", refusal="I cannot."), UNSURE),
        (said(FENCED), SKIP),
    ],
)
def test_what_is_cut_refused_or_fenced_is_judged_elsewhere(
    row: str, probe: str, answer: bytes, expected: Verdict
) -> None:
    assert says(row, probe, answer) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [(FENCED, FAIL), ("\n```\n{", FAIL), ('{"a": "```"}', PASS), (PROSE, SKIP), ("", UNSURE)],
)
def test_json_stands_without_a_fence(text: str, expected: Verdict) -> None:
    assert says("structured.no-code-fence", "structured.json-object", said(text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"summary": "The sea."}', FAIL),
        ('{"summary": "The sea.", "marker": "Marker"}', FAIL),
        (f'{{"summary": 7, "marker": "{MARKER}"}}', FAIL),
        (f'{{"summary": "", "marker": "{MARKER}", "more": 1}}', PASS),
        (PROSE, SKIP),
        ('{"summary"', SKIP),
    ],
)
def test_content_follows_the_schema(text: str, expected: Verdict) -> None:
    assert says("structured.json-schema-valid", "structured.json-schema", said(text)) is expected


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "{}",
        json.dumps({"marker": STRICT_MARKER, "??": "海", "rows": []}),
        json.dumps({"marker": STRICT_MARKER, UNICODE_NAME: "海", "rows": [1]}),
        json.dumps({"marker": STRICT_MARKER, UNICODE_NAME: "海", "rows": [], "more": 1}),
    ],
)
def test_a_strict_schema_binds(text: str) -> None:
    (finding,) = findings(
        "structured.json-schema-strict", view_of(PROBES["structured.json-schema-strict"], said(text))
    )
    assert (finding.verdict, finding.outcome) == (FAIL, Outcome.DROPPED)


REFUSED = json_answer(400, error("This response_format type is unavailable now"))
BARE = json_answer(400, error("Bad request"))


@pytest.mark.parametrize(
    ("row", "probe", "claimed", "asked"),
    [
        ("structured.json-object-accepted", "structured.json-object", FAIL, SKIP),
        ("structured.json-schema-accepted", "structured.json-schema", FAIL, SKIP),
        ("structured.json-schema-keywords", "structured.json-schema-strict", PASS, PASS),
        ("structured.json-schema-strict", "structured.json-schema-strict", PASS, PASS),
    ],
)
def test_a_format_is_taken_or_refused_with_the_cause(
    row: str, probe: str, claimed: Verdict, asked: Verdict
) -> None:
    card = ModelCard("m")
    assert of(row, probe, said(OBEYED[probe]), card).verdict is PASS
    assert of(row, probe, REFUSED, card).verdict is claimed
    assert of(row, probe, REFUSED, card, Claim.ASK).verdict is asked
    assert of(row, probe, BARE, card, Claim.ASK).verdict is FAIL


def test_rules_of_models_are_kept() -> None:
    deepseek, claude = load_cards().card("deepseek-v3"), load_cards().card("claude-opus-4-6")
    probe = "structured.json-schema"
    assert of("structured.json-schema-accepted", probe, REFUSED, deepseek).verdict is SKIP
    assert of("structured.json-schema-parses", probe, said(PROSE), deepseek).verdict is FAIL
    assert of("structured.json-schema-parses", probe, said(PROSE), claude).verdict is SKIP
    taken = said(PROSE)
    assert (
        of("structured.json-schema-invalid", "structured.json-schema-invalid", taken, claude).verdict is SKIP
    )


STREAM = "structured.json-schema-stream"
GOOD = OBEYED["structured.json-schema"]


@pytest.mark.parametrize(
    ("complete", "stream", "expected"),
    [
        (said(GOOD), streamed(GOOD), PASS),
        (said(GOOD), streamed(PROSE), FAIL),
        (said(GOOD), streamed('{"summary": "The sea."}'), FAIL),
        (said(GOOD), streamed(GOOD[:20], "length"), UNSURE),
        (said(PROSE), streamed(PROSE), SKIP),
        (said(PROSE), streamed(GOOD), PASS),
        (said('{"summary": "The sea."}'), streamed(PROSE), SKIP),
        (REFUSED, streamed(PROSE), SKIP),
        (REFUSED, streamed(GOOD), PASS),
    ],
)
def test_a_stream_obeys_what_a_complete_answer_obeys(
    complete: bytes, stream: bytes, expected: Verdict
) -> None:
    view, other = view_of(PROBES[STREAM], stream), view_of(PROBES["structured.json-schema"], complete)
    assert verdict("structured.stream", view, other) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said('{"numbers": [1, 2', "length", CUT), PASS),
        (said("", "length", CUT), PASS),
        (said('{"numbers": [1, 2', "stop", CUT), FAIL),
        (said('{"numbers": [1, 2', "stop", CUT - 1), UNSURE),
        (said("Here are the", "stop", CUT), UNSURE),
        (said('{"numbers": []}', "stop", CUT), SKIP),
        (said('{"numbers": [1', "sensitive", CUT), SKIP),
    ],
)
def test_json_that_the_limit_has_cut_is_told_as_cut(answer: bytes, expected: Verdict) -> None:
    assert says("structured.cut-is-told", "structured.cut", answer) is expected


@pytest.mark.parametrize(
    ("answer", "expected", "outcome"),
    [
        (json_answer(400, error("Invalid schema")), PASS, Outcome.REJECTED_CLEAN),
        (json_answer(422, {"detail": "no"}), PASS, Outcome.REJECTED_CLEAN),
        (said(GOOD), FAIL, Outcome.LENIENT),
        (json_answer(500, error()), SKIP, None),
        (json_answer(200, error()), SKIP, None),
    ],
)
def test_a_schema_that_is_none_is_refused(answer: bytes, expected: Verdict, outcome: Outcome | None) -> None:
    view = view_of(PROBES["structured.json-schema-invalid"], answer)
    (finding,) = findings("structured.json-schema-invalid", view)
    assert (finding.verdict, finding.outcome) == (expected, outcome)


def test_only_the_schema_that_is_none_is_none() -> None:
    for name, form in FORMAT.items():
        if form["type"] != "json_schema":
            continue
        sound = not list(
            Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(form["json_schema"]["schema"])
        )
        assert sound is (name != "structured.json-schema-invalid")


def test_the_invalid_probe_differs_from_its_twin_in_one_place() -> None:
    invalid = PROBES["structured.json-schema-invalid"]
    twin = PROBES[str(invalid.twin)]
    assert (invalid.intent, invalid.model) == (Intent.INVALID, twin.model)
    sent, other = json.loads(invalid.request.body), json.loads(twin.request.body)
    sent["response_format"]["json_schema"]["schema"]["properties"]["summary"]["type"] = "string"
    assert sent == other


def test_no_prompt_gives_the_marker_away() -> None:
    for name, marker in (
        ("json-schema", MARKER),
        ("json-schema-stream", MARKER),
        ("json-schema-strict", STRICT_MARKER),
    ):
        body = json.loads(PROBES[f"structured.{name}"].request.body)
        assert marker not in json.dumps(body["messages"], ensure_ascii=False)


def test_a_stream_only_model_is_asked_for_streams_alone() -> None:
    asked = list(structured_probes(Asker("m", ModelCard("m", stream_only=True))))
    assert all(probe.streamed for probe in asked)
    assert STREAM not in {probe.id for probe in asked}


@pytest.mark.parametrize("text", ['{"a": 1}', ' {"a": {}} \n', '{"名": "海"}'])
def test_an_object_is_read_with_blanks_around_it(text: str) -> None:
    assert parsed(text) == json.loads(text)


@pytest.mark.parametrize("text", ["", "null", "[]", '{"a": 1} x', "{} {}", "```{}```", "{", '{"a": NaN}'])
def test_nothing_else_is_an_object(text: str) -> None:
    assert parsed(text) is None
