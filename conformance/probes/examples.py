"""The requests that a document prints, sent as they stand there: for its own models, with its own profile alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

from msgspec.structs import replace

from conformance.examples import PREFIX, load_examples
from conformance.model import Probe
from conformance.probes.asker import Asker, request


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the examples for one model; nothing is added to them, no limit and none of the user's extra members."""
    if not ask.documents:
        return
    for example in load_examples():
        if example.model == ask.model and example.document in ask.documents:
            probe = ask.valid(
                f"{PREFIX}{example.id}",
                json.loads(example.body),
                feature=example.feature,
                traits={"documented"},
            )
            yield replace(probe, request=request(example.body.encode()))
