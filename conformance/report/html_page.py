"""report.html: one page that holds everything it needs, asks no server, and runs no script but its own filter.

Every text goes through :func:`conformance.report.html_words.harmless`: the template engine applies it to each
expression, so that no place can forget it, and escapes what is left. Should something slip through all the same,
the page's policy (W3C Content Security Policy 3) lets nothing load and nothing run but the one script whose digest
it names.
"""

from __future__ import annotations

import base64
import hashlib
import re
from contextlib import suppress
from functools import cache
from typing import Final

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined, Template
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from conformance.casecache import cache_folder
from conformance.model import GATEWAY, Outcome, Verdict
from conformance.report import describe
from conformance.report.html_rows import IN_FULL, asked, sections
from conformance.report.html_words import HOME, feature_title, harmless, say, word, words
from conformance.report.safe import visible
from conformance.report.shape import Report

LISTED: Final = 100
"""Entries of a long list that are shown."""

_WEB: Final = re.compile(r"https?://[^\s\"'<>]+")


def render_html(report: Report) -> str:
    """Return the whole page."""
    style, script = _own("style.css"), _own("filter.js")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    features = sorted({*report["features"], *(result["feature"] for result in report["results"])})
    models = sorted({*report["summary"]["models"], *(result["model"] for result in report["results"])})
    return _template().render(
        report=report,
        summary=report["summary"],
        target=report["target"],
        policy=policy,
        style=style,
        script=script,
        sections=sections(report),
        features=features,
        feature_number={name: number for number, name in enumerate(features)},
        models=models,
        model_number={name: number for number, name in enumerate(models)},
        matrix=report["summary"]["matrix"],
        baseline=report["baseline"],
        asked=asked(report),
    )


class _Compiled(FileSystemBytecodeCache):
    """Keeps the compiled template, which takes longer to make than the page; a folder that cannot be used is none."""

    def get_source_checksum(self, source: str) -> str:
        """Tell templates apart by the page's own words too: the engine puts them in when it compiles."""
        return super().get_source_checksum("\n".join([source, *words().values()]))

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what is kept, if there is any."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled, if that can be."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _kept() -> _Compiled | None:
    folder = cache_folder()
    if folder is None:
        return None
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return _Compiled(str(folder))


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HOME),
        bytecode_cache=_kept(),
        autoescape=True,
        finalize=harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {
        "GATEWAY": GATEWAY,
        "IN_FULL": IN_FULL,
        "LISTED": LISTED,
        "OUTCOMES": [str(outcome) for outcome in Outcome],
        "VERDICTS": [str(verdict) for verdict in Verdict],
        "feature_title": feature_title,
        "say": say,
    }
    environment.filters |= {
        "cited": describe.cited,
        "link": link,
        "share": describe.share,
        "whole": whole,
        "word": word,
    }
    return environment.get_template("page.html.jinja")


def link(url: str) -> str:
    """Return an address that a browser only opens as a page of the web, else nothing."""
    return url if _WEB.fullmatch(url) and visible(url) == url else ""


def whole(text: str) -> Markup:
    """Return a harmless text of any length: a command is no use when it is cut."""
    return escape(visible(text))


def _own(name: str) -> Markup:
    return Markup((HOME / name).read_text("utf-8"))  # noqa: S704 - our own file


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
