"""Known failures keep a run from failing, are never shown as passed, and rot is a failure of its own."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

import conformance
from conformance.baseline import Baseline, Entry
from conformance.baselinefile import baseline_of, load_baseline
from conformance.catalogue import load as load_catalogue
from conformance.cli import main
from conformance.commands.run import keep_baseline
from conformance.errors import UsageError
from conformance.model import GATEWAY, Claim, Finding, Level, Verdict
from conformance.reference import KEY, ReferenceGateway
from conformance.reference.faults import pick_faults
from conformance.report import describe
from conformance.verdict import UnitResult, fold_case
from tests.report_factory import MODEL, Run, answer, failed, golden_run, passed

DAY = date(2026, 11, 20)
IDS = ("stream.done-terminator", "auth.no-key")


def unit(verdict: Verdict, model: str = "m", requirement: str = "stream.done-terminator") -> UnitResult:
    return UnitResult(requirement, "title", Level.MUST, "streaming", model, Claim.YES, verdict, None, ())


def held(entry: Entry, *units: UnitResult, complete: bool = True) -> tuple[list[tuple[str, str]], str]:
    found = Baseline("baseline.yaml", (entry,)).against(units, on=DAY, complete=complete)
    return sorted(found.known), " | ".join(found.stale)


DONE = Entry("stream.done-terminator", "known upstream", line=2)


def test_a_failure_that_an_entry_speaks_of_is_known() -> None:
    assert held(DONE, unit(Verdict.FAIL)) == ([("stream.done-terminator", "m")], "")


def test_an_entry_without_a_model_speaks_of_all_models_and_of_the_gateway() -> None:
    known, stale = held(DONE, unit(Verdict.FAIL, "a"), unit(Verdict.FAIL, GATEWAY))
    assert (len(known), stale) == (2, "")


def test_a_glob_chooses_models() -> None:
    entry = Entry("stream.done-terminator", "x", model="glm-*")
    known, _ = held(entry, unit(Verdict.FAIL, "glm-5"), unit(Verdict.FAIL, "kimi"))
    assert known == [("stream.done-terminator", "glm-5")]


def test_an_entry_that_passes_now_is_stale() -> None:
    known, stale = held(DONE, unit(Verdict.PASS))
    assert known == []
    assert stale == "baseline.yaml:2: stream.done-terminator passes now: remove the entry"


def test_an_entry_that_passes_for_some_models_names_them() -> None:
    known, stale = held(DONE, unit(Verdict.PASS, "a"), unit(Verdict.FAIL, "b"))
    assert known == [("stream.done-terminator", "b")]
    assert "passes now of a: name the models that still fail" in stale


def test_an_entry_that_does_not_apply_any_more_is_stale() -> None:
    assert "does not apply any more" in held(DONE, unit(Verdict.NOT_APPLICABLE))[1]


def test_no_opinion_leaves_an_entry_as_it_is() -> None:
    assert held(DONE, unit(Verdict.INCONCLUSIVE)) == ([], "")


def test_an_expired_entry_excuses_nothing_and_is_stale() -> None:
    entry = Entry("stream.done-terminator", "x", expires=date(2026, 11, 19))
    known, stale = held(entry, unit(Verdict.FAIL))
    assert known == []
    assert "expired on 2026-11-19" in stale


def test_an_entry_holds_on_its_last_day() -> None:
    assert held(Entry("stream.done-terminator", "x", expires=DAY), unit(Verdict.FAIL))[1] == ""


def test_an_entry_that_matches_no_unit_is_stale_unless_a_part_of_the_set_was_asked() -> None:
    assert "is no unit of this run" in held(DONE, unit(Verdict.FAIL, requirement="auth.no-key"))[1]
    assert held(DONE, unit(Verdict.FAIL, requirement="auth.no-key"), complete=False)[1] == ""


def test_a_file_is_read_with_the_lines_of_its_entries(tmp_path: Path) -> None:
    path = tmp_path / "known.yaml"
    path.write_text(
        "known:\n  - requirement: auth.no-key\n    reason: 'a proxy'\n    link: https://bugs.example/7\n"
        "    expires: 2027-01-31\n    model: glm-*\n"
    )
    (entry,) = load_baseline(path, IDS).entries
    assert entry == Entry(
        "auth.no-key", "a proxy", "glm-*", "https://bugs.example/7", date(2027, 1, 31), line=2
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("known:\n  - requirement: auth.no-key\n", ":2: known[0]: 'reason' is missing"),
        ("known:\n  - requirement: auth.no-kye\n    reason: x\n", ":2: known[0].requirement: there is no requir"),
        ("known:\n  - requirement: auth.no-key\n    reason: x\n    expires: 2026-02-30\n", ":4: known[0].expires"),
        ("known:\n  - requirement: auth.no-key\n    reason: x\n    until: 1\n", ":4: known[0].until: this key is"),
        ("known:\n  - requirement: auth.no-key\n    reason: x\n    link: nowhere\n", ":4: known[0].link"),
        ("known:\n  - requirement: auth.no-key\n    reason: x\n" * 1
         + "  - requirement: auth.no-key\n    reason: y\n", ":4: known[1]: this is said twice"),
        ("knwon: []\n", "'known' is missing"),
        ("- auth.no-key\n", ":1: the file has to hold a mapping"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_line_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "known.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_baseline(path, IDS)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "said", ["plain", "with: colon", 'a "quote" \\', "\x1b[31m\u202e# not a comment\n- x", "\ud800"]
)
def test_what_is_written_can_be_read_whatever_a_target_said(tmp_path: Path, said: str) -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"))
    run.unit("auth.no-key", view, failed(view, said), model="odd [model]: x")
    run.unit("stream.done-terminator", view, failed(view, said), level=Level.SHOULD)
    path = tmp_path / "known.yaml"
    path.write_text(baseline_of(run.report()), "utf-8")

    (entry,) = load_baseline(path, IDS).entries
    assert entry.about(unit(Verdict.FAIL, "odd [model]: x", "auth.no-key"))
    assert not entry.about(unit(Verdict.FAIL, "odd m: x", "auth.no-key"))


def test_the_example_in_the_readme_is_a_baseline(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    (example,) = (text for text in readme.split("```yaml\n") if text.startswith("known:"))
    path = tmp_path / "known.yaml"
    path.write_text(example.split("```")[0], "utf-8")
    assert len(load_baseline(path, IDS).entries) == 1


def test_a_run_without_failures_has_an_empty_baseline(tmp_path: Path) -> None:
    path = tmp_path / "known.yaml"
    path.write_text(baseline_of(Run().report()), "utf-8")
    assert load_baseline(path, IDS).entries == ()


def test_known_failures_stay_failures_in_the_counts() -> None:
    report = golden_run().report()
    known = [row for row in report["results"] if row["known"]]
    assert [row["verdict"] for row in known] == ["fail"]
    assert report["summary"]["recommended"]["fail"] == 2


def test_a_resumed_run_may_be_given_the_baseline_that_it_kept(tmp_path: Path) -> None:
    kept = tmp_path / "baseline.yaml"
    kept.write_text("known: []\n")
    keep_baseline(str(kept), tmp_path)
    assert kept.read_text() == "known: []\n"


def test_the_exit_code_looks_away_from_what_a_known_failure_alone_hides() -> None:
    run = Run(known=frozenset({("stream.done-terminator", MODEL)}))
    view = run.exchange("chat.basic", answer(b"{}"))
    hidden = Finding(Verdict.INCONCLUSIVE, 0, "there is no [DONE]", by=("stream.done-terminator",))
    run.unit("response.object", view, passed(view))
    run.unit("stream.done-terminator", view, failed(view, "no [DONE]"))
    run.unit("stream.done-exact", view, hidden)

    report = run.report()
    assert report["summary"]["exit_code"] == 0
    assert report["summary"]["grade"] == "not-conformant"
    assert report["summary"]["required"]["inconclusive"] == 1
    assert [row["behind"] for row in report["results"]] == [[], ["stream.done-terminator"], []]
    assert describe.failures(report).known[0]["requirement"] == "stream.done-terminator"


@pytest.mark.parametrize(
    "other",
    [
        Finding(Verdict.INCONCLUSIVE, 0, "the transfer was cut"),
        Finding(Verdict.INCONCLUSIVE, 0, "the stream broke off", by=("transport.complete-transfer",)),
    ],
)
def test_what_is_unmeasured_for_another_reason_too_still_ends_with_3(other: Finding) -> None:
    run = Run(known=frozenset({("stream.done-terminator", MODEL)}))
    view = run.exchange("chat.basic", answer(b"{}"))
    hidden = Finding(Verdict.INCONCLUSIVE, 0, "there is no [DONE]", by=("stream.done-terminator",))
    run.unit("response.object", view, passed(view))
    run.unit("stream.done-terminator", view, failed(view, "no [DONE]"))
    run.add("stream.done-exact", *(fold_case("chat.basic", [each], alive=True) for each in (hidden, other)))
    assert run.report()["summary"]["exit_code"] == 3


@pytest.mark.parametrize("model", ["other", GATEWAY])
def test_a_known_failure_of_one_model_excuses_nothing_of_another(model: str) -> None:
    run = Run(known=frozenset({("stream.done-terminator", MODEL)}))
    view = run.exchange("chat.basic", answer(b"{}"))
    hidden = Finding(Verdict.INCONCLUSIVE, 0, "there is no [DONE]", by=("stream.done-terminator",))
    run.unit("stream.done-terminator", view, failed(view, "no [DONE]"))
    run.unit("response.object", view, passed(view))
    run.unit("stream.done-exact", view, hidden, model=model)
    assert run.report()["summary"]["exit_code"] == 3


def test_each_requirement_that_a_check_leaves_things_to_is_there() -> None:
    ids = load_catalogue().requirements
    sources = (Path(conformance.__file__).parent / "checks").glob("*.py")
    named = {name for path in sources for name in re.findall(r'by="([^"]+)"', path.read_text("utf-8"))}
    assert named
    assert named <= set(ids)


class TestRun:
    """The commands, on a gateway with one fault and then without it."""

    ASK = ("--model", "reference-chat", "--only", "stream.*", "--generated", "none", "--sdk", "no", "--quiet")

    @pytest.fixture(autouse=True)
    def _elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def run(self, output: str, *more: str, faults: tuple[str, ...] = ("done-doubled",)) -> int:
        with ReferenceGateway(faults=pick_faults(list(faults))) as gateway:
            return main(["run", "--target", gateway.base_url, "--output", output, *self.ASK, *more])

    def test_only_what_is_new_fails(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run("first") == 1
        assert main(["baseline", "write", "first"]) == 0
        assert main(["baseline", "write", "first"]) == 2
        assert "exists already" in capsys.readouterr().err

        assert self.run("again", "--baseline", "baseline.yaml") == 0
        report = json.loads(Path("again/report.json").read_text())
        assert report["summary"]["grade"] == "not-conformant"
        known = [row["requirement"] for row in report["results"] if row["known"]]
        assert "stream.done-once" in known
        assert all(row["verdict"] == "fail" for row in report["results"] if row["known"])
        assert "Known failures (baseline)" in Path("again/report.md").read_text()

        assert main(["recheck", "again", "--output", "rechecked"]) == 0
        for name in ("report.json", "report.md", "junit.xml", "badge.json"):
            assert Path("rechecked", name).read_bytes() == Path("again", name).read_bytes()

        assert self.run("repaired", "--baseline", "baseline.yaml", faults=()) == 1
        assert "passes now: remove the entry" in " ".join(capsys.readouterr().out.split())

        assert main(["recheck", "first", "--baseline", "baseline.yaml", "--output", "excused"]) == 0

    def test_a_stream_without_its_end_can_be_put_up_with(self) -> None:
        assert self.run("first", faults=("done-missing",)) == 1
        assert main(["baseline", "write", "first"]) == 0
        assert main(["recheck", "first", "--baseline", "baseline.yaml", "--output", "excused"]) == 0

        report = json.loads(Path("excused/report.json").read_text())
        hidden = {row["requirement"] for row in report["results"] if row["behind"]}
        assert {"stream.done-exact", "stream.done-last", "stream.done-once"} <= hidden
        assert report["summary"]["required"]["inconclusive"] > 0
        assert report["summary"]["grade"] == "not-conformant"

    def test_a_wrong_baseline_costs_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("known.yaml").write_text("known: 1\n")
        with ReferenceGateway() as gateway:
            assert main(["run", "--target", gateway.base_url, "--baseline", "known.yaml", *self.ASK]) == 2
            assert gateway.requests == ()
        assert "known.yaml:1: known" in capsys.readouterr().err
