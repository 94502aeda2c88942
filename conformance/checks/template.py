"""Marks of the chat template that a server left in the text: the model's punctuation, never an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import either, valid
from conformance.model import Finding

_MARKS: Final = re.compile(
    r"<\|(?!tool|python|action)[a-z_]{2,24}\|>|<(?:start|end)_of_turn>"
    r"|<\uff5c(?:begin|end)\u2581of\u2581sentence\uff5c>|<\uff5c(?:User|Assistant)\uff5c>"
    r"|</s>\s*\Z|\A\s*<s>|\A\s*<think(?:ing)?>"
)
"""Begin and end marks of turns and thoughts, as models write them; marks of calls are another matter."""
_LOOKED_AT: Final = 50_000


@check("response.no-template-marks", on=either(valid("text"), valid("calls")), reads=Reads.TEXT)
def no_template_marks(case: Case) -> Iterator[Finding]:
    """The text holds no mark that ends or begins a turn, unless the request wrote it (D10).

    Where a model is known to show thoughts, ``reasoning.not-in-content`` judges their tags.
    """
    text = case.view.text[:_LOOKED_AT]
    thinks = case.card.shows_thoughts and case.card.will_think(case.view.asked)
    asked = case.view.exchange.request.body.decode("utf-8", "replace")
    marks = (found[0].strip() for found in _MARKS.finditer(text))
    mark = next((mark for mark in marks if mark not in asked and not (_of_thoughts(mark) and thinks)), "")
    if mark:
        at = text.find(mark)
        yield case.fail(
            f"{mark!r} in the text: {text[max(0, at - 40) : at + len(mark) + 40]!r}",
            "the text of the answer, without marks of the model's template",
        )
    elif text:
        yield case.ok()
    elif case.probe.has("calls"):
        yield case.skip("the answer has no text, and need not have any beside a call")
    else:
        yield case.unsure("the answer has no text")


def _of_thoughts(mark: str) -> bool:
    return mark.startswith("<think")
