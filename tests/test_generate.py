"""Generated requests are the same everywhere, what their label says, and one place away from a valid one."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

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


FREEZE = "-c from pathlib import Path; from conformance.freeze_cases import freeze; freeze(Path({!r}))"
FROZEN = ("generated.lock.json", "generated/cases.json", "generated/own.json")


def frozen(root: Path, folder: Path, **environment: str) -> dict[str, bytes]:
    """Generate below a folder in a process of its own, and return the files that it wrote."""
    run(FREEZE.format(str(root)), folder, **environment)
    files = (root / "fixtures").rglob("*")
    return {
        path.relative_to(root / "fixtures").as_posix(): path.read_bytes() for path in files if path.is_file()
    }


class Made(Struct, frozen=True):
    folder: Path
    files: dict[str, bytes]
    lock: dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Generate once with what is installed, whatever is shipped or in a cache."""
    folder, root = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("root")
    cache = tmp_path_factory.mktemp("cache")
    files = frozen(root, folder, PYTHONHASHSEED="1", XDG_CACHE_HOME=str(cache))
    return Made(folder, files, json.loads(files["generated.lock.json"]))


@pytest.fixture(scope="module")
def cases() -> tuple[GeneratedCase, ...]:
    return coverage_cases(MODEL, 0)


@pytest.fixture(scope="module")
def twins(cases: tuple[GeneratedCase, ...]) -> dict[str, Any]:
    assert cases
    return twin_bodies(MODEL, 0)


@pytest.fixture(scope="module")
def invalid(cases: tuple[GeneratedCase, ...]) -> list[GeneratedCase]:
    return [case for case in cases if case.mode is Intent.INVALID]


def test_another_folder_hash_seed_and_a_home_that_cannot_be_written_give_the_same_cases(
    made: Made, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    root = tmp_path_factory.mktemp("root")
    assert frozen(root, tmp_path, PYTHONHASHSEED="2", HOME="/dev/null") == made.files
    assert list(tmp_path.iterdir()) == []


def test_generating_leaves_nothing_in_the_working_directory(made: Made):
    assert list(made.folder.iterdir()) == []


def test_the_installed_generators_make_the_locked_cases(made: Made):
    """A change here means that every plan changes: read it, then run the command to accept it."""
    locked = json.loads(LOCK.read_text(encoding="utf-8"))
    by = (
        f"made by schemathesis {locked['schemathesis']} and hypothesis {locked['own']['hypothesis']}, now by "
    )
    by += (
        f"{made.lock['schemathesis']} and {made.lock['own']['hypothesis']}; accept with: {locked['refresh']}"
    )
    pairs = [(part, locked[part], made.lock[part]) for part in ("counts", "requirements")]
    pairs.append(("own counts", locked["own"]["counts"], made.lock["own"]["counts"]))
    changed = [
        f"{part} {name}: locked {before.get(name, 0)}, now {now.get(name, 0)}"
        for part, before, now in pairs
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    assert changed == [], by
    assert made.lock["digest"] == locked["digest"], f"same numbers, other cases; {by}"
    assert made.lock["own"]["digest"] == locked["own"]["digest"], f"same numbers, other own cases; {by}"


@pytest.mark.parametrize("name", FROZEN[1:])
def test_what_is_shipped_is_what_the_installed_generators_make(made: Made, name: str):
    """Its key too: else it would not be read where it is shipped."""
    shipped = (ROOT / "fixtures" / name).read_bytes()
    assert shipped == made.files[name], f"fixtures/{name} is old; make it with: {made.lock['refresh']}"


def test_everything_that_is_frozen_is_shipped(made: Made):
    assert sorted(made.files) == sorted(FROZEN)


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


@pytest.mark.parametrize("amount", ["smoke", "full"])
def test_a_first_run_of_the_default_seed_imports_no_generator(tmp_path: Path, amount: str):
    code = (
        "-c import sys; from conformance.cli import main; "
        f"main(['plan', '--target', 'reference', '--model', 'reference-chat', '--generated', '{amount}']); "
        "print(sorted({'schemathesis', 'hypothesis'} & set(sys.modules)))"
    )
    out = run(code, tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "generated.twin-cheapest" in out
    assert out.splitlines()[-1] == "[]"


KEY = casecache.Key("cases", "i", ("jsonschema",))


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """Return where cases are shipped and where they are cached, both empty."""
    monkeypatch.setattr(casecache, "data_root", lambda: tmp_path / "data")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return casecache.shipped_file(KEY.kind, tmp_path / "data"), tmp_path / "cache" / "chat-conformance"


def damaged(file: Path, damage: bytes) -> None:
    file.write_bytes(file.read_bytes().replace(b"true", damage) if damage.isalpha() else damage)


DAMAGES = pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff", b'{"content": 1}', b"false"])


def test_what_is_shipped_is_read_before_what_is_cached(places: tuple[Path, Path], tmp_path: Path):
    assert casecache.load(KEY) is None
    casecache.store(KEY, {"a": [1, None, "é"]})
    assert casecache.load(KEY) == {"a": [1, None, "é"]}
    casecache.ship(KEY, {"shipped": True}, tmp_path / "data")
    assert casecache.load(KEY) == {"shipped": True}
    assert len(list(places[1].iterdir())) == 1


@DAMAGES
def test_a_damaged_file_is_never_read(places: tuple[Path, Path], tmp_path: Path, damage: bytes):
    casecache.ship(KEY, {"a": True}, tmp_path / "data")
    damaged(places[0], damage)
    assert casecache.load(KEY) is None
    casecache.store(KEY, {"a": True})
    (stored,) = places[1].iterdir()
    damaged(stored, damage)
    assert casecache.load(KEY) is None


def test_a_file_of_another_kind_seed_or_input_is_never_read(places: tuple[Path, Path], tmp_path: Path):
    file = tmp_path / "description"
    file.write_text("one", "utf-8")
    key = casecache.key_of("cases", 0, [file], KEY.libraries)
    casecache.ship(key, 1, tmp_path / "data")
    casecache.store(key, 1)
    casecache.shipped_file("own", tmp_path / "data").write_bytes(places[0].read_bytes())
    assert casecache.load(casecache.key_of("cases", 0, [file], KEY.libraries)) == 1
    assert casecache.load(casecache.key_of("own", 0, [file], KEY.libraries)) is None
    assert casecache.load(casecache.key_of("cases", 1, [file], KEY.libraries)) is None
    file.write_text("two", "utf-8")
    assert casecache.load(casecache.key_of("cases", 0, [file], KEY.libraries)) is None


def test_another_release_of_a_generator_has_its_own_cache_and_the_same_shipped_cases(
    monkeypatch: pytest.MonkeyPatch, places: tuple[Path, Path], tmp_path: Path
):
    casecache.store(KEY, 1)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0")
    assert casecache.load(KEY) is None
    casecache.ship(KEY, 2, tmp_path / "data")
    assert casecache.load(KEY) == 2


def test_another_seed_is_made_by_what_is_installed_and_then_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seeds = []

    def pretended(seed: int) -> generate.Generation:
        seeds.append(seed)
        return replace(generate.generation(0), counts={"generated": seed})

    monkeypatch.setattr(generate, "generate", pretended)
    for _ in range(2):
        generate.generation.cache_clear()
        assert generate.generation(7).counts == {"generated": 7}
        assert generate.generation(7).cases == generate.generation(0).cases
    assert seeds == [7]
    generate.generation.cache_clear()


@pytest.mark.parametrize("home", ["/dev/null", "not/absolute"])
def test_a_cache_that_cannot_be_written_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.setenv("HOME", "/dev/null")
    casecache.store(KEY, 1)
    assert casecache.load(KEY) is None
    assert list(tmp_path.iterdir()) == []
