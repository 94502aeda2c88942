"""One run from settings to report: the functions that both shells (command line and pytest) stand on.

``prepare`` decides everything that can be decided before money is spent; ``capture`` talks to the target; ``judge``
and ``report`` work from the evidence alone, so that ``recheck`` repeats them offline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from conformance import evidence as evidence_file
from conformance import sdkresults
from conformance.baseline import NO_BASELINE, NOTHING_KNOWN, Baseline, KnownFailures
from conformance.capture import Capture, Pace
from conformance.catalogue import Catalogue, Profile
from conformance.catalogue import load as load_catalogue
from conformance.errors import KeyRefusedError, UsageError
from conformance.evidence import Evidence, Writer
from conformance.exchange import Limits, sender_for
from conformance.judge import Judgement, judge
from conformance.model import Json, Probe
from conformance.models import ModelCards, load_cards
from conformance.offer import cheapest_first, chosen_by, matching
from conformance.offered import offered_models
from conformance.plan import Plan, make_plan
from conformance.probes.asker import Asker
from conformance.probes.burst import AT_ONCE, burst
from conformance.recorder import Recorder, redactor
from conformance.sdkresults import SdkResults
from conformance.signals import cancelled_by_sigterm
from conformance.target import Target
from conformance.verdict import Exit, Summary, summarise

if TYPE_CHECKING:
    from conformance.report.shape import Report

INTERRUPTED = "interrupted"
"""Why a run ended that was stopped with Ctrl-C."""


class OtherPlanError(UsageError):
    """The evidence was made from another plan than this version of the suite makes."""


class Settings(Struct, frozen=True):
    """What a user chose. ``models`` may be empty: then the target is asked what it offers.

    ``model_patterns`` choose further models among those that the target lists, or else the profile names. ``absent``
    are models of the profile that the target does not list, where it was asked.
    """

    target: Target
    profile: str = "core"
    models: tuple[str, ...] = ()
    model_patterns: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    set_name: str | None = None
    seed: int = 0
    challenge: str = ""
    only: tuple[str, ...] = ()
    generated: str = "smoke"
    provoke_rate_limit: bool = False
    limits: Limits = field(default_factory=Limits)
    pace: Pace = field(default_factory=Pace)
    reference: bool = False
    strict: bool = False


class Prepared(Struct, frozen=True):
    """Everything that is known before the first paid request."""

    settings: Settings
    catalogue: Catalogue
    profile: Profile
    cards: ModelCards
    plan: Plan


class Result(Struct, frozen=True):
    """A judged run."""

    prepared: Prepared
    evidence: Evidence
    judgement: Judgement
    summary: Summary
    report: Report
    stopped: str = ""


def prepare(settings: Settings) -> Prepared:
    """Load the data, choose the models and decide what to send.

    Raises:
        UsageError: the profile, the models or ``--only`` do not work out.
        UnreachableError: the models had to be asked for and the target gave no answer.

    """
    catalogue = load_catalogue()
    profile = catalogue.profile(settings.profile)
    return plan_for(with_models(settings, profile), catalogue, profile)


def plan_again(settings: Settings) -> Prepared:
    """Make the plan of a recorded run from its settings; unlike :func:`prepare` it never asks the target."""
    catalogue = load_catalogue()
    return plan_for(settings, catalogue, catalogue.profile(settings.profile))


def with_models(settings: Settings, profile: Profile) -> Settings:
    """Return the settings with the models to ask; the target is asked for its own only where that is needed.

    Raises:
        UsageError: no model is chosen, or a pattern chooses none.
        UnreachableError: the models had to be asked for and the target gave no answer.

    """
    if settings.models and not settings.model_patterns:
        return settings
    cards = load_cards(profile.overrides)
    try:
        known = offered_models(settings.target, settings.limits)
        absent = tuple(model for model in profile.models if model not in known)
    except (UsageError, KeyRefusedError):
        if not (settings.model_patterns and profile.models):
            raise
        known, absent = profile.models, ()
    patterns = settings.model_patterns
    chosen = matching(patterns, known, cards) if patterns else chosen_by(profile, known)
    models = tuple(dict.fromkeys((*settings.models, *cheapest_first(chosen, cards))))
    return replace(settings, models=models, model_patterns=(), absent=absent)


def plan_for(settings: Settings, catalogue: Catalogue, profile: Profile) -> Prepared:
    """Make the plan for the models of the settings; sends nothing."""
    cards, models = load_cards(profile.overrides), settings.models
    label, cases = generated_probes(settings, models[0], cards)
    if settings.provoke_rate_limit:
        card, extra = cards.card(models[0]), dict(settings.target.extra_body)
        cases += tuple(burst(Asker(models[0], card, settings.seed, settings.challenge, extra)))
    plan = make_plan(
        catalogue,
        profile,
        cards,
        models,
        set_name=settings.set_name or catalogue.latest_set,
        seed=settings.seed,
        challenge=settings.challenge,
        only=settings.only,
        extra_body=settings.target.extra_body,
        generated=cases,
        generated_label=label,
    )
    return Prepared(settings, catalogue, profile, cards, plan)


def generated_probes(settings: Settings, model: str, cards: ModelCards) -> tuple[str, tuple[Probe, ...]]:
    """Return the probes made from the OpenAPI description, none when they are switched off."""
    if settings.generated == "none":
        return "none", ()
    from conformance.probes.generated import generated_for  # noqa: PLC0415 - only plans with generated requests need it

    return generated_for(
        settings.generated, model, cards.card(model), settings.seed, settings.target.extra_body
    )


def capture(
    prepared: Prepared,
    evidence_path: Path,
    *,
    header: Mapping[str, Json] | None = None,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _probe: None,
    before: Evidence | None = None,
) -> str:
    """Send the plan and record it; returns why it ended early, or an empty text.

    ``header`` is what the evidence says of itself, by default that of this plan. ``before`` is what the file holds of
    an interrupted run that this one goes on with. Ctrl-C and SIGTERM end it early like everything else: what came back
    is in the evidence.
    """
    settings = prepared.settings
    path, said = evidence_path, header or header_of(prepared)
    with Writer(path, said) if before is None else Writer.resume(path) as writer:
        recorder = Recorder(writer, redactor(settings.target))

        async def main() -> Capture:
            together = max(settings.pace.concurrency, AT_ONCE if settings.provoke_rate_limit else 0)
            async with sender_for(settings.target, limits=settings.limits, concurrency=together) as sender:
                job = Capture(prepared.plan, sender.send, recorder, settings.pace, progress)
                if before is not None:
                    job.resume(before.exchanges, sent=before.sent)
                with cancelled_by_sigterm():
                    await job.run()
                return job

        not_sent: dict[str, Json] = {}
        try:
            job = asyncio.run(main())
            stopped, not_sent = job.stopped, job.not_sent
        except (KeyboardInterrupt, asyncio.CancelledError):
            stopped = INTERRUPTED
        writer.footer({"stopped": stopped, **({"not_sent": not_sent} if not_sent else {})})
    return stopped


def header_of(prepared: Prepared) -> dict[str, Any]:
    """Return what the first line of the evidence says: all that recheck needs to make the same plan again."""
    from conformance import __version__  # noqa: PLC0415 - read at call time

    settings, plan = prepared.settings, prepared.plan
    return {
        "suite": {"name": "chat-conformance", "version": __version__},
        "target": {
            "url": settings.target.base_url,
            "name": settings.target.name,
            "reference": settings.reference,
        },
        "set": plan.set_name,
        "profile": settings.profile,
        "models": list(plan.models),
        "absent": list(settings.absent),
        "seed": plan.seed,
        "challenge": plan.challenge,
        "only": list(plan.only),
        "generated": settings.generated,
        **({"provoke_rate_limit": True} if settings.provoke_rate_limit else {}),
        "extra_body": dict(settings.target.extra_body),
        "plan": plan.digest,
        "started": time.time(),
    }


def settings_of(header: Mapping[str, Any]) -> Settings:
    """Rebuild the settings of a recorded run, without its key."""
    return Settings(
        target=Target(
            base_url=header["target"]["url"], extra_body=header["extra_body"], name=header["target"]["name"]
        ),
        profile=header["profile"],
        models=tuple(header["models"]),
        absent=tuple(header.get("absent", ())),
        set_name=header["set"],
        seed=header["seed"],
        challenge=header["challenge"],
        only=tuple(header["only"]),
        generated=header["generated"],
        provoke_rate_limit=header.get("provoke_rate_limit") is True,
        reference=header["target"]["reference"],
    )


def judge_evidence(
    path: Path,
    *,
    strict: bool = False,
    baseline: Baseline = NO_BASELINE,
    planned: Prepared | None = None,
) -> Result:
    """Judge recorded evidence: plan again from its header (``planned`` saves that), judge, fold, build the report.

    What an SDK made of the answers is read from the file beside it, where there is one. The entries of ``baseline``
    are held against the day of the run, not against today, so that the same evidence gives the same report.

    Raises:
        UsageError: the evidence is no evidence.
        OtherPlanError: it was made by a catalogue that plans differently.

    """
    recorded = evidence_file.read(path)
    prepared = planned or plan_again(settings_of(recorded.header))
    prepared = replace(prepared, settings=replace(prepared.settings, strict=strict))
    if prepared.plan.digest != recorded.header["plan"]:
        raise OtherPlanError(
            f"The evidence in {path} was made from another plan than this version of the suite makes.",
            why=f"it says {recorded.header['plan'][:23]}…, this suite plans {prepared.plan.digest[:23]}…",
            hint=_older(str(recorded.header["suite"]["version"])),
        )
    return judge_prepared(prepared, recorded, sdkresults.read(path), baseline)


def _older(version: str) -> str:
    """Say which suite can judge the evidence of another plan."""
    from conformance import __version__  # noqa: PLC0415 - read at call time

    if version == __version__:
        return "its requirements or probes have changed since: judge it with the suite as it was then, or run again"
    return f"judge it with chat-conformance {version}, or run again"


def judge_part(prepared: Prepared, path: Path) -> Judgement:
    """Judge what one evidence file holds of a plan; what it lacks is not measured."""
    exchanges, sdk = evidence_file.read(path).exchanges, sdkresults.read(path)
    return judge(prepared.plan, exchanges, prepared.catalogue, prepared.profile, prepared.cards, sdk=sdk)


def judge_prepared(
    prepared: Prepared, recorded: Evidence, sdk: SdkResults | None = None, baseline: Baseline = NO_BASELINE
) -> Result:
    """Judge, fold and build the report of a run whose plan is known."""
    from conformance.report.build import build_report  # noqa: PLC0415 - only runs that report pay for it

    found = judge_recorded(prepared, recorded, sdk)
    day = datetime.fromtimestamp(recorded.header["started"], UTC).date()
    known = baseline.against(found.units, on=day, complete=prepared.plan.complete)
    summary = fold(prepared, found, known)
    stopped = _stopped(recorded)
    report = build_report(
        prepared.plan,
        recorded,
        found,
        summary,
        catalogue=prepared.catalogue,
        profile=prepared.profile,
        cards=prepared.cards,
        absent=prepared.settings.absent,
        stopped=stopped,
        baseline=known,
        sdk=sdk,
    )
    return Result(prepared, recorded, found, summary, report, stopped)


def weigh(prepared: Prepared, recorded: Evidence, sdk: SdkResults | None = None) -> tuple[Judgement, Summary]:
    """Judge and fold a run whose plan is known, without a report."""
    found = judge_recorded(prepared, recorded, sdk)
    return found, fold(prepared, found)


def judge_recorded(prepared: Prepared, recorded: Evidence, sdk: SdkResults | None = None) -> Judgement:
    """Judge everything that a run recorded of a plan."""
    return judge(
        prepared.plan,
        recorded.exchanges,
        prepared.catalogue,
        prepared.profile,
        prepared.cards,
        sdk=sdk,
        stopped=_stopped(recorded),
    )


def _stopped(recorded: Evidence) -> str:
    """Say why a run ended before its plan did, empty when it did not."""
    return str((recorded.footer or {}).get("stopped", "the run was killed"))


def fold(prepared: Prepared, found: Judgement, known: KnownFailures = NOTHING_KNOWN) -> Summary:
    """Fold the units of a run into its grade, counts and exit code; a defect of the suite itself outweighs all."""
    summary = summarise(
        found.units,
        core_features=prepared.catalogue.core_features,
        known=frozenset(known.known),
        stale=bool(known.stale),
        strict=prepared.settings.strict,
    )
    return replace(summary, exit_code=Exit.HARNESS) if found.defects else summary
