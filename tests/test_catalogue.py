"""The data that says what is required holds together, and every way in which it could not is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from conformance.catalogue import AREAS, load
from conformance.catalogue_lint import lint, read_lock
from conformance.errors import CatalogueError, UsageError
from conformance.freeze import freeze, main
from conformance.model import Claim, Level
from conformance.paths import data_root

CATALOGUE = load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with a copy of spec/ that a test may spoil."""
    shutil.copytree(data_root() / "spec", tmp_path / "spec")
    return tmp_path


def edit(root: Path, file: str, old: str, new: str) -> None:
    path = root / "spec" / file
    text = path.read_text("utf-8")
    assert old in text, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def add_row(root: Path) -> None:
    """Append a judged row to the catalogue, as somebody does who adds a requirement."""
    with (root / "spec" / "requirements" / "usage.yaml").open("a", encoding="utf-8") as rows:
        rows.write(
            "\n- id: usage.brand-new\n  title: counts are new\n  level: may\n  says: Counts are new.\n"
            "  why: Tests need a row.\n  sources: [openai:usage]\n  clauses: [D14]\n  feature: usage\n"
        )


# ---- the data as it is


def test_the_catalogue_has_no_problem():
    assert lint() == []


def test_every_statement_of_the_documents_is_in_the_index():
    counts = dict.fromkeys("ABCDEFGWK", 0)
    for clause in CATALOGUE.clauses:
        counts[clause[0]] += 1
    assert counts == {"A": 11, "B": 16, "C": 32, "D": 21, "E": 15, "F": 5, "G": 6, "W": 26, "K": 22}


def test_every_clause_is_accounted_for_by_a_requirement():
    used = {name for row in CATALOGUE.requirements.values() for name in row.clauses}
    assert used == set(CATALOGUE.clauses)


def test_every_area_has_rows_and_every_row_stands_in_its_area():
    assert {row.area for row in CATALOGUE.requirements.values()} == set(AREAS)


def test_the_latest_set_is_what_is_judged():
    assert CATALOGUE.set(CATALOGUE.latest_set).ids == CATALOGUE.judged
    assert set(CATALOGUE.judged) <= set(read_lock(CATALOGUE.root))


@pytest.mark.parametrize("name", ["core", "openai", "mixroute", "mixrouter", "xmsmartlink"])
def test_no_profile_lowers_a_level_of_the_core(name: str):
    order = list(Level)
    for row in CATALOGUE.requirements.values():
        level = CATALOGUE.profile(name).level_of(row)
        assert order.index(level) <= order.index(row.level), row.id


@pytest.mark.parametrize(
    "legal",
    [
        "stream.comments", "stream.line-end-forms", "stream.space-after-colon", "stream.role-not-repeated",
        "stream.created-constant", "response.extra-members", "response.key-order", "response.refusal-member",
        "response.logprobs-member", "response.model-matches", "stream.usage-null-before",
    ],
)  # fmt: skip
def test_what_is_legal_but_unusual_is_a_must_for_nobody(legal: str):
    row = CATALOGUE.requirements[legal]
    levels = {profile.level_of(row) for profile in CATALOGUE.profiles.values()}
    assert row.excluded or Level.MUST not in levels


def test_records_and_mappings_cannot_be_changed():
    row = CATALOGUE.requirements["stream.done-terminator"]
    with pytest.raises(AttributeError, match="immutable"):
        row.level = Level.MAY  # type: ignore[misc]
    with pytest.raises(TypeError):
        CATALOGUE.requirements["x"] = row  # type: ignore[index]
    with pytest.raises(TypeError):
        CATALOGUE.profile("core").claims["tools"] = Claim.NO  # type: ignore[index]


def test_loading_reads_the_files_once():
    assert load() is load()


def test_loading_needs_no_schema_library():
    code = "import sys; from conformance.catalogue import load; load(); print('jsonschema' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


# ---- data that does not load

ROWS = "requirements/stream.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (ROWS, "  level: must", "  level: maybe", "level has to be must, should or may"),
        (ROWS, "  level: must", "  lvel: must", "level has to be must"),
        (
            ROWS,
            "  feature: streaming\n",
            "  feature: streaming\n  weight: 3\n",
            "the key 'weight' is unknown",
        ),
        (ROWS, "  feature: streaming", "  feature: streeming", "no feature is called 'streeming'"),
        (ROWS, "clauses: [E01", "clauses: [E99", "there is no clause 'E99'"),
        (ROWS, "sources: [S3:200", "sources: [S3:2000", "'S3:2000' points at no place"),
        (ROWS, "sources: [S3:200", "sources: [S9:200", "the source 'S9:200' is unknown"),
        (ROWS, "sdk-vectors#S31", "sdk-vectors#S99", "'sdk-vectors#S99' points at no place"),
        (ROWS, "levels: {mixroute: must}", "levels: {mixrute: must}", "there is no profile 'mixrute'"),
        (ROWS, "levels: {mixroute: must}", "levels: {mixroute: high}", "levels.mixroute has to be must"),
        (ROWS, "- id: stream.content-type", "- id: stream.is-stream", "the id stands there twice"),
        (ROWS, "- id: stream.content-type", "- id: usage.content-type", "the id has to begin with stream."),
        (ROWS, "why: client-duty", "why: too-hard", "excluded.why has to be one of"),
        (ROWS, "title: stream is labelled text/event-stream", "title: stream is valid UTF-8", "same title"),
        ("features.yaml", "core: true}", "core: yes please}", "core has to be true or false"),
        ("clauses.yaml", "profiles: [mixroute", "profiles: [mixrouted", "there is no profile 'mixrouted'"),
        ("profiles/mixroute.yaml", "usage: yes", "usages: yes", "'usages' is unknown"),
        ("profiles/mixroute.yaml", "usage: yes", "usage: maybe", "maybe"),
        ("profiles/mixroute.yaml", "extends: core", "extends: cor", "extends 'cor'"),
        ("profiles/mixroute.yaml", "documents: [S0", "documents: [S8", "there is no source 'S8'"),
        ("profiles/mixroute.yaml", "name: mixroute", "name: mix", "has to be mixroute"),
        ("sets/2026.11.yaml", "  - stream.utf8", "  - stream.utf9", "no requirement has this id"),
        ("sets/2026.11.yaml", "released: false", "released: soon", "released has to be true or false"),
    ],
)
def test_data_that_does_not_hold_together_is_refused(copy: Path, file: str, old: str, new: str, says: str):
    edit(copy, file, old, new)
    with pytest.raises(CatalogueError) as caught:
        load(copy)
    assert says in str(caught.value)
    assert file.rpartition("/")[2].removesuffix(".yaml") in str(caught.value)


def test_an_error_proposes_the_word_that_was_meant(copy: Path):
    edit(copy, ROWS, "  feature: streaming", "  feature: streeming")
    with pytest.raises(CatalogueError) as caught:
        load(copy)
    assert caught.value.hint == "did you mean 'streaming'?"


def test_a_broken_file_is_named_with_its_line(copy: Path):
    edit(copy, ROWS, "- id: stream.is-stream", "- id: [stream")
    with pytest.raises(CatalogueError) as caught:
        load(copy)
    assert "stream.yaml" in caught.value.what
    assert "line" in caught.value.why


def test_a_missing_file_is_named(copy: Path):
    (copy / "spec" / "clauses.yaml").unlink()
    with pytest.raises(CatalogueError, match=r"clauses\.yaml cannot be read"):
        load(copy)


# ---- data that loads and still is not right


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            ROWS,
            "title: stream is valid UTF-8",
            "title: stream should be UTF-8",
            "what is, not what ought to be",
        ),
        (ROWS, "title: stream is valid UTF-8", "title: " + "long " * 20, "is too long"),
        (ROWS, "title: stream is valid UTF-8", "title: stream is valid UTF-8.", "no full stop"),
        (ROWS, "has one data line.", "has one data line", "says has to be a sentence"),
        (ROWS, 'sources: [S3:200, S0:70-72, "sdk-vectors#S31"]', "sources: [openai:x]", "vendor's habit"),
        (
            ROWS,
            "level: should\n  levels: {mixroute: must}",
            "level: must\n  levels: {mixroute: should}",
            "has to be above",
        ),
        (ROWS, "levels: {mixroute: must}", "levels: {xmsmartlink: must}", "no document of xmsmartlink"),
        (
            ROWS,
            "  feature: streaming\n",
            "  feature: streaming\n  pending: true\n  pending: true\n",
            "the key 'pending' stands twice",
        ),
        (ROWS, "  feature: streaming\n", "  feature: streaming\n  pending: false\n", "True was expected"),
        (ROWS, "openai-python 3.54: zero chunks", "every SDK breaks", "does not match"),
        (
            "requirements/search.yaml",
            "levels: {mixroute: must}",
            "levels: {mixrouter: must}",
            "does not claim",
        ),
        ("requirements/auth.yaml", "clauses: [A07]", "clauses: [A05]", "A07 is used by no requirement"),
        (
            "features.yaml",
            "- {id: sdk",
            "- {id: unused, title: Unused, core: false}\n- {id: sdk",
            "has no requirement",
        ),
        ("profiles/core.yaml", "  errors: yes", "  errors: ask", "errors has to be claimed"),
        ("sets/2026.11.yaml", "  - stream.utf8\n", "", "stream.utf8 is missing"),
        ("ids.lock", "stream.utf8\n", "", "stream.utf8 is not in ids.lock"),
        ("ids.lock", "stream.utf8\n", "stream.utf8\nstream.gone\n", "stream.gone is no requirement"),
        ("ids.lock", "stream.utf8\n", "stream.utf8\nstream.utf8\n", "stands there twice"),
    ],
)
def test_lint_notices(copy: Path, file: str, old: str, new: str, says: str):
    edit(copy, file, old, new)
    assert any(says in problem for problem in lint(copy)), lint(copy)


# ---- profiles


def test_what_a_profile_does_not_speak_of_is_tried():
    assert CATALOGUE.profile("core").claim_of("tools") is Claim.ASK
    assert CATALOGUE.profile("mixroute").claim_of("tools") is Claim.YES
    assert CATALOGUE.profile("mixroute").claim_of("streaming") is Claim.YES


def test_a_document_raises_the_levels_that_it_promises():
    row = CATALOGUE.requirements["errors.unknown-model-404"]
    assert CATALOGUE.profile("core").level_of(row) is Level.SHOULD
    assert CATALOGUE.profile("mixroute").level_of(row) is Level.MUST
    assert CATALOGUE.profile("xmsmartlink").level_of(row) is Level.SHOULD


def test_an_unknown_profile_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        CATALOGUE.profile("mixrout")
    assert "did you mean 'mixroute'?" in caught.value.hint


def test_an_unknown_set_is_refused_with_those_that_exist():
    with pytest.raises(CatalogueError, match=r"no requirement set '2020\.01'") as caught:
        CATALOGUE.set("2020.01")
    assert CATALOGUE.latest_set in caught.value.why


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "ours.yaml"


def test_a_users_profile_adds_claims_and_raises_levels(own: Path):
    own.write_text(
        "extends: mixroute\n"
        "claims: {n: yes, search: no}\n"
        "levels: {stream.incremental: must}\n"
        "models: {our-model: {ask: {least_budget: 32}}}\n"
    )
    profile = CATALOGUE.profile(own)
    assert profile.name == "ours"
    assert profile.lineage == ("core", "mixroute", "ours")
    assert profile.claim_of("n") is Claim.YES
    assert profile.claim_of("search") is Claim.NO
    assert profile.claim_of("tools") is Claim.YES
    assert profile.level_of(CATALOGUE.requirements["stream.incremental"]) is Level.MUST
    assert profile.level_of(CATALOGUE.requirements["errors.unknown-model-404"]) is Level.MUST
    assert profile.models[-1] == "our-model"
    assert profile.overrides == {"our-model": {"ask": {"least_budget": 32}}}


def test_a_users_profile_stands_on_the_core_without_a_word(own: Path):
    own.write_text("title: ours\n")
    assert CATALOGUE.profile(own).lineage == ("core", "ours")


@pytest.mark.parametrize(
    ("text", "line", "key", "says"),
    [
        ("claims:\n  tools: yes\n  toools: yes\n", 3, "claims.toools", "did you mean 'tools'?"),
        ("claims:\n  tools: maybe\n", 2, "claims.tools", "one of yes, ask, no"),
        ("claims:\n  streaming: no\n", 2, "claims.streaming", "belongs to every target"),
        ("\nlevels:\n  stream.utf8: should\n", 3, "levels.stream.utf8", "cannot go down to should"),
        ("levels:\n  stream.utf9: must\n", 2, "levels.stream.utf9", "did you mean 'stream.utf8'?"),
        ("levels:\n  stream.utf8: strict\n", 2, "levels.stream.utf8", "one of must, should, may"),
        ("title: ours\nlevel:\n  stream.utf8: must\n", 2, "level", "did you mean 'levels'?"),
        ("exclude: [stream.utf8]\n", 1, "exclude", "this key is not known"),
        ("extends: mixrout\n", 1, "extends", "did you mean 'mixroute'?"),
        ("name: core\n", 1, "name", "of its own"),
        ("title: a\ntitle: b\n", 2, "title", "stands twice"),
        ("models:\n  m: {aks: {}}\n", 2, "models.m.aks", "did you mean 'ask'?"),
        ("models:\n  m: {ask: {speed: 3}}\n", 2, "models.m", "unknown: speed"),
        ("claims: [tools]\n", 1, "claims", "has to be a mapping"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_line_and_key(
    own: Path, text: str, line: int, key: str, says: str
):
    own.write_text(text)
    with pytest.raises(UsageError) as caught:
        CATALOGUE.profile(str(own))
    assert caught.value.what.startswith(f"{own}:{line}: ")
    assert key in caught.value.what
    assert says in str(caught.value)


def test_a_level_that_the_extended_profile_raised_stays(own: Path):
    own.write_text("extends: mixroute\nlevels:\n  errors.unknown-model-404: should\n")
    with pytest.raises(UsageError, match="the level is must in mixroute"):
        CATALOGUE.profile(own)


def test_a_missing_profile_file_is_named(own: Path):
    with pytest.raises(UsageError, match="cannot be read"):
        CATALOGUE.profile(own)


# ---- freezing


def test_freezing_again_changes_nothing(copy: Path):
    before = {path: path.read_bytes() for path in (copy / "spec").rglob("*.*")}
    assert freeze(root=copy).added == ()
    assert {path: path.read_bytes() for path in (copy / "spec").rglob("*.*")} == before


def test_freezing_adds_what_became_judged_and_locks_it_at_the_end(copy: Path):
    add_row(copy)
    made = freeze(root=copy)
    assert made.added == ("usage.brand-new",)
    assert read_lock(copy) == (*read_lock(CATALOGUE.root), "usage.brand-new")
    assert "  - usage.brand-new\n" in (copy / "spec" / "sets" / "2026.11.yaml").read_text()


def test_a_new_set_holds_everything_that_is_judged(copy: Path):
    assert freeze("2027.01", copy).ids == CATALOGUE.judged
    assert "stream.utf8" in (copy / "spec" / "sets" / "2027.01.yaml").read_text()


def test_an_id_that_was_frozen_cannot_vanish(copy: Path):
    with (copy / "spec" / "ids.lock").open("a") as lock:
        lock.write("stream.long-gone\n")
    with pytest.raises(CatalogueError, match=r"stream\.long-gone: an id that was frozen would vanish"):
        freeze(root=copy)


def test_a_frozen_row_cannot_become_pending(copy: Path):
    edit(copy, ROWS, "  feature: streaming\n", "  feature: streaming\n  pending: true\n")
    with pytest.raises(CatalogueError, match=r"stream\.is-stream: an id that was frozen would vanish"):
        freeze(root=copy)


def test_a_released_set_takes_nothing_new(copy: Path):
    edit(copy, "sets/2026.11.yaml", "released: false", "released: true")
    add_row(copy)
    before = (copy / "spec" / "sets" / "2026.11.yaml").read_bytes()
    with pytest.raises(CatalogueError, match=r"is released and lacks usage\.brand-new"):
        freeze(root=copy)
    assert (copy / "spec" / "sets" / "2026.11.yaml").read_bytes() == before


def test_the_command_reports_errors_with_their_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refuse(_name: str | None) -> None:
        raise CatalogueError("no", hint="do this")

    monkeypatch.setattr("conformance.freeze.freeze", refuse)
    assert main([]) == 2
    assert "do this" in capsys.readouterr().err


def test_levels_of_the_lineage_count_and_the_strictest_wins():
    row = CATALOGUE.requirements["stream.incremental"]
    profile = CATALOGUE.profile("mixroute")
    raised = replace(row, levels={"mixroute": Level.MUST, "xmsmartlink": Level.MUST})
    assert profile.level_of(row) is Level.SHOULD
    assert profile.level_of(raised) is Level.MUST
    assert CATALOGUE.profile("mixrouter").level_of(raised) is Level.SHOULD
