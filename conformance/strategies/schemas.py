"""JSON Schemas for the arguments of tools: as deep and as wide as applications write them, valid 2020-12."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.model import Json
from conformance.strategies.texts import words

_LEAVES = st.sampled_from(
    (
        {"type": "string"},
        {"type": "integer", "minimum": 0},
        {"type": "number", "exclusiveMaximum": 1e9},
        {"type": "boolean"},
        {"type": ["string", "null"]},
        {"type": "string", "enum": ["a", "b", "\u4e2d"]},
        {"type": "string", "format": "date-time"},
        {"const": 1},
        {},
    )
)


@st.composite
def _object(draw: DrawFn, inner: SearchStrategy[dict[str, Json]]) -> dict[str, Json]:
    members: list[str] = draw(
        st.lists(
            st.sampled_from(["city", "unit", "days", "deep", "list", "\u540d\u524d", "x-y", "$ref2"]),
            unique=True,
        )
    )
    properties: dict[str, Json] = {}
    for name in members:
        properties[name] = {**draw(inner), **draw(st.sampled_from(({}, {"description": "d"})))}
    schema: dict[str, Json] = {"type": "object", "properties": properties}
    wanted: bool = draw(st.booleans())
    if members and wanted:
        schema["required"] = list(members[:1])
    return schema


@st.composite
def deep(draw: DrawFn, most: int = 24) -> dict[str, Json]:
    """Return objects inside objects, up to that many levels."""
    schema: dict[str, Json] = {"type": "object", "properties": {}}
    for _ in range(draw(st.integers(1, most))):
        schema = {"type": "object", "properties": {"inner": schema}, "description": draw(words(most=3))}
    return schema


def parameters() -> SearchStrategy[dict[str, Json]]:
    """Return schemas whose instances are objects."""
    lists = _LEAVES.map(lambda leaf: {"type": "array", "items": leaf})
    nested = _object(st.one_of(_LEAVES, lists))
    return st.one_of(nested, _object(st.one_of(_LEAVES, lists, nested)), deep())
