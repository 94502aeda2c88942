"""Probes of our own generated cases: talks, their mutants, odd bodies and headers, other ways to write a request.

Talks cost a token each; all else leans on one of them or on the cheapest example, so that it adds no valid request
but the other ways to write one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace

from conformance import oddities
from conformance.generate import for_model
from conformance.jsontext import encode
from conformance.model import GATEWAY, Claim, Defect, Intent, Json, Outcome, Probe, Request
from conformance.models import ModelCard
from conformance.owncases import ROWS, Mutant, Oddity, OwnCases, Talk
from conformance.probes.asker import request, traits_of
from conformance.relations import DEFAULTS, relations
from conformance.strictjson import is_integer

BASE: Final = "generated.twin-cheapest"
"""The valid request that odd ones differ from in one respect, and that others only write differently."""

REFUSED_BASE: Final = "generated.refused"
"""An invalid request that is written differently as well: it has to stay refused."""

USUAL: Final = 8_000
"""Bytes of a request that no proxy refuses for its size; beyond them an error may be an intermediary's."""

_BELONGS_TO: Final[Mapping[str, str]] = {
    "tool_choice": "tools",
    "parallel_tool_calls": "tools",
    "stream_options": "stream",
    "top_logprobs": "logprobs",
}
"""Members that no request may have without the other one."""

_FEATURES: Final[Mapping[str, str]] = {
    "plain": "chat",
    "parted": "parts",
    "tooled": "tools",
    "crowded": "tools",
    "mixed": "sampling",
}


class Asking(Struct, frozen=True):
    """How one model is asked: ``extra`` are the members that the user adds to every body."""

    model: str
    card: ModelCard
    extra: Mapping[str, Json]

    @property
    def own(self) -> dict[str, Json]:
        """The members that every body has: those that bound an answer, then the user's."""
        cheaply: dict[str, Json] = {self.card.limit_field: 1}
        return {**cheaply, **({"stream": True} if self.card.stream_only else {}), **self.extra}

    def body(self, value: Mapping[str, Json], member: str | None = None) -> dict[str, Json]:
        """Return a body for this model; the member under test is left alone."""
        return cast("dict[str, Json]", for_model(dict(value), member, self.model, self.own))

    def cost(self, value: Mapping[str, Json]) -> int:
        """Return the completion tokens that an answer can have: without a valid limit what the card reckons."""
        limit, n = value.get(self.card.limit_field), value.get("n")
        most = limit if is_integer(limit) and limit > 0 else self.card.unlimited_cost
        return most * (n if is_integer(n) and n > 1 else 1)


def talks(cases: OwnCases, asking: Asking) -> dict[str, Probe]:
    """Return the talks that suit the model, by name."""
    found = {}
    for talk in cases.talks:
        left_out = _left_out(talk, asking)
        if left_out is not None:
            body = asking.body({name: item for name, item in talk.value.items() if name not in left_out})
            found[talk.name] = Probe(
                id=f"generated.talk-{talk.name}",
                model=asking.model,
                request=request(encode(body)),
                feature=_FEATURES[talk.kind],
                streamed=body.get("stream") is True,
                traits=frozenset({"generated", "talk"}) | traits_of(body),
                budget=asking.cost(body),
                requirement=ROWS[talk.kind],
                label=f"a valid talk: {talk.kind}",
            )
    return found


def mutants(cases: OwnCases, asking: Asking) -> Iterator[Probe]:
    """Yield the mutants of talks that suit the model, where it is not asked without the member under test."""
    by_name = {talk.name: talk for talk in cases.talks}
    for mutant in cases.mutants:
        left_out = _left_out(by_name[mutant.twin], asking)
        if left_out is not None and mutant.member not in {*left_out, *asking.extra}:
            yield _mutant(mutant, asking, left_out)


def _mutant(mutant: Mutant, asking: Asking, left_out: frozenset[str]) -> Probe:
    value = {name: item for name, item in mutant.value.items() if name not in left_out}
    body = asking.body(value, mutant.member)
    return Probe(
        id=f"generated.mutant-{mutant.name}",
        model=GATEWAY,
        request=request(encode(body)),
        intent=Intent.INVALID,
        streamed=body.get("stream") is True,
        traits=frozenset({"generated", "mutant"}) | traits_of(body),
        twin=f"generated.talk-{mutant.twin}",
        defect=Defect(mutant.what, names=mutant.names, pointer=mutant.pointer),
        budget=asking.cost(body),
        requirement=mutant.requirement,
        group=mutant.group,
        label=mutant.group,
    )


def _left_out(talk: Talk, asking: Asking) -> frozenset[str] | None:
    """Return the members that the model's rules may refuse; None when the whole talk is not for this model."""
    messages = talk.value["messages"]
    roles = {str(message["role"]) for message in messages if isinstance(message, dict)}  # type: ignore[union-attr]
    features = asking.card.features
    if roles - {*asking.card.roles, "tool"} or ("tools" in talk.value and features.get("tools") is Claim.NO):
        return None
    gone = {"response_format"} if features.get("structured") is Claim.NO else set()
    mine = talk.value.keys() - {"model", "messages"}
    while True:
        body = asking.body({name: item for name, item in talk.value.items() if name not in gone})
        more = _refusable(asking, body, mine - gone)
        if not more:
            return frozenset(gone)
        gone |= more
        gone |= {name for name in mine if _BELONGS_TO.get(name) in gone}


def _refusable(asking: Asking, body: Mapping[str, Json], members: Collection[str]) -> set[str]:
    """Return those of the members without which the model's rules do not refuse a body.

    Of members that may not stand together (``temperature+top_p``) the last one is enough.
    """
    rules = (rule for rule in asking.card.rules_for(dict(body)) if Outcome.REJECTED_CLEAN in rule.allow)
    ours = ([name for name in rule.parameter.split("+") if name in members] for rule in rules)
    return {names[-1] for names in ours if names}


def odd_body(oddity: Oddity, base: Mapping[str, Json]) -> Request:
    """Return a request whose body an oddity makes of a valid one."""
    return replace(request(b""), body=oddities.BODIES[oddity.recipe].make(base, oddity.size))


def odd_header(oddity: Oddity, base: Mapping[str, Json]) -> Request:
    """Return a request with a valid body, whose headers an oddity changes."""
    plain = request(encode(dict(base)))
    return replace(plain, headers=oddities.HEADERS[oddity.recipe].change(plain.headers, oddity.size))


def odd_bodies(cases: OwnCases, asking: Asking, base: Mapping[str, Json]) -> Iterator[Probe]:
    """Yield bodies that are no JSON, and bodies that are odd JSON."""
    for oddity in cases.bodies:
        cut, recipe = oddity.recipe in oddities.CUT, oddities.BODIES[oddity.recipe]
        yield _odd(
            asking,
            base,
            f"generated.body-{oddity.name}",
            odd_body(oddity, base),
            requirement="errors.malformed-json" if cut else "robustness.odd-body",
            defect=Defect(_sized(recipe.what, oddity.size, recipe.sizes), names=recipe.names),
            traits=frozenset() if cut else frozenset({"may-be-served"}),
        )


def odd_headers(cases: OwnCases, asking: Asking, base: Mapping[str, Json]) -> Iterator[Probe]:
    """Yield the cheapest example with one odd thing in its headers.

    What refuses those may be the HTTP library in front of the endpoint, which knows no error objects.
    """
    for oddity in cases.headers:
        recipe = oddities.HEADERS[oddity.recipe]
        yield _odd(
            asking,
            base,
            f"generated.header-{oddity.name}",
            odd_header(oddity, base),
            requirement="robustness.odd-headers",
            defect=Defect(
                _sized(recipe.what, oddity.size, recipe.sizes), names=recipe.names, statuses=(400, 415)
            ),
            traits=frozenset({"may-be-served", "elsewhere"}),
        )


def _sized(what: str, size: int, sizes: tuple[int, int]) -> str:
    return what if sizes[0] == sizes[1] else f"{what} (size {size})"


def _odd(
    asking: Asking,
    base: Mapping[str, Json],
    name: str,
    sent: Request,
    *,
    requirement: str,
    defect: Defect,
    traits: frozenset[str],
) -> Probe:
    size = len(sent.body) + sum(len(header) + len(value) for header, value in sent.headers)
    large = frozenset({"large"} if size > USUAL else ())
    return Probe(
        id=name,
        model=GATEWAY,
        request=sent,
        intent=Intent.INVALID,
        feature="robustness",
        streamed=base.get("stream") is True,
        traits=frozenset({"generated", "odd"}) | traits | large,
        twin=BASE,
        defect=defect,
        budget=asking.cost(base),
        requirement=requirement,
        label=defect.what,
    )


def rewritten(asking: Asking, base: Mapping[str, Json]) -> Iterator[Probe]:
    """Yield the cheapest example, and an invalid one, each written in other ways."""
    plain = request(encode(dict(base)))
    refused = request(encode({**base, "messages": "Hello!"}))
    defect = Defect("a string as messages", names=("messages",), pointer="/messages")
    wrong = Probe(
        id=REFUSED_BASE,
        model=GATEWAY,
        request=refused,
        intent=Intent.INVALID,
        streamed=base.get("stream") is True,
        traits=frozenset({"generated"}),
        twin=BASE,
        defect=defect,
        budget=asking.cost(base),
        requirement="messages.list-type",
        group="#/components/schemas/CreateChatCompletionRequest/properties/messages/type",
        label="the invalid request that is written in other ways",
    )
    spared = _spared(asking, base)
    for name, relation in relations(spared).items():
        yield Probe(
            id=f"generated.same-{name}",
            model=asking.model,
            request=relation.apply(plain),
            streamed=base.get("stream") is True,
            traits=frozenset({"generated", "rewritten"}),
            same_as=BASE,
            budget=asking.cost(base),
            requirement=relation.requirement,
            label=relation.what,
        )
    yield wrong
    for name, relation in relations(spared).items():
        yield replace(
            wrong,
            id=f"generated.same-{name}-refused",
            request=relation.apply(refused),
            defect=replace(defect, names=(*defect.names, *relation.names)),
            traits=frozenset({"generated", "rewritten"}),
            same_as=REFUSED_BASE,
            requirement=relation.requirement,
            label=relation.what,
        )


def _spared(asking: Asking, base: Mapping[str, Json]) -> set[str]:
    """Return the members whose default is not written out, since the model's rules may refuse it beside the others."""
    spared: set[str] = set()
    while more := _refusable(
        asking,
        {**{name: value for name, value in DEFAULTS.items() if name not in spared}, **base},
        DEFAULTS.keys() - base.keys() - spared,
    ):
        spared |= more
    return spared


def canary(number: int, asking: Asking, base: Mapping[str, Json]) -> Probe:
    """Return the request that shows, after a batch, that the target still serves and serves rightly."""
    return Probe(
        id=f"generated.canary-{number}",
        model=asking.model,
        request=request(encode(dict(base))),
        streamed=base.get("stream") is True,
        traits=frozenset({"generated", "canary"}),
        same_as=BASE,
        budget=asking.cost(base),
        requirement="robustness.alive-after-batch",
        label=f"the cheapest example again, after batch {number}",
    )
