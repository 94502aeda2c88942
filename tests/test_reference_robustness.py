"""No request makes the reference gateway fail: whatever comes, it serves or refuses."""

from __future__ import annotations

import json
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.reference import KEY, furnish
from conformance.reference.gateway import respond
from tests.reference_samples import HELLO, chat, raw

HOUSE = furnish(key=KEY)
WORDS = re.findall(
    r"\S+",
    """function user tool assistant text auto required json_schema object string call_1 $ref #/a type name
    role content id tool_calls tool_call_id arguments parameters properties enum items anyOf allOf schema
    strict mode tools minimum maximum multipleOf minItems minLength const image_url url file include_usage""",
)
MEMBERS = re.findall(
    r"\S+",
    """model messages temperature top_p n stop stream stream_options tools tool_choice parallel_tool_calls
    response_format max_tokens max_completion_tokens logprobs top_logprobs seed user metadata reasoning_effort
    logit_bias thinking enable_thinking anything""",
)
ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(WORDS)
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
TOOL = ANYTHING.map(lambda schema: {"type": "function", "function": {"name": "f", "parameters": schema}})
FORMAT = ANYTHING.map(lambda schema: {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}})
SLOW = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@SLOW
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS, ANYTHING)))
def test_any_object_is_answered_without_a_server_error(body: dict[str, object]) -> None:
    assert respond(raw(json.dumps(body).encode()), HOUSE).status < 500


@SLOW
@given(
    st.sampled_from(sorted(HOUSE.cards)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS[2:], ANYTHING)),
    st.fixed_dictionaries({}, optional={"tools": st.lists(TOOL, max_size=2), "response_format": FORMAT}),
)
def test_any_member_beside_a_valid_body_is_answered_without_a_server_error(
    model: str, odd: dict[str, object], schemas: dict[str, object]
) -> None:
    body = {"model": model, "messages": [HELLO], **odd, **schemas}
    assert respond(raw(json.dumps(body).encode()), HOUSE).status < 500


@SLOW
@given(st.lists(ANYTHING, max_size=3))
def test_any_messages_are_answered_without_a_server_error(messages: list[object]) -> None:
    assert respond(chat(messages=messages), HOUSE).status < 500


@given(st.binary(max_size=64))
def test_any_bytes_are_answered_without_a_server_error(body: bytes) -> None:
    assert respond(raw(body), HOUSE).status == 400


@given(st.text(max_size=40))
def test_any_prompt_is_answered(prompt: str) -> None:
    assert respond(chat(messages=[{"role": "user", "content": prompt}], stream=True), HOUSE).status == 200


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=20))
def test_any_authorization_is_refused_or_accepted(value: str) -> None:
    assert respond(chat(headers={"authorization": value}), HOUSE).status in {200, 401}
