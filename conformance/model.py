"""The words of the suite as closed, frozen types. Imports nothing of ours.

A *requirement* is one testable sentence. A *probe* is one request to send. An *exchange* is what was sent and
every byte that came back. A *check* judges the views of exchanges against one requirement and yields *findings*.
A *case* is one check on one probe; a *unit* is one requirement for one model, and the only thing that is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct, field

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""Any JSON value, as :mod:`json` reads it."""

GATEWAY: Final = "-"
"""Stands for the model in units that do not depend on one (wrong path, wrong method)."""


class Level(StrEnum):
    """How much a requirement demands (RFC 2119 words)."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


class Claim(StrEnum):
    """What a profile says about a feature of its targets."""

    YES = "yes"
    ASK = "ask"
    NO = "no"


class Verdict(StrEnum):
    """The only four things that can be said of a finding, a case or a unit."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not-applicable"


class Outcome(StrEnum):
    """What became of a parameter or feature that was asked for."""

    APPLIED = "applied"
    ACCEPTED = "accepted"
    REJECTED_CLEAN = "rejected-clean"
    DROPPED = "dropped"
    LENIENT = "lenient"
    BROKEN = "broken"


class Intent(StrEnum):
    """Whether a correct target has to accept the request."""

    VALID = "valid"
    INVALID = "invalid"


class FaultKind(StrEnum):
    """How a connection failed, as data."""

    REFUSED = "refused"
    DNS = "dns"
    TLS = "tls"
    RESET = "reset"
    CLOSED_EARLY = "closed-early"
    MALFORMED = "malformed"
    DEADLINE = "deadline"
    TOO_LARGE = "too-large"
    LINGERING = "lingering"  # the stream ended with [DONE], the connection did not
    WITHHELD = (
        "withheld"  # the body may hold the key in a form that cannot be masked in part; all of it is masked
    )
    OTHER = "other"


class Requirement(Struct, frozen=True):
    """One row of the catalogue; ``level`` is the level in ``core``."""

    id: str
    title: str
    level: Level
    says: str
    why: str
    feature: str
    sources: tuple[str, ...]
    clauses: tuple[str, ...] = ()
    levels: Mapping[str, Level] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()
    excluded: str | None = None
    note: str = ""
    pending: bool = False

    @property
    def judged(self) -> bool:
        """Whether a check has to exist for this row."""
        return self.excluded is None and not self.pending

    @property
    def area(self) -> str:
        """The part of the id before the dot, which names the file it stands in."""
        return self.id.split(".", 1)[0]


KEY_MARK: Final = "{key}"
"""Stands in a header value or body for the secret, which is put in only while sending."""

HIDDEN: Final = "***"
"""Stands in a recorded request for the value of another secret header."""


class Request(Struct, frozen=True):
    """One HTTP request, without the secret.

    ``path`` is relative to the base URL (``/chat/completions``); ``headers`` are sent in this order and may hold
    :data:`KEY_MARK`; ``body`` is sent as it is.
    """

    method: str = "POST"
    path: str = "/chat/completions"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Defect(Struct, frozen=True):
    """What is wrong with an invalid request: the only difference from its twin.

    ``names`` are words one of which an error that names the cause has to contain (compared without case).
    ``statuses`` are the statuses that a clear answer may have.
    """

    what: str
    names: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (400, 422)
    pointer: str | None = None


class Follow(Struct, frozen=True):
    """A request that needs the answer of an earlier probe: ``recipe`` is a name in ``probes.recipes``."""

    probe: str
    recipe: str


class Retry(Struct, frozen=True):
    """A further try of the same scenario, sent only when the earlier try ``probe`` calls for it.

    ``when`` is a name in ``probes.tries``: what an answer has to be like for one more try to be worth its price.
    """

    probe: str
    when: str


class Probe(Struct, frozen=True):
    """One scenario to send for one model.

    ``twin`` names the valid probe that an invalid one differs from in one respect. ``traits`` are plain words by
    which checks choose their probes. ``budget`` bounds the completion tokens that it can cost. ``requirement`` is
    set on generated probes alone: the row that their schema pointer belongs to. ``same_as`` names the probe whose
    request this one writes in another way. Invalid probes of one ``group`` break the same rule: once a target was
    seen to take what breaks it, the others are not paid for. A probe with ``retry`` has no cases
    of its own: it is one more try of the case of the probe that it repeats. ``apart`` names the probe that asks for
    the same together with other things: only where that is not served is this one sent, so that it can be told which
    of the things was meant.
    """

    id: str
    model: str
    request: Request
    intent: Intent = Intent.VALID
    feature: str = "chat"
    streamed: bool = False
    traits: frozenset[str] = frozenset()
    twin: str | None = None
    defect: Defect | None = None
    follow: Follow | None = None
    retry: Retry | None = None
    same_as: str | None = None
    group: str | None = None
    apart: str | None = None
    budget: int = 0
    requirement: str | None = None
    label: str = ""

    @property
    def certain(self) -> bool:
        """Whether it is sent whatever is answered to others."""
        return self.retry is None and self.apart is None

    def has(self, *traits: str) -> bool:
        """Whether the probe carries all of these traits."""
        return self.traits.issuperset(traits)


class TransportFault(Struct, frozen=True):
    """Why an exchange did not end as HTTP says it should; ``detail`` has no secret in it."""

    kind: FaultKind
    detail: str


class Exchange(Struct, frozen=True):
    """What was sent and every byte that came back.

    ``raw`` are the bytes of the connection after TLS, from the first byte of the answer on. ``pieces`` say when
    they came: (seconds since the first byte was sent, number of bytes). ``started_at`` is Unix time in seconds,
    ``elapsed`` is seconds. ``attempt`` counts from 1; 2 is the lone repeat at the end of a run. ``fetched`` is how
    often the document was fetched that the run served for this request alone; None when it served none.
    """

    id: str
    probe: str
    model: str
    attempt: int
    request: Request
    raw: bytes
    pieces: tuple[tuple[float, int], ...]
    started_at: float
    elapsed: float
    fault: TransportFault | None = None
    fetched: int | None = None


class Where(Struct, frozen=True):
    """A place in the evidence: an event of a stream, a byte range of the body, a JSON pointer."""

    exchange: str
    frame: int | None = None
    bytes: tuple[int, int] | None = None
    pointer: str | None = None


class Finding(Struct, frozen=True):
    """What one check says of one case. ``examined`` counts the things it looked at; 0 is no opinion.

    ``outcome`` is what became of ``wanted``, and ``allowed`` are the outcomes that are right for it with this model.
    ``outdated`` is the clause of a document that what was seen shows to be outdated. ``by`` are the requirements that
    judge, on the same answer, what leaves this one without opinion.
    """

    verdict: Verdict
    examined: int
    saw: str = ""
    expected: str = ""
    where: tuple[Where, ...] = ()
    outcome: Outcome | None = None
    wanted: str = ""
    allowed: tuple[Outcome, ...] = ()
    outdated: str = ""
    by: tuple[str, ...] = ()
