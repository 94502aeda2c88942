"""What the reference model finds when it searches the web: always the same page, which nobody serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from conformance.model import Json


class Page(Struct, frozen=True):
    """A page of the web that a model has read before it answers."""

    url: str
    title: str
    text: str


NEWS: Final = Page(
    "https://example.com/news",
    "Example news",
    " ".join(f"Report {number} says that the weather stays as it is." for number in range(1, 25)),
)


def found(ways: Sequence[str], body: Mapping[str, Json]) -> Page | None:
    """Return the page that a model reads which knows these ways to search; None when it is not told to in one."""
    options, parameters, tools = (body.get(name) for name in ("search_options", "search_parameters", "tools"))
    asked = {
        "enable_search": body.get("enable_search") is True
        and isinstance(options, dict)
        and options.get("forced_search") is True,
        "search_parameters": isinstance(parameters, dict) and parameters.get("mode", "auto") != "off",
        "web_search_tool": isinstance(tools, list)
        and any(isinstance(tool, dict) and str(tool.get("type")).startswith("web_search") for tool in tools),
    }
    return NEWS if any(asked[way] for way in ways) else None
