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
    status = refused_with(views)
    if card.retires is None or card.id not in named or status is None:
        return ""
    if min(_day(view) for view in _valid(views)) < card.retires:
        return ""
    return (
        f"document outdated: {card.id} has ended on {card.retires}, and the target refuses it with {status}"
    )


def not_served(model: str, views: Sequence[View], view: View) -> str:
    """Say that a valid request tells nothing, since it met what its model meets with all that it is asked.

    ``views`` are all that the model was asked, and none gave readable text. Empty where the request met another thing.
    """
    status = refused_with(views)
    if status is None or view.probe.intent is not Intent.VALID or view.form is not Form.REFUSED:
        return ""
    return (
        ""
        if view.status != status
        else (
            f"asked through {model}, which this target does not serve (status {status} to all that it was asked): "
            "name one that it serves first"
        )
    )


def refused_with(views: Sequence[View]) -> int | None:
    """Return the status with which a model is refused whatever valid thing it is asked, None where it is not."""
    asked = _valid(views)
    gone = all(view.form is Form.REFUSED and view.status in _GONE for view in asked)
    return asked[0].status if asked and gone else None


def _valid(views: Sequence[View]) -> list[View]:
    return [view for view in views if view.probe.intent is Intent.VALID]


def _day(view: View) -> date:
    return datetime.fromtimestamp(view.exchange.started_at, UTC).date()
