"""Files and pictures are read, or refused by name; never dropped without a word (clauses B14, F05, K12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.checks.api import Case, Reads, Selector, check
from conformance.checks.attached import PLAIN, growth, most, seen
from conformance.checks.outcomes import ASIDE, SERVED, Effect, Shown, Wanted, conclude
from conformance.checks.select import ids, valid
from conformance.model import Finding
from conformance.probes.files import FILE_WORDS, IMAGE_WORDS, PART_WORDS, URL_WORDS
from conformance.views import Form

FILE: Final = Wanted("a file as inline data", FILE_WORDS, ("file",), or_refused=True)
URL: Final = Wanted("a file by URL", URL_WORDS, ("file_url",), or_refused=True)
IMAGE: Final = Wanted("an image", IMAGE_WORDS, ("image",), or_refused=True)
ANY: Final = Wanted(
    "a message with a file or image",
    tuple(dict.fromkeys((*URL_WORDS, *IMAGE_WORDS))),
    ("file", "file_url", "image"),
    or_refused=True,
)
LOST: Final = Wanted(
    "a file URL that leads nowhere",
    URL_WORDS,
    or_refused=True,
    statuses=frozenset(range(400, 500)) - ASIDE,
)
UNKNOWN: Final = Wanted("a content part of an unknown type", PART_WORDS, or_refused=True)


def _reads(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted, seen(case) if case.view.succeeded else SERVED)

    check(requirement, on=on, reads=Reads.ANSWER, beside=(PLAIN,), verb="reads")(judge)


_reads("files.data-read", ids("files.data"), FILE)
_reads("files.url-read", ids("files.url"), URL)
_reads("files.image-read", ids("files.image"), IMAGE)


@check("files.not-dropped", on=valid("attached"), reads=Reads.TEXT, beside=(PLAIN,))
def not_dropped(case: Case) -> Iterator[Finding]:
    """What is served was seen, by its mark or by the bill; a refusal drops nothing, and is another requirement's."""
    shown, grown = seen(case), growth(case)
    if shown.effect is Effect.UNCLEAR and grown is not None and grown > most(case):
        shown = Shown(Effect.UNSEEN, f"prompt_tokens grow by {grown}")
    yield conclude(case, ANY, shown)


@check("files.url-unreachable", on=ids("files.url-unreachable"), reads=Reads.ANSWER)
def url_unreachable(case: Case) -> Iterator[Finding]:
    """Nobody can have read the file, so an answer was made without it."""
    if case.view.form is Form.FAILED:
        yield case.fail(
            f"status {case.view.status}", "a 4xx status with the cause: the client can mend its URL"
        )
        return
    saw = f"status {case.view.status} and an answer, although there is no such file: {case.view.text[:60]!r}"
    yield conclude(case, LOST, Shown(Effect.MISSING, saw, "a 4xx status with the cause"))


@check("files.unknown-part", on=ids("files.unknown-part"), reads=Reads.ANSWER)
def unknown_part(case: Case) -> Iterator[Finding]:
    """What nobody knows cannot have been read either."""
    saw = f"status {case.view.status}: the part was dropped without a word"
    yield conclude(case, UNKNOWN, Shown(Effect.MISSING, saw, "400 or 422 with the cause"))
