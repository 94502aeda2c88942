"""What each command of the command line does; one module for each group of commands, imported when it is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, cast

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("run", "run"),
    "plan": ("planned", "print_plan"),
    "list": ("look", "list_requirements"),
    "show": ("look", "show"),
    "recheck": ("replay", "recheck"),
    "baseline": ("trust", "write_baseline"),
    "compare": ("trust", "compare_runs"),
    "matrix": ("trust", "show_matrix"),
    "merge": ("trust", "merge_runs"),
    "certify": ("certify", "certify"),
    "verify": ("certify", "verify"),
    "render": ("replay", "render"),
    "reproduce": ("replay", "reproduce"),
    "serve": ("serve", "serve"),
}
"""The module and the function of each command."""


def command(name: str) -> Callable[[argparse.Namespace], int]:
    """Return what does a command."""
    module, function = COMMANDS[name]
    return cast(
        "Callable[[argparse.Namespace], int]", getattr(import_module(f"{__name__}.{module}"), function)
    )
