"""What is asked once in a run of many models, through the first of them, since it is the gateway that answers.

Headers, keys, refusals of a whole request, stumbling blocks, the forms of conversations and tools that a gateway
reads before it knows the model: the answer would be the same for each model, and each would cost as much. What
depends on the model, or on what a gateway translates for its provider, is asked of every model.
"""

from __future__ import annotations

from typing import Final

from conformance.model import GATEWAY, Probe
from conformance.patterns import one_of

SHARED: Final = (
    "auth.*",
    "chat.again",
    "errors.*",
    "generated.*",
    "messages.echo",
    "messages.unicode",
    "messages.unicode-escaped",
    "parameters.everyday",
    "parameters.labels",
    "parameters.nulls",
    "parameters.seed",
    "parameters.stream-options-alone",
    "parameters.text-format",
    "parameters.unknown-member",
    "parameters.unusual",
    "parameters.user",
    "robustness.*",
    "sdk.*",
    "structured.cut",
    "structured.json-schema-invalid",
    "tools.history-empty",
    "tools.history-parallel",
    "tools.history-parts",
    "tools.no-parameters",
    "tools.none-stream",
    "tools.required-alone",
    "tools.round-trip",
    "tools.server-tool",
    "tools.strict",
    "tools.truncated",
    "transport.*",
)
"""Patterns of probe ids; a further try belongs to the probe that it repeats."""

_fits = one_of(*SHARED)


def shared(probe: Probe) -> bool:
    """Whether a probe is asked of the first model alone."""
    return probe.model == GATEWAY or shared_name(probe.id)


def shared_name(probe: str) -> bool:
    """Whether the probes of this id are asked of the first model alone."""
    return _fits(probe.partition("~")[0])
