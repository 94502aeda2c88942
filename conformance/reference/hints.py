"""What a prompt offers as values: quoted strings, capitalised words, words with digits, numbers.

The reference model understands nothing. It fills the arguments of a tool and the members of a schema with
what stands in the prompt, in this order, so that a probe's marker comes back where a real model would put
it.
"""

# ruff: noqa: RUF001  typographic quotes and dashes are what is looked for

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

_QUOTED: Final = re.compile(
    r"[\"“”«「『]([^\"“”«»「」『』\n]{1,80})[\"“”»」』]|(?<!\w)['‘]([^'’\n]{1,80})['’](?!\w)|`([^`\n]{1,80})`"
)
_NAME: Final = re.compile(r"(?<![\w-])[A-Z][\w'-]*(?: [A-Z][\w'-]*)*")
_SENTENCE: Final = re.compile(r"(?:^|[.!?:\n]\s*)([A-Z][\w'-]*)")
_NONCE: Final = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{4,64}(?![\w-])")
_NUMBER: Final = re.compile(r"(?<![\w.-])-?\d{1,15}(?:\.\d{1,9})?(?![\w-])")
_IDEOGRAPHS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,8}")
_ABBREVIATIONS: Final = frozenset({"I", "JSON", "API", "URL", "ID", "AI", "OK"})


class Hints(Struct, frozen=True):
    """The values a prompt offers, first mentioned first."""

    text: str = ""
    words: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()


def read_hints(text: str) -> Hints:
    """Return the values that ``text`` offers."""
    quoted = [next(group for group in match.groups() if group) for match in _QUOTED.finditer(text)]
    bare = _QUOTED.sub(" ", text)
    words = quoted or [*_nonces(bare), *_names(bare)] or _IDEOGRAPHS.findall(text)
    return Hints(
        text, tuple(dict.fromkeys(words)), tuple(_number(digits) for digits in _NUMBER.findall(text))
    )


def _nonces(text: str) -> list[str]:
    """Return the words of ``text`` that mix letters and digits, each once: markers, order numbers, codes."""
    return list(dict.fromkeys(_NONCE.findall(text)))


def _names(text: str) -> list[str]:
    """Return capitalised words that do not merely begin a sentence."""
    firsts = {match.start(1) for match in _SENTENCE.finditer(text)}
    names: list[str] = []
    for match in _NAME.finditer(text):
        name = match.group()
        if match.start() in firsts:
            name = name.partition(" ")[2]
        if name and name not in _ABBREVIATIONS and not name.isupper():
            names.append(name)
    return names


def _number(digits: str) -> float:
    return float(digits) if "." in digits else int(digits)
