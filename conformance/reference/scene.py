"""What a fault may look at when it decides whether and how to strike: the request, and what would be right.

The right decision is always made first, so that a fault can say "where a correct gateway answers 401".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from conformance.model import Json
from conformance.reference.refusal import Refused
from conformance.reference.reply import Received

_SLOT: Final = re.compile(r"\{([a-z]+)\}")


class Scene(Struct, frozen=True):
    """One exchange as faults see it: the request, its JSON or None, the refusal that is right."""

    received: Received
    body: Json
    refused: Refused | None

    @property
    def streamed(self) -> bool:
        """Whether the request asks for a stream."""
        return isinstance(self.body, dict) and self.body.get("stream") is True

    @property
    def model(self) -> str:
        """The model that the request names, or an empty string."""
        model = self.body.get("model") if isinstance(self.body, dict) else None
        return model if isinstance(model, str) else ""

    @property
    def key(self) -> str:
        """The key that the client has sent, without its scheme."""
        return (self.received.header("authorization") or "").partition(" ")[2].strip()

    def fill(self, template: str, number: int = 0, old: Json = None) -> str:
        """Return ``template`` with its slots filled.

        ``{n}`` is the number of the chunk, ``{old}`` the value that is replaced, ``{key}`` the client's
        key, ``{model}`` the model that was asked for, ``{request}`` the number of the request, ``{uuid}`` a
        UUID that belongs to the request. Any other word in braces stays.
        """
        slots: Mapping[str, object] = {
            "n": number,
            "old": "" if old is None else old,
            "key": self.key,
            "model": self.model,
            "request": self.received.number,
            "uuid": uuid.uuid5(uuid.NAMESPACE_OID, str(self.received.number)),
        }
        return _SLOT.sub(lambda match: str(slots.get(match.group(1), match.group())), template)
