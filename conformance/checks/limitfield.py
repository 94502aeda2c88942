"""Tells whether a refusal is about the name of the field that limits an answer, not about what was asked.

Of the two names, ``max_tokens`` and ``max_completion_tokens``, some models take one alone. Which one a model takes
stands in its card; of a model without a card it is guessed, and a guess must not count against anybody.
"""

from __future__ import annotations

import re
from typing import Final

from conformance.checks.errortext import error_words
from conformance.model import Intent
from conformance.views import Form, View

FIELDS: Final = ("max_tokens", "max_completion_tokens")
"""The names of the limit (openai-openapi, CreateChatCompletionRequest); the first is the older one."""

_NOT_THIS_ONE: Final = re.compile(
    r"unsupported|not supported|not support|instead|deprecated|unrecognized|unknown|不支持|改用",
    re.IGNORECASE,
)


def other_limit(view: View) -> str:
    """Return the limit that an error asks for in place of the one that was sent, empty where it does not.

    An error is so read where it names both fields, says that one of them is not taken, and only the other was sent.
    """
    if view.form is not Form.REFUSED:
        return ""
    sent = [name for name in FIELDS if view.asked.get(name) is not None]
    if len(sent) != 1:
        return ""
    words = error_words(view)
    other = next(name for name in FIELDS if name not in sent)
    named = all(re.search(rf"(?<![A-Za-z0-9_]){name}(?![A-Za-z0-9_])", words) for name in FIELDS)
    absent = other not in view.asked
    return other if named and absent and _NOT_THIS_ONE.search(words) else ""


def wants_limit(view: View, plain: View | None) -> str:
    """Say that a request without a limit was refused for want of one alone; empty where it was not.

    ``plain`` is the answer to the same request with a limit.
    """
    if view.form is not Form.REFUSED or plain is None or not plain.succeeded:
        return ""
    if any(view.asked.get(name) is not None for name in FIELDS):
        return ""
    named = any(name in error_words(view) for name in FIELDS)
    return "with a limit it is served; parameters.no-limit judges that" if named else ""


def asked_amiss(view: View) -> str:
    """Say what to do where a valid request was refused for the name of its limit; empty where it was not."""
    field = other_limit(view) if view.probe.intent is Intent.VALID else ""
    return field and (
        f"the model takes {field} only, and was asked with another limit: give it a card with "
        f"ask: {{limit_field: {field}}} in a profile of your own, and run again with --profile"
    )
