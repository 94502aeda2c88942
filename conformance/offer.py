"""Which models a run asks: the named ones, those that patterns and families choose, or what a profile names.

Pure: what a target offers is asked elsewhere (:mod:`conformance.engine`). What is the gateway's is asked once,
through the first model; of models that nobody put in order the one that is cheapest to ask goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from conformance.errors import UsageError
from conformance.words import named

if TYPE_CHECKING:
    from conformance.catalogue import Profile
    from conformance.models import ModelCards

_NAMED: Final = 20
"""How many of the models on offer an error names."""


def matching(patterns: Iterable[str], known: Sequence[str], cards: ModelCards) -> tuple[str, ...]:
    """Return the known models that patterns choose, in the order of ``known``.

    A pattern is the name of a family (as in ``spec/models.yaml``), or a glob that has to match a whole name, with or
    without a vendor's prefix; upper and lower case are the same.

    Raises:
        UsageError: a pattern chooses none; says which there are.

    """
    chosen: set[str] = set()
    for pattern in patterns:
        found = [name for name in known if _chooses(pattern, name, cards)]
        if not found:
            families = sorted({family for name in known if (family := cards.family(name))})
            raise UsageError(
                f"--models {pattern!r} matches no model.",
                why=f"there are {named([*map(repr, known)], _NAMED)}"
                + (f"; families: {', '.join(families)}" if families else ""),
                hint="give a glob ('gpt-*'), a family, or the exact name with --model",
            )
        chosen.update(found)
    return tuple(name for name in known if name in chosen)


def _chooses(pattern: str, name: str, cards: ModelCards) -> bool:
    glob = pattern.lower()
    if any(family.name == glob for family in cards.families):
        return cards.family(name) == glob
    return any(fnmatchcase(each.lower(), glob) for each in (name, name.rpartition("/")[2]))


def chosen_by(profile: Profile, offered: Sequence[str]) -> tuple[str, ...]:
    """Choose among the offered models when nobody named one: the only one, or those that the profile names.

    Raises:
        UsageError: several are offered and the profile names none of them.

    """
    if len(offered) == 1:
        return tuple(offered)
    chosen = tuple(model for model in profile.models if model in set(offered))
    if chosen:
        return chosen
    raise UsageError(
        f"The target offers {len(offered)} models and none was chosen.",
        why=f"it lists {named([*map(repr, offered)], _NAMED)}",
        hint="choose with --model NAME or --models GLOB (both repeatable)",
    )


def cheapest_first(models: Sequence[str], cards: ModelCards) -> tuple[str, ...]:
    """Put the model in front that answers everything for the fewest tokens; the others keep their order."""

    def price(model: str) -> tuple[bool, bool, int]:
        card = cards.card(model)
        return card.retires is not None, card.stream_only, card.least_budget

    first = min(models, key=price, default=None)
    return tuple(sorted(models, key=lambda model: model != first))
