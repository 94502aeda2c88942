"""Baselines, comparisons, matrices, merges: a report beside what was known before, or measured elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.commands.replay import read_report
from conformance.commands.run import finish, keep_baseline, known_failures, output_folder
from conformance.errors import UsageError
from conformance.merge import merge
from conformance.report.compare import compare
from conformance.report.comparison import comparison_json, comparison_markdown, comparison_text
from conformance.report.matrix import matrix
from conformance.report.matrix_pages import matrix_json, matrix_markdown, matrix_text
from conformance.words import counted


def compare_runs(arguments: argparse.Namespace) -> int:
    """Print what changed from one run to another; 1: a new required failure, 3: something required is lost."""
    comparison = compare(read_report(Path(arguments.before)), read_report(Path(arguments.after)))
    render = {"text": comparison_text, "json": comparison_json, "markdown": comparison_markdown}
    print(render[arguments.format](comparison).rstrip("\n"))  # noqa: T201
    return comparison["exit_code"]


def show_matrix(arguments: argparse.Namespace) -> int:
    """Print targets and models side by side."""
    reports = [(run, read_report(Path(run))) for run in arguments.runs]
    render = {"text": matrix_text, "json": matrix_json, "markdown": matrix_markdown}
    print(render[arguments.format](matrix(reports, by=arguments.by)).rstrip("\n"))  # noqa: T201
    return 0


def merge_runs(arguments: argparse.Namespace) -> int:
    """Make one run of several, judge it, write its report and return its exit code."""
    known_failures(arguments.baseline)
    output = output_folder(arguments.output)
    merge([Path(run) for run in arguments.runs], output, models=arguments.model)
    keep_baseline(arguments.baseline, output)
    return finish(output, strict=arguments.strict)


def write_baseline(arguments: argparse.Namespace) -> int:
    """Write the required failures of a run as a baseline."""
    from conformance.baselinefile import baseline_of  # noqa: PLC0415 - needs YAML

    report = read_report(Path(arguments.run))
    output = Path(arguments.output)
    text = baseline_of(report)
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(
            f"{output} exists already.",
            why="the reasons in it would be lost",
            hint="choose another file with --output",
        ) from None
    except OSError as error:
        raise UsageError(
            f"{output} cannot be written.",
            why=error.strerror or "",
            hint="choose another file with --output, in a folder that is there",
        ) from error
    number = counted(text.count("\n  - requirement:"), "known failure")
    print(f"{output}: {number}; say of each why it is known")  # noqa: T201
    return 0
