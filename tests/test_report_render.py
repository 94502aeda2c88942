"""Renderers say what report.json says, count nothing of their own, and let nothing of the target act."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring

import pytest
from markdown_it import MarkdownIt
from report_factory import (
    GATEWAY,
    GOLDEN,
    MODEL,
    Run,
    answer,
    failed,
    forms,
    golden_run,
    passed,
    request,
    unsure,
)

from conformance.model import FaultKind, Level, TransportFault
from conformance.report.badge import render_badge
from conformance.report.console import IN_FULL, render_console
from conformance.report.html_page import render_html
from conformance.report.junit import render_junit
from conformance.report.markdown import render_markdown
from conformance.report.safe import visible
from conformance.report.write import dumps

if TYPE_CHECKING:
    from markdown_it.token import Token

    from conformance.report.shape import Report

HOSTILE = {
    "colours": "\x1b[31;1mEVIL\x1b[0m",
    "link of a terminal": "\x1b]8;;https://evil.example/EVIL\x07EVIL\x1b]8;;\x07",
    "title of a terminal": "\x1b]0;EVIL\x9c\x9b2J",
    "html": "<script>alert('EVIL')</script><img src=x onerror=EVIL>",
    "scripts": "</script></style></title></pre><script>EVIL=1</script><svg/onload=EVIL=1><a href=javascript:EVIL=1>",
    "attributes": '" onmouseover="EVIL=1" autofocus onfocus=\'EVIL=1\' style="x:y" href=\'javascript:EVIL=1',
    "policy": "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'\"><base href=//EVIL>",
    "template": "{{ 7 * 7 }}EVIL{% raw %}{{ ''.__class__.__mro__ }}{# EVIL",
    "end of a cell": "</td></tr>]]><!--EVIL-->&EVIL;",
    "markdown": "**EVIL** [EVIL](https://evil.example) ![EVIL](x) <https://evil.example/EVIL>",
    "table": "| EVIL | EVIL |\n|---|---|\n| EVIL |",
    "fence": "```\n# EVIL\n~~~\n`````",
    "ticks": "`EVIL` ``EVIL`` EVIL`",
    "heading": "\n\n# EVIL\n\n- EVIL\n\n<b>EVIL</b>",
    "controls": "EVIL" + "".join(map(chr, range(32))) + "\x7f\x85\ufffe\uffff",
    "half a character": "EVIL\ud83d\udc00",
    "direction": "EVIL\u202e\u2066\u200f\u061c",
    "megabyte": "EVIL " * 200_000,
    "megabyte without a break": "EVIL" * 250_000,
}


def hostile_report(text: str) -> Report:
    """Return a report with a text wherever one of a target, or of a report's writer, can come in."""
    run = Run(stopped=f"the last: {text[:3000]}", name=text[:3000], models=(MODEL, text[:300]))
    raw = text.encode("utf-8", "surrogatepass")
    fault = TransportFault(FaultKind.MALFORMED, text)
    view = run.exchange("stream.basic", answer(b"data: " + raw + b"\n\n", "text/event-stream"), fault=fault)
    run.unit(
        "evil.fails",
        view,
        failed(view, text, text, pointer="/" + text, span=(0, 40)),
        failed(view, text, text, frame=0),
    )
    run.unit("evil.fails", view, failed(view, text), model=text[:300])
    run.unit("evil.open", view, unsure(view, text), model=text[:300])
    run.unit("evil.open-should", view, reason=text, level=Level.SHOULD)
    members = json.dumps({"id": "1", text: 1})
    run.exchange("chat.basic", answer(members.encode()), sent=request(raw[:50_000], ()))
    report = run.report()
    short = text[:300].replace("EVIL", "FOUL")  # these are not from a target, and may stand in running text
    report.update(set=short, profile=short, generated=short)
    report["suite"] = {"name": short, "version": short}
    report["selection"]["only"] = [short]
    report["target"]["url"] = short
    report["plan"]["digest"] = short
    report["baseline"]["stale"] = [short]
    return report


def tokens_of(page: str) -> list[Token]:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return [inner for token in parser.parse(page) for inner in (token, *(token.children or ()))]


def text_of_report(report: Report) -> str:
    pages = (
        render_console(report),
        render_html(report),
        render_markdown(report),
        render_junit(report).decode(),
    )
    return "".join(pages) + dumps(report)


@pytest.mark.parametrize(
    "name", ["report.json", "report.html", "report.md", "junit.xml", "badge.json", "console.txt"]
)
def test_each_form_is_as_it_was_agreed(name: str) -> None:
    made = forms(golden_run().report())
    assert made[name] == (GOLDEN / name).read_text("utf-8"), "to agree anew: python tests/report_factory.py"


@pytest.mark.parametrize("form", ["console", "html", "markdown", "junit", "badge"])
def test_a_renderer_needs_nothing_but_the_file(form: str) -> None:
    render = {
        "console": render_console,
        "html": render_html,
        "markdown": render_markdown,
        "junit": render_junit,
        "badge": render_badge,
    }[form]
    report = golden_run().report()

    assert render(json.loads(dumps(report))) == render(report)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_that_a_target_sends_reaches_the_terminal_as_it_is(text: str) -> None:
    page = render_console(hostile_report(text), color=False)

    page.encode()
    assert not [char for char in page if char != "\n" and unicodedata.category(char) in {"Cc", "Cs"}]
    assert all(visible(line) == line for line in page.split("\n"))
    assert len(page) < 40_000


def test_only_our_own_colours_reach_the_terminal() -> None:
    report = hostile_report(HOSTILE["colours"])
    colored = render_console(report, color=True)

    assert set(re.findall("\x1b[^m]*m", colored)) <= {
        f"\x1b[{code}m" for code in ("0", "1", "2", "31", "32", "33")
    }
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == render_console(report, color=False)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_that_a_target_sends_becomes_markup(text: str) -> None:
    page = render_markdown(hostile_report(text))
    tokens = tokens_of(page)

    page.encode()
    assert not [token for token in tokens if token.type.startswith("html") or token.type == "image"]
    links = [token.attrs["href"] for token in tokens if token.type == "link_open"]
    assert set(links) == {"https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"}
    carriers = {token.type for token in tokens if "EVIL" in token.content and not token.children}
    assert carriers == {"code_inline", "fence"}
    assert len(page) < 60_000


def structure(page: str) -> Counter[str]:
    kinds = {"heading_open", "td_open", "th_open", "list_item_open", "fence"}
    return Counter(token.type for token in tokens_of(page) if token.type in kinds)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_target_adds_no_heading_and_no_cell(text: str) -> None:
    tame = structure(render_markdown(hostile_report("EVIL")))

    assert structure(render_markdown(hostile_report(text))) == tame


SHAPE = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, ["testsuite"]),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        ["properties", "testcase"],
    ),
    "properties": (set(), ["property"]),
    "property": ({"name", "value"}, []),
    "testcase": ({"classname", "name"}, ["failure", "error", "skipped"]),
    "failure": ({"type", "message"}, []),
    "error": ({"type", "message"}, []),
    "skipped": ({"message"}, []),
}


def assert_junit(element: Element) -> None:
    attributes, children = SHAPE[element.tag]
    assert set(element.attrib) == attributes
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order)
    if element.tag == "testcase":
        assert len(element) <= 1
    for child in element:
        assert_junit(child)


@pytest.mark.parametrize("text", ["", *HOSTILE.values()], ids=["golden", *HOSTILE])
def test_junit_keeps_the_common_shape(text: str) -> None:
    report = hostile_report(text) if text else golden_run().report()
    document = render_junit(report)

    assert len(document) < 60_000
    assert_junit(fromstring(document))


def test_junit_has_a_test_case_for_each_unit() -> None:
    report = golden_run().report()
    suite = fromstring(render_junit(report))[0]
    cases = {case.get("name"): case for case in suite.iter("testcase")}

    assert list(cases) == [f"{row['requirement']}[{row['model']}]" for row in report["results"]]
    assert {name: [child.tag for child in case] for name, case in cases.items()} == {
        f"auth.no-key[{GATEWAY}]": ["failure"],
        f"errors.type-known[{MODEL}]": ["skipped"],
        f"errors.type-member[{MODEL}]": ["skipped"],
        f"parameters.n[{MODEL}]": ["skipped"],
        f"parameters.seed[{MODEL}]": ["skipped"],
        f"response.content-type[{MODEL}]": [],
        f"response.finish-reason[{MODEL}]": ["error"],
        f"robustness.deep-json[{MODEL}]": ["error"],
        f"stream.done-terminator[{MODEL}]": ["failure"],
        f"stream.usage-chunk[{MODEL}]": ["failure"],
        f"transport.trace-id-echo[{MODEL}]": ["skipped"],
    }
    assert {case.get("classname") for case in cases.values()} >= {"auth", "stream", "errors"}
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["11", "3", "2", "5"]


def test_a_run_that_sent_nothing_is_written_too() -> None:
    report = Run().report()

    assert fromstring(render_junit(report))[0].get("tests") == "0"
    assert "incomplete" in render_markdown(report)
    assert render_console(report).endswith(
        "grade: incomplete, set 2026.11, 0 of 0 required, 0 not measured, exit code 3"
    )


def test_the_last_line_is_the_grade_with_its_set_and_score() -> None:
    last = render_console(golden_run().report()).splitlines()[-1]

    assert last == "grade: not-conformant, set 2026.11, 1 of 6 required, 3 not measured, exit code 1"


def test_numbers_are_those_of_the_report() -> None:
    report = golden_run().report()
    report["summary"]["score"] = {"passed": 4711, "required": 4712, "not_measured": 4713}
    report["summary"]["features"]["chat"]["pass"] = 4714

    for page in (render_console(report), render_markdown(report)):
        assert "4711 of 4712 required, 4713 not measured" in page
        assert "4714" in page
    assert "4711/4712" in render_badge(report)


def test_an_observation_is_no_failure() -> None:
    report = golden_run().report()
    console, page = render_console(report), render_markdown(report)

    assert "FAIL  may" not in console
    assert console.index("observed, and never held against") < console.index("transport.trace-id-echo")
    assert page.index("## Observed (may)") < page.index("transport.trace-id-echo")


def test_failures_beyond_the_first_few_are_named() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"))
    for number in range(30):
        run.unit(f"many.n{number:02}", view, failed(view, "x", "y"))
    page = render_console(run.report())

    assert page.count("FAIL  must") == IN_FULL
    assert "and 25 more in report.md:" in page
    assert "many.n05[small-1]" in page


def test_a_page_of_many_failures_still_fits_into_a_comment() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"x" * 5_000))
    for number in range(150):
        run.unit(f"many.n{number:03}", view, failed(view, "s" * 3_000, "e" * 3_000))
    page = render_markdown(run.report())

    assert len(page) < 65_536
    assert page.count("#### ") > 3
    assert page.index("## More failures") < page.index("`many.n090[small-1]`")
    assert re.search(r"- and \d+ more in report.json", page)
    assert "(2840 characters cut)" in page


def test_required_failures_come_first() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"))
    run.unit("a.advice", view, failed(view, "x"), level=Level.SHOULD)
    run.unit("z.rule", view, failed(view, "x"))
    page = render_console(run.report())

    assert page.index("z.rule") < page.index("a.advice")


def test_the_command_to_copy_is_never_wrapped() -> None:
    report = golden_run().report()
    commands = [row["reproduce"] for row in report["results"] if row["reproduce"] and not row["known"]]
    page = render_console(report, width=40)

    shown = [command for command in commands if command in page]
    assert len(shown) == 4


@pytest.mark.parametrize("width", [1, 40, 80, 200])
def test_lines_fit_the_terminal_unless_they_are_to_be_copied(width: int) -> None:
    lines = render_console(golden_run().report(), width=width).splitlines()
    long = [line for line in lines if len(line) > max(width, 75) and not line.startswith("  again")]

    assert [
        line for line in long if not line.startswith(("grade", "FAIL", "chat-conformance", "spent"))
    ] == []


def test_the_reference_is_named_loudly_everywhere() -> None:
    run = golden_run()
    run.reference = True
    report = run.report()

    console = render_console(report)
    assert console.splitlines()[-1].startswith("REFERENCE grade: ")
    assert console.count("REFERENCE: the suite judged its own embedded gateway") == 2
    assert "> **REFERENCE: " in render_markdown(report)
    assert fromstring(render_junit(report)).get("name", "").startswith("REFERENCE ")
    badge = json.loads(render_badge(report))
    assert (badge["message"], badge["color"]) == ("reference 2026.11", "lightgrey")


def test_another_target_is_never_called_the_reference() -> None:
    assert "REFERENCE" not in text_of_report(golden_run().report())


def clean_run() -> Run:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"))
    run.unit("a.b", view, passed(view))
    return run


def test_a_conformant_target_gets_a_green_badge() -> None:
    assert json.loads(render_badge(clean_run().report())) == {
        "schemaVersion": 1,
        "label": "chat/completions",
        "message": "conformant 2026.11 · 1/1",
        "color": "brightgreen",
    }


def test_a_part_of_the_set_gets_no_grade_on_a_badge() -> None:
    run = clean_run()
    run.only = ("a.*",)
    badge = json.loads(render_badge(run.report()))

    assert (badge["message"], badge["color"]) == ("part of 2026.11", "lightgrey")
    assert "set 2026.11, only a.*," in render_console(run.report())


def test_a_stale_baseline_is_told() -> None:
    run = clean_run()
    run.stale = ("a.c passes now: remove it",)

    assert "a.c passes now: remove it" in render_console(run.report())
    assert "a.c passes now: remove it" in render_markdown(run.report())


def test_a_pass_of_some_models_names_them() -> None:
    run = clean_run()
    view = next(iter(run.views.values()))
    run.models = (MODEL, "large-1")
    run.unit("a.b", view, failed(view, "x"), model="large-1")

    assert f"- Chat: messages in, one answer out: `a.b` (`{MODEL}`)\n" in render_markdown(run.report())
