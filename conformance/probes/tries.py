"""What is sent only where an earlier answer gives reason to: further tries, and what was asked together with others.

Models are random, so what needs one to cooperate is asked again, if it has to be. A probe with ``retry`` names here
what the earlier answer has to be like for one more try to be sent. All tries of a probe are one case, folded by
:func:`conformance.verdict.fold_tries`.

Things that a correct target merely takes are asked for in one request. Where that is served it answers for each of
them; where it is not, each is asked by itself (``apart``), so that none is blamed for another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from conformance.canaries import shown_in
from conformance.model import Probe
from conformance.served import marks_in
from conformance.toolcalls import calls_of, misplaced
from conformance.views import Form, View

Wanted: TypeAlias = Callable[[View], bool]


def _no_call(before: View) -> bool:
    return before.succeeded and not calls_of(before) and not misplaced(before)


def _no_text(before: View) -> bool:
    return before.succeeded and not before.text.strip()


def _no_mark(before: View) -> bool:
    return before.succeeded and not shown_in(before.text, marks_in(before))


WANTED: Final[Mapping[str, Wanted]] = {"no-call": _no_call, "no-text": _no_text, "no-mark": _no_mark}
"""The reasons for a further try: the earlier answer was a success, but had no tool call, no text, or not the mark.

A call that does not stand where calls do is a defect whatever a further try brings, so none is paid for.
"""


def wanted(probe: Probe, before: View) -> bool:
    """Return whether the earlier answer gives reason to send this further try."""
    assert probe.retry is not None
    return WANTED[probe.retry.when](before)


def apart_wanted(together: View) -> bool:
    """Return whether the answer to a request for several things gives reason to ask for each by itself.

    What may have been bad luck is repeated first, and a rate limit says nothing of the request.
    """
    return not together.succeeded and together.form is not Form.LIMITED and not _worth_a_repeat(together)


def _worth_a_repeat(view: View) -> bool:
    return view.exchange.attempt == 1 and may_be_bad_luck(view)


def may_be_bad_luck(view: View) -> bool:
    """Whether an answer ended in a way that a lone repeat may not show again."""
    return view.exchange.fault is not None or view.form in {Form.FAILED, Form.NO_ANSWER, Form.PAGE}


def answering(probe: Probe, views: Mapping[tuple[str, str], View]) -> View | None:
    """Return the view that answers a probe, of those that count by probe and model; None when nothing does.

    What was not asked by itself is answered by the request for it and other things, if that was served.
    """
    mine = views.get((probe.id, probe.model))
    if mine is not None or probe.apart is None:
        return mine
    together = views.get((probe.apart, probe.model))
    return together if together is not None and together.succeeded else None
