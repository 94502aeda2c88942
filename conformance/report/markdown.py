"""report.md: the summary on top, then each failure with its evidence and its rule, then what stayed open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from conformance.model import GATEWAY, Verdict
from conformance.report import describe
from conformance.report.markdown_promises import render_outdated, render_parameters
from conformance.report.safe import for_markdown, markdown_code, markdown_fence, visible
from conformance.report.shape import CaseFacts, Counts, Excerpt, Place, Report, ResultFacts

IN_FULL: Final = 40_000
"""Characters for failures in full: the page has to fit into a comment on GitHub, which takes 65,536."""

CASES: Final = 2
"""Cases of a failure that are shown with their bytes."""

_LISTED: Final = 100
_SAW: Final = 160


def render_markdown(report: Report) -> str:
    """Return the whole page."""
    parts = [
        *_head(report),
        *_failures(report),
        *render_outdated(report),
        *_no_opinion(report),
        *_passes(report),
        *_not_applicable(report),
        *_not_measured(report),
        *_lenient(report),
        *render_parameters(report),
        *_extensions(report),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _head(report: Report) -> Iterator[str]:
    target, summary = report["target"], report["summary"]
    yield f"# Conformance of {markdown_code(target['name'] or target['url'])}"
    yield ""
    if target["reference"]:
        yield f"> **{describe.REFERENCE}**"
        yield ""
    yield (
        f"**{summary['grade']}**, {for_markdown(describe.scope(report))}, {describe.score(report)}, "
        f"exit code {summary['exit_code']}"
    )
    yield ""
    times, spent, plan = report["times"], report["spent"], report["plan"]
    facts = {
        "Target": markdown_code(target["url"], table=True),
        "Models": ", ".join(markdown_code(model, table=True) for model in target["models"]),
        "Profile": markdown_code(report["profile"], table=True),
        "Suite": for_markdown(f"{report['suite']['name']} {report['suite']['version']}", table=True),
        "Measured": describe.coverage(report) + _ended_early(report, table=True),
        "When": f"{times['started'] or 'never'} to {times['ended'] or 'never'} ({times['seconds']:g} s)",
        "Spent": (
            f"{describe.spent(report)}, {spent['prompt_tokens']} prompt tokens, "
            f"{spent['completion_tokens']} completion tokens"
        ),
        "Plan": (
            f"{markdown_code(plan['digest'], table=True)}, seed {plan['seed']}, "
            f"generated requests: {for_markdown(report['generated'], table=True)}"
        ),
    }
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {text} |" for name, text in facts.items())
    yield ""
    titles = {name: for_markdown(title, table=True) for name, title in report["features"].items()}
    yield from _table("Feature", summary["features"], titles)
    models = {name: markdown_code(name, table=True) for name in summary["models"]}
    yield from _table("Model", summary["models"], {**models, GATEWAY: "the gateway itself"})
    for text in report["baseline"]["stale"]:
        yield f"- stale baseline entry: {for_markdown(text)}"


def _ended_early(report: Report, *, table: bool = False) -> str:
    stopped = report["stopped"]
    return f"; the run ended early: {markdown_code(stopped, table=table)}" if stopped else ""


def _table(title: str, rows: Mapping[str, Counts], names: Mapping[str, str]) -> Iterator[str]:
    yield f"| {title} | pass | fail | no opinion | not applicable |"
    yield "|---|--:|--:|--:|--:|"
    for name, counts in rows.items():
        numbers = (counts["pass"], counts["fail"], counts["inconclusive"], counts["not_applicable"])
        yield f"| {names.get(name) or markdown_code(name, table=True)} | {' | '.join(map(str, numbers))} |"
    yield ""


def _failures(report: Report) -> Iterator[str]:
    new, known, observed = describe.failures(report)
    if new:
        yield "## Failures"
        yield ""
    told = list(_in_full(report, new))
    by_feature = sorted(zip(new, told, strict=False), key=lambda pair: pair[0]["feature"])
    for feature, pairs in groupby(by_feature, key=lambda pair: pair[0]["feature"]):
        yield f"### {for_markdown(report['features'].get(feature, feature))}"
        yield ""
        yield from (text for _, text in pairs)
    yield from _in_short(report, "More failures", new[len(told) :])
    yield from _in_short(report, "Known failures (baseline)", known)
    yield from _in_short(report, "Observed (may)", observed)


def _in_full(report: Report, results: Iterable[ResultFacts]) -> Iterator[str]:
    """Yield the first failures as they fit on the page, at least one."""
    room = IN_FULL
    for result in results:
        text = "\n".join(_failure(report, result))
        if len(text) > room < IN_FULL:
            return
        yield text
        room -= len(text)


def _in_short(report: Report, title: str, results: list[ResultFacts]) -> Iterator[str]:
    if results:
        yield f"## {title}"
        yield ""
    for result in results[:_LISTED]:
        saw = next((case["saw"] for case in describe.deciding(result)), "")
        known = describe.why_known(report, result)
        why = f"; known: {for_markdown(known)}" if known else ""
        yield f"- {markdown_code(describe.name_of(result))}: {markdown_code(saw, _SAW)}{why}"
    yield from _rest(results)


def _rest(rows: Sequence[object]) -> Iterator[str]:
    """Say how many rows a list leaves out, and end it."""
    if rows[_LISTED:]:
        yield f"- and {len(rows[_LISTED:])} more in report.json"
    if rows:
        yield ""


def _failure(report: Report, result: ResultFacts) -> Iterator[str]:
    model = "" if result["model"] == GATEWAY else f", {markdown_code(result['model'])}"
    yield f"#### {markdown_code(result['requirement'])}, {result['level']}{model}"
    yield ""
    yield for_markdown(result["title"])
    yield ""
    cases = describe.deciding(result)
    for case in cases[:CASES]:
        yield from _case(report, case)
    if share := describe.share(result):
        yield f"- {share}"
    if cases[CASES:]:
        yield f"- also in {', '.join(markdown_code(case['probe']) for case in cases[CASES:][:_LISTED])}"
    sources = "; ".join(
        f"[{for_markdown(describe.cited(source))}](<{_url(source['url'])}>)"
        if source["url"]
        else for_markdown(describe.cited(source))
        for source in result["sources"]
    )
    yield f"- rule: {for_markdown(result['says'])} ({sources})"
    yield f"- why: {for_markdown(result['why'])}"
    yield from (f"- breaks {for_markdown(text)}" for text in result["breaks"])
    yield ""
    if result["reproduce"]:
        yield markdown_fence([result["reproduce"]], "sh")
        yield ""


def _url(url: str) -> str:
    return visible(url).replace("<", "%3C").replace(">", "%3E").replace("\\", "%5C")


def _case(report: Report, case: CaseFacts) -> Iterator[str]:
    request, body = describe.asked(report, case)
    yield f"- sent {markdown_code(request)}" + (f" with {markdown_code(body)}" if body else "")
    for label, text in (
        ("answer", describe.answered(report, case)),
        ("saw", case["saw"]),
        ("expected", case["expected"]),
    ):
        if text:
            yield f"- {label}: {markdown_code(text)}"
    yield from _bytes(case["evidence"], case["excerpt"])
    for also in case["also"]:
        yield f"- also saw: {markdown_code(also['saw'])}, expected {markdown_code(also['expected'])}"
        yield from _bytes(also["evidence"], None)
    if case["unlisted"]:
        yield f"- and {case['unlisted']} more findings in this exchange"


def _bytes(places: Iterable[Place], excerpt: Excerpt | None) -> Iterator[str]:
    for place in places:
        yield f"- at {markdown_code(describe.located(place))}"
        if excerpt is not None:
            text = describe.marked(excerpt, place).replace("␊", "␊\n")
            yield ""
            yield markdown_fence([f"({describe.offset_note(excerpt)})", *text.splitlines()], "text")
            yield ""
            excerpt = None


def _names(results: Iterable[ResultFacts]) -> Iterator[str]:
    """List units, those of one requirement on one line."""
    for requirement, same in groupby(results, key=lambda result: result["requirement"]):
        models = [result["model"] for result in same if result["model"] != GATEWAY]
        of = f": {', '.join(markdown_code(model) for model in models)}" if models else ""
        yield f"- {markdown_code(requirement)}{of}"
    yield ""


def _no_opinion(report: Report) -> Iterator[str]:
    groups = describe.by_reason(describe.having(report, Verdict.INCONCLUSIVE))
    if groups:
        yield "## No opinion"
        yield ""
    for reason, results in groups.items():
        yield f"{markdown_code(reason)}"
        yield ""
        yield from _names(results)


def _passes(report: Report) -> Iterator[str]:
    passed = sorted(
        describe.having(report, Verdict.PASS),
        key=lambda result: (result["feature"], result["requirement"], result["model"]),
    )
    if passed:
        yield "## Passes"
        yield ""
    everyone = set(report["target"]["models"])
    for feature, results in groupby(passed, key=lambda result: result["feature"]):
        names = [
            _with_models(requirement, [result["model"] for result in same], everyone)
            for requirement, same in groupby(results, key=lambda result: result["requirement"])
        ]
        yield f"- {for_markdown(report['features'].get(feature, feature))}: {', '.join(names)}"
    if passed:
        yield ""


def _with_models(requirement: str, models: list[str], everyone: set[str]) -> str:
    """Name a requirement, with its models when they are not all of them."""
    if set(models) in ({GATEWAY}, everyone):
        return markdown_code(requirement)
    return f"{markdown_code(requirement)} ({', '.join(markdown_code(model) for model in models)})"


def _not_applicable(report: Report) -> Iterator[str]:
    groups = describe.by_reason(describe.having(report, Verdict.NOT_APPLICABLE))
    if groups:
        yield "## Not applicable"
        yield ""
    for reason, results in groups.items():
        names = dict.fromkeys(describe.name_of(result) for result in results)
        yield f"- {markdown_code(reason)}: {', '.join(markdown_code(name) for name in names)}"
    if groups:
        yield ""


def _not_measured(report: Report) -> Iterator[str]:
    missing = report["not_measured"]
    if missing:
        yield "## Not measured"
        yield ""
        yield describe.coverage(report) + _ended_early(report)
        yield ""
    for case in missing[:_LISTED]:
        model = "" if case["model"] == GATEWAY else f", {markdown_code(case['model'])}"
        yield f"- {markdown_code(case['requirement'])} on {markdown_code(case['probe'])}{model}"
    yield from _rest(missing)


def _lenient(report: Report) -> Iterator[str]:
    rows = report["lenient"]
    if rows:
        yield "## Taken although it is wrong"
        yield ""
        yield "| Parameter | served | refused | not sent: others of the same kind were served |"
        yield "|---|--:|--:|--:|"
    for row in rows:
        name = markdown_code(row["parameter"], table=True)
        yield f"| {name} | {row['served']} | {row['refused']} | {row['not_sent']} |"
    if rows:
        yield ""


def _extensions(report: Report) -> Iterator[str]:
    members = report["extensions"]
    if members:
        yield "## Members beyond the documented ones"
        yield ""
        yield "They are allowed, and no verdict depends on them."
        yield ""
    for member in members[:_LISTED]:
        models = ", ".join(markdown_code(model) for model in member["models"])
        of = f" of {models}" if models else ""
        yield f"- {markdown_code(member['pointer'])} in a {member['where']}{of}"
    yield from _rest(members)
