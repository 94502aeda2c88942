"""A bill is that of the answer, not the limit of the request (contract clause D14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.limitfield import FIELDS
from conformance.checks.select import ids
from conformance.checks.values import counts_of
from conformance.model import Finding
from conformance.strictjson import is_integer
from conformance.views import Form, View

ANSWERS: Final = ("messages.echo", "messages.parts-escaped", "messages.parts-all", "chat.again")
"""Complete answers to requests with other limits."""
_ENOUGH: Final = 3
"""Answers that do not all fill their limits by chance."""
_DENSE: Final = 3
"""Characters a token of a text that no tokenizer makes much of: what is longer may have been cut."""


@check("usage.plausible", on=ids("chat.basic"), reads=Reads.COMPLETION, beside=ANSWERS)
def not_the_limit(case: Case) -> Iterator[Finding]:
    """Answers that ended by themselves did not each cost exactly what they were allowed to (D14)."""
    bills = [bill for view in (case.view, *case.others.values()) if (bill := _bill(view)) is not None]
    if len(bills) < _ENOUGH or len({limit for limit, _ in bills}) == 1:
        yield case.skip("there are not enough answers with different limits that ended by themselves")
    elif all(limit == spent for limit, spent in bills):
        yield case.fail(
            f"each of {len(bills)} answers that ended by themselves costs its limit: {bills!r}"[:120],
            "the tokens of the answer",
            examined=len(bills),
            pointer="/usage/completion_tokens",
        )
    else:
        yield case.ok(len(bills))


def _bill(view: View) -> tuple[int, int] | None:
    """Return the limit and the bill of an answer that ended by itself, and is too short to have filled the limit."""
    limits = [view.asked.get(name) for name in FIELDS]
    limit = next((value for value in limits if is_integer(value)), None)
    spent = counts_of(view).get("completion_tokens")
    whole = view.form is Form.COMPLETION and view.finish_reason == "stop" and bool(view.text.strip())
    if not whole or not is_integer(limit) or not is_integer(spent) or len(view.text) >= limit * _DENSE:
        return None
    return limit, spent
