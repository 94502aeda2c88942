"""Which exchanges a mutation strikes, as data: the ``when`` of a mutation. All that it names has to hold.

=============  =============================================================================================
``path``       chat, models, other
``method``     the HTTP method
``kind``       valid or error: what a correct gateway makes of the request
``status``     the status that a correct gateway answers with (one or a list)
``param``      the param of a correct gateway's error, or its first step (``messages``)
``code``       the code of a correct gateway's error
``stream``     whether the request asks for a stream
``tools``      whether the request has tools
``tool_turn``  whether the conversation ends with a tool message
``has``        a JSON pointer at which the request has a value that is not null; ``lacks``: has none
``header``     headers that the request has, lower case, each with a text that its value contains
``body``       conditions on the request's JSON (:mod:`conformance.conditions`)
``raw``        a regular expression that the bytes of the body match somewhere, read as ISO 8859-1
``spelled``    a regular expression that the name of a header matches from its first letter on, as it was spelled
``every``      strikes only each such request, counted from the first of the gateway
``until``      strikes only that many requests, the first of the gateway
``since``      strikes only those after that many
``beside``     strikes only those that come while others are under way
=============  =============================================================================================
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import field

from conformance.conditions import all_hold, find, read_conditions, split_pointer
from conformance.model import Json
from conformance.reference.record import Record
from conformance.reference.routes import CHAT, MODELS
from conformance.reference.scene import Scene

_FIRST_STEP: Final = re.compile(r"[^.\[]+")


class When(Record, frozen=True):
    """A selector; None means that it does not matter."""

    path: str | None = None
    method: str | None = None
    kind: str | None = None
    status: int | list[int] | None = None
    param: str | None = None
    code: str | None = None
    stream: bool | None = None
    tools: bool | None = None
    tool_turn: bool | None = None
    has: str | None = None
    lacks: str | None = None
    header: dict[str, str] = field(default_factory=dict)
    body: Json = None
    raw: str | None = None
    spelled: str | None = None
    every: int | None = None
    until: int | None = None
    since: int | None = None
    beside: bool | None = None

    def check(self, where: str) -> None:
        """Read what needs reading once, so that a wrong selector is found when the file is loaded."""
        self.one_of("path", ("chat", "models", "other"), where)
        self.one_of("kind", ("valid", "error"), where)
        self.pointer("has", where)
        self.pointer("lacks", where)
        read_conditions(self.body, where)

    def strikes(self, scene: Scene) -> bool:
        """Return whether the exchange is one of those that are meant."""
        received, refused = scene.received, scene.refused
        found = {
            "path": {CHAT: "chat", MODELS: "models"}.get(received.path, "other"),
            "method": received.method,
            "kind": "valid" if refused is None else "error",
            "code": refused.code if refused else None,
            "stream": scene.streamed,
            "tools": _has(scene.body, "/tools/0"),
            "tool_turn": any(role == "tool" for role in find(scene.body, ("messages", "-", "role"))),
        }
        return (
            all(getattr(self, name) in (None, value) for name, value in found.items())
            and self._right_answer(
                refused.status if refused else 200, (refused.param if refused else None) or ""
            )
            and (self.has is None or _has(scene.body, self.has))
            and (self.lacks is None or not _has(scene.body, self.lacks))
            and all(text in (received.header(name) or "") for name, text in self.header.items())
            and all(received.header(name) is not None for name in self.header)
            and (self.every is None or received.number % self.every == 0)
            and (self.until is None or received.number <= self.until)
            and (self.since is None or received.number > self.since)
            and (self.beside is None or (received.beside > 0) is self.beside)
            and (self.raw is None or re.search(self.raw, received.body.decode("latin-1")) is not None)
            and (self.spelled is None or any(re.match(self.spelled, name) for name in received.spelled))
            and all_hold(read_conditions(self.body, "when"), scene.body)
        )

    def _right_answer(self, status: int, param: str) -> bool:
        statuses = self.status if isinstance(self.status, list) else [self.status]
        first = _FIRST_STEP.match(param)
        return (self.status is None or status in statuses) and (
            self.param is None or self.param in (param, first.group() if first else "")
        )


def _has(body: Json, pointer: str) -> bool:
    return any(value is not None for value in find(body, split_pointer(pointer)))
