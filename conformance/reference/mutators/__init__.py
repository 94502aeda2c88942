"""What faults do: pure functions on the values and bytes of one exchange, each described by a record of data.

There are six points at which a mutation strikes, in the order in which an exchange passes them:

=========  ==================================================================  =========================
point      what is changed                                                     module
=========  ==================================================================  =========================
request    what the gateway makes of the request, and what it checks           :mod:`.requests`
answer     what the model is said to have said: choices, text, calls, counts   :mod:`.answers`
value      the JSON of a completion, of chunks, of an error, of a model list   :mod:`.edits`
chunks     the order and number of chunks                                      :mod:`.chunks`
events     the bytes of events                                                 :mod:`.events`
reply      status, headers, body bytes, timing, the end of the connection      :mod:`.replies`
=========  ==================================================================  =========================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from conformance.reference.mutators.answers import AnswerMutator
from conformance.reference.mutators.chunks import ChunkMutator, Cumulate, Insert, Merge, Move, Remove, Repeat
from conformance.reference.mutators.edits import Drop, Edit, Rename, Retype, Rewrite, Set, Wrap
from conformance.reference.mutators.events import Done, EventMutator, Frame, Patch, Write
from conformance.reference.mutators.replies import (
    Body,
    Connection,
    Cut,
    Gzip,
    Headers,
    Pieces,
    Replay,
    ReplyMutator,
    Status,
    Wait,
)
from conformance.reference.mutators.requests import Assume, Forgive, Ignore, Refuse, RequestMutator, Skip
from conformance.reference.record import wrong
from conformance.reference.when import When

Mutator: TypeAlias = RequestMutator | AnswerMutator | Edit | ChunkMutator | EventMutator | ReplyMutator

OPERATIONS: Final[Mapping[str, type[Mutator]]] = {
    "ignore": Ignore,
    "assume": Assume,
    "refuse": Refuse,
    "skip": Skip,
    "forgive": Forgive,
    "answer": AnswerMutator,
    "set": Set,
    "drop": Drop,
    "rename": Rename,
    "retype": Retype,
    "wrap": Wrap,
    "rewrite": Rewrite,
    "repeat": Repeat,
    "remove": Remove,
    "move": Move,
    "insert": Insert,
    "cumulate": Cumulate,
    "merge": Merge,
    "done": Done,
    "frame": Frame,
    "write": Write,
    "patch": Patch,
    "status": Status,
    "headers": Headers,
    "body": Body,
    "pieces": Pieces,
    "cut": Cut,
    "wait": Wait,
    "gzip": Gzip,
    "connection": Connection,
    "replay": Replay,
}
"""The word for each mutator in a fault's ``op``."""


class Mutation(Struct, frozen=True):
    """One change of a fault: what is done, and to which exchanges."""

    mutator: Mutator
    when: When


def read_mutation(value: object, where: str) -> Mutation:
    """Return the mutation that the mapping ``value`` describes: ``op``, its keys, and perhaps ``when``.

    Raises:
        CatalogueError: the operation or one of its keys is not known, or a value has a wrong type.

    """
    if not isinstance(value, Mapping):
        raise wrong(where, f"a mutation is a mapping with op, not {value!r}")
    operation = OPERATIONS.get(str(value.get("op")))
    if operation is None:
        raise wrong(where, f"op {value.get('op')!r} is none of {', '.join(OPERATIONS)}")
    where = f"{where} {value['op']}"
    keys = {key: item for key, item in value.items() if key not in {"op", "when"}}
    return Mutation(operation.read(keys, where), When.read(value.get("when", {}), f"{where} when"))
