"""Makes one run of several that each asked some of the models, as the jobs of a CI matrix do.

The merged evidence is that of one run of all models, in the order of the parts: what only the gateway is asked comes
from the first part, and what the other parts asked of it again is left away. Everything else has to fit; what does
not is an error of its own type, since a report that hides a lost job would be worse than none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from conformance import engine
from conformance import evidence as evidence_file
from conformance.errors import UsageError
from conformance.evidence import EVIDENCE, Evidence
from conformance.join import join_evidence
from conformance.reenact import reenact
from conformance.words import named

_ALIKE: Final = ("suite", "target", "set", "profile", "seed", "challenge", "only", "generated", "extra_body")
"""Members of the header in which all parts agree; a part differs in its models alone."""

_NAMED: Final = 5


class MergeError(UsageError):
    """Parts do not make up one run."""


class ConflictingPartsError(MergeError):
    """Two parts asked another target, or in another way."""


class OverlappingPartsError(MergeError):
    """Two parts asked the same model, so it is not known which answers count."""


class MissingPartError(MergeError):
    """A model that has to be there is in no part, or a part lacks exchanges that it must have sent."""


class ForeignPartError(MergeError):
    """A part holds what its plan does not send, or was planned by another version of the suite."""


class Part(Struct, frozen=True):
    """One run to merge."""

    folder: Path
    evidence: Evidence

    @property
    def path(self) -> Path:
        """Where its evidence is."""
        return self.folder / EVIDENCE

    @property
    def models(self) -> list[str]:
        """The models that it asked."""
        return list(self.evidence.header["models"])


def merge(folders: Sequence[Path], output: Path, *, models: Iterable[str] = ()) -> engine.Prepared:
    """Write the evidence of the run that several folders hold into another one, and return what it was planned to be.

    ``models`` are those that have to be there, so that a job that left nothing behind is not overlooked.

    Raises:
        MergeError: the parts do not make up one run.
        UsageError: a folder holds no evidence, or the output holds some already.

    """
    parts = [Part(folder, evidence_file.read(folder / EVIDENCE)) for folder in folders]
    _demand_alike(parts)
    _demand_apart(parts)
    _demand_models(parts, models)
    for part in parts:
        _demand_whole(part)
    prepared = _planned([model for part in parts for model in part.models], parts[0])
    started = min(part.evidence.header["started"] for part in parts)
    header = {**engine.header_of(prepared), "suite": parts[0].evidence.header["suite"], "started": started}
    output.mkdir(parents=True, exist_ok=True)
    join_evidence([part.path for part in parts], output / EVIDENCE, prepared.plan, header)
    return prepared


def _demand_alike(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        for key in _ALIKE:
            mine, theirs = first.evidence.header[key], part.evidence.header[key]
            if mine != theirs:
                raise ConflictingPartsError(
                    f"{first.folder} and {part.folder} are parts of different runs.",
                    why=f"their {key} is not the same",
                    hint="give every job the same target, profile, set, seed and version of the suite",
                )


def _demand_apart(parts: Sequence[Part]) -> None:
    counts = Counter(model for part in parts for model in part.models)
    for model, count in counts.items():
        if count > 1:
            folders = [str(part.folder) for part in parts if model in part.models]
            raise OverlappingPartsError(
                f"The model {model!r} was asked by more than one part.",
                why=", ".join(folders),
                hint="leave all but one of them away",
            )


def _demand_models(parts: Sequence[Part], models: Iterable[str]) -> None:
    have = {model for part in parts for model in part.models}
    lost = [model for model in models if model not in have]
    if lost:
        raise MissingPartError(
            f"No part asked {', '.join(map(repr, lost))}.",
            why="a job failed before it wrote its evidence, or its folder was not given",
            hint="run that job again; nothing else has to be sent again",
        )


def _demand_whole(part: Part) -> None:
    """Demand that a part holds what its plan sends and nothing else; one that ended early may hold less."""
    prepared = _planned(part.models, part)
    if prepared.plan.digest != part.evidence.header["plan"]:
        raise ForeignPartError(
            f"{part.folder} was planned by another version of the suite.",
            hint=f"merge with chat-conformance {part.evidence.header['suite']['version']}",
        )
    again = reenact(prepared.plan, part.evidence.exchanges)
    if again.foreign or again.altered:
        raise ForeignPartError(
            f"{part.folder} holds exchanges that its plan does not send.",
            why=named([*again.foreign, *again.altered], _NAMED),
            hint="take the evidence as the run wrote it",
        )
    footer: Mapping[str, Any] | None = part.evidence.footer
    if again.missing and footer is not None and not footer.get("stopped"):
        raise MissingPartError(
            f"{part.folder} lacks exchanges that its run sent.",
            why=named(again.missing, _NAMED),
            hint="take the evidence as the run wrote it",
        )


def _planned(models: Sequence[str], part: Part) -> engine.Prepared:
    return engine.plan_again(replace(engine.settings_of(part.evidence.header), models=tuple(models)))
