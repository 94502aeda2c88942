"""Evidence keeps every byte, survives a kill at any byte, and is refused when it was changed."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from conformance.errors import UsageError
from conformance.evidence import (
    FORMAT,
    VERSION,
    BrokenLineError,
    EvidenceError,
    NotEvidenceError,
    RepeatedExchangeError,
    Writer,
    read,
)
from conformance.model import Exchange, FaultKind, Request, TransportFault
from conformance.paths import data_root

HEADER = {
    "suite": {"name": "chat-conformance", "version": "0.1.0"},
    "target": {"url": "https://h.example/v1"},
    "plan": "sha256:0",
    "set": "2026.11",
    "seed": 0,
    "started": 1_700_000_000.5,
}

ANY_TEXT = st.text(st.characters(), max_size=20)
TIMES = st.floats(0, 2e9, allow_nan=False)


@st.composite
def exchanges(draw: st.DrawFn, name: str = "ex-1") -> Exchange:
    raw = draw(
        st.one_of(
            st.binary(max_size=200), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))
        )
    )
    pieces = []
    left = len(raw)
    while left:
        size = draw(st.integers(1, left))
        pieces.append((draw(TIMES), size))
        left -= size
    return Exchange(
        id=name,
        probe=draw(ANY_TEXT),
        model=draw(ANY_TEXT),
        attempt=draw(st.integers(1, 9)),
        request=Request(
            method=draw(ANY_TEXT),
            path=draw(ANY_TEXT),
            headers=tuple(draw(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=3))),
            body=draw(st.binary(max_size=50)),
        ),
        raw=raw,
        pieces=tuple(pieces),
        started_at=draw(TIMES),
        elapsed=draw(TIMES),
        fault=draw(st.none() | st.builds(TransportFault, st.sampled_from(FaultKind), ANY_TEXT)),
        fetched=draw(st.none() | st.integers(0, 9)),
    )


def exchange(name: str = "ex-1", raw: bytes = b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe") -> Exchange:
    return Exchange(name, "p", "m", 1, Request(headers=(("A", "b"),)), raw, ((0.5, len(raw)),), 1.5, 2.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "evidence.jsonl"


def write(path: Path, *names: str, footer: bool = True) -> None:
    with Writer(path, HEADER) as writer:
        for name in names:
            writer.intent(name)
            writer.exchange(exchange(name))
        if footer:
            writer.footer({"stopped": ""})


# ---- what is kept


@settings(max_examples=50, deadline=None)
@given(one=exchanges("ex-1"), other=exchanges("ex-2"))
def test_an_exchange_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, one: Exchange, other: Exchange
):
    path = tmp_path_factory.mktemp("evidence") / "evidence.jsonl"
    with Writer(path, HEADER) as writer:
        writer.exchange(one)
        writer.exchange(other)
    assert read(path).exchanges == (one, other)
    assert path.read_bytes().isascii()
    assert path.read_bytes().count(b"\n") == 3


@settings(max_examples=50, deadline=None)
@given(one=exchanges())
def test_every_line_follows_the_schema(tmp_path_factory: pytest.TempPathFactory, one: Exchange):
    path = tmp_path_factory.mktemp("evidence") / "evidence.jsonl"
    with Writer(path, HEADER) as writer:
        writer.intent(one.id)
        writer.exchange(one)
        writer.footer({"stopped": "interrupted", "anything": [1]})
    schema = json.loads((data_root() / "spec" / "schema" / "evidence.schema.json").read_text("utf-8"))
    validator = Draft202012Validator(schema)
    for line in path.read_text("ascii").splitlines():
        validator.validate(json.loads(line))


def test_header_footer_and_unfinished_intents_are_told(path: Path):
    with Writer(path, HEADER) as writer:
        writer.intent("ex-1")
        writer.intent("ex-2")
        writer.intent("ex-3")
        writer.exchange(exchange("ex-2"))
        writer.footer({"stopped": "interrupted"})
    evidence = read(path)
    assert evidence.header == {"format": FORMAT, "version": VERSION, **HEADER}
    assert evidence.unfinished == ("ex-1", "ex-3")
    assert evidence.footer == {"stopped": "interrupted"}
    assert not evidence.torn


def test_text_is_readable_in_the_file(path: Path):
    with Writer(path, HEADER) as writer:
        writer.exchange(exchange(raw="data: grüße\n\n".encode()))
        writer.exchange(exchange("ex-2", raw=b"\xff\xfe\x00"))
    lines = path.read_text("ascii").splitlines()
    assert json.loads(lines[1])["raw"] == {"text": "data: grüße\n\n"}
    assert json.loads(lines[2])["raw"] == {"b64": "//4A"}


def test_each_line_can_be_read_when_the_writer_returns(path: Path):
    with Writer(path, HEADER) as writer:
        writer.intent("ex-1")
        assert read(path).unfinished == ("ex-1",)
        writer.exchange(exchange())
        assert read(path).exchanges == (exchange(),)


def test_evidence_is_never_written_over(path: Path):
    write(path, "ex-1")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        Writer(path, HEADER)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path):
    with pytest.raises(UsageError):
        Writer(tmp_path / "nothing" / "evidence.jsonl", HEADER)


# ---- killed and resumed


def test_a_run_that_is_killed_at_any_byte_keeps_all_finished_lines(path: Path, tmp_path: Path):
    write(path, "ex-1", "ex-2")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for size in range(first, len(whole)):
        cut = tmp_path / "cut.jsonl"
        cut.write_bytes(whole[:size])
        evidence = read(cut)
        finished = whole[:size].rpartition(b"\n")[0]
        assert len(evidence.exchanges) == finished.count(b'"kind":"exchange"')
        assert evidence.torn is (whole[size - 1 : size] != b"\n")
        assert evidence.footer is None


@pytest.mark.parametrize("size", [0, 1, 50])
def test_a_file_that_ends_in_its_header_is_no_evidence(path: Path, size: int):
    write(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(NotEvidenceError):
        read(path)


def test_an_interrupted_run_is_resumed_behind_its_last_line(path: Path):
    write(path, "ex-1")
    kept = path.read_bytes()
    footer = kept.rindex(b"{")
    path.write_bytes(kept[:footer] + b'{"kind":"intent","id":"ex-2"}\n{"kind":"exch')
    with Writer.resume(path) as writer:
        writer.exchange(exchange("ex-2"))
        writer.footer({"stopped": ""})
    evidence = read(path)
    assert [each.id for each in evidence.exchanges] == ["ex-1", "ex-2"]
    assert (evidence.unfinished, evidence.torn) == ((), False)


def test_what_a_resumed_run_sends_again_is_marked(path: Path):
    with Writer(path, HEADER) as writer:
        writer.intent("ex-1")
        writer.intent("ex-2")
        writer.exchange(exchange("ex-2"))
    with Writer.resume(path) as writer:
        writer.intent("ex-1")
        writer.exchange(exchange("ex-1"))
        writer.intent("ex-3")
    evidence = read(path)
    assert (evidence.sent_again, evidence.unfinished) == (("ex-1",), ("ex-3",))
    assert evidence.sent == 4
    schema = json.loads((data_root() / "spec" / "schema" / "evidence.schema.json").read_text("utf-8"))
    for line in path.read_text().splitlines():
        Draft202012Validator(schema).validate(json.loads(line))


def test_a_footer_is_taken_off_when_a_run_goes_on(path: Path):
    write(path, "ex-1")
    with Writer.resume(path) as writer:
        writer.exchange(exchange("ex-2"))
    evidence = read(path)
    assert len(evidence.exchanges) == 2
    assert evidence.footer is None


def test_what_is_no_evidence_is_not_resumed(path: Path):
    path.write_text("notes of mine\n")
    with pytest.raises(NotEvidenceError):
        Writer.resume(path)
    assert path.read_text() == "notes of mine\n"


# ---- changed


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "[]",
        "5",
        "{}",
        '{"kind":"other"}',
        '{"kind":"intent"}',
        '{"kind":"intent","id":5}',
        '{"kind":"intent","id":"caf\u00e9"}',
        '{"kind":"exchange"}',
        '{"kind":"intent","id":NaN}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_not_evidence_is_named(path: Path, line: str):
    write(path, "ex-1", footer=False)
    with path.open("ab") as stream:
        stream.write(line.encode() + b"\n")
    with pytest.raises(BrokenLineError) as caught:
        read(path)
    assert f"{path}:4:" in str(caught.value)
    assert caught.value.why
    assert caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        ("attempt", "1"),
        ("attempt", True),
        ("raw", {"text": "shorter"}),
        ("raw", {"b64": "not base64!"}),
        ("raw", {}),
        ("raw", "text"),
        ("pieces", [[1]]),
        ("pieces", [["1", 2]]),
        ("pieces", {}),
        ("request", {"method": "POST"}),
        ("fault", {"kind": "unheard-of", "detail": ""}),
        ("fault", "reset"),
        ("elapsed", None),
    ],
)
def test_a_changed_exchange_is_refused(path: Path, change: tuple[str, object]):
    write(path, "ex-1", footer=False)
    *lines, last = path.read_text().splitlines()
    row = json.loads(last)
    assert change[0] in row
    row[change[0]] = change[1]
    path.write_text("\n".join([*lines, json.dumps(row)]) + "\n")
    with pytest.raises(BrokenLineError):
        read(path)


def test_a_missing_member_is_named(path: Path):
    write(path, "ex-1", footer=False)
    *lines, last = path.read_text().splitlines()
    row = json.loads(last)
    del row["elapsed"]
    path.write_text("\n".join([*lines, json.dumps(row)]) + "\n")
    with pytest.raises(BrokenLineError, match="'elapsed' is missing"):
        read(path)


def test_joined_files_are_refused(path: Path):
    write(path, "ex-1", footer=False)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[2]]))
    with pytest.raises(RepeatedExchangeError, match="ex-1"):
        read(path)


def test_lines_behind_the_footer_are_refused(path: Path):
    write(path, "ex-1")
    with path.open("ab") as stream:
        stream.write(b'{"kind":"intent","id":"ex-2"}\n')
    with pytest.raises(BrokenLineError, match="footer"):
        read(path)


@pytest.mark.parametrize(
    "first",
    [
        b"\x89PNG\r\n",
        b"{}\n",
        b'{"kind":"header","format":"something/else","version":1}\n',
        b'{"kind":"header","format":"chat-conformance/evidence","version":2}\n',
    ],
)
def test_a_file_of_another_format_or_version_is_refused(path: Path, first: bytes):
    path.write_bytes(first)
    with pytest.raises(NotEvidenceError) as caught:
        read(path)
    assert caught.value.hint
    assert isinstance(caught.value, EvidenceError)
    assert isinstance(caught.value, UsageError)


def test_a_file_that_is_not_there_is_a_usage_error(path: Path):
    with pytest.raises(UsageError, match="cannot be opened"):
        read(path)
