"""Conditions in data files mean what they say, and wrong ones are found when the file is read."""

from __future__ import annotations

import pytest

from conformance.conditions import all_hold, find, holds, read_conditions, split_pointer
from conformance.errors import CatalogueError
from conformance.model import Json

BODY: Json = {
    "temperature": 1.5,
    "stream": True,
    "stop": None,
    "messages": [{"role": "system", "content": "Be BRIEF"}, {"role": "user", "content": "x", "a/b": 1}],
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"at": "/temperature", "given": True}, True),
        ({"at": "/stop", "given": True}, False),
        ({"at": "/stop", "given": False}, True),
        ({"at": "/absent", "given": False}, True),
        ({"at": "/temperature", "above": 1}, True),
        ({"at": "/temperature", "above": 1.5}, False),
        ({"at": "/temperature", "from": 1.5}, True),
        ({"at": "/temperature", "below": 2}, True),
        ({"at": "/stream", "above": 0}, False),
        ({"at": "/stream", "equals": True}, True),
        ({"at": "/stream", "equals": 1}, False),
        ({"at": "/temperature", "one_of": [1, 1.5]}, True),
        ({"at": "/temperature", "none_of": [1.0, 0.6]}, True),
        ({"at": "/absent", "none_of": [1.0]}, False),
        ({"at": "/messages/*/role", "equals": "user"}, True),
        ({"at": "/messages/0/role", "equals": "user"}, False),
        ({"at": "/messages/-/role", "equals": "user"}, True),
        ({"at": "/messages/*/content", "contains": "brief"}, True),
        ({"at": "/messages/1/a~1b", "equals": 1}, True),
        (
            {
                "some": "/messages/*",
                "where": [{"at": "/role", "equals": "user"}, {"at": "/content", "equals": "x"}],
            },
            True,
        ),
        (
            {
                "some": "/messages/*",
                "where": [{"at": "/role", "equals": "system"}, {"at": "/content", "equals": "x"}],
            },
            False,
        ),
        ({"any": [{"at": "/absent", "given": True}, {"at": "/stream", "given": True}]}, True),
        ({"not": {"at": "/stream", "given": True}}, False),
    ],
)
def test_condition_holds_or_not(condition: Json, expected: bool) -> None:  # noqa: FBT001 - a table
    [read] = read_conditions(condition, "test")
    assert holds(read, BODY) is expected


def test_list_of_conditions_holds_when_all_do() -> None:
    both = read_conditions([{"at": "/stream", "given": True}, {"at": "/temperature", "above": 9}], "test")
    assert not all_hold(both, BODY)
    assert all_hold(both[:1], BODY)
    assert all_hold(read_conditions(None, "test"), None)


def test_pointer_finds_the_whole_document_and_nothing_where_nothing_is() -> None:
    assert list(find(BODY, split_pointer(""))) == [BODY]
    assert list(find(BODY, split_pointer("/messages/7"))) == []
    assert list(find([], split_pointer("/-"))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        {},
        {"at": "/a"},
        {"at": "/a", "above": 1, "below": 2},
        {"at": "a", "given": True},
        {"at": 7, "given": True},
        {"at": "/a", "given": "yes"},
        {"at": "/a", "above": "1"},
        {"at": "/a", "above": True},
        {"at": "/a", "one_of": 1},
        {"at": "/a", "contains": 1},
        {"at": "/a", "like": 1},
        {"some": "/a"},
        {"any": [{}]},
    ],
)
def test_wrong_condition_is_found_when_it_is_read(wrong: Json) -> None:
    with pytest.raises(CatalogueError, match="a place in a file"):
        read_conditions(wrong, "a place in a file")
