"""Mutations of what comes in: parameters that are ignored, assumed or refused, checks that are left out."""

# ruff: noqa: ARG002  all mutators of one point have one signature

from __future__ import annotations

import re
from copy import deepcopy
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from conformance.model import Json
from conformance.reference.asked import ask
from conformance.reference.mutators.places import assign, places, remove
from conformance.reference.record import Record
from conformance.reference.refusal import Refused
from conformance.reference.scene import Scene

CHECKS: Final = ("route", "key", "content-type", "model")
"""The checks that can be skipped."""


class Draft(Struct, frozen=True):
    """A request on its way in: its JSON, and the checks that nobody makes."""

    body: Json
    skipped: frozenset[str] = frozenset()


class RequestMutator(Record, frozen=True, kw_only=True):
    """Changes a request before anything looks at it."""

    def on_request(self, draft: Draft, scene: Scene) -> Draft:
        """Return the request as the faulty gateway takes it.

        Raises:
            Refused: the faulty gateway turns the request away.

        """
        raise NotImplementedError


class Ignore(RequestMutator, frozen=True, kw_only=True):
    """Act as if the value at the pointer ``at`` had not been sent."""

    at: str

    def check(self, where: str) -> None:
        """Demand a pointer."""
        self.pointer("at", where)

    def on_request(self, draft: Draft, scene: Scene) -> Draft:
        """Return the request without the value."""
        return replace(draft, body=remove(deepcopy(draft.body), self.at))


class Assume(RequestMutator, frozen=True, kw_only=True):
    """Act as if ``value`` stood at the pointer ``at``; with ``absent_only`` only where nothing was sent."""

    at: str
    value: Json
    absent_only: bool = False

    def check(self, where: str) -> None:
        """Demand a pointer."""
        self.pointer("at", where)

    def on_request(self, draft: Draft, scene: Scene) -> Draft:
        """Return the request with the value."""
        body = deepcopy(draft.body)
        there = [container for container, key in places(body, self.at) if key in container]
        if self.absent_only and there:
            return draft
        return replace(draft, body=assign(body, self.at, lambda _: deepcopy(self.value)))


class Refuse(RequestMutator, frozen=True, kw_only=True):
    """Answer with an error instead; ``message``, ``param`` and ``code`` may have the slots of a scene."""

    status: int = 400
    message: str = "The request is not supported."
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None

    def on_request(self, draft: Draft, scene: Scene) -> Draft:
        """Refuse."""
        message = scene.fill(self.message)
        raise Refused(message, status=self.status, kind=self.type, param=self.param, code=self.code)


class Forgive(RequestMutator, frozen=True, kw_only=True):
    """Act as if members that a correct gateway refuses had not been sent; model and messages have to be right."""

    def on_request(self, draft: Draft, scene: Scene) -> Draft:
        """Return the request without what would be refused."""
        body = draft.body
        while isinstance(body, dict):
            try:
                ask(body)
            except Refused as refused:
                name = re.split(r"[.\[]", refused.param or "", maxsplit=1)[0]
                if name not in body or name in {"model", "messages"}:
                    break
                body = {key: value for key, value in body.items() if key != name}
            else:
                break
        return replace(draft, body=body)


class Skip(RequestMutator, frozen=True, kw_only=True):
    """Leave out one of the gateway's checks."""

    check_: str

    def check(self, where: str) -> None:
        """Demand a known check."""
        self.one_of("check_", CHECKS, where)

    def on_request(self, draft: Draft, scene: Scene) -> Draft:
        """Return the request with the check left out."""
        return replace(draft, skipped=draft.skipped | {self.check_})
