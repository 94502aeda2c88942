"""A document by URL is served to targets on this machine alone; that it was fetched stands in the evidence."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from msgspec.structs import replace

from conformance import engine, evidence
from conformance.checks import all_checks
from conformance.cli import main
from conformance.exchange import Limits, Sender, sender_for
from conformance.exchange.serving import MOST_CONNECTIONS, Documents, ServingSender
from conformance.model import Exchange, Json, Outcome, Verdict
from conformance.models import load_cards
from conformance.plan import Plan
from conformance.reenact import reenact
from conformance.reference import KEY, ReferenceGateway
from conformance.reference.fetching import with_files
from conformance.reference.refusal import Refused
from conformance.report.reproduce import reproduce
from conformance.secret import Secret
from conformance.served import as_served, at_address, document_in, marks_in
from conformance.target import parse_target
from conformance.views import View
from tests.factory import case_of, completion, json_answer, probes, view_of
from tests.loopback import Connection, serving

CARD = load_cards().card("gpt-4o")
PROBES = probes("chat", "files", card=CARD, model="gpt-4o")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
URL = "http://127.0.0.1:40000/0123456789-abcdefghij_XYZ.pdf"
ASK = ("--model", "gpt-4o", "--only", "files.*", "--generated", "none", "--sdk", "no", "--quiet")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run against the reference gateway."""
    folder = tmp_path_factory.mktemp("served") / "run"
    with ReferenceGateway(models=["gpt-4o"]) as gateway, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        assert main(["run", "--target", gateway.base_url, *ASK, "--output", str(folder)]) == 0
        yield folder


def planned(folder: Path) -> Plan:
    return engine.plan_again(engine.settings_of(evidence.read(folder / "evidence.jsonl").header)).plan


def exchange_of(folder: Path) -> Exchange:
    found = evidence.read(folder / "evidence.jsonl").exchanges
    return next(each for each in found if each.probe == "files.url")


# ---- who is served what


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:8000/v1", True),
        ("https://localhost:8443/v1", True),
        ("http://api.localhost", False),
        ("http://10.0.0.7:8000", False),
        ("http://0.0.0.0:8000", False),
        ("https://127.0.0.1.example.com", False),
        ("https://api.example.com/v1", False),
    ],
)
def test_only_a_loopback_address_is_this_machine(target: str, *, local: bool) -> None:
    assert parse_target(target).local is local


def test_what_a_proxy_reaches_is_not_this_machine() -> None:
    assert not replace(parse_target("http://127.0.0.1:8000"), proxy=Secret("http://proxy.example:3128")).local


def test_a_target_elsewhere_gets_what_was_planned() -> None:
    door = sender_for(parse_target("https://api.example.com"), limits=Limits(), concurrency=1)
    assert isinstance(door, Sender)
    assert not isinstance(door, ServingSender)


def test_only_a_file_by_url_is_served() -> None:
    assert [name for name, probe in PROBES.items() if document_in(probe.request)] == [
        "files.url",
        "files.url~2",
    ]


def test_an_address_changes_nothing_else_and_tells_no_word() -> None:
    probe = PROBES["files.url"]
    sent = at_address(probe.request, URL)
    body, before = json.loads(sent.body), json.loads(probe.request.body)
    assert body["messages"][0]["content"][1] == {"type": "file", "file": {"url": URL}}
    body["messages"][0]["content"][1] = before["messages"][0]["content"][1]
    assert body == before
    view = View(probe, replace(view_of(probe).exchange, request=sent))
    [word] = marks_in(view)
    assert marks_in(view_of(probe)) == (word,)
    assert word.encode() not in sent.body.lower()


# ---- the server


def fetch(url: str, method: str = "GET") -> tuple[int, bytes]:
    try:
        with DIRECT.open(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, b""


def test_a_document_is_there_as_long_as_its_exchange() -> None:
    async def main() -> None:
        documents = Documents()
        one, other = await documents.offer(b"%PDF one"), await documents.offer(b"%PDF other")
        assert one is not None
        assert other is not None
        assert await asyncio.to_thread(fetch, one.url) == (200, b"%PDF one")
        assert await asyncio.to_thread(fetch, one.url) == (200, b"%PDF one")
        assert await asyncio.to_thread(fetch, one.url, "HEAD") == (200, b"")
        assert await asyncio.to_thread(fetch, one.url, "POST") == (404, b"")
        assert await asyncio.to_thread(fetch, one.url[:-5]) == (404, b"")
        assert (one.fetched, other.fetched) == (2, 0)
        documents.withdraw(one)
        assert await asyncio.to_thread(fetch, one.url) == (404, b"")
        assert one.fetched == 2
        await documents.close()
        with pytest.raises(URLError):
            await asyncio.to_thread(fetch, other.url)

    asyncio.run(main())


@pytest.mark.parametrize("head", [b"", b"GET", b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a" * 70_000])
def test_what_sends_rubbish_gets_no_document_and_ends_nothing(head: bytes) -> None:
    async def main() -> None:
        documents = Documents()
        document = await documents.offer(b"%PDF")
        assert document is not None
        port = int(document.url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):  # closed over what was not read
            assert b"%PDF" not in await reader.read()
        writer.close()
        assert await asyncio.to_thread(fetch, document.url) == (200, b"%PDF")
        await documents.close()

    asyncio.run(main())


def test_connections_that_say_nothing_are_few_and_dropped_at_the_end() -> None:
    async def main() -> None:
        documents = Documents()
        document = await documents.offer(b"%PDF")
        assert document is not None
        port = int(document.url.split(":")[2].split("/")[0])
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_CONNECTIONS)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        await documents.close()
        for silent, _ in held:
            assert await silent.read() == b""
        for _, open_ in (*held, (reader, writer)):
            open_.close()

    asyncio.run(main())


# ---- what is judged


@pytest.mark.parametrize(
    ("text", "prompt", "plain", "fetched", "expected", "kept"),
    [
        ("It is {mark}.", 400, 12, 1, Verdict.PASS, Verdict.PASS),
        ("It is {mark}.", 13, 12, 2, Verdict.PASS, Verdict.PASS),
        ("I would rather not say.", 400, 12, 1, Verdict.PASS, Verdict.PASS),
        ("I would rather not say.", 400, 12, 0, Verdict.INCONCLUSIVE, Verdict.PASS),
        ("I would rather not say.", 65, 12, 0, Verdict.FAIL, Verdict.FAIL),
        ("I would rather not say.", 30, 12, 0, Verdict.FAIL, Verdict.FAIL),
        ("I would rather not say.", None, 12, 0, Verdict.FAIL, Verdict.FAIL),
        ("I would rather not say.", 65, 12, 1, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        ("I would rather not say.", None, 12, 1, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        ("I would rather not say.", 30, 12, 1, Verdict.FAIL, Verdict.FAIL),
    ],
)
def test_what_was_never_fetched_and_not_refused_was_dropped(  # noqa: PLR0917 - a table
    text: str, prompt: Json, plain: int, fetched: int, expected: Verdict, kept: Verdict
) -> None:
    def said(words: str, tokens: Json) -> bytes:
        usage: Json = {"prompt_tokens": tokens, "completion_tokens": 5, "total_tokens": 405}
        return json_answer(200, completion(words, usage=usage))

    probe = PROBES["files.url"]
    [mark] = marks_in(view_of(probe))
    sent = view_of(probe, said(text.replace("{mark}", mark), prompt)).exchange
    view = View(probe, replace(sent, request=at_address(probe.request, URL), fetched=fetched))
    beside = view_of(PROBES["chat.basic"], said("Hello", plain))
    for requirement, verdict in (("files.url-read", expected), ("files.not-dropped", kept)):
        case = replace(case_of(requirement, view, beside), card=CARD)
        [found] = [
            each for check in all_checks() if check.requirement == requirement for each in check.judge(case)
        ]
        assert found.verdict is verdict
        assert (found.outcome is Outcome.DROPPED) is (verdict is Verdict.FAIL)
        assert "127.0.0.1" not in found.saw


# ---- the whole way


def test_a_target_on_this_machine_is_sent_an_address_and_seen_to_fetch_it(run: Path) -> None:
    found = exchange_of(run)
    assert re.search(rb'"url":"http://127\.0\.0\.1:\d+/[\w-]{24}\.pdf"', found.request.body)
    assert found.fetched == 1
    report = json.loads((run / "report.json").read_text("utf-8"))
    verdicts = {row["requirement"]: (row["verdict"], row["outcome"]) for row in report["results"]}
    assert verdicts["files.url-read"] == verdicts["files.not-dropped"] == ("pass", "applied")
    others = evidence.read(run / "evidence.jsonl").exchanges
    assert [each.probe for each in others if each.fetched is not None] == ["files.url"]


def test_no_address_is_a_part_of_the_plan(run: Path) -> None:
    elsewhere = engine.Settings(
        target=parse_target("https://api.example.com"),
        models=("gpt-4o",),
        only=("files.*",),
        generated="none",
    )
    assert planned(run).digest == engine.prepare(elsewhere).plan.digest
    assert b"127.0.0.1" not in b"".join(probe.request.body for probe in planned(run).probes)


def test_it_is_judged_again_byte_for_byte(run: Path, tmp_path: Path) -> None:
    assert main(["recheck", str(run), "--output", str(tmp_path)]) == 0
    for name in ("report.json", "report.md", "junit.xml"):
        assert (tmp_path / name).read_bytes() == (run / name).read_bytes()


def test_an_address_of_the_run_is_what_the_plan_asked_for_and_another_is_not(run: Path) -> None:
    exchanges = evidence.read(run / "evidence.jsonl").exchanges
    assert reenact(planned(run), exchanges).whole
    found = exchange_of(run)
    for body in (
        found.request.body.replace(b"http://127.0.0.1:", b"http://10.0.0.7:"),
        found.request.body.replace(b"code word", b"password!"),
    ):
        other = replace(found, request=replace(found.request, body=body))
        changed = [other if each is found or each.id == found.id else each for each in exchanges]
        assert reenact(planned(run), changed).altered == (found.id,)
    probe = planned(run).index["files.url", "gpt-4o"]
    assert as_served(probe.request, replace(found, fetched=None)) == probe.request


def test_a_merged_run_keeps_what_was_fetched(run: Path, tmp_path: Path) -> None:
    assert main(["merge", str(run), "--output", str(tmp_path / "merged")]) == 0
    assert exchange_of(tmp_path / "merged") == exchange_of(run)


def test_a_resumed_run_sends_nothing_again(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / "evidence.jsonl").write_bytes((run / "evidence.jsonl").read_bytes())
    url = evidence.read(run / "evidence.jsonl").header["target"]["url"]
    assert main(["run", "--target", url, *ASK, "--resume", str(tmp_path)]) == 0
    assert (
        evidence.read(tmp_path / "evidence.jsonl").exchanges
        == evidence.read(run / "evidence.jsonl").exchanges
    )


def test_the_command_of_a_finding_serves_the_document_anew(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = exchange_of(run)
    assert (
        reproduce(found, "http://127.0.0.1:1/v1", streamed=False) == f"chat-conformance reproduce {found.id}"
    )
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert main(["reproduce", found.id, "--run", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "was fetched once" in shown
    [address] = re.findall(r"http://127\.0\.0\.1:\d+/[\w-]+\.pdf", shown)
    assert address.encode() not in found.request.body


# ---- the reference gateway


def asking(url: str) -> Json:
    return {"messages": [{"role": "user", "content": [{"type": "file", "file": {"url": url}}]}]}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000,
        b"rubbish",
        b"",
    ],
)
def test_the_reference_refuses_what_it_cannot_fetch(answer: bytes) -> None:
    async def say(connection: Connection) -> None:
        await connection.request()
        await connection.say(answer)

    async def main() -> None:
        async with serving(say) as server:
            with pytest.raises(Refused, match="could not be fetched"):
                await asyncio.to_thread(with_files, asking(f"{server.origin}/a.pdf"))

    asyncio.run(main())


def test_the_reference_fetches_from_loopback_addresses_alone() -> None:
    for url in (
        "http://10.0.0.7:80/a.pdf",
        "https://127.0.0.1:1/a.pdf",
        "http://127.0.0.1/a",
        "http://localhost:1/a",
    ):
        body = asking(url)
        assert with_files(body) is body
