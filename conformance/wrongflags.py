"""What is wrong with a command line, said as every error is: what, why and what to do; the same in both shells."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from conformance.errors import UsageError

_VALUE = re.compile(r"argument (?P<flag>\S+): (?P<why>.*)", re.DOTALL)
_UNKNOWN = re.compile(r"unrecognized arguments: (?P<words>.*)", re.DOTALL)
_CHOICE = re.compile(
    r"invalid choice: '(?P<word>.*?)' \((?:choose from|maybe you meant) (?P<known>.*)\)", re.DOTALL
)
_LOST = "it is empty"
_NUMBERS = {"int": "a whole number", "float": "a number"}


def given(text: str) -> str:
    """Return the value of an option as it is, unless it is empty.

    Raises:
        argparse.ArgumentTypeError: it is; nobody gives an empty value on purpose.

    """
    if not text.strip():
        raise argparse.ArgumentTypeError(_LOST)
    return text


def demanding(how: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to add an option to a parser of others so that its value is never empty."""
    takes_text = "type" not in how and not str(how.get("action", "")).startswith("store_")
    return {**how, "type": given} if takes_text else dict(how)


def wrong_flag(message: str, known: Iterable[str], *, usage: str) -> UsageError:
    """Return the error for what argparse found; ``known`` are the options, ``usage`` is the command with ``--help``."""
    see = f"see {usage}"
    if found := _UNKNOWN.fullmatch(message):
        word = found["words"].split()[0].partition("=")[0]
        if word.startswith("-"):
            return UsageError(f"There is no option {word}.", hint=_nearest(word, known) or see)
        # Not shown: it may be a key whose option was forgotten.
        return UsageError("There is an argument too many, or the option before it is missing.", hint=see)
    if (found := _VALUE.fullmatch(message)) is None:
        return UsageError(f"The command line is wrong: {message}.", hint=see)
    return _wrong_value(found["flag"], found["why"], see)


def _wrong_value(flag: str, why: str, see: str) -> UsageError:
    if why == _LOST:
        return UsageError(
            f"The value of {flag} is empty.",
            why="a variable that was to fill it may have got lost",
            hint="set it, or leave the option away",
        )
    if choice := _CHOICE.fullmatch(why):
        choices = [word.strip("' ") for word in choice["known"].split(",")]
        hint = _nearest(choice["word"], choices) or f"choose one of {', '.join(choices)}"
        return UsageError(f"{flag} cannot be {choice['word']!r}.", hint=hint)
    if number := re.fullmatch(r"invalid (int|float) value: (.*)", why, re.DOTALL):
        return UsageError(f"{flag} has to be {_NUMBERS[number[1]]}, not {number[2]}.", hint=see)
    if why.startswith("expected "):
        return UsageError(
            f"{flag} has no value.", why="a word that begins with - is taken for the next option", hint=see
        )
    return UsageError(f"{flag}: {why}.", hint=see)


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=2)
    return f"did you mean {' or '.join(close)}?" if close else ""


class Grammar(argparse.ArgumentParser):
    """A parser whose options are never abbreviated and never empty, and whose errors say what to do."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Do what ``ArgumentParser`` does."""
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})  # type: ignore[arg-type]
        self.register("type", None, given)

    def add_subparsers(self, **kwargs: Any) -> Any:  # noqa: ANN401 - argparse's own
        """Do what ``ArgumentParser`` does; the arguments of a command are its own to judge."""
        commands = super().add_subparsers(**kwargs)
        commands.type = str
        return commands

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - argparse's
        """Refuse here what is not known, where it is known which options there are."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        """Raise it as an error of ours."""
        raise wrong_flag(message, self._option_string_actions, usage=f"{self.prog} --help")
