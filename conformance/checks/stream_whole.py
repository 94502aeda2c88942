"""Whether the text of a stream arrives whole: no space, character or piece lost, doubled or out of order (E14).

Two texts are known beforehand: a line to repeat, and a count. A model slips too. So damage that a slip could leave
as well (one piece of the line) counts only where the count shows it too, and all of it only where the same server
gave a complete answer with its line as it was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from conformance.checks.api import Case, Reads, check
from conformance.checks.select import ids
from conformance.checks.values import broke_off, unread
from conformance.model import Finding
from conformance.probes.messages import ECHO_LINE
from conformance.views import Form, View

COUNT: Final = " ".join(str(number) for number in range(1, 21))
"""What ``stream.basic`` asks for."""

_FEW: Final = 2
"""As many spaces or characters have to be lost, before a model's slip is out of the question."""


@check(
    "stream.text-whole",
    on=ids("messages.echo-stream"),
    reads=Reads.STREAM,
    beside=("messages.echo", "stream.basic"),
)
def text_whole(case: Case) -> Iterator[Finding]:
    """What a complete answer repeats to the letter, a stream does not spoil (E14)."""
    line, parts = _line(case.view), _parts(case.view)
    text = "".join(parts).strip()
    certain = characters_lost(line, text) or spaces_changed(line, text) or repeated(line, parts)
    if line in text and not certain:
        yield case.ok(len(parts))
        return
    complete, count = case.others.get("messages.echo"), case.others.get("stream.basic")
    counted = count if count is not None and count.form is Form.STREAM and _ended(count) else None
    reliable = complete is not None and bool(_line(complete)) and _line(complete) == complete.text.strip()
    also = spoilt(COUNT, _parts(counted)) if counted else ""
    what = certain or (also and (once := spoilt(line, parts)) and f"{once}, and {also} of the count to 20")
    if reliable and what and _ended(case.view):
        yield case.fail(
            f"{what}: {text[:80]!r}",
            f"{line!r}, as the complete answer has it",
            examined=max(len(parts), 1),
            frame=case.view.stream.choice(0).content_parts[0][0] if parts else None,
            also=(complete.where(),) if complete else (),
        )
    elif counted and " ".join(counted.text.split()) == COUNT:
        yield case.ok(len(_parts(counted)), "the count to 20 is whole")
    else:
        yield case.unsure("the model did not repeat the line in both forms, or not exactly")


def _ended(view: View) -> bool:
    return not broke_off(view) and not unread(view) and view.finish_reason != "length"


def _line(view: View) -> str:
    """Return the line that a request asks to repeat, empty when it asks for none."""
    messages = view.asked.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    said = last.get("content") if isinstance(last, dict) else None
    at = said.find(ECHO_LINE) if isinstance(said, str) else -1
    return said[at:].strip() if isinstance(said, str) and at >= 0 else ""


def _parts(view: View) -> list[str]:
    return [text for _, text in view.stream.choice(0).content_parts]


def spaces_changed(line: str, text: str) -> str:
    """Say that most spaces of a line are lost, or as many added, and nothing else; empty when it is not so."""
    there = line.count(" ")
    lost = there - text.count(" ")
    if "".join(line.split()) != "".join(text.split()):
        return ""
    if lost >= _FEW and lost * 2 >= there:
        return f"{lost} of {there} spaces are lost"
    return f"{-lost} spaces are added" if there >= _FEW and -lost >= there else ""


def characters_lost(line: str, text: str) -> str:
    """Say that some characters beyond ASCII are lost wherever they stood, and nothing else."""
    lost = {letter for letter in line if not letter.isascii()} - set(text)
    kept = "".join(letter for letter in line if letter not in lost)
    if len(lost) >= _FEW and text.split() == kept.split():
        return f"{''.join(letter for letter in line if letter in lost)!r} is lost"
    return ""


def repeated(line: str, parts: Sequence[str]) -> str:
    """Say that each piece came twice, or with all before it, or at the end all of them once more in one."""
    if len(parts) <= _FEW * 2:
        return ""
    if parts[-1].strip() == line and all(after.startswith(before) for before, after in pairwise(parts)):
        return "each delta has all the text so far"
    if parts[::2] == parts[1::2] and "".join(parts[::2]).strip() == line:
        return "each delta came twice"
    if "".join(parts[:-1]).strip() == line and parts[-1].strip() == line:
        return "the last delta has the whole text again"
    return ""


def spoilt(whole: str, parts: Sequence[str]) -> str:
    """Say that a text lacks one piece, or that a delta came twice or out of order; empty when it is whole."""
    text, whole = " ".join("".join(parts).split()), " ".join(whole.split())
    if text == whole or not text:
        return ""
    if len(text) < len(whole) and _lacks_one_piece(whole, text):
        return "a piece is lost"
    for at, (one, two) in enumerate(pairwise(parts)):
        if one == two and " ".join("".join((*parts[:at], *parts[at + 1 :])).split()) == whole:
            return "a delta came twice"
    if sorted(text.replace(" ", "")) == sorted(whole.replace(" ", "")) and _rearranged(whole, parts):
        return "deltas came out of order"
    return ""


def _lacks_one_piece(whole: str, text: str) -> bool:
    start = next((at for at, (a, b) in enumerate(zip(whole, text, strict=False)) if a != b), len(text))
    return whole.endswith(text[start:])


def _rearranged(whole: str, parts: Sequence[str]) -> bool:
    """Whether the parts, in another order, are the whole; only changes of place among neighbours are tried."""
    left, order = whole, [part.strip() for part in parts if part.strip()]
    while order:
        left = left.lstrip()
        found = next((part for part in sorted(order, key=len, reverse=True) if left.startswith(part)), None)
        if found is None:
            return False
        order.remove(found)
        left = left[len(found) :]
    return not left.strip()
