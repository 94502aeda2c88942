"""How the reference gateway says no: one exception that carries the HTTP status and the error object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TYPES: Final = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a number"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
)


class Refused(Exception):  # noqa: N818  a refusal is an answer, not an accident
    """A request that is answered with an error.

    ``status`` is the HTTP status; ``message``, ``kind`` (the member ``type``), ``param`` and ``code`` are
    the error object; ``headers`` are added to the answer (``Allow``, ``WWW-Authenticate``).
    """

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the parts of the error object apart."""
        super().__init__(message)
        self.message, self.param, self.code = message, param, code
        self.status, self.kind = status, kind
        self.headers: Mapping[str, str] = dict(headers or {})


def missing(param: str) -> Refused:
    """Say that a required member is absent or null."""
    return Refused(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def wrong_type(param: str, expected: str, value: object) -> Refused:
    """Say that a member has a JSON type that it must not have."""
    return Refused(
        f"Invalid type for '{param}': expected {expected}, but got {json_type(value)} instead.",
        param=param,
        code="invalid_type",
    )


def wrong_value(param: str, reason: str, code: str = "invalid_value") -> Refused:
    """Say that a member has the right type and a value that is not allowed."""
    return Refused(f"Invalid '{param}': {reason}", param=param, code=code)


def json_type(value: object) -> str:
    """Return the JSON type of ``value`` with its article, for error texts."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "null")
