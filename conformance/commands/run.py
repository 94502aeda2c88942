"""``run``: send, judge, write the report, print its summary, return its exit code."""

from __future__ import annotations

import argparse
import gc
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from msgspec.structs import replace

from conformance import engine
from conformance.ahead import imported_ahead
from conformance.baseline import FILE_NAME, NO_BASELINE, Baseline
from conformance.catalogue import load as load_catalogue
from conformance.commands.settings import settings_from
from conformance.errors import UsageError
from conformance.evidence import EVIDENCE, Evidence
from conformance.plan import Plan
from conformance.report.console import render_console
from conformance.report.github import annotations_of, guarded
from conformance.report.markdown import render_markdown
from conformance.report.shape import Report
from conformance.resume import demand_same, recorded_run
from conformance.target import Target
from conformance.verdict import Exit

RUNS = Path("reports") / "runs"


def run(arguments: argparse.Namespace) -> int:
    """Judge one target; the exit code is the report's."""
    known_failures(arguments.baseline)
    with settings_from(arguments) as settings:
        warn_of(settings.target)
        before = run_to_resume(arguments)
        prepared = engine.prepare(settings if before is None else with_models_of(before, settings))
        if before is not None:
            demand_same(before.header, engine.header_of(prepared), Path(arguments.resume))
        folder = output_folder(arguments.output) if arguments.resume is None else Path(arguments.resume)
        keep_baseline(arguments.baseline, folder)
        try:
            return _to_the_end(arguments, prepared, folder, before)
        except KeyboardInterrupt:
            print(f"chat-conformance: interrupted; {to_go_on(folder)}", file=sys.stderr)  # noqa: T201
            return int(Exit.INCOMPLETE)


def _to_the_end(
    arguments: argparse.Namespace, prepared: engine.Prepared, folder: Path, before: Evidence | None
) -> int:
    progress = progress_to(sys.stderr, quiet=arguments.quiet)
    gc.freeze()  # what is planned lives to the end: no search for garbage has to look at it while answers come in
    with imported_ahead():
        stopped = engine.capture(prepared, folder / EVIDENCE, progress=progress, before=before)
    shrink_to(prepared, folder / EVIDENCE, wanted=arguments.shrink, stopped=stopped)
    replay_to_sdk(prepared.plan, folder / EVIDENCE, wanted=arguments.sdk, stopped=stopped)
    return finish(folder, strict=arguments.strict, planned=prepared)


def to_go_on(folder: Path) -> str:
    """Say what can be done with the folder of a run that was stopped."""
    again = f"repeat the command with --resume {folder} to go on and pay for nothing twice"
    if not (folder / EVIDENCE).exists():
        return again
    return f"{again}, or judge what there is: chat-conformance recheck {folder}"


def warn_of(target: Target) -> None:
    """Say what is odd about the key, before it is sent."""
    if target.cleartext and (target.key or target.secrets):
        print(f"warning: the key travels unencrypted to {target.base_url}", file=sys.stderr)  # noqa: T201
    if target.placeholder:
        print(  # noqa: T201
            f"warning: the key is taken for a placeholder and not masked: {target.placeholder}",
            file=sys.stderr,
        )


def run_to_resume(arguments: argparse.Namespace) -> Evidence | None:
    """Return what an interrupted run recorded, None when none is to be gone on with, or it had sent nothing.

    Raises:
        UsageError: there is no such run, or a new folder is asked for too.

    """
    if arguments.resume is None:
        return None
    if arguments.output is not None:
        raise UsageError(
            "--resume and --output exclude each other.", hint="a resumed run stays in its folder"
        )
    return recorded_run(Path(arguments.resume))


def with_models_of(before: Evidence, settings: engine.Settings) -> engine.Settings:
    """Take the models from the run that is gone on with where none are named: the target is not asked again."""
    if settings.models:
        return settings
    return replace(settings, models=tuple(str(model) for model in before.header["models"]))


def replay_to_sdk(plan: Plan, evidence: Path, *, wanted: str, stopped: str = "") -> None:
    """Measure what the official SDK makes of the answers, where it is installed and was not refused."""
    if wanted == "auto" and stopped != engine.INTERRUPTED:
        from conformance.sdklane import replay  # noqa: PLC0415 - only a run needs it

        replay(plan, evidence)


def shrink_to(prepared: engine.Prepared, evidence: Path, *, wanted: bool, stopped: str = "") -> None:
    """Search for the smallest request of each failure of a generated one, if that was asked for."""
    if wanted and not stopped:
        from conformance.shrink import SUMMARY, shrink_failures  # noqa: PLC0415 - only runs that shrink pay for it

        found = shrink_failures(prepared, evidence)
        for each in found:
            before, after = (len(view.exchange.request.body) for view in (each.before, each.after))
            took = f"{before} to {after} bytes with {each.sent} requests ({each.symptom})"
            print(f"shrunk {each.probe.id}: {took}")  # noqa: T201
        if found:
            print(f"shrunk requests: {evidence.with_name(SUMMARY)}")  # noqa: T201


def known_failures(file: str | Path | None) -> Baseline:
    """Return the baseline of a file, an empty one without.

    Raises:
        UsageError: the file is wrong; file, line and key are named.

    """
    if file is None:
        return NO_BASELINE
    from conformance.baselinefile import load_baseline  # noqa: PLC0415 - only runs that have one pay for it

    return load_baseline(Path(file), load_catalogue().requirements)


def keep_baseline(file: str | None, folder: Path) -> None:
    """Copy the baseline into the folder of a run, so that recheck says the same of the same folder."""
    if file is not None and Path(file).resolve() != (folder / FILE_NAME).resolve():
        shutil.copyfile(file, folder / FILE_NAME)


def finish(
    folder: Path,
    *,
    strict: bool,
    output: Path | None = None,
    baseline: str | None = None,
    planned: engine.Prepared | None = None,
) -> int:
    """Judge the evidence of a folder, write every report, print the summary and return the exit code.

    ``baseline`` is a file, by default the one that the run was given; ``planned`` is the plan, where it is at hand.
    """
    from conformance.report.write import write_all  # noqa: PLC0415 - imported ahead, while answers were awaited

    kept = folder / FILE_NAME
    known = known_failures(baseline or (kept if kept.exists() else None))
    result = engine.judge_evidence(folder / EVIDENCE, strict=strict, baseline=known, planned=planned)
    out = output or folder
    write_all(result.report, out)
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size((100, 24)).columns
    say(render_console(result.report, color=color, width=width), result.report, os.environ)
    print(f"report: {out}")  # noqa: T201
    if result.stopped == engine.INTERRUPTED:
        print(f"interrupted: {to_go_on(folder)}")  # noqa: T201
    return int(result.summary.exit_code)


def say(page: str, report: Report, environ: Mapping[str, str]) -> None:
    """Print the summary of a run; in GitHub Actions also annotations and the job summary."""
    if environ.get("GITHUB_ACTIONS") != "true":
        print(page)  # noqa: T201
        return
    print("\n".join([guarded(page, secrets.token_hex(16)), *annotations_of(report)]))  # noqa: T201
    summary = environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(render_markdown(report))


def output_folder(chosen: str | None) -> Path:
    """Make the folder of a run; one that holds evidence already is refused, so that nothing is lost.

    Raises:
        UsageError: the folder cannot be made, or holds an earlier run.

    """
    folder = Path(chosen) if chosen else RUNS / time.strftime("%Y%m%dT%H%M%S")
    if chosen is None and (folder / EVIDENCE).exists():
        folder = folder.with_name(f"{folder.name}-{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be made.",
            why=error.strerror or "",
            hint="choose another with --output",
        ) from None
    if (folder / EVIDENCE).exists():
        raise UsageError(
            f"The folder {folder} holds an earlier run.",
            why="its evidence cost money and would be overwritten",
            hint="choose another with --output, or go on with that run: --resume DIR",
        )
    return folder


def progress_to(stream: TextIO | None, *, quiet: bool) -> Callable[[int, int, str], None]:
    """Return a progress printer: one moving line on a terminal, a line every 25 exchanges elsewhere."""
    terminal = stream is not None and stream.isatty()
    planned = 0

    def show(done: int, total: int, probe: str) -> None:
        nonlocal planned
        planned = planned or total  # it grows with what the answers call for
        if quiet or stream is None:
            return
        if terminal:
            filled = 24 * min(done, total) // max(total, 1)
            end = "\n" if done >= total else ""
            stream.write(f"\r[{'#' * filled}{'.' * (24 - filled)}] {done}/{total} {probe[:40]:40}{end}")
        elif done % 25 == 0 or done == planned:
            stream.write(f"{done}/{total} exchanges\n")
        stream.flush()

    return show
