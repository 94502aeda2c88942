"""The members of report.json as types; ``spec/schema/report.schema.json`` says the same to other programs.

Texts that came from a target are in here as they came, clipped: they are made harmless where they are shown.
Only the parts of an :class:`Excerpt` and the ``body`` of a :class:`Sent` are printable already, because they
stand for bytes.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal, TypedDict, cast

from conformance.errors import UsageError
from conformance.paths import data_root

FORMAT: Final = "chat-conformance/report"
VERSION: Final = 1


class Suite(TypedDict):
    """The program that judged."""

    name: str
    version: str


class TargetFacts(TypedDict):
    """The server that was judged; ``reference`` means the suite's own gateway, which certifies nothing."""

    name: str
    url: str
    models: list[str]
    reference: bool


class Times(TypedDict):
    """When the first exchange began and the last ended (UTC, null when nothing was sent), and the seconds."""

    started: str | None
    ended: str | None
    seconds: float


class Selection(TypedDict):
    """``only`` are the user's patterns; ``complete`` is false when they leave out a part of the set."""

    only: list[str]
    complete: bool


class PlanFacts(TypedDict):
    """What was meant to be done: ``planned``, ``captured``, ``judged`` count cases, ``requests`` probes."""

    digest: str
    seed: int
    challenge: str
    requests: int
    planned: int
    captured: int
    judged: int


Counts = TypedDict(
    "Counts", {"total": int, "pass": int, "fail": int, "inconclusive": int, "not_applicable": int}
)


class ScoreFacts(TypedDict):
    """``passed`` of ``required`` applicable units at MUST; ``not_measured`` of them got no opinion."""

    passed: int
    required: int
    not_measured: int


class SummaryFacts(TypedDict):
    """What a run says as a whole; all counts are of units. ``matrix`` is by feature and model."""

    grade: str
    exit_code: int
    score: ScoreFacts
    required: Counts
    recommended: Counts
    features: dict[str, Counts]
    models: dict[str, Counts]
    matrix: dict[str, dict[str, Counts]]


class SourceRef(TypedDict):
    """A place in a document or standard; ``url`` is empty when there is none."""

    pointer: str
    title: str
    url: str


class Place(TypedDict):
    """A place in the evidence; ``bytes`` are offsets into the body."""

    exchange: str
    frame: int | None
    bytes: list[int] | None
    pointer: str | None


class Excerpt(TypedDict):
    """Printable bytes round a place; ``offset`` is where ``before`` begins in the body.

    ``decoded`` says that the body had a content coding, and that this is the decoded body.
    """

    before: str
    marked: str
    after: str
    offset: int
    decoded: bool


class Also(TypedDict):
    """A further finding of the same verdict in the same case."""

    saw: str
    expected: str
    evidence: list[Place]
    excerpt: Excerpt | None


class CaseFacts(TypedDict):
    """One check on one probe. ``also`` are the next findings; ``unlisted`` more are left out."""

    probe: str
    verdict: str
    outcome: str | None
    examined: int
    reason: str
    attempts: str
    saw: str
    expected: str
    evidence: list[Place]
    excerpt: Excerpt | None
    also: list[Also]
    unlisted: int


class ResultFacts(TypedDict):
    """One unit. ``known`` says that the operator's baseline expects this failure.

    ``behind`` are the known failures of the same model because of which alone it has no opinion.
    """

    requirement: str
    title: str
    level: str
    feature: str
    model: str
    claim: str
    verdict: str
    outcome: str | None
    known: bool
    behind: list[str]
    reason: str
    says: str
    why: str
    sources: list[SourceRef]
    cases: list[CaseFacts]
    breaks: list[str]
    reproduce: str | None


class Timeline(TypedDict):
    """When a stream came, in seconds since its request was sent.

    ``first_token`` is when the first event with text, reasoning or a call had come; ``marks`` are moments at which
    events came, not all of them when there are many; ``longest_gap`` are the two that no event came between.
    """

    first_byte: float
    first_token: float | None
    last_byte: float
    events: int
    longest_gap: list[float]
    marks: list[float]


class Sent(TypedDict):
    """One exchange: what was asked (without the secret) and how it ended; ``elapsed`` is seconds."""

    probe: str
    model: str
    attempt: int
    intent: str
    about: str
    twin: str | None
    method: str
    path: str
    headers: list[list[str]]
    body: str
    status: int | None
    form: str
    elapsed: float
    fault: str | None
    timeline: Timeline | None


class Extension(TypedDict):
    """A member that answers have beyond the documented ones, which is allowed; ``exchange`` has it."""

    where: str
    pointer: str
    models: list[str]
    exchange: str


class Lenient(TypedDict):
    """How many generated requests that are wrong in one member of the body were served, refused and not sent."""

    parameter: str
    served: int
    refused: int
    not_sent: int


class Spent(TypedDict):
    """What the run cost: requests sent, and tokens as the target counted them."""

    requests: int
    prompt_tokens: int
    completion_tokens: int


class ParameterFacts(TypedDict):
    """What became of a parameter with one model, and which outcomes are right there; ``exchange`` may be empty."""

    parameter: str
    model: str
    outcome: str
    allowed: list[str]
    requirement: str
    exchange: str


class Unsent(TypedDict):
    """An example that a document prints and that was not sent, since its model was not asked.

    ``absent`` says that the target was asked for its models and does not list that one.
    """

    example: str
    source: str
    model: str
    absent: bool


class Outdated(TypedDict):
    """Where a document is wrong about what is behind the gateway today.

    Without a ``requirement`` the whole model is meant.
    """

    clause: str
    says: str
    sources: list[str]
    model: str
    requirement: str | None
    saw: str


class Unmeasured(TypedDict):
    """A planned case whose exchange was never captured."""

    requirement: str
    probe: str
    model: str


class BaselineEntry(TypedDict):
    """A failure that the operator knows of, and why it is put up with; ``link`` may be empty."""

    requirement: str
    model: str
    reason: str
    link: str


class Baseline(TypedDict):
    """The operator's list of known failures; ``stale`` says which of its entries no longer hold, and why."""

    file: str | None
    known: list[BaselineEntry]
    stale: list[str]


class Report(TypedDict):
    """A whole report.json."""

    format: Literal["chat-conformance/report"]
    version: Literal[1]
    suite: Suite
    set: str
    profile: str
    target: TargetFacts
    times: Times
    selection: Selection
    generated: str
    stopped: str
    plan: PlanFacts
    summary: SummaryFacts
    features: dict[str, str]
    results: list[ResultFacts]
    exchanges: dict[str, Sent]
    extensions: list[Extension]
    lenient: list[Lenient]
    parameters: list[ParameterFacts]
    outdated: list[Outdated]
    absent: list[str]
    unsent: list[Unsent]
    spent: Spent
    not_measured: list[Unmeasured]
    baseline: Baseline


def checked(value: object) -> Report:
    """Return a parsed report.json as a report.

    Raises:
        UsageError: it is none; the message says where it differs.

    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only files that come from outside need it
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    schema: Any = json.loads((data_root() / "spec" / "schema" / "report.schema.json").read_text("utf-8"))
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        raise UsageError(
            "This is not a report of chat-conformance.",
            why=f"at {error.json_path[:200]} it does not follow report.schema.json ({error.validator})",
            hint="make it again with: chat-conformance recheck DIR",
        )
    return cast("Report", value)
