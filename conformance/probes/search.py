"""Web search in the three documented ways, each asked of the models whose card names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.model import Json, Probe
from conformance.probes.asker import Asker

QUESTION: Final = "What do today's news say about the weather?"
LIMIT: Final = 128


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the searches of one model; two values of each member of search_options share two requests."""
    ways = ask.card.searches
    if "enable_search" in ways:
        for strategy, forced in (("standard", True), ("pro", False)):
            options: Json = {"search_strategy": strategy, "forced_search": forced}
            name = "forced" if forced else "offered"
            yield _probe(ask, name, {"enable_search": True, "search_options": options}, "options")
    if "web_search_tool" in ways:
        tool: Json = {"type": "web_search_20250305", "name": "web_search", "max_uses": 1}
        yield _probe(ask, "tool", {"tools": [tool]}, "tool")
    if "search_parameters" in ways:
        wanted: Json = {"mode": "auto", "return_citations": True}
        yield _probe(ask, "parameters", {"search_parameters": wanted}, "parameters")


def _probe(ask: Asker, name: str, members: dict[str, Json], way: str) -> Probe:
    body = ask.body(QUESTION, limit=LIMIT, **{**ask.shape, **members})
    return ask.valid(f"search.{name}", body, feature="search", traits={"search", f"search-{way}"})
