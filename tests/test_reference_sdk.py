"""The official Python SDK works with the reference gateway unmodified."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from conformance.reference import DEFAULT_MODEL, ReferenceGateway
from tests.reference_samples import HELLO, WEATHER, said

openai = pytest.importorskip("openai")


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with (
        ReferenceGateway() as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key=gateway.key) as client,
    ):
        yield client


def test_create_yields_text(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=DEFAULT_MODEL, messages=said("Say exactly: pong"))
    assert answer.choices[0].message.content == "pong"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_documented_loop_prints_the_text(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=DEFAULT_MODEL, messages=said("Say exactly: a 你 b"), stream=True
    )
    text = "".join(chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content)
    assert text == "a 你 b"


def test_stream_helper_gathers_parallel_calls(client: openai.OpenAI) -> None:
    asked = said("What is the weather in Paris and Tokyo?")
    with client.chat.completions.stream(model=DEFAULT_MODEL, messages=asked, tools=[WEATHER]) as stream:
        answer = stream.get_final_completion()
    calls = answer.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Tokyo"]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.role == "assistant"


def test_stream_helper_gathers_several_choices_and_usage(client: openai.OpenAI) -> None:
    options = {"include_usage": True}
    with client.chat.completions.stream(
        model=DEFAULT_MODEL, messages=[HELLO], n=2, stream_options=options, logprobs=True
    ) as stream:
        answer = stream.get_final_completion()
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.usage.completion_tokens > 0
    assert all(choice.logprobs.content for choice in answer.choices)


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"model": "no-such-model"}, "NotFoundError"),
        ({"temperature": 3}, "BadRequestError"),
        ({"messages": []}, "BadRequestError"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_become_their_classes(
    client: openai.OpenAI, members: dict[str, object], kind: str, *, stream: bool
) -> None:
    with pytest.raises(getattr(openai, kind)) as caught:
        client.chat.completions.create(
            **{"model": DEFAULT_MODEL, "messages": [HELLO], "stream": stream, **members}
        )
    assert caught.value.param
    assert caught.value.request_id


def test_wrong_key_becomes_an_authentication_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").chat.completions.create(model=DEFAULT_MODEL, messages=[HELLO])
