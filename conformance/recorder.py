"""The only door from the network to memory and disk: what came back is redacted, then written."""

from __future__ import annotations

from msgspec import Struct

from conformance.evidence import Writer
from conformance.model import Exchange
from conformance.redact import Redactor
from conformance.target import Target


def redactor(target: Target) -> Redactor:
    """Return the redactor for everything secret that a target was given."""
    return Redactor(target.secrets)


class Recorder(Struct, frozen=True):
    """Keeps the exchanges of a run."""

    writer: Writer
    redactor: Redactor

    def intent(self, exchange: str) -> None:
        """Note that an exchange is about to be sent."""
        self.writer.intent(exchange)

    def keep(self, exchange: Exchange) -> Exchange:
        """Redact, store, return."""
        clean = self.redactor.exchange(exchange)
        self.writer.exchange(clean)
        return clean
