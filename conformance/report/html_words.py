"""What report.html says in its own words, in two languages at once: the reader chooses, and no server is asked.

Each text stands in the page twice, marked by language; the style sheet shows one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup, escape

from conformance.datafile import read_yaml
from conformance.report.safe import clip, visible

HOME: Final = Path(__file__).parent / "html"
"""The folder of the page's template, style, script and words."""


@cache
def _texts() -> Mapping[str, Any]:
    """Return the file of texts, which may hold markup: it is ours."""
    texts: Mapping[str, Any] = read_yaml(HOME / "words.yaml")
    return texts


def harmless(value: object) -> Markup:
    """Return a text, which may come from a target, as text that cannot act in a page; markup of ours stays."""
    return value if isinstance(value, Markup) else escape(visible(clip(str(value))))


@cache
def words() -> Mapping[str, Markup]:
    """Return those of the page's texts that have no gaps, in both languages by their name."""
    return {
        name: _both(Markup(texts["en"]), Markup(texts["zh"]))  # noqa: S704 - our own file
        for name, texts in _texts()["words"].items()
        if "{" not in texts["en"]
    }


def word(name: str) -> Markup:
    """Return one of the page's texts that have no gaps; where a template names it outright, it is compiled in."""
    return words()[name]


def say(name: str, **values: object) -> Markup:
    """Return one of the page's texts that have gaps in both languages, with values filled in."""
    english, chinese = _texts()["words"][name]["en"], _texts()["words"][name]["zh"]
    filled = {key: harmless(value) for key, value in values.items()}
    return _both(Markup(english).format(**filled), Markup(chinese).format(**filled))  # noqa: S704 - our own file


def feature_title(name: str, title: str) -> Markup:
    """Return the title of a feature in both languages; one that we have no word for stays as it is."""
    chinese = _texts()["features"].get(name)
    return _both(harmless(title), escape(chinese)) if chinese else harmless(title)


def _both(english: Markup, chinese: Markup) -> Markup:
    pair = Markup('<span class="e">%s</span><span class="z" lang="zh">%s</span>')
    return english if english == chinese else pair % (english, chinese)
