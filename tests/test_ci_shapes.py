"""What stands ready to be copied into CI works: its flags exist, its script passes codes on, its files are there.

And inside GitHub Actions a run annotates what is new, while a target's words give the runner no orders.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.cli import parser
from conformance.commands.run import say
from conformance.model import Level
from conformance.report.github import MOST, annotations_of
from tests.report_factory import Run, answer, failed, golden_run

ROOT = Path(__file__).parent.parent
ACTION = ROOT / ".github" / "actions" / "conformance" / "action.yml"
TEMPLATES = ROOT / ".ci" / "templates"
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), TEMPLATES / "github.yml"]

pytestmark = pytest.mark.skipif(not ACTION.is_file(), reason="the files of CI are part of a checkout alone")


def load(path: Path) -> dict[str, Any]:
    data = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(data, dict)
    return data


def steps(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the steps of a workflow or an action."""
    for job in document.get("jobs", {}).values():
        yield from job["steps"]
    yield from document.get("runs", {}).get("steps", [])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_asks_for_no_more_rights_or_time_than_it_says(path: Path) -> None:
    document = load(path)
    assert document["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in document["jobs"].values())


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_every_foreign_step_has_a_version_and_no_script_has_an_input_put_into_it(path: Path) -> None:
    for step in steps(load(path)):
        assert re.fullmatch(r"[\w./-]+@[\w.-]+", step.get("uses", "a@b"))
        assert not re.search(r"\$\{\{(?!\s*matrix\.)", step.get("run", ""))


def commands(text: str) -> list[list[str]]:
    """Return the command lines of the suite in a script, with each variable as one word."""
    found = re.findall(r"^\s*(?:- )?chat-conformance ((?:[^\n\\]|\\\n)+)", text, re.MULTILINE)
    return [shlex.split(line) for line in found]


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml"])
def test_the_commands_of_a_template_are_commands(name: str) -> None:
    document = load(TEMPLATES / name)
    scripts = [step.get("run", "") for step in steps(document)]
    scripts += [line for job in document.values() if isinstance(job, dict) for line in job.get("script", [])]
    found = [line for script in scripts for line in commands(script)]
    assert found
    for line in found:
        parser().parse_args(line)


@pytest.mark.parametrize(
    ("models", "more", "expected"),
    [
        ("", {}, []),
        ("glm-5\nkimi k2\n", {}, ["--model", "glm-5", "--model", "kimi k2"]),
        ("m", {"CONFORMANCE_BASELINE": "known.yaml", "CONFORMANCE_STRICT": "true"},
         ["--model", "m", "--baseline", "known.yaml", "--strict"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_action_passes_its_inputs_and_the_exit_code_on(
    tmp_path: Path, models: str, more: dict[str, str], expected: list[str], code: int
) -> None:
    (tmp_path / "bin").mkdir()
    stub = tmp_path / "bin" / "python3"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/words"\nexit {code}\n')
    stub.chmod(0o755)
    script = next(step["run"] for step in steps(load(ACTION)) if step.get("id") == "judge")
    environment = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTION_PATH": "/action/.github/actions/conformance",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "OPENAI_API_KEY": "",
        "CONFORMANCE_TARGET": "https://h.example/v1",
        "CONFORMANCE_MODELS": models,
        "CONFORMANCE_PROFILE": "core",
        "CONFORMANCE_BASELINE": "",
        "CONFORMANCE_STRICT": "false",
        "CONFORMANCE_OUTPUT": "out put",
        **more,
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    words = (tmp_path / "words").read_text().splitlines()
    assert words[1:] == [
        "-s", "conformance", "--target", "https://h.example/v1", "--profile", "core", "--output", "out put",
        *expected,
    ]  # fmt: skip
    assert words[0].endswith("/noxfile.py")
    assert done.returncode == code
    assert f"exit-code={code}" in (tmp_path / "output").read_text()


@pytest.mark.parametrize("path", [ROOT / "README.md", TEMPLATES / "github.yml"], ids=lambda path: path.name)
def test_what_is_there_to_copy_gives_the_action_inputs_that_it_has(path: Path) -> None:
    text = path.read_text("utf-8")
    samples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if path.suffix == ".md" else [text]
    uses = [
        step["with"]
        for sample in samples
        for step in steps(yaml.safe_load(sample))
        if "actions/conformance@" in step.get("uses", "")
    ]
    assert uses
    assert {name for inputs in uses for name in inputs} <= set(load(ACTION)["inputs"])


def test_the_container_copies_what_there_is() -> None:
    lines = (TEMPLATES / "Containerfile").read_text("utf-8").splitlines()
    sources = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert sources
    assert [name for name in sources if not (ROOT / name).exists()] == []
    assert lines.index("USER runner") < lines.index('ENTRYPOINT ["chat-conformance"]')


# ---- inside GitHub Actions


def test_new_failures_become_annotations_with_the_required_ones_as_errors() -> None:
    lines = annotations_of(golden_run().report())
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning"]
    assert "::error title=stream.done-terminator[small-1]::stream ends with one [DONE] event: " in lines[1]
    assert not [line for line in lines if "errors.type-member" in line]


def test_there_are_no_more_annotations_than_are_shown() -> None:
    run = Run(stale=("baseline.yaml:2: x passes now",))
    view = run.exchange("chat.basic", answer(b"{}"))
    for number in range(30):
        run.unit(f"many.n{number:03}", view, failed(view, "x"))
        run.unit(f"many.s{number:03}", view, failed(view, "x"), level=Level.SHOULD)
    lines = annotations_of(run.report())
    assert sum(line.startswith("::error") for line in lines) == MOST
    assert lines[0] == "::error title=baseline::baseline.yaml%3A2%3A x passes now".replace("%3A", ":")
    assert sum(line.startswith("::warning") for line in lines) == MOST


HOSTILE = "\n::error title=fake::owned\r\n::add-mask::a%0A::set-output name=x::y"


def test_a_target_gives_the_runner_no_orders(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = Run(name=HOSTILE)
    view = run.exchange("chat.basic", answer(HOSTILE.encode(), "text/plain"))
    run.unit("a.rule", view, failed(view, HOSTILE, span=(0, 20)), title="answers, as: they should")
    summary = tmp_path / "summary.md"
    say(f"page\n  {HOSTILE}", run.report(), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    lines = capsys.readouterr().out.splitlines()

    stop, token = lines[0].rsplit("::", 1)
    assert stop == "::stop-commands"
    assert len(token) == 32
    resumed = lines.index(f"::{token}::")
    assert [line for line in lines[resumed + 1 :] if not line.startswith("::error title=a.rule[")] == []
    assert len(lines[resumed + 1 :]) == 1
    assert summary.read_text("utf-8").startswith("# Conformance of ")


def test_elsewhere_only_the_page_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    say("page", golden_run().report(), {})
    assert capsys.readouterr().out == "page\n"
