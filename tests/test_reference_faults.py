"""Every mutator does what it says, and a wrong row of a fault is found when it is read."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.errors import CatalogueError
from conformance.model import Json
from conformance.reference import KEY, Fault, ReferenceGateway, furnish, load_faults, pick_faults
from conformance.reference.faults import read_fault
from conformance.reference.gateway import respond
from conformance.reference.reply import Ending, Framing, Received, Reply
from conformance.reference.server import head_bytes, pieces
from tests.reference_samples import HELLO, WEATHER, chat, raw, said, samples

ALL = load_faults()
CLOCK = 1.8e9
SAMPLES = tuple(samples())
RIGHT = tuple(respond(sample, furnish(clock=lambda: CLOCK)) for sample in SAMPLES)


def made(*mutations: Json) -> Fault:
    return read_fault({"name": "x", "what": "x", "mutate": list(mutations)}, "test", "test")


def reply(received: Received, *mutations: Json) -> Reply:
    return respond(received, furnish(faults=[made(*mutations)] if mutations else [], clock=lambda: CLOCK))


def body(received: Received, *mutations: Json) -> Any:  # noqa: ANN401 - JSON
    return json.loads(reply(received, *mutations).body)


def told(received: Received, *mutations: Json) -> list[Any]:
    events = reply(received, *mutations).body.split(b"\n\n")
    return [json.loads(event[6:]) for event in events if event.startswith(b"data: {")]


def text_of(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


STREAM = chat(stream=True, messages=said("Say exactly: one two three"))
USAGE = chat(stream=True, stream_options={"include_usage": True})


HARMLESS = [fault for fault in ALL.values() if not fault.breaks]


@pytest.mark.parametrize("fault", HARMLESS, ids=[fault.name for fault in HARMLESS])
def test_fault_that_breaks_no_requirement_still_changes_an_answer(fault: Fault) -> None:
    house = furnish(faults=[fault], clock=lambda: CLOCK)
    assert tuple(respond(sample, house) for sample in SAMPLES) != RIGHT


def test_faults_of_an_area_stand_in_its_file_and_legal_ones_break_nothing() -> None:
    assert {fault.area for fault in ALL.values() if fault.legal} == {"legal"}
    assert not any(fault.breaks for fault in ALL.values() if fault.legal)
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


def test_ignore_and_assume_change_what_is_heard() -> None:
    assert reply(STREAM, {"op": "ignore", "at": "/stream"}).headers[0][1] == "application/json"
    assert len(body(chat(), {"op": "assume", "at": "/n", "value": 3})["choices"]) == 3
    once = {"op": "assume", "at": "/n", "value": 3, "absent_only": True}
    assert len(body(chat(n=2), once)["choices"]) == 2


def test_refuse_and_skip_change_who_is_served() -> None:
    refused = {
        "op": "refuse",
        "status": 418,
        "message": "No {model}.",
        "param": "p",
        "when": {"kind": "valid"},
    }
    assert reply(chat(), refused).status == 418
    assert body(chat(), refused)["error"]["message"] == "No reference-chat."
    assert reply(chat(headers={"authorization": None}), {"op": "skip", "check": "key"}).status == 200
    assert body(chat(model="other"), {"op": "skip", "check": "model"})["model"] == "other"
    assert reply(chat(headers={"content-type": None}), {"op": "skip", "check": "content-type"}).status == 200


def test_answer_changes_streamed_and_complete_answers_alike() -> None:
    change: Json = {
        "op": "answer",
        "text": "{old}!",
        "finish": "length",
        "prompt_tokens": 7,
        "model": "{old}-x",
    }
    whole = body(chat(messages=said("Say exactly: hi")), change)
    assert (whole["choices"][0]["message"]["content"], whole["choices"][0]["finish_reason"]) == (
        "hi!",
        "length",
    )
    assert (whole["usage"]["prompt_tokens"], whole["model"]) == (7, "reference-chat-x")
    assert text_of(told(STREAM, change)) == "one two three!"


def test_answer_changes_calls() -> None:
    asked = chat(messages=said("Weather in Paris and Tokyo?"), tools=[WEATHER])
    assert len(body(asked, {"op": "answer", "calls": 1})["choices"][0]["message"]["tool_calls"]) == 1
    spoken = body(asked, {"op": "answer", "calls_as_text": True})["choices"][0]["message"]
    assert "get_weather" in spoken["content"]
    assert "tool_calls" not in spoken
    [first, _] = body(asked, {"op": "answer", "arguments": "{}"})["choices"][0]["message"]["tool_calls"]
    assert first["function"]["arguments"] == "{}"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({"op": "set", "at": "/id", "value": None}, None),
        (
            {"op": "set", "at": "/id", "text": "{model}-{request}-{key}-{unknown}"},
            f"reference-chat-1-{KEY}-{{unknown}}",
        ),
        ({"op": "set", "at": "/id", "copy": "/object"}, "chat.completion"),
        ({"op": "set", "at": "/id", "request": "/messages/0/role"}, "user"),
        (
            {"op": "wrap", "at": "/id", "into": {"a": ["$"]}},
            {"a": ["chatcmpl-a93875fe509ac2fae0e0939d3ec71"]},
        ),
        ({"op": "retype", "at": "/id", "to": "array"}, ["chatcmpl-a93875fe509ac2fae0e0939d3ec71"]),
        ({"op": "retype", "at": "/id", "to": "number"}, 0),
        ({"op": "rewrite", "at": "/id", "pattern": "^chat.*$", "put": "x"}, "x"),
    ],
)
def test_edit_puts_another_value_there(edit: dict[str, Json], expected: Json) -> None:
    assert body(chat(), {"in": "completion", **edit})["id"] == expected


def test_edits_reach_every_item_and_add_and_remove_members() -> None:
    two = chat(n=2)
    dropped = body(two, {"op": "drop", "in": "completion", "at": "/choices/*/index"})
    assert all("index" not in choice for choice in dropped["choices"])
    renamed = body(two, {"op": "rename", "in": "completion", "at": "/choices/*/message", "to": "delta"})
    assert [list(choice) for choice in renamed["choices"]] == [
        ["index", "delta", "logprobs", "finish_reason"]
    ] * 2
    added = body(two, {"op": "set", "in": "completion", "at": "/choices/-/extra", "value": 1})
    assert [choice.get("extra") for choice in added["choices"]] == [None, 1]
    present = {"op": "set", "in": "completion", "at": "/extra", "value": 1, "present": True}
    assert "extra" not in body(chat(), present)
    assert (
        body(chat(), {"op": "wrap", "in": "completion", "at": "", "into": ["$"]})[0]["object"]
        == "chat.completion"
    )


def test_numbers_and_strings_are_changed_from_what_they_were() -> None:
    right = body(chat())
    later = body(chat(), {"op": "set", "in": "completion", "at": "/created", "times": 1000})
    assert later["created"] == right["created"] * 1000
    more = body(chat(), {"op": "set", "in": "completion", "at": "/usage/total_tokens", "plus": 0.5})
    assert more["usage"]["total_tokens"] == right["usage"]["total_tokens"] + 0.5
    content = {"in": "completion", "at": "/choices/0/message/content"}
    word = chat(messages=said("Say exactly: é"))
    assert (
        body(word, {"op": "rewrite", "misread": "latin-1", **content})["choices"][0]["message"]["content"]
        == "Ã©"
    )
    called = chat(messages=said("Weather in Paris?"), tools=[WEATHER])
    place = {"op": "retype", "in": "completion", "at": "/choices/0/message/tool_calls/0/function/arguments"}
    as_object = body(called, {**place, "to": "parsed"})["choices"][0]["message"]["tool_calls"][0]["function"]
    assert as_object["arguments"]["city"] == "Paris"
    twice = body(called, {**place, "to": "encoded"})["choices"][0]["message"]["tool_calls"][0]["function"]
    assert json.loads(json.loads(twice["arguments"]))["city"] == "Paris"


def test_edit_of_chunks_reaches_those_that_are_chosen() -> None:
    def marked(which: Json, received: Received = USAGE) -> list[int]:
        edit = {"op": "set", "in": "chunks", "at": "/mark", "value": 1, "which": which}
        return [number for number, chunk in enumerate(told(received, edit)) if "mark" in chunk]

    count = len(told(USAGE))
    assert marked("all") == list(range(count))
    assert marked("none") == []
    assert marked("first") == marked("role") == [0]
    assert marked("later") == list(range(1, count))
    assert marked("content") == list(range(1, count - 2))
    assert marked("finish") == marked(-2) == [count - 2]
    assert marked("usage") == marked("last") == marked("empty") == [count - 1]
    assert marked([0, 1, 99]) == [0, 1]
    calls = chat(messages=said("Weather in Paris?"), tools=[WEATHER], stream=True)
    assert marked("opening", calls) == [1]
    assert marked("tool", calls) == [1, *marked("fragment", calls)]


def test_chunks_are_repeated_removed_and_moved() -> None:
    right = told(STREAM)
    assert len(told(STREAM, {"op": "repeat", "which": "finish", "times": 3})) == len(right) + 2
    assert text_of(told(STREAM, {"op": "remove", "which": "content"})) == ""
    assert told(STREAM, {"op": "move", "which": "finish", "to": "first"})[0] == right[-1]
    assert told(STREAM, {"op": "move", "which": "first", "to": "last"})[-1] == right[0]
    assert text_of(told(STREAM, {"op": "move", "which": "content", "to": "reversed"})) == " three twoone"


def test_chunks_are_inserted_cumulated_and_merged() -> None:
    inserted = told(STREAM, {"op": "insert", "which": "finish", "place": "after", "chunk": {"choices": []}})
    assert inserted[-1]["choices"] == []
    assert inserted[-1]["id"] == inserted[0]["id"]
    bare = told(STREAM, {"op": "insert", "which": "first", "chunk": {"error": {}}, "bare": True})
    assert bare[0] == {"error": {}}
    pieces_said = [
        c["choices"][0]["delta"].get("content") for c in told(STREAM, {"op": "cumulate", "of": "content"})
    ]
    assert pieces_said[1:-1] == ["one", "one two", "one two three"]
    merged = told(STREAM, {"op": "merge", "which": "all"})
    assert len(merged) == 1
    assert merged[0]["choices"][0]["finish_reason"] == "stop"
    assert merged[0]["choices"][0]["delta"]["content"] == "one two three"
    calls = chat(messages=said("Weather in Paris and Tokyo?"), tools=[WEATHER], stream=True)
    [whole] = told(calls, {"op": "merge"})
    made_calls = whole["choices"][0]["delta"]["tool_calls"]
    assert [json.loads(call["function"]["arguments"])["city"] for call in made_calls] == ["Paris", "Tokyo"]


@pytest.mark.parametrize(
    ("mutation", "expected"),
    [
        ({"op": "done", "times": 0}, b'"finish_reason":"stop"}]}\n\n'),
        ({"op": "done", "times": 2, "says": "[done]", "end": "\n"}, b"data: [done]\ndata: [done]\n"),
        ({"op": "frame", "line_end": "\r\n"}, b"data: [DONE]\r\n\r\n"),
        ({"op": "frame", "prefix": "data:", "blank": ""}, b"data:[DONE]\n"),
        ({"op": "frame", "which": "done", "before": "id: 1\n"}, b"\n\nid: 1\ndata: [DONE]\n\n"),
        ({"op": "write", "place": "end", "text": ": end {model}"}, b"data: [DONE]\n\n: end reference-chat"),
        ({"op": "write", "place": "before-done", "hex": "00ff"}, b"\x00\xffdata: [DONE]\n\n"),
        ({"op": "patch", "find": "[DONE]", "put": "[END]"}, b"data: [END]\n\n"),
        ({"op": "patch", "find": "[DONE]", "put_hex": "ff"}, b"data: \xff\n\n"),
        ({"op": "body", "after": "!"}, b"data: [DONE]\n\n!"),
    ],
)
def test_events_end_in_other_bytes(mutation: Json, expected: bytes) -> None:
    assert reply(STREAM, mutation).body.endswith(expected)


def test_json_of_events_is_split_over_lines() -> None:
    [first, *_] = reply(STREAM, {"op": "frame", "which": "data", "lines": 3}).body.split(b"\n\n")
    lines = first.split(b"\n")
    assert len(lines) == 3
    assert json.loads(b"\n".join(line.removeprefix(b"data: ") for line in lines)) == told(STREAM)[0]
    [pretty, *_] = reply(STREAM, {"op": "frame", "pretty": True}).body.split(b"\n\n")
    assert json.loads(pretty.removeprefix(b"data: ")) == told(STREAM)[0]


def test_bytes_are_written_where_they_are_wanted() -> None:
    right = reply(STREAM).writes
    assert reply(STREAM, {"op": "write", "place": "start", "text": "x"}).writes == (b"x", *right)
    assert reply(STREAM, {"op": "write", "place": "after-first", "text": "x"}).writes[1] == b"x"
    assert len(reply(STREAM, {"op": "write", "place": "between", "text": "x"}).writes) == 2 * len(right) - 1
    assert (
        reply(STREAM, {"op": "write", "place": "after-first", "text": "x", "glued": True})
        .writes[0]
        .endswith(b"x")
    )


def test_head_is_changed() -> None:
    assert reply(chat(), {"op": "status", "to": 599}).status == 599
    changed = reply(
        chat(), {"op": "headers", "set": {"X-A": "{model}"}, "drop": ["x-request-id"], "upper": True}
    )
    assert dict(changed.headers) == {"CONTENT-TYPE": "application/json", "X-A": "reference-chat"}


def test_body_is_changed() -> None:
    assert reply(chat(), {"op": "body", "text": "hello {model}"}).body == b"hello reference-chat"
    assert reply(chat(), {"op": "body", "json": {"a": None}}).body == b'{"a": null}'
    assert reply(chat(), {"op": "body", "hex": "ff00"}).body == b"\xff\x00"
    assert reply(
        chat(), {"op": "body", "before": "\n", "find": "chat.completion", "put": "x"}
    ).body.startswith(b"\n{")
    word = chat(messages=said("Say exactly: é"))
    assert "é".encode("latin-1") in reply(word, {"op": "body", "encoding": "latin-1"}).body
    assert b"\\u00e9" in reply(word, {"op": "body", "style": "ascii"}).body
    assert reply(word, {"op": "body", "style": "indented"}).body.count(b"\n") > 10


def test_pieces_pauses_and_delays_are_changed() -> None:
    assert {len(piece) for piece in reply(chat(), {"op": "pieces", "size": 1}).writes} == {1}
    assert len(reply(STREAM, {"op": "pieces", "whole": True, "pause": 0.5}).writes) == 1
    slow = reply(STREAM, {"op": "wait", "head": 1, "body": 2, "between": 3})
    assert (slow.wait, slow.stall, slow.pause) == (1, 2, 3)


def test_compression_and_its_label_are_two_things() -> None:
    both, body_only = reply(chat(), {"op": "gzip"}), reply(chat(), {"op": "gzip", "header": False})
    assert json.loads(gzip.decompress(both.body)) == body(chat())
    assert ("content-encoding", "gzip") in both.headers
    assert ("content-encoding", "gzip") not in body_only.headers
    assert reply(chat(), {"op": "gzip", "body": False}).body == reply(chat()).body


def test_end_of_body_and_connection_are_changed() -> None:
    cut = reply(chat(), {"op": "cut", "fraction": 0.5, "by": "reset"})
    assert cut.ending is Ending.RESET
    assert len(b"".join(pieces(cut, cut.framing))) == cut.cut == len(cut.body) // 2
    loose = reply(chat(), {"op": "connection", "framing": "close", "ending": "hang"})
    assert (loose.framing, loose.ending) == (Framing.CLOSE, Ending.HANG)
    assert b"content-length" not in head_bytes(loose, loose.framing, loose.ending)


def test_given_bytes_are_replayed() -> None:
    stream = reply(STREAM, {"op": "replay", "text": "data: 1\n\ndata: 2\n\nrest"})
    assert stream.writes == (b"data: 1\n\n", b"data: 2\n\n", b"rest")
    assert stream.framing is Framing.CHUNKED
    page = reply(chat(), {"op": "replay", "hex": "3c", "content_type": "text/html", "status": 502})
    assert (page.status, page.body) == (502, b"<")
    assert reply(chat(), {"op": "replay", "raw": True, "text": "HTTP/1.1 999 x"}).raw == b"HTTP/1.1 999 x"


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
