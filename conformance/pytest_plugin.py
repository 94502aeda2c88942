"""The pytest shell: one test item for each case of the plan, the same engine, the same report.

Loaded with ``-p conformance.pytest_plugin`` (never by itself: its option names are common words). Collecting sends
nothing; what the selected items need is captured once, when collection is over, so that ``-k`` and ``--lf`` pay only
for what they choose. With xdist each worker captures the models whose items it is given (``--dist loadgroup``), and
the controller judges all evidence together: the report is the same for every ``-n``.

A required failure fails its item; a recommendation that fails is an expected failure (x); no opinion and not
applicable are skips with their reason. The exit code is the report's, not pytest's.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from msgspec.structs import replace

from conformance import engine, evidence, sdkresults
from conformance.baseline import FILE_NAME
from conformance.commands.run import (
    finish,
    keep_baseline,
    known_failures,
    output_folder,
    replay_to_sdk,
    run_to_resume,
    shrink_to,
    to_go_on,
    warn_of,
    with_models_of,
)
from conformance.commands.settings import settings_from
from conformance.errors import ConformanceError, UsageError
from conformance.evidence import EVIDENCE, Evidence
from conformance.join import join_evidence
from conformance.model import GATEWAY, Level, Verdict
from conformance.options import PLAN, RUN, TARGET
from conformance.plan import Plan, PlannedCase, narrow
from conformance.resume import begin_part, demand_same
from conformance.secret import Secret
from conformance.terminal import Patient, flush_or_drop, patient
from conformance.verdict import CaseResult, Exit, UnitResult
from conformance.wrongflags import demanding, wrong_flag

STASH = pytest.StashKey["Shell"]()
STREAMS = pytest.StashKey[tuple[Patient, Patient]]()
_PYTESTS_OWN = frozenset({"--strict"})
"""Flags that pytest has too; its own value serves both."""
_HELP = "python3 noxfile.py -s conformance --help"
ENVIRONMENT = "CHAT_CONFORMANCE_WORKER"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flags of a run."""
    group = parser.getgroup("chat-conformance")
    for flag in (*TARGET, *PLAN, *RUN):
        if flag.name not in _PYTESTS_OWN:
            group.addoption(flag.name, **demanding(flag.how))
    # No hook of pytest is told of a wrong command line, which it ends with 4: here an error of the suite itself.
    grammar = parser.optparser

    def error(message: str) -> NoReturn:
        wrong = wrong_flag(message, grammar._option_string_actions, usage=_HELP)  # noqa: SLF001 - it has no public name
        print(f"chat-conformance: {wrong}", file=sys.stderr)  # noqa: T201
        raise SystemExit(wrong.exit_code)

    grammar.error = error  # type: ignore[method-assign]


def pytest_configure(config: pytest.Config) -> None:
    """Make the plan (in the controller and in every worker alike); nothing is sent but the question for models."""
    if config.option.help or config.option.version:
        return
    # pytest writes its report to the stdout of this moment, which is not to stop a run when it goes away.
    sys.stdout, sys.stderr = Patient(sys.stdout), Patient(sys.stderr)
    atexit.register(flush_or_drop)
    config.stash[STREAMS] = sys.stdout, sys.stderr
    config.addinivalue_line("markers", "xdist_group(name): the model, so that one worker asks it everything")
    try:
        config.stash[STASH] = Shell(config)
    except ConformanceError as error:
        pytest.exit(str(error), returncode=error.exit_code)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the embedded reference, if it was started."""
    shell = config.stash.get(STASH, None)
    if shell is not None:
        shell.close()
    for stream in config.stash.get(STREAMS, ()):
        stream.flush()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> object | None:
    """Make the items from the plan; files are not looked for."""
    config = session.config
    shell = config.stash.get(STASH, None)
    if shell is None or shell.distributes:
        return None
    session.items = list(shell.items(session))
    session.testscollected = len(session.items)
    config.pluginmanager.check_pending()
    config.hook.pytest_collection_modifyitems(session=session, config=config, items=session.items)
    config.hook.pytest_collection_finish(session=session)
    session.testscollected = len(session.items)
    return True


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Fix the selection; without xdist also capture what it needs."""
    shell = session.config.stash.get(STASH, None)
    if shell is None or session.config.option.collectonly or shell.distributes:
        return
    chosen = [item for item in session.items if isinstance(item, CaseItem)]
    if chosen:
        shell.select(chosen)
    if not shell.worker:
        try:
            if not chosen:
                raise nothing_selected()
            for model in shell.plan.models:
                shell.results(model)
        except ConformanceError as error:
            shell.refused = error.exit_code
            pytest.exit(str(error), returncode=error.exit_code)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Judge all evidence together, write the report, and take over its exit code."""
    shell = session.config.stash.get(STASH, None)
    if shell is None or shell.worker or session.config.option.collectonly:
        return
    if shell.refused is not None:
        session.exitstatus = shell.refused
        return
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        print(f"chat-conformance: {nothing_selected()}", file=sys.stderr)  # noqa: T201
        session.exitstatus = Exit.USAGE
        return
    if exitstatus in {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR}:
        session.exitstatus = Exit.USAGE if exitstatus == pytest.ExitCode.USAGE_ERROR else Exit.HARNESS
        return
    with patient():
        try:
            session.exitstatus = shell.finish()
        except KeyboardInterrupt:
            print(f"chat-conformance: interrupted; {to_go_on(shell.folder)}", file=sys.stderr)  # noqa: T201
            session.exitstatus = Exit.INCOMPLETE


def nothing_selected() -> UsageError:
    """Return the error of a selection that leaves nothing over."""
    return UsageError(
        "No case is selected, so nothing was sent.",
        why="-k, --deselect or the like leave none over, and an empty run would look like a good one",
        hint="see the cases with --collect-only",
    )


class CaseItem(pytest.Item):
    """One case of the plan as a test."""

    def __init__(self, *, shell: Shell, case: PlannedCase, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's own
        """Keep the case; its model is its xdist group."""
        super().__init__(**kwargs)
        self.shell, self.case = shell, case
        self.add_marker(pytest.mark.xdist_group(shell.group(case)))

    def runtest(self) -> None:
        """Say what the evidence says of this case."""
        unit, result = self.shell.result(self.case)
        self.user_properties.append(
            ("conformance", json.dumps([unit.requirement, unit.model, result.verdict]))
        )
        known = self.shell.baseline.entry(unit, on=datetime.now(UTC).date())
        match result.verdict:
            case Verdict.FAIL if known is not None:
                pytest.xfail(f"known failure (baseline): {known.reason}")
            case Verdict.FAIL if unit.level is Level.MUST:
                pytest.fail(_why(unit, result), pytrace=False)
            case Verdict.FAIL:
                pytest.xfail(f"{unit.level}: {_why(unit, result)}")
            case Verdict.INCONCLUSIVE | Verdict.NOT_APPLICABLE:
                pytest.skip(f"{result.verdict}: {result.reason}")

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name the item by its requirement."""
        return self.path, None, self.name


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)


def _why(unit: UnitResult, result: CaseResult) -> str:
    failing = [finding for finding in result.findings if finding.verdict is Verdict.FAIL]
    lines = [f"{unit.title} ({unit.level})"]
    for finding in failing:
        places = ", ".join(place.exchange for place in finding.where)
        lines += [
            f"  saw:      {finding.saw!a}",
            f"  expected: {finding.expected!a}",
            f"  evidence: {places}",
        ]
    return "\n".join(lines)


class Shell:
    """What the plugin holds between hooks."""

    def __init__(self, config: pytest.Config) -> None:
        """Read the flags, start the reference when no target is named, and make the plan.

        Raises:
            ConformanceError: a flag, a file or the target is wrong.

        """
        self.config = config
        self.baseline = known_failures(config.option.baseline)
        self.worker = hasattr(config, "workerinput")
        self.distributes = not self.worker and getattr(config.option, "numprocesses", None) not in {None, 0}
        self._stack = ExitStack()
        self.refused: int | None = None
        arguments = SimpleNamespace(**vars(config.option))
        shared = json.loads(os.environ[ENVIRONMENT]) if self.worker else {}
        arguments.target = shared.get("target", arguments.target)
        if arguments.target is None and arguments.target_file is None:
            arguments.target = "reference"
        settings = self._stack.enter_context(settings_from(arguments))  # type: ignore[arg-type]
        if not self.worker:
            warn_of(settings.target)
        if shared.get("reference"):
            from conformance.reference import KEY  # noqa: PLC0415 - only reference runs need it

            target = replace(settings.target, key=Secret(KEY))
            settings = replace(settings, target=target, reference=True)
        if self.worker:
            models, absent = tuple(shared["models"]), tuple(shared["absent"])
            settings = replace(settings, models=models, absent=absent, model_patterns=())
        try:
            if config.option.resume is not None and not (self.worker or config.option.collectonly):
                before = run_to_resume(config.option)
                settings = settings if before is None else with_models_of(before, settings)
            self.prepared = engine.prepare(settings)
            self.folder = Path(shared["folder"]) if self.worker else self._folder(arguments.output)
        except BaseException:
            self._stack.close()
            raise
        self.plan: Plan = self.prepared.plan
        self._results: dict[str, dict[PlannedCase, tuple[UnitResult, CaseResult]]] = {}
        if self.distributes:
            self._share(settings)

    def _folder(self, chosen: str | None) -> Path:
        if self.config.option.collectonly:
            return Path()
        resumed = self.config.option.resume
        folder = output_folder(chosen) if resumed is None else Path(resumed)
        keep_baseline(self.config.option.baseline, folder)
        return folder

    def _share(self, settings: engine.Settings) -> None:
        """Tell the workers, through the environment, where to ask and where to write. No key is in it."""
        shared: dict[str, Any] = {
            "folder": str(self.folder.resolve()),
            "models": list(self.plan.models),
            "absent": list(self.prepared.settings.absent),
        }
        if settings.reference:
            shared |= {"target": settings.target.base_url, "reference": True}
        os.environ[ENVIRONMENT] = json.dumps(shared)

    def close(self) -> None:
        """Stop what was started."""
        self._stack.close()
        if not self.worker:
            self._tidy()
        if self.distributes:
            os.environ.pop(ENVIRONMENT, None)

    def _tidy(self) -> None:
        """Leave no folder behind of a run that sent nothing."""
        given, option = self.folder / FILE_NAME, self.config.option
        if option.collectonly or option.resume is not None or any(self.folder.glob("evidence*")):
            return
        if option.baseline is not None and Path(option.baseline).resolve() != given.resolve():
            given.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def items(self, session: pytest.Session) -> Iterator[CaseItem]:
        """Yield an item for each case, in the plan's order."""
        seen: set[str] = set()
        for case in self.plan.cases:
            name = f"{case.requirement}[{_plain(case.model)}-{_plain(case.probe)}]"
            if name in seen:
                name = f"{case.requirement}[{_plain(case.model)}-{_plain(case.probe)}-{case.check}]"
            seen.add(name)
            if self.config.getoption("loadgroup", default=False):
                # Said twice, here and as a mark: xdist 3.8 adds the mark to an attribute that pytest 9.2 does not read.
                grouped = f"::{name}@{self.group(case)}"
                yield CaseItem.from_parent(session, name=name, nodeid=grouped, shell=self, case=case)
            else:
                yield CaseItem.from_parent(session, name=name, shell=self, case=case)

    def group(self, case: PlannedCase) -> str:
        """Return the model that a case is asked of, as the name by which xdist gives out items."""
        return _plain(self.plan.models[0] if case.model == GATEWAY else case.model)

    def select(self, items: list[CaseItem]) -> None:
        """Narrow the plan to the chosen items."""
        chosen = {item.case for item in items}
        if len(chosen) < len(self.plan.cases):
            self.plan = narrow(self.plan, chosen)
            self.prepared = replace(self.prepared, plan=self.plan)

    def _evidence(self, model: str) -> Path:
        return self.folder / f"evidence.{self.plan.models.index(model)}.jsonl"

    def results(self, model: str) -> dict[PlannedCase, tuple[UnitResult, CaseResult]]:
        """Capture what one model's cases need, once, and judge them."""
        if model not in self._results:
            part = replace(self.prepared, plan=self.plan.of_model(model))
            path = self._evidence(model)
            stopped = engine.capture(
                part, path, header=engine.header_of(self.prepared), before=self._recorded(part.plan, path)
            )
            replay_to_sdk(self.plan, path, wanted=self.config.option.sdk, stopped=stopped)
            judged = engine.judge_part(self.prepared, path)
            self._results[model] = {
                planned: (unit, result)
                for unit, group in zip(judged.units, judged.planned, strict=True)
                for planned, result in zip(group, unit.cases, strict=True)
            }
            if stopped == engine.INTERRUPTED:
                raise KeyboardInterrupt
        return self._results[model]

    def _recorded(self, part: Plan, path: Path) -> Evidence | None:
        """Return what an interrupted run recorded for this part of the plan, in a file of its own."""
        whole = self.folder / EVIDENCE
        if self.config.option.resume is None or not whole.exists():
            return None
        before = evidence.read(whole)
        demand_same(before.header, engine.header_of(self.prepared), self.folder)
        owners = {probe.model for probe in part.probes}
        return begin_part(before, path, owners, first=part.models[0] == self.plan.models[0])

    def result(self, case: PlannedCase) -> tuple[UnitResult, CaseResult]:
        """Return what the evidence says of one case."""
        model = self.plan.models[0] if case.model == GATEWAY else case.model
        return self.results(model)[case]

    def finish(self) -> int:
        """Join the evidence of all models, judge it as one and write the report."""
        parts = sorted(self.folder.glob("evidence.*.jsonl"))
        if not parts:
            print("chat-conformance: nothing was sent, so there is no report", file=sys.stderr)  # noqa: T201
            return int(Exit.INCOMPLETE)
        whole = self.folder / EVIDENCE
        join_evidence(parts, whole, self.plan, before=whole if whole.exists() else None)
        for part in parts:
            part.unlink()
            sdkresults.beside(part).unlink(missing_ok=True)
        shrink_to(self.prepared, self.folder / EVIDENCE, wanted=self.config.option.shrink)
        return finish(self.folder, strict=self.config.option.strict)
