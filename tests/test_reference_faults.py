"""Faults are read strictly, strike what they name, change answers, and reach the wire."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx
import pytest

from conformance.catalogue import load
from conformance.errors import CatalogueError
from conformance.model import Json, Level
from conformance.reference import KEY, Fault, ReferenceGateway, furnish, load_faults, pick_faults
from conformance.reference.faults import read_fault
from conformance.reference.gateway import respond
from tests.reference_samples import CLOCK, HELLO, WEATHER, chat, made, raw, reply, samples

ALL = load_faults()
SAMPLES = tuple(samples())
RIGHT = tuple(respond(sample, furnish(clock=lambda: CLOCK)) for sample in SAMPLES)
HARMLESS = [fault for fault in ALL.values() if not fault.breaks]


@pytest.mark.parametrize("fault", HARMLESS, ids=[fault.name for fault in HARMLESS])
def test_fault_that_breaks_no_requirement_still_changes_an_answer(fault: Fault) -> None:
    house = furnish(faults=[fault], clock=lambda: CLOCK)
    assert tuple(respond(sample, house) for sample in SAMPLES) != RIGHT


def test_faults_of_an_area_stand_in_its_file_and_legal_ones_break_observations_alone() -> None:
    assert {fault.area for fault in ALL.values() if fault.legal} == {"legal"}
    named = {name for fault in ALL.values() if fault.legal for name in fault.breaks}
    assert {load().requirements[name].level for name in named} == {Level.MAY}
    assert all(fault.what.endswith(".") for fault in ALL.values())


def test_several_faults_strike_together() -> None:
    first, second = pick_faults(["id-missing", "object-missing"])
    answer = json.loads(respond(chat(), furnish(faults=[first, second])).body)
    assert answer.keys() & {"id", "object"} == set()


@pytest.mark.parametrize(
    "row",
    [
        "text",
        {},
        {"name": "x", "what": "x", "mutate": []},
        {"name": "x", "what": "x", "mutate": [{"op": "done"}], "colour": "red"},
        {"name": "x", "what": "x", "mutate": [{"op": "explode"}]},
        {"name": "x", "what": "x", "mutate": ["done"]},
        {"name": "x", "what": "x", "mutate": [{"op": "done", "often": 2}]},
        {"name": "x", "what": "x", "mutate": [{"op": "done", "times": "2"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "done", "times": True}]},
        {"name": "x", "what": "x", "mutate": [{"op": "done", "when": {"moon": "full"}}]},
        {"name": "x", "what": "x", "mutate": [{"op": "done", "when": {"kind": "good"}}]},
        {"name": "x", "what": "x", "mutate": [{"op": "done", "when": {"has": "a"}}]},
        {"name": "x", "what": "x", "mutate": [{"op": "done", "when": {"body": {"at": "/a"}}}]},
        {"name": "x", "what": "x", "mutate": [{"op": "set", "in": "completion", "at": "/id"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "set", "in": "page", "at": "/id", "value": 1}]},
        {"name": "x", "what": "x", "mutate": [{"op": "set", "in": "completion", "at": "id", "value": 1}]},
        {
            "name": "x",
            "what": "x",
            "mutate": [{"op": "set", "in": "error", "at": "/a", "value": 1, "text": "b"}],
        },
        {"name": "x", "what": "x", "mutate": [{"op": "retype", "in": "error", "at": "/a", "to": "colour"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "rewrite", "in": "error", "at": "/a", "pattern": "("}]},
        {"name": "x", "what": "x", "mutate": [{"op": "repeat", "which": "second"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "move", "to": "elsewhere"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "insert", "chunk": {}, "place": "inside"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "cumulate", "of": "role"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "frame", "lines": 0}]},
        {"name": "x", "what": "x", "mutate": [{"op": "write", "place": "start"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "write", "hex": "xy"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "patch", "find": "a"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "cut", "bytes": 1, "fraction": 0.5}]},
        {"name": "x", "what": "x", "mutate": [{"op": "body", "encoding": "nothing-8"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "connection", "framing": "loose"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "skip", "check": "everything"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "replay"}]},
        {"name": "x", "what": "x", "mutate": [{"op": "done"}], "may": [{"area": "a"}]},
    ],
)
def test_wrong_row_is_found_when_it_is_read(row: Json) -> None:
    with pytest.raises(CatalogueError, match=r"file\.yaml"):
        read_fault(row, "test", "file.yaml[0]")


def test_two_faults_cannot_have_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("[{name: x, what: x, mutate: [{op: done}]}]", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("[{name: x, what: x, mutate: [{op: done}]}]", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"b\.yaml x"):
        load_faults(tmp_path)


def test_unknown_fault_is_named_with_its_neighbours() -> None:
    with pytest.raises(CatalogueError, match="done-missing"):
        pick_faults(["done-misssing"])


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        (
            {},
            {"valid", "stream", "tools", "tool turn", "no key", "unknown", "bad role", "models", "elsewhere"},
        ),
        ({"path": "chat"}, {"valid", "stream", "tools", "tool turn", "no key", "unknown", "bad role"}),
        ({"path": "other"}, {"elsewhere"}),
        ({"method": "GET"}, {"models"}),
        ({"kind": "valid", "path": "chat"}, {"valid", "stream", "tools", "tool turn"}),
        ({"kind": "error"}, {"no key", "unknown", "bad role", "elsewhere"}),
        ({"status": 401}, {"no key"}),
        ({"status": [400, 401]}, {"no key", "bad role"}),
        ({"param": "messages"}, {"bad role"}),
        ({"param": "messages[0].role"}, {"bad role"}),
        ({"code": "model_not_found"}, {"unknown"}),
        ({"stream": True}, {"stream"}),
        ({"tools": True}, {"tools", "tool turn"}),
        ({"tool_turn": True}, {"tool turn"}),
        ({"has": "/tools", "lacks": "/messages/1"}, {"tools"}),
        ({"header": {"authorization": "Bearer "}, "path": "models"}, {"models"}),
        ({"header": {"x-trace-id": ""}}, set()),
        ({"body": {"at": "/messages/*/role", "equals": "wizard"}}, {"bad role"}),
        ({"every": 2, "path": "chat"}, {"stream"}),
        ({"until": 1, "has": "/stream"}, set()),
    ],
)
def test_selector_strikes_what_it_names(when: Json, struck: set[str]) -> None:
    turn = [{"role": "assistant", "content": None, "tool_calls": []}, {"role": "tool"}]
    call = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    turn = [{"role": "assistant", "content": None, "tool_calls": [call]}]
    turn += [{"role": "tool", "tool_call_id": "a", "content": "1"}]
    requests = {
        "valid": chat(),
        "stream": chat(2, stream=True),
        "tools": chat(tools=[WEATHER]),
        "tool turn": chat(tools=[WEATHER], messages=[HELLO, *turn]),
        "no key": chat(headers={"authorization": None}),
        "unknown": chat(model="nobody"),
        "bad role": chat(messages=[{"role": "wizard", "content": "x"}]),
        "models": raw(b"", method="GET", path="/v1/models"),
        "elsewhere": raw(b"", path="/v1/elsewhere"),
    }
    mark: Json = {"op": "status", "to": 299, "when": when}
    assert {name for name, received in requests.items() if reply(received, mark).status == 299} == struck


def test_cut_answer_is_cut_on_the_wire() -> None:
    with ReferenceGateway(faults=pick_faults(["json-cut"])) as gateway:
        headers = {"authorization": f"Bearer {KEY}"}
        body_sent = {"model": "reference-chat", "messages": [HELLO]}
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(
                f"{gateway.base_url}/chat/completions", json=body_sent, headers=headers, trust_env=False
            )


def read_all(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def test_connection_is_reset_or_left_hanging() -> None:
    reset = made({"op": "cut", "bytes": 0, "by": "reset"})
    hang = made({"op": "cut", "bytes": 0, "by": "hang"})
    sent = b"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n" % KEY.encode()
    with (
        ReferenceGateway(faults=[reset]) as gateway,
        socket.create_connection(("127.0.0.1", gateway.port)) as one,
    ):
        one.sendall(sent)
        with pytest.raises(ConnectionResetError):
            read_all(one)
    with (
        ReferenceGateway(faults=[hang]) as gateway,
        socket.create_connection(("127.0.0.1", gateway.port)) as one,
    ):
        one.settimeout(0.1)
        one.sendall(sent)
        with pytest.raises(TimeoutError):
            read_all(one)
