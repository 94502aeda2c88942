"""Shrinking finds the smallest request that still shows a failure, within its budget, and records what it sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from conformance import engine, evidence, graft
from conformance.capture import Pace
from conformance.openapi import validator
from conformance.reductions import sizes, smaller
from conformance.reference import DEFAULT_MODEL, KEY, ReferenceGateway
from conformance.reference.faults import Fault, pick_faults, read_fault
from conformance.secret import Secret
from conformance.shrink import EVIDENCE, MOST, SUMMARY, shrink_failures
from conformance.target import parse_target
from tests.judging import QUICK

if TYPE_CHECKING:
    from pathlib import Path

FEW = ("generated.body-*", "generated.messages-not-empty-*", "generated.mutant-tooled-*", "generated.talk-*")


def shrunk(
    folder: Path, *faults: Fault, only: tuple[str, ...] = FEW, most: int | None = None
) -> list[dict[str, Any]]:
    """Capture and shrink; return the rows of the summary."""
    with ReferenceGateway(faults=faults) as gateway:
        settings = engine.Settings(
            target=parse_target(gateway.base_url, key=Secret(KEY)),
            models=(DEFAULT_MODEL,),
            only=only,
            generated="full",
            limits=QUICK,
            pace=Pace(longest_wait=0.05),
            reference=True,
        )
        prepared = engine.prepare(settings)
        path = folder / "evidence.jsonl"
        engine.capture(prepared, path)
        if most is not None:
            sent = len(evidence.read(path).exchanges) + most
            prepared = replace(prepared, settings=replace(settings, pace=Pace(max_requests=sent)))
        before = path.read_bytes()
        shrink_failures(prepared, path)
        assert path.read_bytes() == before
    summary = folder / SUMMARY
    return json.loads(summary.read_text("ascii")) if summary.exists() else []


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("empty-messages-500", '"messages":[]'),
        ("crash-integer-as-float", '"max_tokens":1.0'),
        ("crash-lone-surrogate", r"\udc00"),
        ("crash-null-parameter", '"user":null'),
    ],
)
def test_a_crash_is_followed_down_to_what_causes_it(tmp_path: Path, name: str, least: str) -> None:
    rows = [row for row in shrunk(tmp_path, *pick_faults([name])) if row["symptom"].startswith("500")]
    assert rows
    for row in rows:
        assert least in row["after"]["body"]
        assert row["sent"] <= MOST
        assert (
            "robustness.no-server-error" in row["requirements"]
            or "robustness.valid-request-served" in row["requirements"]
        )
        assert row["reproduce"].startswith("curl ")


def test_the_depth_that_kills_is_found(tmp_path: Path) -> None:
    rows = shrunk(tmp_path, *pick_faults(["crash-deep-nesting"]), only=("generated.body-deep-objects-*",))
    depths = [row["after"]["body"].count('{"a":') for row in rows]
    assert depths
    assert all(500 <= depth < 600 for depth in depths)


def test_a_talk_loses_everything_but_what_is_refused(tmp_path: Path) -> None:
    fault = read_fault(
        {
            "name": "no-tool-turns",
            "what": "A tool message is answered 500.",
            "mutate": [
                {"op": "refuse", "status": 500, "message": "no", "when": {"kind": "valid", "tool_turn": True}}
            ],
        },
        "tools",
        "this test",
    )
    rows = shrunk(tmp_path, fault, only=("generated.talk-tooled-*",))
    assert rows
    for row in rows:
        body = json.loads(row["after"]["body"])
        assert validator(graft.REQUEST).accepts(body), "a valid request stays valid"
        assert body["messages"][-1]["role"] == "tool"
        assert row["after"]["bytes"] < row["before"]["bytes"]


def test_everything_that_was_sent_is_recorded_without_the_key(tmp_path: Path) -> None:
    rows = shrunk(tmp_path, *pick_faults(["crash-null-parameter"]))
    recorded = evidence.read(tmp_path / EVIDENCE)
    assert len(recorded.exchanges) == sum(row["sent"] for row in rows)
    names = {exchange.id for exchange in recorded.exchanges}
    assert {row["after"]["exchange"] for row in rows} - names <= {row["before"]["exchange"] for row in rows}
    assert KEY.encode() not in (tmp_path / EVIDENCE).read_bytes()
    assert KEY not in (tmp_path / SUMMARY).read_text("ascii")


def test_the_limit_of_requests_holds(tmp_path: Path) -> None:
    rows = shrunk(tmp_path, *pick_faults(["crash-null-parameter"]), most=3)
    assert sum(row["sent"] for row in rows) <= 3


def test_a_correct_gateway_is_asked_nothing_more(tmp_path: Path) -> None:
    assert shrunk(tmp_path, only=("generated.messages-not-empty-*",)) == []
    assert not (tmp_path / EVIDENCE).exists()


def test_smaller_bodies_keep_what_is_wrong_and_its_place() -> None:
    body: Any = {
        "model": "m",
        "messages": [{"role": "user", "content": "a"}, {"role": "wizard", "content": "b"}],
        "max_tokens": 1,
        "top_p": 1,
    }
    found = smaller(body, ("messages", 1, "role"))
    assert found
    for value, place in found:
        assert graft.look(value, place) == "wizard"
        assert len(json.dumps(value)) < len(json.dumps(body))
        assert value["max_tokens"] == 1


def test_sizes_are_halved_towards_the_one_that_is_known_to_fail() -> None:
    assert list(sizes(1, 1)) == []
    assert list(sizes(1, 2)) == [1]
    tried = list(sizes(1, 1000))
    assert tried[0] == 1
    assert tried == sorted(set(tried))
    assert tried[-1] == 999
    assert len(tried) < 15
