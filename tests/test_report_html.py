"""report.html shows what report.json says, a row for each unit, and nothing of a target becomes markup in it."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import pytest
import yaml
from markupsafe import escape
from pages import large_report, markup
from report_factory import MODEL, Run, answer, chunk, failed, golden_run, passed, request
from test_report_render import HOSTILE, hostile_report

from conformance.model import GATEWAY, FaultKind, Outcome, TransportFault
from conformance.report import html_page, html_words
from conformance.report.html_page import render_html
from conformance.report.html_rows import CASES, IN_FULL, asked, sections
from conformance.report.html_words import HOME, say

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.report.shape import Report

WORDS = yaml.safe_load((HOME / "words.yaml").read_text("utf-8"))
TEMPLATE = (HOME / "page.html.jinja").read_text("utf-8")


def rows_of(report: Report) -> list[tuple[str, str]]:
    """Return the units of the page's rows."""
    return [
        (row.result["requirement"], row.result["model"])
        for section in sections(report)
        for _, groups in section.blocks
        for group in groups
        for row in group.rows
    ]


@pytest.mark.parametrize("report", [golden_run().report(), large_report(3)], ids=["one model", "many"])
def test_each_unit_has_one_row(report: Report) -> None:
    units = [(result["requirement"], result["model"]) for result in report["results"]]
    page = markup(render_html(report))

    assert sorted(rows_of(report)) == sorted(units)
    assert sum("u" in value.split() for value in page.values("class")) == len(units)


def test_numbers_and_grade_are_those_of_the_report() -> None:
    report = golden_run().report()
    report["summary"]["score"] = {"passed": 4711, "required": 4712, "not_measured": 4713}
    report["summary"]["required"]["inconclusive"] = 4714
    report["summary"]["matrix"]["chat"][MODEL] = {
        "total": 4716, "pass": 1, "fail": 4715, "inconclusive": 0, "not_applicable": 0,
    }  # fmt: skip
    page = render_html(report)

    assert "<b>4711</b> of <b>4712</b> required, <b>4713</b> not measured" in page
    assert "not conformant" in page
    assert "<td>4714</td>" in page
    assert re.search(r'href="#results"[^>]*>4715<', page)


def test_a_failure_is_told_from_request_to_who_breaks() -> None:
    page = render_html(golden_run().report())
    start = page.index('id="stream.done-terminator"')
    told = page[start : page.index("</details>", start)]

    for text in (
        "stream ends with one [DONE] event",
        "What stream.done-terminator says holds.",
        "S9:12-14 (a gateway&#39;s page)",
        'href="https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"',
        "openai-python 3.54: waits for more until the connection ends",
        "the last event is [DONE}",
        "one event whose data is [DONE]",
        "ex-0000000000000001, frame 2, bytes 335-349",
        "<mark>⟪data: [DONE}␊</mark>",
        "first token after 0.2 s",
        "curl -sS -i -N https://gateway.example/v1/chat/completions",
        "chat-conformance show ex-0000000000000001 --run DIR",
        'href="#dispute"',
    ):
        assert text in told


def test_a_known_failure_says_why_it_is_known() -> None:
    assert "the next release repairs it" in render_html(golden_run().report())


def test_what_was_not_measured_and_why_the_run_ended_stand_in_the_page() -> None:
    page = render_html(golden_run().report())

    assert "The run ended early: the budget of 6 requests is spent" in page
    assert "<code>deep.json</code>" in page


def test_the_reference_and_a_part_of_a_set_are_named_loudly() -> None:
    run = golden_run()
    run.reference, run.only = True, ("stream.*",)
    page = render_html(run.report())

    assert "Reference run: the suite judged its own embedded gateway." in page
    assert "Only a part of the set was selected, so this is no verdict on the whole target: stream.*" in page
    assert "Reference run:" not in render_html(golden_run().report())


def test_a_run_that_sent_nothing_has_a_page_too() -> None:
    page = render_html(Run().report())

    assert "nothing was sent" in page
    assert "incomplete" in page


def test_passes_bring_no_bytes_and_no_command() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b'{"id":"secret of a pass"}'))
    run.unit("a.b", view, passed(view))
    page = render_html(run.report())

    assert "secret of a pass" not in page
    assert "curl " not in page


def test_a_page_of_many_failures_tells_the_first_in_full_and_names_the_others() -> None:
    report = large_report()
    page = render_html(report)
    failing = [result for result in report["results"] if result["verdict"] == "fail"]

    assert len(failing) * CASES > IN_FULL
    assert page.count('<div class="case">') == IN_FULL
    assert sorted(rows_of(report)) == sorted(
        (each["requirement"], each["model"]) for each in report["results"]
    )
    assert len(page.encode()) < 1_000 * len(report["results"])


def test_what_became_of_parameters_stands_in_a_table_by_model() -> None:
    run = Run(models=("large-1", MODEL))
    view = run.exchange("chat.basic", answer(b"{}"))
    for model, outcome in (
        ("large-1", Outcome.REJECTED_CLEAN),
        (MODEL, Outcome.DROPPED),
        (GATEWAY, Outcome.LENIENT),
    ):
        run.unit("parameters.seed", view, failed(view, "x", outcome=outcome), model=model)
    page = render_html(run.report())
    table = page[page.index('id="asked"') :]

    assert [row.outcomes for row in asked(run.report())] == [{"large-1": "rejected-clean", MODEL: "dropped"}]
    assert re.findall(r'class="o o-([a-z-]+)"><span class="">', table) == ["rejected-clean", "dropped"]


def test_what_is_taken_although_it_is_wrong_is_counted_by_parameter() -> None:
    report = golden_run().report()
    report["lenient"] = [{"parameter": "<temperature>", "served": 4711, "refused": 2, "not_sent": 0}]
    page = render_html(report)

    assert "Wrong requests that were served" in page
    assert '<code>&lt;temperature&gt;</code></th><td>4711</td><td>2</td><td class="zero">0</td>' in page
    assert "Wrong requests that were served" not in render_html(golden_run().report())


def test_the_command_to_copy_is_whole() -> None:
    run = Run()
    view = run.exchange("chat.basic", answer(b"{}"), sent=request(b'"' + b"x" * 5_000 + b'"'))
    run.unit("a.b", view, failed(view, "wrong"))
    page = render_html(run.report())

    assert f"--data-raw &#39;&#34;{'x' * 5_000}&#34;&#39;</pre>" in page


def test_units_of_the_gateway_have_a_name() -> None:
    page = render_html(golden_run().report())

    assert GATEWAY == "-"
    assert "<code>-</code>" not in page
    assert "the gateway itself" in page


@pytest.mark.parametrize("text", ["", *HOSTILE.values()], ids=["golden", *HOSTILE])
def test_nothing_that_a_target_sends_becomes_markup(text: str) -> None:
    report = hostile_report(text) if text else golden_run().report()
    tame = markup(render_html(hostile_report("EVIL") if text else golden_run().report()))
    source = render_html(report)
    page = markup(source)

    source.encode()
    assert {tag: page.tags[tag] for tag in page.tags if tag not in {"span", "mark"}} == {
        tag: tame.tags[tag] for tag in tame.tags if tag not in {"span", "mark"}
    }
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert all(href.startswith(("#", "https://www.rfc-editor.org/")) for href in page.values("href"))
    assert not page.values("src")
    assert "EVIL" not in "".join(page.texts["script"] + page.texts["style"])
    assert len(source) < 150_000


@pytest.mark.parametrize(
    "url",
    [
        "javascript:EVIL",
        "data:text/html,EVIL",
        "//evil.example",
        "https://a/ \"onclick='EVIL",
        "x\nhttps://a",
    ],
)
def test_only_addresses_of_the_web_become_links(url: str) -> None:
    report = golden_run().report()
    for result in report["results"]:
        for source in result["sources"]:
            source["url"] = url

    assert all(href.startswith("#") for href in markup(render_html(report)).values("href"))


def test_the_policy_allows_the_one_script_and_the_one_style_and_nothing_else() -> None:
    page = markup(render_html(golden_run().report()))
    policy = next(value for tag, name, value in page.attributes if (tag, name) == ("meta", "content"))
    digests = {
        tag: base64.b64encode(hashlib.sha256("".join(page.texts[tag]).encode()).digest()).decode()
        for tag in ("script", "style")
    }

    assert (page.tags["script"], page.tags["style"]) == (1, 1)
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digests['script']}'; style-src 'sha256-{digests['style']}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_ids_are_unique_and_links_inside_the_page_lead_somewhere() -> None:
    page = markup(render_html(large_report(3)))
    ids = page.values("id")

    assert len(ids) == len(set(ids))
    assert {href.removeprefix("#") for href in page.values("href") if href.startswith("#")} <= set(ids)


def test_every_text_has_both_languages_with_the_same_gaps() -> None:
    for name, texts in WORDS["words"].items():
        assert set(texts) == {"en", "zh"}, name
        gaps = {language: set(re.findall(r"\{\w+\}", text)) for language, text in texts.items()}
        assert gaps["en"] == gaps["zh"], name
        assert re.search("[\u4e00-\u9fff]", texts["zh"]), name


def test_every_text_is_used() -> None:
    verdicts = {"pass", "fail", "inconclusive", "not-applicable", "must", "should", "may"}
    sections_ = {"failures", "known", "observed", "open", "passes", "inapplicable", "required", "recommended"}
    used = set(re.findall(r'"([a-z-]+)"', TEMPLATE)) | verdicts | sections_
    used |= {str(outcome) for outcome in Outcome}
    unused = {
        name for name in WORDS["words"] if name not in used and not name.startswith(("grade-", "means-"))
    }

    assert unused == set()


def test_a_kept_template_is_not_used_once_the_words_in_it_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = golden_run().report()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = dict(html_words.words())
    try:
        for skip in (told["skip"], escape("To the results")):
            monkeypatch.setattr(html_words, "words", lambda skip=skip: {**told, "skip": skip})
            monkeypatch.setattr(html_page, "words", html_words.words)
            html_page._template.cache_clear()

            assert f'href="#results">{skip}</a>' in render_html(report)
    finally:
        html_page._template.cache_clear()


def test_a_text_with_markup_of_a_target_in_it_stays_text() -> None:
    assert "&lt;b&gt;" in say("stopped", why="<b>")
    assert "<b>" not in say("stopped", why="<b>")


def test_bytes_of_a_stream_without_a_timeline_are_shown_without_a_drawing() -> None:
    run = Run()
    whole = run.exchange("chat.basic", answer(chunk("Hi")))
    run.unit("a.b", whole, failed(whole, "wrong", span=(0, 5)))
    report = run.report()
    for sent in report["exchanges"].values():
        sent["timeline"] = None

    assert "<svg" not in render_html(report)


def test_a_fault_of_the_connection_is_told() -> None:
    run = Run()
    view = run.exchange("chat.basic", b"", fault=TransportFault(FaultKind.RESET, "the target reset it"))
    run.unit("a.b", view, failed(view, "no answer"))

    assert "no answer, reset: the target reset it, after 0.25 s" in render_html(run.report())
