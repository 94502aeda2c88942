"""The requests that gateways' documents print, read from ``fixtures/examples/requests.yaml``."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from msgspec import Struct

from conformance.datafile import read_yaml
from conformance.paths import data_root

PREFIX = "examples."
"""What the ids of their probes begin with."""


class Shows(StrEnum):
    """What a document says that the answer to its example has."""

    TEXT = "text"
    ANSWER = "answer"
    """Text or a tool call."""
    STREAM = "stream"
    JSON = "json"
    """A JSON object; how well it follows a schema without strict is the model's business."""
    THOUGHTS = "thoughts"
    """``reasoning_content`` beside the text."""


class Example(Struct, frozen=True):
    """One printed request; ``source`` is document:line, ``body`` the text byte for byte."""

    id: str
    source: str
    profile: str
    model: str
    feature: str
    shows: Shows
    body: str

    @property
    def document(self) -> str:
        """The id of the document that prints it."""
        return self.source.partition(":")[0]


@cache
def load_examples() -> tuple[Example, ...]:
    """Return all examples, in the order of the documents.

    Raises:
        CatalogueError: the file cannot be read.

    """
    rows = read_yaml(data_root() / "fixtures" / "examples" / "requests.yaml")
    return tuple(
        Example(
            id=row["id"],
            source=row["source"],
            profile=row["profile"],
            model=row["model"],
            feature=row["feature"],
            shows=Shows(row["shows"]),
            body=row["body"],
        )
        for row in rows
    )


def example_of(probe: str) -> Example | None:
    """Return the example that a probe sends, None when it sends none."""
    name = probe.removeprefix(PREFIX)
    return next((each for each in load_examples() if name != probe and each.id == name), None)
