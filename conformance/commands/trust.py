"""``baseline write``: what makes a report into something that others may lean on."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.commands.replay import read_report
from conformance.errors import UsageError


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
        raise UsageError(f"{output} cannot be written.", why=error.strerror or "") from error
    number = text.count("\n  - requirement:")
    print(f"{output}: {number} known failures; say of each why it is known")  # noqa: T201
    return 0
