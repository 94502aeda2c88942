"""Generated requests are the same everywhere, what their label says, and one place away from a valid one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from conformance import casecache, generate, graft
from conformance.generate import cases_digest, coverage_cases, select, twin_bodies
from conformance.model import Intent
from conformance.openapi import description, requirement_ids, validator
from conformance.paths import data_root
from tests.afresh import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conformance.generate import GeneratedCase

ROOT = data_root()
LOCK = ROOT / "fixtures" / "generated.lock.json"
MODEL = "some/model:1"


@dataclass(frozen=True)
class Made:
    cache: Path
    folder: Path
    lock: dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Generate once in a process of its own, into a cache that the other tests read."""
    folder, cache = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("cache")
    out = run("-m conformance.generate", folder, PYTHONHASHSEED="1", XDG_CACHE_HOME=str(cache))
    return Made(cache, folder, json.loads(out))


@pytest.fixture(scope="module")
def cases(made: Made) -> Iterator[tuple[GeneratedCase, ...]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(made.cache))
        yield coverage_cases(MODEL, 0)


@pytest.fixture(scope="module")
def twins(cases: tuple[GeneratedCase, ...]) -> dict[str, Any]:
    assert cases
    return twin_bodies(MODEL, 0)


@pytest.fixture(scope="module")
def invalid(cases: tuple[GeneratedCase, ...]) -> list[GeneratedCase]:
    return [case for case in cases if case.mode is Intent.INVALID]


def test_another_folder_hash_seed_and_a_home_that_cannot_be_written_give_the_same_cases(
    made: Made, tmp_path: Path
):
    out = run("-m conformance.generate", tmp_path, PYTHONHASHSEED="2", HOME="/dev/null")
    assert json.loads(out) == made.lock
    assert list(tmp_path.iterdir()) == []


def test_generating_leaves_nothing_in_the_working_directory(made: Made):
    assert list(made.folder.iterdir()) == []


def test_the_case_set_is_the_locked_one(made: Made):
    """A change here means that every plan changes: read it, then run the command to accept it."""
    locked = json.loads(LOCK.read_text(encoding="utf-8"))
    changed = [
        f"{part} {name}: locked {locked[part].get(name, 0)}, now {made.lock[part].get(name, 0)}"
        for part in ("counts", "requirements")
        for name in sorted({*locked[part], *made.lock[part]})
        if locked[part].get(name) != made.lock[part].get(name)
    ]
    assert made.lock["schemathesis"] == locked["schemathesis"], f"accept with: {locked['refresh']}"
    assert changed == [], f"accept with: {locked['refresh']}"
    assert made.lock["digest"] == locked["digest"], (
        f"same numbers, other cases; accept with: {locked['refresh']}"
    )


def test_no_label_is_wrong(made: Made, cases: tuple[GeneratedCase, ...]):
    assert "mislabelled" not in made.lock["counts"]
    judge = validator("CreateChatCompletionRequest")
    wrong = [case for case in cases if judge.accepts(case.value) is not (case.mode is Intent.VALID)]
    assert wrong == []


def test_counts_add_up(made: Made, cases: tuple[GeneratedCase, ...]):
    counts = dict(made.lock["counts"])
    assert counts.pop("generated") == sum(counts.values())
    assert counts["invalid"] + counts["valid"] == len(cases)
    assert counts["invalid"] > 400


def differences(one: Any, other: Any, at: str = "") -> Iterator[str]:  # noqa: ANN401 - any two JSON values
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {*one, *other}:
            if key not in one or key not in other:
                yield f"{at}/{key}"
            else:
                yield from differences(one[key], other[key], f"{at}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{at}/{number}")
    elif one != other or type(one) is not type(other):
        yield at


def test_an_invalid_case_differs_from_its_twin_in_the_named_place_alone(
    invalid: list[GeneratedCase], twins: dict[str, Any]
):
    for case in invalid:
        assert case.twin is not None
        found = list(differences(case.value, twins[case.twin]))
        assert found, case
        assert all(f"{place}/".startswith(f"{case.instance}/") for place in found), (case, found)


def test_twins_are_valid_and_cost_one_token(twins: dict[str, Any]):
    for name, body in twins.items():
        assert validator("CreateChatCompletionRequest").errors(body) == (), name
        assert (body["model"], body["max_tokens"]) == (MODEL, 1)


def test_a_case_costs_one_token_unless_its_limit_is_the_one_under_test(cases: tuple[GeneratedCase, ...]):
    for case in cases:
        if isinstance(case.value, dict) and case.member != "max_tokens":
            assert case.value["max_tokens"] == 1, case


def test_every_pointer_names_its_keyword_and_requirement(cases: tuple[GeneratedCase, ...]):
    for case in cases:
        node: Any = description()
        *steps, keyword = case.pointer.removeprefix("#/").split("/")
        for step in steps:
            node = node[int(step)] if isinstance(node, list) else node[step]
        assert keyword == case.keyword
        if case.mode is Intent.INVALID:
            assert keyword in node, case.pointer
        key = f"required.{case.instance.rsplit('/', 1)[-1]}" if keyword == "required" else keyword
        assert node["x-requirements"][key] == case.requirement


def test_every_row_of_the_description_is_tested(cases: tuple[GeneratedCase, ...]):
    assert set(requirement_ids()) == {case.requirement for case in cases}


def test_no_case_is_there_twice(cases: tuple[GeneratedCase, ...]):
    assert Counter((case.member, case.body) for case in cases).most_common(1)[0][1] == 1


def test_a_location_is_followed_through_references():
    found = graft.walk("/properties/messages/items/oneOf/3/properties/content/anyOf/1/items/required")
    assert found.pointer == "#/components/schemas/TextPart/required"
    assert found.path == ("messages", 0, "content", 0)
    assert found.requirement("text") == "messages.part-shape"


def test_a_model_asked_in_another_way_gets_its_own_members(cases: tuple[GeneratedCase, ...]):
    other = coverage_cases("o-model", 0, {"max_completion_tokens": 64, "stream": True})
    assert len(other) == len(cases)
    for case in other:
        if isinstance(case.value, dict):
            wanted = {"model": "o-model", "max_completion_tokens": 64, "stream": True}
            wanted.pop(case.member or "", None)
            assert wanted.items() <= case.value.items()
            assert "max_tokens" not in case.value or case.member == "max_tokens"
    assert twin_bodies("o-model", 0, {"stream": True})["cheapest"] == {
        "model": "o-model",
        "messages": [{"role": "user", "content": "Hello!"}],
        "stream": True,
    }


def test_a_selection_spreads_over_requirements_before_it_repeats_one(invalid: list[GeneratedCase]):
    chosen = select(invalid)
    assert len(chosen) == 20
    assert len({case.requirement for case in chosen}) == 20
    rows = len({case.requirement for case in invalid})
    assert max(Counter(case.requirement for case in select(invalid, 2 * rows)).values()) <= 3
    assert sorted(map(id, select(invalid, len(invalid)))) == sorted(map(id, invalid))


def test_a_selection_does_not_depend_on_the_order_of_the_cases(invalid: list[GeneratedCase]):
    assert select(list(reversed(invalid)), 50) == select(invalid, 50)
    assert cases_digest(select(invalid)) != cases_digest(invalid)


def test_the_first_choice_leans_on_few_twins(invalid: list[GeneratedCase]):
    """Each twin is a valid request that costs tokens."""
    assert len({case.twin for case in select(invalid)}) <= 2


def test_a_cache_hit_is_quick_and_imports_no_generator(made: Made, tmp_path: Path):
    code = (
        "-c import time, sys; from conformance.generate import coverage_cases; start = time.process_time(); "
        "found = len(coverage_cases('m', 0)); took = time.process_time() - start; "
        "slow = {'schemathesis', 'hypothesis', 'yaml', 'jsonschema'} & set(sys.modules); "
        "print(found, took < 0.1, bool(slow))"
    )
    out = run(code, tmp_path, XDG_CACHE_HOME=str(made.cache))
    counts = made.lock["counts"]
    assert out.split() == [str(counts["invalid"] + counts["valid"]), "True", "False"]


def test_another_generator_or_seed_has_its_own_cache(monkeypatch: pytest.MonkeyPatch):
    before = generate._key(0)
    monkeypatch.setattr(casecache, "version", lambda _: "0")
    assert generate._key(0) != before
    assert generate._key(1) != generate._key(0)


def test_the_cache_gives_back_what_was_stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert casecache.load("k") is None
    casecache.store("k", {"a": [1, None, "é"]})
    assert casecache.load("k") == {"a": [1, None, "é"]}
    assert [path.name for path in (tmp_path / "chat-conformance").iterdir()] == ["k.json"]


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"null", b"\xff", b'{"content": 1}', b'{"digest": "x", "content": 1}']
)
def test_a_damaged_cache_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: bytes):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    casecache.store("k", 1)
    (tmp_path / "chat-conformance" / "k.json").write_bytes(damage)
    assert casecache.load("k") is None


@pytest.mark.parametrize("home", ["/dev/null", "not/absolute"])
def test_a_cache_that_cannot_be_written_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.setenv("HOME", "/dev/null")
    casecache.store("k", 1)
    assert casecache.load("k") is None
    assert list(tmp_path.iterdir()) == []
