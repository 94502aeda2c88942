"""Files and pictures in a message, each with a mark that only who has seen it can name.

Asked of models whose card says that they see such things. A part that gets lost on the way leaves an answer without
the mark, and a prompt that is billed as if there were no part. A file by URL is planned as a data URL, in place of
which a target on this machine is sent an address of the run (:mod:`conformance.served`). A web address is asked for
only where it leads nowhere: then no answer can come from the file, wherever the target stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Final

from conformance.canaries import COLOURS, STRIPES, data_url, document, picture
from conformance.model import Defect, Json, Probe
from conformance.probes.asker import Asker, request

WHICH_WORD: Final = "Which code word does the document name? Reply with that word alone."
WHICH_COLOURS: Final = "Which colours have the stripes of the picture? Name them from left to right."
NOWHERE: Final = "https://conformance.invalid/document.pdf"
"""No name ends in .invalid (RFC 2606)."""
UNKNOWN_PART: Final = "x_made_up_part"
MOST_TRIES: Final = 2
LIMIT: Final = 64

FILE_WORDS: Final = ("file", "document", "pdf", "attachment", "part", "content", "文件")
IMAGE_WORDS: Final = ("image", "picture", "vision", "multimodal", "part", "content", "图")
URL_WORDS: Final = (*FILE_WORDS, "url", "fetch", "download", "resolve", "host", "下载")
PART_WORDS: Final = ("type", "part", "content", UNKNOWN_PART)


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the messages with attachments that the model's card speaks of, and one with a part that nobody knows."""
    seen = ask.card.attachments
    if "file" in seen:
        yield from _tries(ask, "data", partial(_inline, ask))
    if "file-url" in seen:
        yield from _tries(ask, "url", partial(_by_url, ask))
        lost: Json = {"type": "file", "file": {"url": NOWHERE}}
        yield ask.invalid(
            "files.url-unreachable",
            request(_body(ask, WHICH_WORD, lost)),
            twin="files.url",
            defect=Defect(
                "a file URL that leads nowhere", URL_WORDS, pointer="/messages/0/content/1/file/url"
            ),
            feature="files",
            streamed=ask.card.stream_only,
            gateway=False,
        )
    if "image" in seen:
        yield from _tries(ask, "image", partial(_image, ask))
    made_up: Json = {"type": UNKNOWN_PART, UNKNOWN_PART: {"text": "Nobody knows this kind of part."}}
    yield ask.invalid(
        "files.unknown-part",
        request(_body(ask, "Say hello in five words.", made_up)),
        twin="messages.parts-escaped",
        defect=Defect("a content part of an unknown type", PART_WORDS, pointer="/messages/0/content/1/type"),
        feature="files",
        streamed=ask.card.stream_only,
    )


def _tries(ask: Asker, name: str, body: Callable[[int], dict[str, Json]]) -> Iterator[Probe]:
    yield from ask.tries(
        lambda number: ask.valid(f"files.{name}", body(number), feature="files", traits={"attached"}),
        when="no-mark",
        most=MOST_TRIES,
    )


def _body(ask: Asker, question: str, part: Json) -> dict[str, Json]:
    parts: Json = [{"type": "text", "text": question}, part]
    return ask.body([{"role": "user", "content": parts}], limit=LIMIT, **ask.shape)


def _inline(ask: Asker, number: int) -> dict[str, Json]:
    address = data_url("application/pdf", document(ask.nonce(f"file {number}")))
    return _body(
        ask, WHICH_WORD, {"type": "file", "file": {"filename": "document.pdf", "file_data": address}}
    )


def _by_url(ask: Asker, number: int) -> dict[str, Json]:
    address = data_url("application/pdf", document(ask.nonce(f"file by URL {number}")))
    return _body(ask, WHICH_WORD, {"type": "file", "file": {"url": address}})


def _image(ask: Asker, number: int) -> dict[str, Json]:
    orders = list(permutations(COLOURS, STRIPES))
    chosen = orders[sum(ask.nonce(f"picture {number}").encode()) * 7 % len(orders)]
    return _body(
        ask,
        WHICH_COLOURS,
        {"type": "image_url", "image_url": {"url": data_url("image/png", picture(chosen))}},
    )
