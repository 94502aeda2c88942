"""A certificate is accepted as it was made, and rejected once anything in it was changed, left out or made up."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from conformance import certificate as form
from conformance import engine
from conformance.cli import main
from conformance.errors import UsageError
from conformance.evidence import EVIDENCE
from conformance.plan import make_plan
from conformance.report.shape import Report
from conformance.report.write import dumps
from conformance.target import parse_target
from conformance.verify import Demands, State, Verification, verify
from tests.certificate_edits import SIGNER, certify_reference, edited, rejected, replaced, sealed_again, sign

CHALLENGE = "Zebra 7"
FAULTS = ("created-milliseconds", "done-doubled")
"""One recommendation and one requirement fail."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the certificate of a gateway with two faults; tests put back what they change in it."""
    home = tmp_path_factory.mktemp("certificate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "")
        return certify_reference(home / "run", "--challenge", CHALLENGE, faults=FAULTS)


def forged(folder: Path, name: str, content: bytes) -> Verification:
    """Verify with other content in one file, and digests that fit it."""
    with replaced(folder / form.SEAL, sealed_again(folder, name, content)), replaced(folder / name, content):
        return verify(folder)


def problems(outcome: Verification) -> str:
    assert outcome.state is State.REJECTED
    return "; ".join(outcome.problems)


def test_an_untouched_certificate_is_verified(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(made), "--challenge", CHALLENGE]) == 0
    said = capsys.readouterr().out
    assert said.rstrip().endswith("verified")
    assert "not-conformant" in said
    assert "unsigned: it proves that the verdicts follow from the evidence, not who recorded it" in said


def test_random_edits_are_rejected_by_the_digests(made: Path) -> None:
    assert rejected(made, 100, allowed=None, seed=1) == 100


def test_every_edit_of_the_seal_is_rejected(made: Path) -> None:
    rng = random.Random(2)
    seal = (made / form.SEAL).read_bytes()
    for _ in range(100):
        with replaced(made / form.SEAL, edited(seal, rng)):
            assert verify(made).state is State.REJECTED


@pytest.fixture(scope="module")
def signed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a signed copy of the certificate and the file of allowed signers."""
    home = tmp_path_factory.mktemp("signed")
    shutil.copytree(made, home / "copy")
    return home / "copy", sign(home / "copy", home)


def test_the_signer_is_named(signed: tuple[Path, Path]) -> None:
    folder, allowed = signed
    outcome = verify(folder, Demands("not this challenge", allowed, SIGNER))
    assert outcome.signer == SIGNER
    assert f"signed by {SIGNER}" in outcome.notes


def test_edits_with_new_digests_are_rejected_by_the_signature(signed: tuple[Path, Path]) -> None:
    folder, allowed = signed
    assert rejected(folder, 20, allowed=allowed, seed=3) == 20


def test_the_signature_of_somebody_else_counts_for_nothing(
    made: Path, signed: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(made, tmp_path / "copy")
    sign(tmp_path / "copy", tmp_path)
    outcome = verify(tmp_path / "copy", Demands(allowed_signers=signed[1]))
    assert problems(outcome) == "it has no valid signature of an allowed signer"


def test_another_allowed_signer_is_not_the_demanded_one(signed: tuple[Path, Path]) -> None:
    folder, allowed = signed
    demands = Demands(allowed_signers=allowed, signer="somebody@else.example")
    assert "somebody@else.example" in problems(verify(folder, demands))


def test_a_missing_signature_is_a_problem_when_one_is_demanded(made: Path, signed: tuple[Path, Path]) -> None:
    assert "no valid signature" in problems(verify(made, Demands(allowed_signers=signed[1])))


def test_a_signature_that_nobody_asked_about_is_not_praised(signed: tuple[Path, Path]) -> None:
    notes = verify(signed[0], Demands("not this challenge")).notes
    assert "signed, but the signature was not checked: give --allowed-signers" in notes


class TestForged:
    """Digests that fit are not enough: what follows from the evidence is derived again."""

    def test_a_failure_shown_as_passed(self, made: Path) -> None:
        report: Report = json.loads((made / form.REPORT).read_bytes())
        for row in report["results"]:
            if row["requirement"] == "stream.done-once" and row["verdict"] == "fail":
                row["verdict"], row["known"] = "pass", True
        said = problems(forged(made, form.REPORT, dumps(report).encode()))
        assert "stream.done-once[reference-chat] is fail, not pass" in said

    def test_a_unit_left_out_and_a_better_grade(self, made: Path) -> None:
        report: Report = json.loads((made / form.REPORT).read_bytes())
        report["results"] = [row for row in report["results"] if row["requirement"] != "stream.done-once"]
        report["summary"]["score"]["passed"] = report["summary"]["score"]["required"]
        said = problems(forged(made, form.REPORT, dumps(report).encode()))
        assert "units are missing or made up: stream.done-once" in said
        assert "summary is not what the evidence gives" in said

    def test_an_exchange_taken_out_of_the_evidence(self, made: Path) -> None:
        lines = (made / EVIDENCE).read_bytes().splitlines(keepends=True)
        gone = next(line for line in lines if b'"kind":"exchange"' in line and b'"errors.' in line)
        name = json.loads(gone)["id"]
        kept = [
            line for line in lines if line != gone and not (b'"intent"' in line and name.encode() in line)
        ]
        said = problems(forged(made, EVIDENCE, b"".join(kept)))
        assert "of the plan missing from the evidence" in said
        assert name in said

    def test_an_answer_moved_under_another_request(self, made: Path) -> None:
        content = (made / EVIDENCE).read_bytes().replace(b"five words", b"nine words", 1)
        assert "with another request than the plan's" in problems(forged(made, EVIDENCE, content))

    def test_a_part_of_the_generated_requests_left_away(self, made: Path) -> None:
        content = (made / EVIDENCE).read_bytes().replace(b'"generated":"smoke"', b'"generated":"none"', 1)
        assert "not run with the usual generated requests" in problems(forged(made, EVIDENCE, content))

    def test_the_challenge_changed_after_the_run(self, made: Path) -> None:
        content = (made / EVIDENCE).read_bytes().replace(b'"Zebra 7"', b'"Zebra 8"', 1)
        assert "made from another plan" in problems(forged(made, EVIDENCE, content))

    def test_a_page_that_says_more_than_the_report(self, made: Path) -> None:
        page = (made / "report.md").read_bytes().replace(b"not-conformant", b"conformant", 1)
        assert problems(forged(made, "report.md", page)) == "report.md does not follow from the evidence"

    def test_a_statement_that_says_more_than_the_report(self, made: Path) -> None:
        content = (made / form.STATEMENT).read_bytes().replace(b"FAILED", b"PASSED", 1)
        assert (
            problems(forged(made, form.STATEMENT, content))
            == "statement.json does not follow from the evidence"
        )


def test_a_file_that_does_not_belong_there_is_a_problem(made: Path) -> None:
    (made / "extra.txt").write_text("trust me")
    try:
        assert "'extra.txt' is not a part of the certificate" in problems(verify(made))
    finally:
        (made / "extra.txt").unlink()


def test_a_file_that_is_gone_or_a_link_is_a_problem(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    (copy / "set.json").unlink()
    (copy / "plan.json").unlink()
    (copy / "plan.json").symlink_to(made / "plan.json")
    assert verify(copy).problems == ["plan.json is missing", "set.json is missing"]


def test_a_readme_may_lie_beside_it(made: Path) -> None:
    (made / "README.md").write_text("How the target was set up.")
    try:
        assert "README.md" not in " ".join(verify(made, Demands(challenge="no")).problems)
    finally:
        (made / "README.md").unlink()


def test_another_challenge_is_not_this_one(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(made), "--challenge", "Zebra 8"]) == 1
    assert "not made for the challenge 'Zebra 8' but for 'Zebra 7'" in capsys.readouterr().out


def test_a_certificate_of_another_version_is_neither_verified_nor_rejected(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def other_plan(*arguments: object, **more: object) -> object:
        return make_plan(*arguments, **{**more, "challenge": "as if probes had changed"})  # type: ignore[arg-type]

    monkeypatch.setattr(form, "this_suite", lambda: form.Suite("9.0.0", "sha256:" + "0" * 64))
    monkeypatch.setattr("conformance.engine.make_plan", other_plan)
    assert main(["verify", str(made)]) == 3
    printed = capsys.readouterr()
    assert "no verdict was derived again" in printed.out
    assert "it takes version 0" in printed.err


def test_the_statement_names_its_subject_and_what_failed(made: Path) -> None:
    statement = json.loads((made / form.STATEMENT).read_bytes())
    seal = json.loads((made / form.SEAL).read_bytes())
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["subject"][0]["digest"] == {"sha256": seal["files"]["evidence.jsonl"]["sha256"]}
    predicate = statement["predicate"]
    assert predicate["result"] == "FAILED"
    assert "stream.done-once[reference-chat]" in predicate["failedTests"]
    assert not set(predicate["passedTests"]) & {*predicate["failedTests"], *predicate["warnedTests"]}


def test_a_part_of_a_run_is_not_certified_and_every_reason_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--target", "reference", "--only", "usage.*", "--max-requests", "3", "--sdk", "no", "--quiet")
    main(["run", *flags, "--output", str(tmp_path / "run")])
    capsys.readouterr()
    assert main(["certify", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    for why in (
        "judged the suite's own reference gateway",
        "a part of the set was selected",
        "of the set were left out",
        "the run ended early",
        "of the plan missing from the evidence",
    ):
        assert why in said
    assert not (tmp_path / "run" / "certificate").exists()


def test_units_that_only_generated_requests_judge_cannot_be_left_out() -> None:
    settings = engine.Settings(parse_target("http://127.0.0.1:1"), models=("m",))
    assert form.skipped_units(engine.prepare(settings)) == []
    skipped = form.skipped_units(engine.prepare(replace(settings, generated="none")))
    assert skipped
    assert all(name.endswith("]") for name in skipped)


def test_a_challenge_is_mixed_into_prompts_and_the_plan() -> None:
    settings = engine.Settings(parse_target("http://127.0.0.1:1"), models=("m",), generated="none")
    plans = [engine.prepare(replace(settings, challenge=text)).plan for text in ("", "one", "two")]
    assert len({plan.digest for plan in plans}) == 3
    bodies = [{probe.id: probe.request.body for probe in plan.probes} for plan in plans]
    moved = [name for name, body in bodies[1].items() if body not in (bodies[0][name], bodies[2][name])]
    assert len(moved) >= 10


def test_a_certificate_is_never_written_over(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", str(made.parent)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_folder_without_a_certificate_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no certificate"):
        verify(tmp_path)
