"""Files, images and searches: shown by a mark or by the bill, dropped only when both are missing."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.canaries import COLOURS, data_url, document, marks_of, picture, shown_in
from conformance.checks import all_checks
from conformance.checks.api import READABLE
from conformance.model import Claim, Finding, Json, Outcome, Verdict
from conformance.models import load_cards
from conformance.probes.tries import wanted
from conformance.reference.attachments import look
from conformance.views import View
from tests.factory import case_of, completion, error, json_answer, probes, view_of

PASS, FAIL, SKIP, UNSURE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE
CARDS = load_cards()
PROBES = {
    model: probes("chat", "files", "search", card=CARDS.card(model), model=model)
    for model in ("gpt-4o", "grok-3", "qwen-max", "claude-sonnet-4-5-20250929")
}
CLAUDE = "claude-sonnet-4-5-20250929"


def said(text: str, prompt_tokens: Json = 400, **members: Json) -> bytes:
    message: Json = {"role": "assistant", "content": text, **members}
    usage: Json = {"prompt_tokens": prompt_tokens, "completion_tokens": 5, "total_tokens": 405}
    choice: Json = {"index": 0, "message": message, "finish_reason": "stop"}
    return json_answer(200, {**completion(), "choices": [choice], "usage": usage})


def found(requirement: str, view: View, *, plain: int | None = 12, claim: Claim = Claim.ASK) -> list[Finding]:
    """Return what is said of a view beside a plain answer whose prompt cost ``plain`` tokens."""
    model = view.probe.model
    known = PROBES.get(model, {}) if plain is not None else {}
    others = [view_of(known["chat.basic"], said("Hello", plain))] if known else []
    case = replace(case_of(requirement, view, *others, claim=claim), card=CARDS.card(model))
    return [
        finding
        for check in all_checks()
        if check.requirement == requirement and check.on(view.probe) and view.form in READABLE[check.reads]
        for finding in check.judge(case)
    ]


def mark(probe: str) -> str:
    return " ".join(marks_of(json.loads(PROBES["gpt-4o"][probe].request.body)))


@pytest.mark.parametrize(
    ("probe", "requirement"),
    [("files.data", "data-read"), ("files.url", "url-read"), ("files.image", "image-read")],
)
@pytest.mark.parametrize(
    ("text", "prompt", "plain", "expected", "kept"),
    [
        ("It is {mark}.", 400, 12, PASS, PASS),
        ("It is {mark}.", 13, 12, PASS, PASS),
        ("I would rather not say.", 400, 12, UNSURE, PASS),
        ("I would rather not say.", 30, 12, FAIL, FAIL),
        ("I don't see any attachment.", None, 12, FAIL, FAIL),
        ("I don't see any attachment.", 400, None, FAIL, FAIL),
        ("I would rather not say.", None, 12, UNSURE, UNSURE),
        ("I would rather not say.", 65, 12, UNSURE, UNSURE),
    ],
)
def test_an_attachment_is_dropped_when_neither_the_answer_nor_the_bill_shows_it(  # noqa: PLR0917 - a table
    probe: str, requirement: str, text: str, prompt: Json, plain: int | None, expected: Verdict, kept: Verdict
) -> None:
    view = view_of(PROBES["gpt-4o"][probe], said(text.replace("{mark}", mark(probe)), prompt))
    assert [each.verdict for each in found(f"files.{requirement}", view, plain=plain)] == [expected]
    assert [each.verdict for each in found("files.not-dropped", view, plain=plain)] == [kept]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (json_answer(400, error("This model does not support file inputs.")), PASS),
        (json_answer(400, error("Bad request.")), FAIL),
        (json_answer(401, error("no file for you")), UNSURE),
    ],
)
def test_a_refusal_of_a_file_names_it(raw: bytes, expected: Verdict) -> None:
    view = view_of(PROBES["gpt-4o"]["files.data"], raw)
    assert [each.verdict for each in found("files.data-read", view)] == [expected]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (json_answer(400, error("Could not download the file.")), PASS),
        (json_answer(404, error("The URL leads nowhere.")), PASS),
        (json_answer(502, error("Could not download the file.")), FAIL),
        (said("A fine document."), FAIL),
        (json_answer(400, error("Bad request.")), FAIL),
    ],
)
def test_a_file_that_nobody_can_fetch_is_the_clients_error(raw: bytes, expected: Verdict) -> None:
    view = view_of(PROBES["gpt-4o"]["files.url-unreachable"], raw)
    assert [each.verdict for each in found("files.url-unreachable", view)] == [expected]


def test_an_answer_to_an_unknown_part_was_made_without_it() -> None:
    served = view_of(PROBES["gpt-4o"]["files.unknown-part"], said("Hello to you there."))
    refused = view_of(PROBES["gpt-4o"]["files.unknown-part"], json_answer(422, error("unknown part type")))
    assert [each.outcome for each in found("files.unknown-part", served)] == [Outcome.DROPPED]
    assert [each.verdict for each in found("files.unknown-part", refused)] == [PASS]


def test_a_further_try_is_wanted_after_an_answer_without_the_mark() -> None:
    first, second = PROBES["gpt-4o"]["files.image"], PROBES["gpt-4o"]["files.image~2"]
    assert first.request.body != second.request.body
    assert wanted(second, view_of(first, said("I cannot tell.")))
    assert not wanted(second, view_of(first, said(mark("files.image"))))
    assert not wanted(second, view_of(first, json_answer(400, error("no image"))))


@given(st.from_regex(r"[A-Z][a-z]{3,11}", fullmatch=True))
def test_the_word_of_a_document_is_found_and_read(word: str) -> None:
    address = data_url("application/pdf", document(word))
    part: Json = {"type": "file", "file": {"file_data": address}}
    assert marks_of({"messages": [{"role": "user", "content": [part]}]}) == (word.lower(),)
    assert word in look("file", {"file_data": address}, "p")


@given(st.permutations(list(COLOURS)))
def test_the_stripes_of_a_picture_are_found_and_seen(order: list[str]) -> None:
    address = data_url("image/png", picture(order[:3]))
    part: Json = {"type": "image_url", "image_url": {"url": address}}
    assert marks_of({"messages": [{"role": "user", "content": [part]}]}) == tuple(order[:3])
    assert ", ".join(order[:3]) in look("image_url", {"url": address}, "p")


def test_the_table_of_a_document_points_at_its_objects() -> None:
    made = document("Kulemo")
    table = made[int(made.rsplit(b"startxref\n", 1)[1].split()[0]) :]
    lines = BytesIO(table).read().splitlines()
    offsets = [int(line.split()[0]) for line in lines[3:] if line.endswith(b" n ")]
    assert len(offsets) == 6
    assert [made[offset:].split()[0] for offset in offsets] == [b"1", b"2", b"3", b"4", b"5", b"6"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Red, green and blue.", True),
        ("red green blue", True),
        ("green, red, blue", False),
        ("red, white, green, blue", False),
        ("redgreenblue", False),
        ("", False),
    ],
)
def test_colours_count_in_their_order_alone(text: str, *, shown: bool) -> None:
    assert shown_in(text, ("red", "green", "blue")) is shown
    assert not shown_in(text, ())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (said("As it is.", 600), PASS),
        (said("As it is.", 15), FAIL),
        (said("As it is.", 40), UNSURE),
        (said("As it is.", None), UNSURE),
        (said("As it is.", 15, annotations=[{"type": "url_citation"}]), PASS),
    ],
)
def test_a_forced_search_is_seen_in_the_bill_or_the_sources(raw: bytes, expected: Verdict) -> None:
    view = view_of(PROBES["qwen-max"]["search.forced"], raw)
    assert [each.verdict for each in found("search.effect", view)] == [expected]


@pytest.mark.parametrize(
    ("message", "enable", "strategy", "forced"),
    [
        ("search_strategy must be standard", UNSURE, FAIL, UNSURE),
        ("forced_search is unknown", UNSURE, UNSURE, FAIL),
        ("search_options is not supported", UNSURE, FAIL, FAIL),
        ("enable_search is not supported", FAIL, UNSURE, UNSURE),
        ("Bad request.", FAIL, FAIL, FAIL),
    ],
)
def test_a_refusal_counts_against_the_member_that_it_names(
    message: str, enable: Verdict, strategy: Verdict, forced: Verdict
) -> None:
    view = view_of(PROBES["qwen-max"]["search.forced"], json_answer(400, error(message)))
    for name, expected in (("enable", enable), ("strategy", strategy), ("forced", forced)):
        [finding] = found(f"search.{name}-accepted", view, claim=Claim.YES)
        assert finding.verdict is expected, name


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [(410, "Live search is deprecated.", PASS), (410, "Gone.", FAIL), (400, "no search here", PASS)],
)
def test_a_search_that_has_ended_is_refused_by_its_name(status: int, message: str, expected: Verdict) -> None:
    view = view_of(PROBES["grok-3"]["search.parameters"], json_answer(status, error(message)))
    assert [each.verdict for each in found("search.parameters-accepted", view)] == [expected]


def test_a_search_of_the_server_is_not_left_to_the_client() -> None:
    call: Json = {"id": "c", "type": "function", "function": {"name": "web_search", "arguments": "{}"}}
    left = view_of(PROBES[CLAUDE]["search.tool"], said("", tool_calls=[call]))
    assert [each.verdict for each in found("search.tool-resolved", left)] == [FAIL]
    done = view_of(PROBES[CLAUDE]["search.tool"], said("It rains."))
    assert [each.verdict for each in found("search.tool-resolved", done)] == [PASS]


URL = "https://example.com/news"
CITED: Json = {
    "type": "url_citation",
    "url_citation": {"url": URL, "title": "News", "start_index": 4, "end_index": 9},
}


@pytest.mark.parametrize(
    ("text", "annotations", "expected"),
    [
        (f"See {URL}.", [CITED], PASS),
        (f"See {URL}.", [], FAIL),
        ("It rains.", [], SKIP),
        ("It rains.", [{"type": "url_citation", "url_citation": {"url": URL}}], FAIL),
        ("It rains.", [{"url": URL, "title": "News"}], FAIL),
        ("It rains.", ["no object"], FAIL),
    ],
)
def test_annotations_have_the_form_of_citations(
    text: str, annotations: list[Json], expected: Verdict
) -> None:
    view = view_of(PROBES[CLAUDE]["search.tool"], said(text, annotations=annotations))
    assert [each.verdict for each in found("search.annotations", view)] == [expected]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [([URL], PASS), ([], SKIP), (None, SKIP), ("x", FAIL), ([{"url": URL}], FAIL), (["no url"], FAIL)],
)
def test_citations_are_a_list_of_addresses(given_: Json, expected: Verdict) -> None:
    answer = json.loads(said("It rains.").partition(b"\r\n\r\n")[2])
    view = view_of(PROBES["grok-3"]["search.parameters"], json_answer(200, {**answer, "citations": given_}))
    assert [each.verdict for each in found("search.citations", view)] == [expected]
