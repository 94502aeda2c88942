"""Tells an intermediary's page (a CDN, a load balancer) from an answer of the gateway itself.

The marks are data, in ``spec/infrastructure.yaml``: a header that only intermediaries send, or words of their
default pages. A page without such a mark, on a client error, is taken to be the gateway's own.
"""

from __future__ import annotations

import re
from functools import cache

from conformance.datafile import read_yaml
from conformance.http1 import Answer
from conformance.paths import data_root


@cache
def _marks() -> tuple[tuple[tuple[str, re.Pattern[str]], ...], tuple[re.Pattern[bytes], ...]]:
    data = read_yaml(data_root() / "spec" / "infrastructure.yaml")
    headers = tuple((row["name"], re.compile(row["value"], re.IGNORECASE)) for row in data["headers"])
    return headers, tuple(re.compile(text.encode(), re.IGNORECASE) for text in data["bodies"])


def page_marker(answer: Answer | None, content: bytes) -> str:
    """Return what shows that an HTML page comes from an intermediary, empty when nothing does."""
    if answer is None:
        return ""
    headers, bodies = _marks()
    for name, pattern in headers:
        value = answer.header(name)
        if value is not None and pattern.search(value):
            return f"header {name}: {value[:80]}"
    for body in bodies:
        found = body.search(content[:20_000])
        if found:
            return f"page says {found.group(0)[:80].decode('utf-8', 'replace')}"
    return ""
