"""The description is sound, refuses what is wrong, and accepts what servers and documents really show."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV32SpecValidator

from conformance.errors import HarnessError
from conformance.openapi import description, json_pointer, validator
from conformance.paths import data_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIXTURES = data_root() / "fixtures"
SCHEMAS = description()["components"]["schemas"]
EXAMPLES: dict[str, dict[str, list[Any]]] = {
    name: examples
    for file in sorted((FIXTURES / "schema-examples").glob("*.yaml"))
    for name, examples in yaml.safe_load(file.read_text(encoding="utf-8")).items()
}
REQUEST_SCHEMAS = sorted(
    yaml.safe_load((FIXTURES / "schema-examples" / "request.yaml").read_text(encoding="utf-8"))
)
TRANSCRIPTS = sorted(
    path for path in (FIXTURES / "transcripts").glob("*/*") if path.suffix in {".http", ".sse"}
)

BROKEN: dict[str, set[str]] = {
    "litellm": {"err-get", "err-path", "err-n0"},
    "litellm-vllm": {"err-get", "err-path"},
    "llmock": {"err-n0", "fault-disconnect", "fault-malformed", "fault-truncate"},
    "mockllm": {"err-bad-json", "err-no-messages", "err-path", "err-temperature-type", "models"},
    "portkey-broken-vllm": {"models", "n2-stream", "stream"},
    "portkey-vllm": {
        "err-bad-json", "err-content-type", "err-empty-body", "err-get", "err-path", "err-stream-type", "upstream-down",
    },
    "prism": {"err-no-messages", "err-path", "err-temperature-type", "models"},
}  # fmt: skip
"""Recorded answers that no description of the endpoint can accept: errors without ``error``, no choice, cut streams."""


def documented(kind: str) -> list[Any]:
    path = FIXTURES / "examples" / f"{kind}.yaml"
    entries: list[Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [pytest.param(entry, id=entry["id"]) for entry in entries]


def walk(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield at, value
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from walk(inner, (*at, step))


def embedded_schemas() -> list[tuple[str, Any]]:
    """Every schema, with those that an OpenAPI validator does not look into."""
    found = [(json_pointer(("components", "schemas", name)), schema) for name, schema in SCHEMAS.items()]
    for at, value in walk(description()):
        if (
            at
            and at[-1] in {"schema", "itemSchema", "contentSchema"}
            and "example" not in "".join(map(str, at))
        ):
            found.append((json_pointer(at), value))
    return found


def test_the_description_is_valid_openapi_3_2():
    assert description()["openapi"] == "3.2.0"
    assert [str(error) for error in OpenAPIV32SpecValidator(dict(description())).iter_errors()] == []


@pytest.mark.parametrize(
    ("at", "schema"), embedded_schemas(), ids=lambda each: each if isinstance(each, str) else ""
)
def test_every_embedded_schema_is_json_schema(at: str, schema: dict[str, Any]):
    Draft202012Validator.check_schema(schema)


def test_embedded_schemas_include_those_of_events():
    places = {at for at, _ in embedded_schemas()}
    post = "/paths/~1v1~1chat~1completions/post/responses/200/content/text~1event-stream"
    event = "/components/schemas/ChatCompletionEvent/properties/data/oneOf/1/contentSchema"
    assert {f"{post}/itemSchema", f"{post}/schema", event} <= places


def test_every_reference_resolves():
    references = [(at, value) for at, value in walk(description()) if at and at[-1] == "$ref"]
    assert len(references) > 50
    for at, reference in references:
        node: Any = description()
        assert reference.startswith("#/"), at
        for step in reference[2:].split("/"):
            assert step in node, (at, reference)
            node = node[step]


def test_every_named_schema_is_used():
    used = {value.rsplit("/", 1)[-1] for at, value in walk(description()) if at and at[-1] == "$ref"}
    assert set(SCHEMAS) <= used


def test_every_named_schema_has_examples_of_both_kinds():
    assert set(EXAMPLES) == set(SCHEMAS)
    assert [name for name, kinds in EXAMPLES.items() if not kinds["accepts"] or not kinds["rejects"]] == []


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_schema_accepts_its_good_examples(name: str):
    for value in EXAMPLES[name]["accepts"]:
        assert validator(name).errors(value) == (), value


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_schema_rejects_its_bad_examples_at_the_right_place(name: str):
    for example in EXAMPLES[name]["rejects"]:
        assert not validator(name).accepts(example["value"]), example
        assert example["at"] in {error.pointer for error in validator(name).errors(example["value"])}, example


def test_the_documents_print_seventeen_requests_six_bodies_and_three_chunks():
    assert [len(documented(kind)) for kind in ("requests", "responses", "chunks")] == [17, 6, 3]


@pytest.mark.parametrize("example", documented("requests"))
def test_documented_request_keeps_to_the_description(example: dict[str, Any]):
    body = json.loads(example["body"])
    assert validator("CreateChatCompletionRequest").errors(body) == ()
    assert body["model"] == example["model"]
    assert (body.get("stream") is True) == (example["outcome"] == "stream")


@pytest.mark.parametrize("example", documented("responses"))
def test_documented_answer_keeps_to_the_description(example: dict[str, Any]):
    assert validator("ChatCompletion").errors(json.loads(example["body"])) == ()


@pytest.mark.parametrize("example", documented("chunks"))
def test_documented_chunk_keeps_to_the_description(example: dict[str, Any]):
    assert validator("ChatCompletionChunk").errors(json.loads(example["body"])) == ()


def test_documented_examples_point_at_known_sources():
    sources = {
        each["id"]: each
        for each in yaml.safe_load((data_root() / "spec/sources.yaml").read_text(encoding="utf-8"))
    }
    for kind in ("requests", "responses", "chunks"):
        for param in documented(kind):
            example = param.values[0]
            for place in (example["source"], *example.get("repeated", ())):
                name, line = place.split(":")
                assert 1 <= int(line) <= sources[name]["lines"]
                assert sources[name]["profile"] == example["profile"]


def request_examples() -> dict[str, Any]:
    content = description()["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]
    return {name: each["value"] for name, each in content["application/json"]["examples"].items()}


def test_request_examples_are_valid_and_the_first_is_the_cheapest():
    examples = request_examples()
    for name, body in examples.items():
        assert validator("CreateChatCompletionRequest").errors(body) == (), name
        assert body["max_tokens"] == 1, name
    assert next(iter(examples)) == "cheapest"
    assert len(json.dumps(examples["cheapest"])) == min(len(json.dumps(body)) for body in examples.values())


def subschemas(schema: dict[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield at, schema
    inner = [(f"properties/{name}", each) for name, each in schema.get("properties", {}).items()]
    inner += [("items", schema["items"])] if "items" in schema else []
    for keyword in ("anyOf", "oneOf"):
        inner += [(f"{keyword}/{number}", each) for number, each in enumerate(schema.get(keyword, []))]
    for step, each in inner:
        yield from subschemas(each, f"{at}/{step}")


@pytest.mark.parametrize("name", REQUEST_SCHEMAS)
def test_every_constraint_of_a_request_names_a_requirement(name: str):
    """What a generated request can violate has a row, or a finding could not be counted."""
    negatable = {"type", "enum", "const", "not", "minimum", "maximum", "minItems", "anyOf", "oneOf"}
    harmless = {
        "$ref", "properties", "items", "required", "description", "default", "examples", "x-requirements",
    }  # fmt: skip
    for at, schema in subschemas(SCHEMAS[name], name):
        assert set(schema) <= negatable | harmless, at
        wanted = (negatable & set(schema)) | {f"required.{member}" for member in schema.get("required", [])}
        assert wanted <= set(schema.get("x-requirements", {})), at


def test_requirement_ids_have_an_area_and_a_slug():
    areas = {"transport", "messages", "parameters", "tools", "structured", "reasoning", "search", "files"}
    for at, node in walk(description()):
        if at and at[-1] == "x-requirements":
            for row in node.values():
                area, slug = row.split(".")
                assert area in areas, (at, row)
                assert slug.replace("-", "").isalnum(), (at, row)


def keeps_to_the_description(path: Path) -> bool:
    head, body = path.read_bytes().split(b"\r\n\r\n", 1)
    status = int(head.split()[1])
    try:
        if b"text/event-stream" in head:
            events = [{"data": line[6:].decode()} for line in body.split(b"\n") if line.startswith(b"data: ")]
            chunks = [json.loads(event["data"]) for event in events if event["data"] != "[DONE]"]
            sound = validator("ChatCompletionStream").errors(events) == ()
            return sound and all(validator("ChatCompletionChunk").errors(chunk) == () for chunk in chunks)
        name = "Error" if status >= 400 else "ModelList" if path.stem == "models" else "ChatCompletion"
        return validator(name).errors(json.loads(body)) == ()
    except json.JSONDecodeError:
        return False


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_recorded_answer_keeps_to_the_description_unless_it_is_known_to_be_broken(path: Path):
    assert keeps_to_the_description(path) is (path.stem not in BROKEN.get(path.parent.name, ()))


def test_errors_name_the_branch_that_was_meant():
    request = {"model": "m", "messages": [{"role": "tool", "content": "sunny"}]}
    (error,) = validator("CreateChatCompletionRequest").errors(request)
    assert (error.pointer, error.message) == ("/messages/0", "lacks tool_call_id")


def test_errors_come_from_the_root_outwards():
    answer = {"id": "x", "object": "chat.completion", "created": 1, "choices": [{"index": 0, "message": 5}]}
    assert [(error.pointer, error.message) for error in validator("ChatCompletion").errors(answer)] == [
        ("", "lacks model"),
        ("/choices/0", "lacks finish_reason"),
        ("/choices/0/message", "is 5, expected object"),
    ]


def test_errors_quote_little_and_nothing_that_steers_a_terminal():
    (error,) = validator("TokenCount").errors("\x1b[2J\u202e" + "x" * 10_000)
    assert len(error.message) < 120
    assert error.message.isprintable()
    assert error.message.isascii() or error.message.replace("…", "").isascii()


def test_a_flood_of_errors_is_capped():
    chunk = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [0] * 100_000,
    }
    assert len(validator("ChatCompletionChunk").errors(chunk)) == 100


def test_pointers_are_escaped_as_rfc_6901_says():
    assert json_pointer(["a/b", "m~n", 0]) == "/a~1b/m~0n/0"
    assert json_pointer([]) == ""


def test_an_unknown_schema_is_our_own_error():
    with pytest.raises(HarnessError, match="no schema named 'Chat'"):
        validator("Chat")


def test_importing_costs_nothing_until_something_is_validated():
    code = "import conformance.openapi, sys; print({'jsonschema', 'referencing', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
