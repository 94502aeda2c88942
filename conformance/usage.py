"""Token counts as a target reports them, for the bill and for budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from conformance.model import Json
from conformance.strictjson import is_integer
from conformance.views import Form, View


class Tokens(NamedTuple):
    """Prompt and completion tokens; zero where nothing usable was reported."""

    prompt: int = 0
    completion: int = 0


def tokens_of(view: View) -> Tokens:
    """Return what an answer says it cost."""
    usage: Json | Mapping[str, Json] = None
    if view.form is Form.COMPLETION:
        usage = view.object.get("usage")
    elif view.form is Form.STREAM and view.stream.usages:
        usage = view.stream.usages[-1].usage
    if not isinstance(usage, Mapping):
        return Tokens()
    return Tokens(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))


def total(views: Iterable[View]) -> Tokens:
    """Sum what answers say they cost."""
    counted = [tokens_of(view) for view in views]
    return Tokens(sum(each.prompt for each in counted), sum(each.completion for each in counted))


def _count(value: Json) -> int:
    return value if is_integer(value) and 0 <= value < 10**9 else 0
