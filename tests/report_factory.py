"""Makes small judged runs by hand for the tests of the reports; as a program it writes the golden files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from conformance.baseline import Entry, KnownFailures
from conformance.catalogue import Catalogue, Feature, Source
from conformance.judge import Judgement
from conformance.model import (
    GATEWAY,
    KEY_MARK,
    Claim,
    Defect,
    Exchange,
    FaultKind,
    Finding,
    Intent,
    Level,
    Outcome,
    Probe,
    Request,
    Requirement,
    TransportFault,
    Verdict,
)
from conformance.plan import Plan, PlannedCase
from conformance.profiles import Profile
from conformance.report.badge import render_badge
from conformance.report.build import build
from conformance.report.console import render_console
from conformance.report.facts import RunFacts
from conformance.report.html_page import render_html
from conformance.report.junit import render_junit
from conformance.report.markdown import render_markdown
from conformance.report.write import dumps
from conformance.usage import Tokens
from conformance.verdict import CaseResult, UnitResult, fold_case, fold_unit, summarise
from conformance.views import View

if TYPE_CHECKING:
    from conformance.report.shape import Report

GOLDEN = Path(__file__).parent / "golden" / "report"
URL = "https://gateway.example/v1"
MODEL = "small-1"
STARTED = 1_790_000_000.25
HEADERS = (
    ("Host", "gateway.example"),
    ("Authorization", f"Bearer {KEY_MARK}"),
    ("Content-Type", "application/json"),
)
FEATURES = {
    "auth": Feature("auth", "Authentication", core=True),
    "chat": Feature("chat", "Chat: messages in, one answer out", core=True),
    "streaming": Feature("streaming", "Streamed answers (SSE)", core=True),
}
SOURCES = {
    "rfc9110": Source("rfc9110", "standard", "HTTP Semantics", "https://www.rfc-editor.org/rfc/rfc9110"),
    "S9": Source("S9", "document", "a gateway's page", lines=20),
}


def body_of(model: str, *, stream: bool = False) -> bytes:
    streamed = b',"stream":true' if stream else b""
    return b'{"model":"%s","messages":[{"role":"user","content":"Say hello in five words."}]%s}' % (
        model.encode(),
        streamed,
    )


def request(body: bytes = b"", headers: tuple[tuple[str, str], ...] = HEADERS, **more: str) -> Request:
    sized = (*headers, ("Content-Length", str(len(body))))
    return Request(headers=sized, body=body, **more)


def answer(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Run(Struct):
    """Collects probes, exchanges and units, and builds the report of them."""

    reference: bool = False
    only: tuple[str, ...] = ()
    known: frozenset[tuple[str, str]] = frozenset()
    stale: tuple[str, ...] = ()
    stopped: str = ""
    name: str = "gateway.example"
    models: tuple[str, ...] = (MODEL,)
    views: dict[str, View] = field(default_factory=dict)
    units: list[UnitResult] = field(default_factory=list)
    rows: dict[str, Requirement] = field(default_factory=dict)
    missing: list[PlannedCase] = field(default_factory=list)

    def exchange(
        self,
        probe: str,
        raw: bytes,
        *,
        sent: Request | None = None,
        model: str = MODEL,
        fault: TransportFault | None = None,
        defect: str = "",
        twin: str | None = None,
    ) -> View:
        """Record one exchange."""
        number = len(self.views)
        sent = sent or request(body_of(MODEL, stream=probe.startswith("stream")))
        made = Probe(
            id=probe,
            model=model,
            request=sent,
            intent=Intent.INVALID if defect else Intent.VALID,
            streamed=probe.startswith("stream"),
            twin=twin,
            defect=Defect(defect) if defect else None,
        )
        half = len(raw) // 2
        pieces = tuple((0.1 * i, n) for i, n in ((1, half), (2, len(raw) - half)) if n)
        exchange = Exchange(
            f"ex-{number:016x}", probe, model, 1, sent, raw, pieces, STARTED + number, 0.25, fault
        )
        self.views[exchange.id] = View(made, exchange)
        return self.views[exchange.id]

    def unit(
        self,
        requirement: str,
        view: View | None,
        *findings: Finding,
        title: str = "answers are as they should be",
        level: Level = Level.MUST,
        feature: str = "chat",
        model: str = MODEL,
        breaks: tuple[str, ...] = (),
        reason: str = "",
        probe: str = "chat.basic",
    ) -> None:
        """Add a unit of one case."""
        name = view.probe.id if view else probe
        case = fold_case(name, findings, alive=True, reason=reason)
        self.add(requirement, case, title=title, level=level, feature=feature, model=model, breaks=breaks)
        if view is None:
            self.missing.append(PlannedCase(requirement, "check", name, model))

    def add(
        self,
        requirement: str,
        *cases: CaseResult,
        title: str = "answers are as they should be",
        level: Level = Level.MUST,
        feature: str = "chat",
        model: str = MODEL,
        breaks: tuple[str, ...] = (),
    ) -> None:
        """Add a unit of several cases."""
        outcome = cases[0].outcome
        self.rows[requirement] = Requirement(
            id=requirement,
            title=title,
            level=level,
            says=f"What {requirement} says holds.",
            why="Clients rely on it.",
            feature=feature,
            sources=("S9:12-14", "rfc9110:15.5.2"),
            breaks=breaks,
        )
        self.units.append(
            UnitResult(
                requirement, title, level, feature, model, Claim.YES, fold_unit(cases), outcome, tuple(cases)
            )
        )

    def plan(self) -> Plan:
        """Return the plan that this run followed."""
        cases = [
            PlannedCase(unit.requirement, "check", case.probe, unit.model)
            for unit in self.units
            for case in unit.cases
        ]
        return Plan(
            set_name="2026.11",
            profile="core",
            models=self.models,
            seed=7,
            challenge="",
            only=self.only,
            generated="none",
            probes=tuple(view.probe for view in self.views.values()),
            cases=tuple(cases),
            digest="sha256:" + "ab" * 32,
        )

    def report(self) -> Report:
        """Judge nothing, count with the one function that counts, and build."""
        units = tuple(self.units)
        summary = summarise(
            units, core_features=frozenset(FEATURES), known=self.known, stale=bool(self.stale)
        )
        times = [view.exchange.started_at for view in self.views.values()]
        run = RunFacts(
            suite_version="0.0.0",
            target_url=URL,
            target_name=self.name,
            reference=self.reference,
            started=min(times, default=None),
            ended=max(times, default=0.0) + 0.25 if times else None,
            requests=len(times),
            tokens=Tokens(120, 48),
            stopped=self.stopped,
            baseline=KnownFailures(
                "baseline.yaml" if self.known else None,
                {pair: Entry(pair[0], "the next release repairs it", pair[1]) for pair in self.known},
                self.stale,
            ),
        )
        judgement = Judgement(units, ((),) * len(units), tuple(self.missing), {})
        catalogue = Catalogue(Path(), self.rows, {}, FEATURES, SOURCES, {}, {})
        profile = Profile("core", "Core", ("core",), {}, {}, (), {}, ())
        return build(
            run, self.plan(), judgement, summary, catalogue=catalogue, profile=profile, views=self.views
        )


def passed(view: View, examined: int = 1) -> Finding:
    return Finding(Verdict.PASS, examined, where=(view.where(),))


def failed(
    view: View,
    saw: str,
    expected: str = "",
    *,
    frame: int | None = None,
    span: tuple[int, int] | None = None,
    pointer: str | None = None,
    outcome: Outcome | None = None,
) -> Finding:
    place = view.where(frame=frame, span=span, pointer=pointer)
    return Finding(Verdict.FAIL, 1, saw, expected, (place,), outcome)


def unsure(view: View, why: str) -> Finding:
    return Finding(Verdict.INCONCLUSIVE, 0, why, where=(view.where(),))


def chunk(text: str, finish: str = "null") -> bytes:
    return (
        b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"small-1",'
        b'"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}],"x_trace":"t"}\n\n'
    ) % (text.encode(), finish.encode())


def golden_run() -> Run:
    """Return a run with every kind of result in it."""
    run = Run(
        known=frozenset({("errors.type-member", MODEL)}),
        stopped="the budget of 6 requests is spent",
    )
    completion = (
        b'{"id":"c0","object":"chat.completion","created":1,"model":"small-1","choices":[{"index":0,"message":'
        b'{"role":"assistant","content":"Hello to you, dear friend.","mood":"mild"},"finish_reason":"stop"}]}'
    )
    chat = run.exchange("chat.basic", answer(completion))
    stream = run.exchange(
        "stream.basic",
        answer(chunk("Hel") + chunk("lo", '"stop"') + b"data: [DONE}\n\n", "text/event-stream"),
    )
    keyless = run.exchange(
        "auth.no-key",
        answer(b'{"error":{"message":"who are you?"}}', status="403 Forbidden"),
        sent=request(body_of(MODEL), (HEADERS[0], HEADERS[2])),
        model=GATEWAY,
        defect="no Authorization header",
        twin="chat.basic",
    )
    cut = run.exchange("chat.long", b"", fault=TransportFault(kind=FaultKind.DEADLINE, detail="60 s went by"))
    run.unit("response.content-type", chat, passed(chat), title="answer is sent as application/json")
    run.unit(
        "stream.done-terminator",
        stream,
        failed(stream, "the last event is [DONE}", "one event whose data is [DONE]", frame=2),
        title="stream ends with one [DONE] event",
        feature="streaming",
        breaks=("openai-python 3.54: waits for more until the connection ends",),
    )
    run.unit(
        "auth.no-key",
        keyless,
        failed(keyless, "status 403", "status 401"),
        title="request without Authorization is answered 401",
        feature="auth",
        model=GATEWAY,
    )
    run.unit(
        "errors.type-member",
        keyless,
        failed(keyless, "no type", "a text", pointer="/error"),
        title="error has a type",
        level=Level.SHOULD,
        feature="auth",
    )
    run.unit(
        "stream.usage-chunk",
        stream,
        failed(stream, "2 chunks carry usage", "1", span=(0, 5)),
        title="usage comes once",
        level=Level.SHOULD,
        feature="streaming",
    )
    run.unit(
        "transport.trace-id-echo",
        chat,
        failed(chat, "no X-Trace-ID in the answer", "the value that was sent"),
        title="trace id comes back",
        level=Level.MAY,
    )
    run.unit("response.finish-reason", cut, unsure(cut, "no answer came"), title="answer says why it ended")
    behind = Finding(Verdict.INCONCLUSIVE, 0, "there is no type", by=("errors.type-member",))
    run.unit("errors.type-known", keyless, behind, title="type of an error is a known one", feature="auth")
    run.unit("parameters.seed", chat, unsure(chat, "too few samples"), title="seed helps", level=Level.MAY)
    run.unit(
        "robustness.deep-json",
        None,
        reason="not measured: the exchange was never captured",
        probe="deep.json",
    )
    run.unit(
        "parameters.n",
        chat,
        Finding(Verdict.NOT_APPLICABLE, 0, "the target refused the request with 400", where=(chat.where(),)),
        title="n choices come back",
    )
    return run


def forms(report: Report) -> dict[str, str]:
    """Return every form of a report by the name of its file."""
    return {
        "report.json": dumps(report),
        "report.html": render_html(report),
        "report.md": render_markdown(report),
        "junit.xml": render_junit(report).decode(),
        "badge.json": render_badge(report),
        "console.txt": render_console(report, width=100) + "\n",
    }


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, content in forms(golden_run().report()).items():
        (GOLDEN / name).write_text(content, encoding="utf-8")
