"""What each command of the command line does; one module for each group of commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from conformance.commands.certify import certify, verify
from conformance.commands.look import list_requirements, show
from conformance.commands.planned import print_plan
from conformance.commands.replay import recheck, render, reproduce
from conformance.commands.run import run
from conformance.commands.trust import compare_runs, merge_runs, show_matrix, write_baseline


def _serve(arguments: argparse.Namespace) -> int:
    from conformance.commands.serve import serve  # noqa: PLC0415 - the gateway is heavy, and only this needs it

    return serve(arguments)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": run,
    "plan": print_plan,
    "list": list_requirements,
    "show": show,
    "recheck": recheck,
    "baseline": write_baseline,
    "compare": compare_runs,
    "matrix": show_matrix,
    "merge": merge_runs,
    "certify": certify,
    "verify": verify,
    "render": render,
    "reproduce": reproduce,
    "serve": _serve,
}
