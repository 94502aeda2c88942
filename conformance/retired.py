"""Models that a document still names although their provider has ended them: not applicable, and nobody's failure.

What a target cannot offer any more is no defect of the target, and a pass of nobody: the document is outdated. This
holds of a model that the profile names, whose card says a day on which it ends, that was asked on or after this day,
gave no text, and was refused plainly each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

from conformance.model import Intent
from conformance.models import ModelCard
from conformance.views import Form, View

CLAUSE: Final = "K11"
"""The conflict between documents and the ends of models (``spec/clauses.yaml``)."""

_GONE: Final = frozenset({400, 403, 404, 410})
"""Statuses with which a model that is not there is refused."""


def retired(card: ModelCard, named: Iterable[str], views: Sequence[View]) -> str:
    """Say that a model has ended, or return an empty text.

    ``views`` are all that it was asked, and none gave readable text; ``named`` are the models of the profile.
    """
    asked = [view for view in views if view.probe.intent is Intent.VALID]
    if card.retires is None or card.id not in named or not asked:
        return ""
    if min(_day(view) for view in asked) < card.retires:
        return ""
    if any(view.form is not Form.REFUSED or view.status not in _GONE for view in asked):
        return ""
    status = asked[0].status
    return (
        f"document outdated: {card.id} has ended on {card.retires}, and the target refuses it with {status}"
    )


def _day(view: View) -> date:
    return datetime.fromtimestamp(view.exchange.started_at, UTC).date()
