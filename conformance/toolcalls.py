"""Tool calls of an answer, streamed or not, read alike and leniently; judging is left to the checks.

A complete answer holds its calls in ``message.tool_calls``. A stream holds them in pieces,
``delta.tool_calls``: each piece names its call by ``index``, the first one has id, type and name, and the
pieces of ``arguments`` are joined (openai-openapi, ChatCompletionMessageToolCallChunk). Where a target leaves
``index`` out, the id tells calls apart, so that everything else about them can still be judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Final
from weakref import WeakKeyDictionary

from msgspec import Struct, field

from conformance import strictjson
from conformance.model import Json
from conformance.views import Form, View


class Unread(Enum):
    """The type of :data:`UNREAD`."""

    UNREAD = "unread"


UNREAD: Final = Unread.UNREAD
"""What :func:`read_whole` gives for a text that is not one JSON document."""


def read_whole(text: str) -> Json | Unread:
    """Return the value of a text that is one JSON document for any parser: nothing behind it, no NaN."""
    read = strictjson.read(text)
    whole = read.ok and not any(problem.kind in {"trailing", "nan", "bom"} for problem in read.problems)
    return read.value if whole else UNREAD


class Piece(Struct, frozen=True):
    """One element of a ``tool_calls`` array, with its place; ``frame`` is None in a complete answer."""

    frame: int | None
    choice: int
    pointer: str
    value: Mapping[str, Json]

    @property
    def id(self) -> Json:
        """The id as it stands there, None when it is null, empty or absent."""
        return self.value.get("id") or None

    @property
    def function(self) -> Mapping[str, Json]:
        """The function object, empty when there is none."""
        function = self.value.get("function")
        return function if isinstance(function, dict) else {}

    @property
    def name(self) -> Json:
        """The function's name as it stands there, None when it is null, empty or absent."""
        return self.function.get("name") or None

    @property
    def arguments(self) -> Json:
        """The function's arguments as they stand there, None when they are absent."""
        return self.function.get("arguments")

    @property
    def index(self) -> int | None:
        """The index if it is an integer."""
        index = self.value.get("index")
        return index if strictjson.is_integer(index) else None


class Call(Struct):
    """One call, put together from its pieces: one piece in a complete answer, many in a stream."""

    choice: int
    pieces: list[Piece] = field(default_factory=list)

    @property
    def first(self) -> Piece:
        """The piece that opens the call."""
        return self.pieces[0]

    @property
    def id(self) -> Json:
        """The first id that is given."""
        return next((piece.id for piece in self.pieces if piece.id is not None), None)

    @property
    def type(self) -> Json:
        """The first type that is given."""
        types = (piece.value.get("type") for piece in self.pieces)
        return next((kind for kind in types if kind is not None), None)

    @property
    def name(self) -> Json:
        """The first name that is given."""
        return next((piece.name for piece in self.pieces if piece.name is not None), None)

    @property
    def arguments(self) -> Json:
        """The arguments: what stands there, or the joined pieces when all of them are text."""
        if self.first.frame is None:
            return self.first.arguments
        given = [piece.arguments for piece in self.pieces if piece.arguments is not None]
        strange = next((one for one in given if not isinstance(one, str)), None)
        if strange is not None:
            return strange
        return "".join(str(one) for one in given)

    @property
    def object(self) -> Mapping[str, Json] | None:
        """The arguments as an object, None when they are none."""
        value = read_whole(self.arguments) if isinstance(self.arguments, str) else None
        return value if isinstance(value, dict) else None

    @property
    def ids(self) -> tuple[str, ...]:
        """Every different id that the pieces give, as JSON, in order."""
        return tuple(dict.fromkeys(json.dumps(piece.id) for piece in self.pieces if piece.id is not None))

    @property
    def merged(self) -> bool:
        """Whether several calls stand under one index: several ids with names, and no one object."""
        opened = {
            json.dumps(piece.id) for piece in self.pieces if piece.id is not None and piece.name is not None
        }
        return len(opened) > 1 and self.object is None


def pieces_of(view: View) -> Iterator[Piece]:
    """Yield every element of a ``tool_calls`` array that is an object, in order."""
    if view.form is Form.STREAM:
        for delta in view.stream.deltas:
            number = delta.index if strictjson.is_integer(delta.index) else 0
            where = f"/choices/{delta.position}/delta/tool_calls"
            yield from _pieces(delta.delta.get("tool_calls"), delta.frame, number, where)
        return
    for position, (_, pointer, message) in enumerate(bearers_of(view)):
        yield from _pieces(message.get("tool_calls"), None, position, f"{pointer}/tool_calls")


def _pieces(value: Json, frame: int | None, choice: int, where: str) -> Iterator[Piece]:
    for item, piece in enumerate(value if isinstance(value, list) else []):
        if isinstance(piece, dict):
            yield Piece(frame, choice, f"{where}/{item}", piece)


_KNOWN: Final[WeakKeyDictionary[View, tuple[Call, ...]]] = WeakKeyDictionary()
"""The calls of the views that are still in use: many checks ask for them, and streams are long."""


def calls_of(view: View) -> tuple[Call, ...]:
    """Return the calls of an answer in the order in which they begin."""
    if view not in _KNOWN:
        _KNOWN[view] = _read_calls(view)
    return _KNOWN[view]


def _read_calls(view: View) -> tuple[Call, ...]:
    if view.form not in {Form.COMPLETION, Form.STREAM}:
        return ()
    if view.form is Form.COMPLETION:
        return tuple(Call(piece.choice, [piece]) for piece in pieces_of(view))
    calls: list[Call] = []
    known: dict[tuple[int, object], Call] = {}
    for piece in pieces_of(view):
        names = [(piece.choice, name) for name in _names(piece)]
        call = next((known[name] for name in names if name in known), None)
        if call is None:
            call = Call(piece.choice)
            calls.append(call)
        call.pieces.append(piece)
        known.update(dict.fromkeys([*names, (piece.choice, "last")], call))
    return tuple(calls)


def _names(piece: Piece) -> tuple[object, ...]:
    """Return what tells which call a piece belongs to: the index, else the id, else that it opens none."""
    if piece.index is not None:
        return (piece.index,)
    if piece.id is not None:
        return (f"id {json.dumps(piece.id)}",)
    return ("last",) if piece.name is None else ()


def bearers_of(view: View) -> Iterator[tuple[int | None, str, Mapping[str, Json]]]:
    """Yield every message or delta that may bear calls, with its frame and its pointer."""
    if view.form is Form.STREAM:
        for delta in view.stream.deltas:
            yield delta.frame, f"/choices/{delta.position}/delta", delta.delta
        return
    choices = view.object.get("choices")
    for position, choice in enumerate(choices if isinstance(choices, list) else []):
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict):
            yield None, f"/choices/{position}/message", message


def old_call_of(view: View) -> Json:
    """Return the call in ``function_call``, where it stood before there were tools; None where none has a name."""
    given = (bearer.get("function_call") for _, _, bearer in bearers_of(view))
    return next(
        (call for call in given if call and not (isinstance(call, dict) and not call.get("name"))), None
    )


def misplaced(view: View) -> bool:
    """Whether an answer has a call where no client finds it: not in ``tool_calls``, or in no array."""
    strange = any(bearer.get("tool_calls") not in (None, []) for _, _, bearer in bearers_of(view))
    return not calls_of(view) and (strange or bool(old_call_of(view)))


def offered(view: View) -> dict[str, Mapping[str, Json]]:
    """Return the parameters of the offered function tools by name; empty for one without."""
    tools = view.asked.get("tools")
    found: dict[str, Mapping[str, Json]] = {}
    for tool in tools if isinstance(tools, list) else []:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            parameters = function.get("parameters")
            found[str(function["name"])] = parameters if isinstance(parameters, dict) else {}
    return found


def is_offered(call: Call, view: View) -> bool:
    """Whether a call names a function that was offered; a name need not be text."""
    return isinstance(call.name, str) and call.name in offered(view)


def message_of(view: View) -> dict[str, Json] | None:
    """Return the assistant's message as a client sends it back: with every member that came, known or not.

    Of a stream it is put together as SDKs do: text is joined, of anything else the last value counts.
    """
    if view.form is Form.COMPLETION:
        return dict(view.message) or None
    if view.form is not Form.STREAM:
        return None
    deltas = [delta.delta for delta in view.stream.deltas if delta.index == 0]
    message = {"role": "assistant", "content": None, **_joined(deltas, without="tool_calls")}
    calls: list[Json] = [
        _joined([piece.value for piece in call.pieces], without="index")
        for call in calls_of(view)
        if call.choice == 0
    ]
    return {**message, "tool_calls": calls} if calls else message


_ONCE: Final = frozenset({"role", "id", "type", "name"})
"""Members that are told once; all other text is told in pieces."""


def _joined(pieces: Iterable[Mapping[str, Json]], *, without: str = "") -> dict[str, Json]:
    told: dict[str, list[Json]] = {}
    for piece in pieces:
        for name, value in piece.items():
            if name != without:
                told.setdefault(name, []).append(value)
    return {name: _one(name, values) for name, values in told.items()}


def _one(name: str, values: list[Json]) -> Json:
    given = [value for value in values if value is not None]
    texts = [value for value in given if isinstance(value, str)]
    objects = [value for value in given if isinstance(value, dict)]
    if given and len(texts) == len(given):
        return next(filter(None, texts), "") if name in _ONCE else "".join(texts)
    if given and len(objects) == len(given):
        return _joined(objects)
    return given[-1] if given else None
