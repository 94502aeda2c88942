"""Conversations are taken as they are written, and text comes through unharmed (contract clauses B06-B16)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from conformance.checks.api import Case, Reads, Selector, check
from conformance.checks.errors import validation_status
from conformance.checks.limitfield import wants_limit
from conformance.checks.outcomes import Wanted, conclude
from conformance.checks.select import either, ids, valid
from conformance.checks.values import broke_off, texts_of
from conformance.model import Finding, Outcome
from conformance.probes import LIFE
from conformance.probes.messages import ECHO_LINE
from conformance.views import Form

_CONTENT: Final = ("content", "part", "array", "list", "内容")


def _accepts(
    requirement: str, on: Selector, what: str, names: tuple[str, ...] = (), *, plain: bool = False
) -> None:
    """Bind a check of acceptance; a refusal that names the cause has one of ``names``."""

    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, Wanted(what, names, plain=plain))

    check(requirement, on=on, reads=Reads.ANSWER, verb="accepts")(judge)


_accepts("messages.minimal-body", valid("minimal"), "a body of model and messages alone", plain=True)


def _plainest(requirement: str, on: Selector, what: str) -> None:
    """Bind a check of what the plainest requests have too; where one of them is served, another cause refused them."""

    def judge(case: Case) -> Iterator[Finding]:
        complete = case.others.get(LIFE)
        if unlimited := wants_limit(case.view, case.plain):
            yield case.skip(unlimited)
        elif case.view.form is Form.REFUSED and case.probe.streamed and complete and complete.succeeded:
            yield case.skip("without stream it is served; transport.endpoint-served judges that")
        else:
            yield conclude(case, Wanted(what, (), plain=True))

    check(requirement, on=on, reads=Reads.ANSWER, verb="accepts", beside=(LIFE,))(judge)


_plainest("messages.user-only", valid("minimal"), "a conversation of one user message")
_plainest("messages.string-content", either(valid("minimal"), valid("life")), "content as a string")
_accepts("messages.system-role", valid("system"), "a system message", ("system", "role", "角色"))
_accepts(
    "messages.assistant-role",
    valid("assistant"),
    "an assistant message in the history",
    ("role", "assistant"),
)
_accepts("messages.parts-content", valid("parts"), "content as an array of one text part", _CONTENT)
_accepts("messages.name-accepted", valid("name"), "a message with a name", ("name",))
_accepts("messages.unicode-accepted", valid("unicode"), "text in many scripts")


def _clear_either_way(requirement: str, on: Selector, what: str) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        if case.view.succeeded:
            yield case.ok(outcome=Outcome.ACCEPTED)
        elif case.view.form is Form.REFUSED and case.view.error is not None:
            yield case.ok(outcome=Outcome.REJECTED_CLEAN)
        elif case.view.form is Form.REFUSED:
            yield case.fail(
                f"status {case.view.status} to {what}, without an error", "success, or a clear refusal"
            )
        else:
            yield case.skip(f"the answer is {case.view.form.noun}; another requirement judges that")

    check(requirement, on=on, reads=Reads.ANSWER, verb="takes_or_refuses")(judge)


_clear_either_way("messages.developer-role", valid("developer"), "a developer message")
_clear_either_way(
    "messages.assistant-last", valid("assistant-last"), "a conversation that ends with the assistant"
)


PIECES: Final = ("价格", "Ünïcödé", "😀", "ﾃｽﾄ")
"""Parts of the line that no answer holds by chance."""

_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
"""Characters that take two units of UTF-16: what is made for one alone breaks them, and nothing else."""

_ESCAPES: Final = (
    r"(?i:\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u000[0-9a-f]{5}|\\u\{[0-9a-f]{5}\}"
    r"|&#(?:x[0-9a-f]{5}|[0-9]{6});)"
)
"""A pattern of the ways to write such a character in ASCII: of JSON, of Python and JavaScript, of HTML."""


def _pattern(line: str, astral: str) -> str:
    """Return a pattern of the line in which the astral characters came back otherwise, all of them, and no other."""
    return astral.join(re.escape(piece) for piece in _ASTRAL.split(line))


def spoilt_forms(line: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the ways in which relays are known to spoil a line, each with a pattern of what comes back then."""
    from html import escape  # noqa: PLC0415 - its tables are large, and only what is spoilt needs them

    utf8 = line.encode("utf-8")
    forms = [
        ("UTF-8 read as Latin-1", re.escape(utf8.decode("latin-1")[:12].strip())),
        ("UTF-8 read as Windows-1252", re.escape(utf8.decode("cp1252", "ignore")[:12].strip())),
        ("backslashes doubled", re.escape(line.replace("\\", "\\\\"))),
        ("backslashes lost", re.escape(line.replace("\\", ""))),
        (
            "other characters in place of letters",
            "".join(re.escape(letter) if letter.isascii() else "[?\ufffd]{0,4}" for letter in line),
        ),
        (
            "U+FFFD in place of letters",
            "".join(
                re.escape(letter) if letter.isascii() else f"(?:{letter}|\ufffd{{1,4}})" for letter in line
            ),
        ),
        ("marks of HTML escaped", re.escape(escape(line[line.rindex("a<") :], quote=False))),
        ("JSON escapes left in", f"(?i:{re.escape(json.dumps(PIECES[0])[1:-1])})"),
        (
            "character references left in",
            "".join(rf"(?i:&#0*(?:{ord(c)}|x0*{ord(c):x});)" for c in PIECES[0]),
        ),
        ("percent-encoded", f"(?i:{re.escape(quote(PIECES[0]))})"),
        ("other characters in place of emoji", _pattern(line, "[?\ufffd]{1,4}")),
        ("escapes in place of emoji", _pattern(line, _ESCAPES)),
    ]
    return tuple((what, re.compile(pattern)) for what, pattern in forms)


@check("messages.unicode-roundtrip", on=valid("echo"), reads=Reads.TEXT)
def unicode_roundtrip(case: Case) -> Iterator[Finding]:
    """A line that the model repeats comes back as it was sent (B16)."""
    text = case.view.text
    if ECHO_LINE in text:
        yield case.ok(len(ECHO_LINE))
        return
    whole = sum(piece in text for piece in PIECES)
    spoilt = [(what, found) for what, form in spoilt_forms(ECHO_LINE) if (found := form.search(text))]
    without = _ASTRAL.sub("", ECHO_LINE)
    if spoilt:
        what, found = spoilt[0]
        yield case.fail(f"{what}: {found[0][:60]!r}", f"{ECHO_LINE!r}", examined=len(ECHO_LINE))
    elif without in text and not broke_off(case.view):
        yield case.fail(f"no emoji: {without[:60]!r}", f"{ECHO_LINE!r}", examined=len(ECHO_LINE))
    elif whole:
        unharmed = f"{whole} of {len(PIECES)} parts of the line came back unharmed"
        yield case.unsure(f"{unharmed}, the line did not; the model may have changed it")
    else:
        yield case.unsure("the model did not repeat the line")


@check("messages.no-replacement-characters", on=either(valid("text"), valid("unicode")), reads=Reads.TEXT)
def no_replacement(case: Case) -> Iterator[Finding]:
    """No U+FFFD stands where a character was (B16): a relay that decodes each read by itself leaves them."""
    texts = [text for text in texts_of(case.view) if text]
    spoilt = next((text for text in texts if "\ufffd" in text), None)
    truncated = spoilt is not None and spoilt.rstrip("\ufffd").find("\ufffd") < 0
    if spoilt is not None and not truncated:
        at = spoilt.index("\ufffd")
        yield case.fail(
            f"U+FFFD in {spoilt[max(0, at - 12) : at + 12]!r}",
            "the characters themselves",
            examined=len(texts),
        )
    elif texts:
        yield case.ok(len(texts))
    else:
        yield case.unsure("the answer has no text")


@check("messages.parts-not-empty", on=ids("messages.parts-empty"), reads=Reads.ANSWER)
def parts_not_empty(case: Case) -> Iterator[Finding]:
    """Content without a part is none (B13)."""
    yield from validation_status(case)


@check("messages.parts-all-read", on=ids("messages.parts-all"), reads=Reads.TEXT)
def parts_all_read(case: Case) -> Iterator[Finding]:
    """Both text parts reach the model (B13): shown when the answer has a word of each."""
    content = case.view.asked.get("messages")
    text = case.view.text.lower()
    words = _marked_words(content)
    shown = [word for word in words if word.lower() in text]
    if words and len(shown) == len(words):
        yield case.ok(len(words), outcome=Outcome.APPLIED)
    elif shown:
        missing = ", ".join(word for word in words if word not in shown)
        yield case.fail(
            f"the answer has {', '.join(shown)} and not {missing}",
            "the words of all parts",
            examined=len(words),
        )
    else:
        yield case.unsure("the answer shows no word of the parts; the model may simply not have obliged")


def _marked_words(messages: object) -> list[str]:
    words = []
    for message in messages if isinstance(messages, list) else []:
        parts = message.get("content") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else []:
            said = str(part.get("text", "")) if isinstance(part, dict) else ""
            if " word is " in said:
                words.append(said.split(" word is ", 1)[1].split(".", 1)[0])
    return words
