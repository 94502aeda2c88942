"""Every mutator does what it says, and nothing else."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from conformance.model import Json
from conformance.reference import KEY
from conformance.reference.reply import Ending, Framing, Received
from conformance.reference.server import head_bytes, pieces
from tests.reference_samples import WEATHER, chat, reply, said


def body(received: Received, *mutations: Json) -> Any:  # noqa: ANN401 - JSON
    return json.loads(reply(received, *mutations).body)


def told(received: Received, *mutations: Json) -> list[Any]:
    events = reply(received, *mutations).body.split(b"\n\n")
    return [json.loads(event[6:]) for event in events if event.startswith(b"data: {")]


def text_of(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


STREAM = chat(stream=True, messages=said("Say exactly: one two three"))
USAGE = chat(stream=True, stream_options={"include_usage": True})


def test_ignore_and_assume_change_what_is_heard() -> None:
    assert reply(STREAM, {"op": "ignore", "at": "/stream"}).headers[0][1] == "application/json; charset=utf-8"
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
    assert dict(changed.headers) == {
        "CONTENT-TYPE": "application/json; charset=utf-8",
        "X-A": "reference-chat",
    }


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
