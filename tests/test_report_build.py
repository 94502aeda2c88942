"""report.json says what was judged, keeps its schema, and is the same for the same evidence."""

from __future__ import annotations

import gzip
import json
from typing import Any, get_type_hints, is_typeddict

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from report_factory import (
    FEATURES,
    GATEWAY,
    MODEL,
    Run,
    answer,
    chunk,
    failed,
    golden_run,
    passed,
    unsure,
)

from conformance.errors import UsageError
from conformance.model import Finding, Level, Verdict, Where
from conformance.paths import data_root
from conformance.report import shape
from conformance.report.build import FURTHER
from conformance.report.extensions import MOST
from conformance.report.facts import facts_of
from conformance.report.safe import LONG
from conformance.report.write import dumps
from conformance.verdict import fold_case

SCHEMA: dict[str, Any] = json.loads(
    (data_root() / "spec" / "schema" / "report.schema.json").read_text("utf-8")
)
HOSTILE = "\x1b[2J\x00\ud83d\u202e<script>alert(1)</script>"


def result(report: shape.Report, requirement: str) -> shape.ResultFacts:
    return next(row for row in report["results"] if row["requirement"] == requirement)


def test_the_report_keeps_its_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    report = json.loads(dumps(golden_run().report()))

    assert list(Draft202012Validator(SCHEMA).iter_errors(report)) == []
    assert shape.checked(report) == report


def test_a_report_of_nothing_keeps_its_schema() -> None:
    report = json.loads(dumps(Run().report()))

    assert shape.checked(report)["summary"]["grade"] == "incomplete"
    assert report["times"] == {"started": None, "ended": None, "seconds": 0.0}


def members(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def differences(hint: Any, schema: dict[str, Any], path: str = "") -> list[str]:  # noqa: ANN401 - types
    schema = members(schema)
    if is_typeddict(hint):
        hints = get_type_hints(hint)
        found = [] if set(hints) == set(schema["properties"]) == set(schema["required"]) else [path or "/"]
        for name in hints:
            found += differences(hints[name], schema["properties"].get(name, {}), f"{path}/{name}")
        return found
    inner = [each for each in getattr(hint, "__args__", ()) if is_typeddict(each)]
    nested = schema.get("items") or schema.get("additionalProperties") or schema
    return [fault for each in inner for fault in differences(each, nested, f"{path}/*")]


def test_types_and_schema_name_the_same_members() -> None:
    assert differences(shape.Report, SCHEMA) == []


def test_the_same_run_gives_the_same_bytes_in_any_order() -> None:
    run, again = golden_run(), golden_run()
    again.units.reverse()
    again.missing.reverse()
    again.views = dict(reversed(again.views.items()))

    assert dumps(run.report()) == dumps(golden_run().report())
    assert dumps(again.report()) == dumps(run.report())


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"format": "something else"}, "$.format"),
        ({"summary": {}}, "$.summary"),
        ({"results": [1]}, "$.results[0]"),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(change: dict[str, Any], pointer: str) -> None:
    report = {**golden_run().report(), **change}

    with pytest.raises(UsageError) as refused:
        shape.checked(report)

    assert pointer in refused.value.why


def test_a_failure_shows_the_marked_bytes_of_its_frame() -> None:
    case = result(golden_run().report(), "stream.done-terminator")["cases"][0]
    excerpt = case["excerpt"]

    assert case["evidence"] == [
        {"exchange": "ex-0000000000000001", "frame": 2, "bytes": [335, 349], "pointer": None}
    ]
    assert excerpt is not None
    assert excerpt["marked"] == "data: [DONE}␊␊"
    assert excerpt["before"].endswith('"x_trace":"t"}␊␊')
    assert (excerpt["after"], excerpt["decoded"]) == ("", False)


def test_an_excerpt_cuts_no_character_and_its_offset_is_that_of_its_first_byte() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(("你" * 100 + "!" + "好" * 100).encode()))
    run.unit("a.b", view, failed(view, "!", span=(300, 301)))
    excerpt = result(run.report(), "a.b")["cases"][0]["excerpt"]

    assert excerpt is not None
    assert (set(excerpt["before"]), excerpt["marked"], set(excerpt["after"])) == ({"你"}, "!", {"好"})
    assert excerpt["offset"] + len(excerpt["before"].encode()) == 300


def test_a_place_within_a_character_shows_its_bytes() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer("你".encode()))
    run.unit("a.b", view, failed(view, "half", span=(1, 3)))
    excerpt = result(run.report(), "a.b")["cases"][0]["excerpt"]

    assert excerpt is not None
    assert (excerpt["before"], excerpt["marked"]) == ("⟨0xE4⟩", "⟨0xBD⟩⟨0xA0⟩")


@pytest.mark.parametrize("span", [(0, 0), (4, 4), (2, 999), (50, 60), (-3, 2), (3, 1)])
def test_places_outside_the_body_are_met_without_harm(span: tuple[int, int]) -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b'{"a":1}'))
    run.unit("a.b", view, failed(view, "x", span=span))
    excerpt = result(run.report(), "a.b")["cases"][0]["excerpt"]

    assert excerpt is not None
    assert excerpt["before"] + excerpt["marked"] + excerpt["after"] == '{"a":1}'


def test_a_long_place_loses_its_middle_and_says_so() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b'"' + b"a" * 100_000 + b'"'))
    run.unit("a.b", view, failed(view, "x", span=(0, 100_002)))
    excerpt = result(run.report(), "a.b")["cases"][0]["excerpt"]

    assert excerpt is not None
    assert "… (99602 bytes cut) …" in excerpt["marked"]


def test_a_coded_body_is_shown_decoded() -> None:
    run = Run()
    packed = gzip.compress(b'{"a": "readable"}', mtime=0)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    view = run.exchange("chat.basic", head.encode() + packed)
    run.unit("a.b", view, failed(view, "x"))
    excerpt = result(run.report(), "a.b")["cases"][0]["excerpt"]

    assert excerpt is not None
    assert (excerpt["after"], excerpt["decoded"]) == ('{"a": "readable"}', True)


def test_further_findings_stand_beside_the_first() -> None:
    run = Run()
    view = run.exchange(
        "stream.basic", answer(b"".join(chunk(f"{n}") for n in range(30)), "text/event-stream")
    )
    run.unit("a.b", view, *(failed(view, f"frame {n}", "none", frame=n) for n in range(30)))
    case = result(run.report(), "a.b")["cases"][0]

    assert case["saw"] == "frame 0"
    assert [each["saw"] for each in case["also"]] == [f"frame {n}" for n in range(1, FURTHER + 1)]
    assert case["unlisted"] == 29 - FURTHER
    assert case["also"][0]["excerpt"] is not None


def test_the_finding_that_decided_is_the_one_that_is_told() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"))
    run.unit("a.b", view, passed(view), failed(view, "wrong", "right"), passed(view))
    row = result(run.report(), "a.b")

    assert (row["cases"][0]["saw"], row["cases"][0]["expected"], row["cases"][0]["also"]) == (
        "wrong",
        "right",
        [],
    )
    assert row["cases"][0]["examined"] == 3


def test_a_case_that_was_kept_silent_points_at_its_exchange() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"slow down", status="429 Too Many Requests"))
    run.unit("a.b", view, reason="the target limited the rate")
    row = result(run.report(), "a.b")

    assert (row["verdict"], row["reason"]) == ("inconclusive", "the target limited the rate")
    assert row["cases"][0]["evidence"][0]["exchange"] == view.exchange.id
    assert row["reproduce"] is not None


def test_a_pass_needs_no_command_and_no_excerpt() -> None:
    row = result(golden_run().report(), "response.content-type")

    assert (row["reproduce"], row["cases"][0]["excerpt"]) == (None, None)


def test_what_was_never_captured_is_listed() -> None:
    report = golden_run().report()

    assert report["not_measured"] == [
        {"requirement": "robustness.deep-json", "probe": "deep.json", "model": MODEL}
    ]
    plan = report["plan"]
    assert (plan["planned"], plan["captured"], plan["judged"]) == (11, 10, 10)


def test_the_gateway_is_answered_by_the_first_model_when_it_has_no_probe_of_its_own() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"))
    run.unit("a.b", view, reason="why not", model=GATEWAY)

    assert result(run.report(), "a.b")["cases"][0]["evidence"][0]["exchange"] == view.exchange.id


def test_of_two_attempts_the_later_one_is_shown() -> None:
    run = Run()
    first = run.exchange("chat.basic", answer(b"", status="500 Oops"))
    second = run.exchange("chat.basic", answer(b"{}"))
    run.views[second.exchange.id] = type(second)(first.probe, replace(second.exchange, attempt=2))
    run.unit("a.b", run.views[second.exchange.id], reason="why not")

    assert result(run.report(), "a.b")["cases"][0]["evidence"][0]["exchange"] == second.exchange.id


def test_only_a_failure_can_be_known() -> None:
    run = Run(known=frozenset({("a.fails", MODEL), ("a.passes", MODEL)}), stale=("a.passes passes now",))
    view = run.exchange("chat.basic", answer(b"{}"))
    run.unit("a.fails", view, failed(view, "x"))
    run.unit("a.passes", view, passed(view))
    report = run.report()

    assert [row["known"] for row in report["results"]] == [True, False]
    assert report["baseline"]["stale"] == ["a.passes passes now"]
    assert report["summary"]["exit_code"] == 1


def test_the_score_leaves_out_what_does_not_apply() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"))
    run.unit("a.passes", view, passed(view))
    run.unit("a.open", view, unsure(view, "why"))
    run.unit("a.skipped", view, Finding(Verdict.NOT_APPLICABLE, 0, "not offered"))
    run.unit("a.advice", view, failed(view, "x"), level=Level.SHOULD)

    assert run.report()["summary"]["score"] == {"passed": 1, "required": 2, "not_measured": 1}


def test_sources_are_named_and_linked() -> None:
    document, standard = result(golden_run().report(), "auth.no-key")["sources"]

    assert document == {"pointer": "S9:12-14", "title": "a gateway's page", "url": ""}
    assert standard["url"] == "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"


def test_members_beyond_the_documented_ones_are_listed_once() -> None:
    assert [(row["where"], row["pointer"]) for row in golden_run().report()["extensions"]] == [
        ("chunk", "/x_trace"),
        ("completion", "/choices/*/message/mood"),
    ]


def test_a_target_cannot_fill_the_list_of_extensions() -> None:
    run = Run()
    invented = ",".join(f'"{n:05}{"x" * 500}":1' for n in range(1_000))
    run.exchange("chat.basic", answer(b'{"id":"1",' + invented.encode() + b"}"))
    listed = run.report()["extensions"]

    assert len(listed) == MOST
    assert all(len(row["pointer"]) < 200 for row in listed)


def test_texts_of_a_target_are_clipped_and_the_file_is_ascii() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(HOSTILE.encode("utf-8", "surrogatepass") * 20_000))
    run.unit("a.b", view, failed(view, HOSTILE * 30_000, "x" * 1_000_000, pointer="/" + HOSTILE))
    text = dumps(run.report())

    assert text.isascii()
    assert len(text) < 10 * LONG
    assert "\x1b" not in text
    assert "characters cut" in text
    assert json.loads(text)["results"][0]["cases"][0]["saw"].startswith(HOSTILE)


def test_facts_come_from_the_evidence() -> None:
    run = golden_run()
    header = {"suite": {"version": "9.9"}, "target": {"url": "https://one.example/v1", "reference": True}}
    facts = facts_of(header, run.views, unfinished=2, stopped="interrupted")

    assert (facts.suite_version, facts.target_name, facts.reference) == ("9.9", "one.example", True)
    assert facts.requests == len(run.views) + 2
    assert facts.ended is not None
    assert facts.started is not None
    assert facts.ended - facts.started == pytest.approx(3.25)


def test_times_that_no_calendar_has_are_left_out() -> None:
    header = {"suite": {"version": "9.9"}, "target": {"url": "https://one.example/v1", "reference": False}}
    run = Run()
    view = run.exchange("chat.basic", b"")
    run.views[view.exchange.id] = type(view)(view.probe, replace(view.exchange, started_at=1e300))

    assert facts_of(header, run.views).started == 1e300
    assert run.report()["times"]["started"] is None


def test_cases_keep_their_order_and_the_places_of_findings() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"))
    elsewhere = Finding(Verdict.FAIL, 1, "x", "y", (Where("ex-unknown", pointer=""),))
    run.add(
        "a.b",
        fold_case("chat.basic", (passed(view),), alive=True),
        fold_case("chat.other", (elsewhere,), alive=True, attempts="1 of 2"),
    )
    row = result(run.report(), "a.b")

    assert [case["probe"] for case in row["cases"]] == ["chat.basic", "chat.other"]
    assert row["cases"][1]["attempts"] == "1 of 2"
    assert row["cases"][1]["excerpt"] is None
    assert row["reproduce"] is None


def test_features_have_their_titles() -> None:
    assert golden_run().report()["features"] == {name: row.title for name, row in FEATURES.items()}
