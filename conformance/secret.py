"""A value that is sent and never shown: it has no text form, and does not leave the process by accident."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from conformance.errors import UsageError

SHORTEST: Final = 6
"""Characters that a secret needs at least: a shorter one stands in every answer by chance, and masks it."""

KEY_VARIABLE: Final = "OPENAI_API_KEY"
"""The environment variable that holds the key unless the user names another."""

_LARGEST_FILE: Final = 64 * 1024
_WIRE_WORDS: Final = (
    "http/1.1 content-type content-length transfer-encoding chunked application/json text/event-stream"
    " chat.completion.chunk object created choices finish_reason message messages delta assistant content"
    " reasoning_content tool_calls function arguments usage prompt_tokens completion_tokens total_tokens"
    " error invalid_request_error authentication authorization bearer"
)


class Secret:
    """A secret text. ``repr``, ``str`` and ``format`` show none of it, and it cannot be pickled."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        """Wrap ``value``."""
        self.__value = value

    def reveal(self) -> str:
        """Return the text, for sending it and for masking it."""
        return self.__value

    def __repr__(self) -> str:
        """Return the same for every secret."""
        return "Secret(...)"

    def __format__(self, spec: str) -> str:
        """Return the same for every secret, whatever the format asks for."""
        return repr(self)

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not depend on the values."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __hash__(self) -> int:
        """Hash as equal secrets do."""
        return hash((Secret, self.__value))

    def __copy__(self) -> Secret:
        """Return itself: it does not change."""
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        """Return itself: it does not change."""
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: always.

        """
        raise TypeError("a secret cannot be pickled")


def why_not_masked(value: str) -> str:
    """Say why a text cannot be masked wherever it appears, empty when it can.

    Local servers take any key, and people give them ``test`` or ``EMPTY``. Such a placeholder is sent like a key, and
    is no secret: masking it would spoil the evidence.
    """
    if len(value) < SHORTEST:
        return f"it has fewer than {SHORTEST} characters, and a text this short appears by chance"
    if not (value.isascii() and value.isprintable()):
        return "it holds a control character or a character outside ASCII"
    if value.lower() in _WIRE_WORDS or value.isdigit():
        return "it is a common word of the protocol, or a number"
    return ""


def checked_secret(text: str, *, origin: str) -> Secret:
    """Return ``text`` without the white space around it as a secret; ``origin`` says where it was read.

    Raises:
        UsageError: it is empty or shorter than :data:`SHORTEST`, or it has a character that no header can
            carry. The text itself is never shown.

    """
    secret = _sendable(text, origin=origin)
    if len(secret.reveal()) < SHORTEST:
        raise UsageError(
            f"{origin} has fewer than {SHORTEST} characters.",
            why="the suite masks a secret wherever it appears, and a text this short appears by chance",
            hint=f"use one of {SHORTEST} characters or more, or leave it unset when the target needs none",
        )
    return secret


def _sendable(text: str, *, origin: str) -> Secret:
    value = text.strip()
    if not value:
        raise UsageError(f"{origin} is empty.", hint="put the secret there, or do not name it")
    if not (value.isascii() and value.isprintable()):
        raise UsageError(
            f"{origin} holds a control character or a character outside ASCII.",
            why="an HTTP header cannot carry it; it was probably copied with something around it",
            hint="copy it again, without quotes and line breaks",
        )
    return Secret(value)


def read_key(
    *, variable: str | None = None, file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Secret | None:
    """Read the API key from a file or an environment variable; there is no other way in.

    Without either, :data:`KEY_VARIABLE` is read, and None returned when it is unset or empty: some targets
    need no key. What the user named has to exist.

    Raises:
        UsageError: the named place has no key, or what is there cannot be a key.

    """
    if file is not None:
        return _key(_read_file(file), origin=f"The key file {file}")
    if variable is not None and variable not in environ:
        raise UsageError(
            f"The environment variable {variable} for the key is not set.",
            hint=f"set it: export {variable}=...",
        )
    name = variable or KEY_VARIABLE
    text = environ.get(name, "")
    if variable is None and not text.strip():
        return None
    return _key(text, origin=f"The environment variable {name}")


def _key(text: str, *, origin: str) -> Secret:
    key = _sendable(text, origin=origin)
    if " " in key.reveal():
        raise UsageError(
            f"{origin} holds a space inside the key.",
            why="a key is one word (RFC 6750, 2.1)",
            hint="put the key alone there, without 'Bearer' and without a name",
        )
    return key


def _read_file(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise UsageError(
            f"The key file {file} cannot be read.",
            why=error.strerror or "",
            hint="check the name, and that you may read the file",
        ) from error
    if len(data) > _LARGEST_FILE:
        raise UsageError(
            f"The key file {file} is over {_LARGEST_FILE} bytes: it is no key file.",
            hint="name the file that holds the key alone",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"The key file {file} is not text.", hint="put the key alone there") from None
