"""Every error a person can meet, each with what happened, why, and what to do.

A run goes through these steps, and each step raises its own class:

======================  =========================  =========
step                    error                      exit code
======================  =========================  =========
read flags and files    :class:`UsageError`        2
load spec/ data         :class:`CatalogueError`    2
ask for the models      :class:`UnreachableError`  3
ask for the models      :class:`KeyRefusedError`   3
reach the target        recorded as evidence       3 (by the fold)
judge and report        :class:`HarnessError`      4
======================  =========================  =========

What a target does wrong is never an exception: it is data, in the evidence.
"""

from __future__ import annotations

from typing import ClassVar


class ConformanceError(Exception):
    """An error written for the person at the terminal.

    ``what`` is one sentence on what happened; ``why`` the cause, when it is known; ``hint`` what to do next.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        """Keep the three parts apart so that each shell can lay them out."""
        super().__init__(what)
        self.what, self.why, self.hint = what, why, hint

    def __str__(self) -> str:
        """Return the parts as lines: what, then why, then what to do."""
        lines = [self.what]
        if self.why:
            lines.append(f"  why:  {self.why}")
        if self.hint:
            lines.append(f"  do:   {self.hint}")
        return "\n".join(lines)


class UsageError(ConformanceError):
    """A flag, an environment variable or a file of the user is wrong."""

    exit_code = 2


class CatalogueError(ConformanceError):
    """A data file under spec/ or a user's profile does not hold together."""

    exit_code = 2


class UnreachableError(ConformanceError):
    """The target could not be asked at all; nothing was judged."""

    exit_code = 3


class KeyRefusedError(ConformanceError):
    """The target had to be asked for its models and refused the key, or demands one; nothing was judged."""

    exit_code = 3


class HarnessError(ConformanceError):
    """The suite itself failed; nothing is said about the target."""

    exit_code = 4
