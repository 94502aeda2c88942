"""junit.xml: one test case for each unit, so that CI systems show what a run says in their own way.

A failure at MUST or SHOULD is a ``failure``; a MUST without opinion is an ``error``. What is known to the
operator's baseline, was observed at MAY, does not apply, or has no opinion otherwise, is ``skipped`` with its
reason, like what has none because of known failures alone. Only a pass looks like a pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.model import Level, Verdict
from conformance.report import describe
from conformance.report.safe import for_xml
from conformance.report.shape import CaseFacts, Report, ResultFacts

CASES: Final = 3
"""Cases of a unit whose story is told in full."""


def render_junit(report: Report) -> bytes:
    """Return the XML document in UTF-8."""
    name = f"{report['suite']['name']} {describe.scope(report)}"
    if report["target"]["reference"]:
        name = f"REFERENCE {name}"
    suites = Element("testsuites", {"name": for_xml(name)})
    suite = SubElement(suites, "testsuite", {"name": for_xml(name)})
    _properties(suite, report)
    for result in report["results"]:
        _testcase(suite, report, result)
    sizes = _sizes(suite)
    suites.attrib.update({key: sizes[key] for key in ("tests", "failures", "errors")})
    suite.attrib.update(sizes)
    for element in (suites, suite):
        element.set("time", f"{report['times']['seconds']:.3f}")
    if report["times"]["started"]:
        # The schema wants a time without zone; it is UTC.
        suite.set("timestamp", report["times"]["started"].removesuffix("Z"))
    indent(suites)
    document: bytes = tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _sizes(suite: Element) -> dict[str, str]:
    """Return what JUnit demands as attributes: how many elements of each kind the document holds."""
    kinds = {"tests": "testcase", "failures": ".//failure", "errors": ".//error", "skipped": ".//skipped"}
    return {name: str(len(suite.findall(path))) for name, path in kinds.items()}


def _properties(suite: Element, report: Report) -> None:
    target, summary = report["target"], report["summary"]
    properties = SubElement(suite, "properties")
    for name, value in (
        ("grade", summary["grade"]),
        ("score", describe.score(report)),
        ("exit-code", str(summary["exit_code"])),
        ("set", report["set"]),
        ("profile", report["profile"]),
        ("target", target["url"]),
        ("models", ", ".join(target["models"])),
        ("reference", "true" if target["reference"] else "false"),
        ("plan", report["plan"]["digest"]),
        ("measured", describe.coverage(report)),
        ("ended-early", report["stopped"]),
    ):
        SubElement(properties, "property", {"name": name, "value": for_xml(value)})


def _testcase(suite: Element, report: Report, result: ResultFacts) -> None:
    case = SubElement(
        suite,
        "testcase",
        {
            "classname": for_xml(result["requirement"].split(".", 1)[0]),
            "name": for_xml(f"{result['requirement']}[{result['model']}]"),
        },
    )
    match result["verdict"]:
        case Verdict.PASS:
            return
        case Verdict.FAIL if result["known"]:
            message = f"known failure (baseline: {describe.why_known(report, result)}): {_message(result)}"
            SubElement(case, "skipped", {"message": for_xml(message)})
        case Verdict.FAIL if result["level"] == Level.MAY:
            SubElement(case, "skipped", {"message": for_xml(f"observed (may): {_message(result)}")})
        case Verdict.FAIL:
            element = SubElement(case, "failure", {"type": result["level"], "message": _message(result)})
            element.text = _text(report, result)
        case Verdict.INCONCLUSIVE if result["behind"]:
            SubElement(case, "skipped", {"message": for_xml(f"inconclusive: {describe.why_open(result)}")})
        case Verdict.INCONCLUSIVE if result["level"] == Level.MUST:
            element = SubElement(case, "error", {"type": "inconclusive", "message": _message(result)})
            element.text = _text(report, result)
        case verdict:
            SubElement(case, "skipped", {"message": for_xml(f"{verdict}: {result['reason']}")})


def _message(result: ResultFacts) -> str:
    saw = next((case["saw"] for case in describe.deciding(result) if case["saw"]), "")
    return for_xml(f"{result['title']}: {result['reason'] or saw}", 500)


def _text(report: Report, result: ResultFacts) -> str:
    """Return the whole story of a result, a line for each fact."""
    rows: list[tuple[str, str]] = []
    cases = describe.deciding(result)
    for case in cases[:CASES]:
        rows += _rows(report, case)
    if cases[CASES:]:
        rows.append(("also in", ", ".join(case["probe"] for case in cases[CASES:])))
    rows += [("rule", f"{result['says']} [{'; '.join(map(describe.cited, result['sources']))}]")]
    rows += [("why", result["why"]), *(("breaks", text) for text in result["breaks"])]
    lines = [f"{label:9} {for_xml(text)}" for label, text in rows if text]
    if result["reproduce"]:
        lines.append(f"{'again':9} {for_xml(result['reproduce'], len(result['reproduce']))}")
    return "\n" + "\n".join(lines) + "\n"


def _rows(report: Report, case: CaseFacts) -> Iterator[tuple[str, str]]:
    request, body = describe.asked(report, case)
    yield "sent", f"{request} {body}".rstrip()
    yield "answer", describe.answered(report, case)
    yield "reason", case["reason"]
    yield "saw", case["saw"]
    yield "expected", case["expected"]
    for place in case["evidence"]:
        yield "where", describe.located(place)
    if case["excerpt"] is not None and case["evidence"]:
        yield "bytes", describe.marked(case["excerpt"], case["evidence"][0])
