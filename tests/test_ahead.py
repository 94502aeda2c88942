"""What a run needs at its end is imported while answers are awaited, and only then."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from conformance import ahead

LATE = {"jsonschema", "jinja2", "conformance.report.write"}
"""Modules of which a run has no use before its last answer; they take a tenth of a second to import."""


def test_what_is_needed_late_is_not_imported_with_a_run_or_its_plan() -> None:
    code = (
        "import sys; import conformance.commands.run; from conformance.checks import all_checks; all_checks();"
        f"print(sorted({LATE} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_imported_while_answers_are_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    done, imported = threading.Event(), []

    def note(name: str) -> None:
        imported.append((name, threading.current_thread() is threading.main_thread()))
        if name == ahead.MODULES[-1]:
            done.set()

    monkeypatch.setattr(ahead, "BUSY", 0.0)
    monkeypatch.setattr(ahead, "import_module", note)
    with ahead.imported_ahead():
        assert done.wait(10)
    assert imported == [(name, False) for name in ahead.MODULES]


def test_what_cannot_be_imported_is_left_to_whoever_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MODULES", ("conformance.no_such_module",))
    ahead._import()


def test_a_run_that_ends_at_once_imports_nothing_ahead_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ahead, "BUSY", 60.0)
    monkeypatch.setattr(ahead, "import_module", pytest.fail)
    before, threads = sys.getswitchinterval(), threading.active_count()
    with ahead.imported_ahead():
        (timer,) = (each for each in threading.enumerate() if isinstance(each, threading.Timer))
    timer.join(10)
    assert (sys.getswitchinterval(), threading.active_count()) == (before, threads)
