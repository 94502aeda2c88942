"""Web search: taken in its three documented ways, resolved by the server, and its sources in a known form (C24-C28)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from conformance.checks.api import Case, Reads, Selector, check
from conformance.checks.attached import PLAIN, growth, least, most
from conformance.checks.errortext import error_words
from conformance.checks.outcomes import ASIDE, Effect, Shown, Wanted, conclude, names_any
from conformance.checks.parameters_members import beside
from conformance.checks.select import either, ids, valid
from conformance.checks.values import choices_of, is_text, withheld
from conformance.model import Finding, Json
from conformance.strictjson import is_integer
from conformance.toolcalls import Call, calls_of
from conformance.views import View

ENABLE: Final = Wanted(
    "enable_search", ("enable_search", "enable search", "web search", "联网"), ("enable_search",)
)
STRATEGY: Final = Wanted("search_options.search_strategy", ("strategy",), ("search_strategy",))
FORCED: Final = Wanted("search_options.forced_search", ("forced",), ("forced_search",))
_WHOLE: Final = ("search_options", "search options")
"""How an error names the object of both; where it names one of its members, that one alone is meant."""
TOOL: Final = Wanted("the web search tool", ("tool", "search", "function", "工具"), ("web_search_tool",))
PARAMETERS: Final = Wanted(
    "search_parameters",
    ("search", "搜索"),
    ("search_parameters",),
    or_refused=True,
    statuses=frozenset(range(400, 500)) - ASIDE,
)

_LINK: Final = re.compile(r"https?://[^\s)\]>\"']+")
_SEARCHED: Final = either(valid("search"), ids("chat.basic"))


def _text(view: View) -> Shown:
    if view.text.strip():
        return Shown(Effect.UNSEEN)
    if why := withheld(view):
        return Shown(Effect.UNCLEAR, why)
    if calls_of(view):
        return Shown(Effect.ELSEWHERE, "the answer is a tool call; another requirement judges that")
    return Shown(Effect.SPOILT, "a success without text", "an answer with text")


def _accepts(requirement: str, on: Selector, wanted: Wanted) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        yield conclude(case, wanted, _text(case.view))

    check(requirement, on=on, reads=Reads.ANSWER, verb="accepts")(judge)


def _option(requirement: str, place: int) -> None:
    def judge(case: Case) -> Iterator[Finding]:
        named = names_any(error_words(case.view), (*STRATEGY.names, *FORCED.names))
        more = () if named else _WHOLE
        members = (replace(each, names=(*each.names, *more)) for each in (STRATEGY, FORCED))
        together = (ENABLE, *members)
        yield conclude(case, beside(together[place], together), _text(case.view))

    check(requirement, on=valid("search-options"), reads=Reads.ANSWER, verb="accepts")(judge)


for _place, _name in enumerate(("enable", "strategy", "forced")):
    _option(f"search.{_name}-accepted", _place)
_accepts("search.tool-accepted", valid("search-tool"), TOOL)
_accepts("search.parameters-accepted", valid("search-parameters"), PARAMETERS)


@check("search.effect", on=ids("search.forced"), reads=Reads.TEXT, beside=(PLAIN,))
def effect(case: Case) -> Iterator[Finding]:
    """Pages that a model has read stand in the bill of its prompt, or among its sources."""
    grown = growth(case)
    if _sources(case.view):
        yield case.ok(saw="the answer names its sources")
    elif grown is None:
        yield case.unsure("the answer tells no prompt tokens, or the plain one does not")
    elif grown > most(case):
        yield case.ok(saw=f"prompt_tokens grow by {grown}")
    elif grown <= least(case):
        yield case.fail(
            f"prompt_tokens grow by {grown}, as the question alone would make them, and no source is named",
            "prompt tokens of the pages that were read, or sources",
        )
    else:
        yield case.unsure(f"prompt_tokens grow by {grown}, which decides nothing")


@check("search.tool-resolved", on=valid("search-tool"), reads=Reads.TEXT)
def tool_resolved(case: Case) -> Iterator[Finding]:
    """The server runs the search that it offered; the client cannot (F03)."""
    left = [name for call in calls_of(case.view) if (name := _searching(call))]
    if left:
        yield case.fail(f"a tool call named {left[0]!r} is left to the client", "the answer's text")
    elif case.view.text.strip():
        yield case.ok()
    else:
        yield case.unsure("the answer has neither text nor a call")


def _searching(call: Call) -> str:
    """Return the name of a call that searches, empty where it does not; of a malformed call it stands elsewhere."""
    first = call.first.value
    names = (call.name, first.get("name"), first.get("type"))
    return next((name for name in names if isinstance(name, str) and "search" in name), "")


@check("search.citations", on=_SEARCHED, reads=Reads.COMPLETION)
def citations(case: Case) -> Iterator[Finding]:
    """A top-level list of URLs, where there is one (F04)."""
    given = case.view.object.get("citations")
    if given is None:
        yield case.skip("there are no citations")
    elif not isinstance(given, list):
        yield case.fail(f"citations is {given!r}"[:120], "an array of URLs", pointer="/citations")
    elif wrong := [item for item in given if not (isinstance(item, str) and _LINK.fullmatch(item))]:
        yield case.fail(f"{wrong[0]!r}"[:120], "a URL as text", pointer="/citations", examined=len(given))
    elif given:
        yield case.ok(len(given))
    else:
        yield case.skip("citations are empty")


@check("search.annotations", on=_SEARCHED, reads=Reads.COMPLETION)
def url_citations(case: Case) -> Iterator[Finding]:
    """Annotations have OpenAI's form; links that a search put into the text have some, or citations."""
    found = 0
    for number, choice in enumerate(choices_of(case.view)):
        message = choice.get("message")
        given = message.get("annotations") if isinstance(message, dict) else None
        for item in given if isinstance(given, list) else []:
            found += 1
            if wrong := _not_a_citation(item):
                yield case.fail(wrong, "type url_citation with url, title, start_index and end_index",
                                pointer=f"/choices/{number}/message/annotations", examined=found)  # fmt: skip
                return
    links = _LINK.findall(case.view.text) if case.probe.has("search") else []
    if found:
        yield case.ok(found)
    elif links and not _sources(case.view):
        yield case.fail(f"the text has the link {links[0][:80]}, and no annotation names it",
                        "annotations or citations for the links of a search", examined=len(links))  # fmt: skip
    else:
        yield case.skip("there are no annotations")


def _not_a_citation(item: Json) -> str:
    """Say what is wrong with an annotation, empty when nothing is."""
    inner = item.get("url_citation") if isinstance(item, dict) else None
    if not isinstance(item, dict) or item.get("type") != "url_citation" or not isinstance(inner, dict):
        return f"{item!r}"[:120]
    texts = [name for name in ("url", "title") if not is_text(inner.get(name))]
    indexes = [name for name in ("start_index", "end_index") if not is_integer(inner.get(name))]
    return f"no {', '.join(texts + indexes)}" if texts or indexes else ""


def _sources(view: View) -> bool:
    given = view.object.get("citations")
    annotated = view.message.get("annotations") if isinstance(view.message, dict) else None
    return bool(given) or bool(annotated)
