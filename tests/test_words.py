from __future__ import annotations

import pytest

from conformance.words import counted, named


@pytest.mark.parametrize(
    ("names", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b and 1 more")],
)
def test_few_names_are_all_said_and_of_many_the_others_counted(names: list[str], said: str) -> None:
    assert named(names, 2) == said


@pytest.mark.parametrize(("number", "said"), [(0, "0 units"), (1, "1 unit"), (2, "2 units")])
def test_a_noun_follows_its_number(number: int, said: str) -> None:
    assert counted(number, "unit") == said
