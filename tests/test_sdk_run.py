"""A run with the SDK lane: what it adds to a report, what it must not change, and how its file is guarded."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conformance.cli import main
from conformance.exchange.wire import prepare
from conformance.model import GATEWAY
from conformance.models import ModelCard
from conformance.paths import data_root
from conformance.probes import sdk as sdk_probes
from conformance.probes.asker import Asker
from conformance.reference import DEFAULT_MODEL, KEY, ReferenceGateway
from conformance.reference.faults import pick_faults
from conformance.sdklane import lane
from conformance.secret import Secret
from conformance.target import parse_target
from tests.factory import error, json_answer

openai = pytest.importorskip("openai")

ROOT = Path(__file__).parent.parent
SDK = f"openai-python {openai.__version__}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the command line against a target with a fault that breaks the documented loop."""
    out = tmp_path_factory.mktemp("lane") / "run"
    with ReferenceGateway(faults=pick_faults(["sdk-stream-chunk-without-choices"])) as gateway:
        run("--target", gateway.base_url, "--model", DEFAULT_MODEL, "--output", str(out))
    return out


def run(*flags: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        return main(["run", "--quiet", "--only", "stream.*", "--only", "transport.sdk-*", *flags])


def results(folder: Path) -> dict[str, dict[str, Any]]:
    report = json.loads((folder / "report.json").read_text("utf-8"))
    return {row["requirement"]: row for row in report["results"]}


def recheck(folder: Path, output: Path) -> int:
    return main(["recheck", str(folder), "--output", str(output)])


def test_failure_says_first_what_was_measured_on_its_own_evidence(folder: Path) -> None:
    row = results(folder)["stream.choices-not-empty"]
    assert row["verdict"] == "fail"
    sees = "IndexError at chunk.choices[0].delta.content, in chunk 1: list index out of range"
    assert row["breaks"][0] == f"{SDK}: {sees}"
    assert not [text for text in row["breaks"][1:] if text.startswith(f"{SDK}:")]


def test_what_passes_has_no_measured_break(folder: Path) -> None:
    passing = [row for row in results(folder).values() if row["verdict"] == "pass"]
    assert passing
    assert not [text for row in passing for text in row["breaks"] if text.startswith(f"{SDK}:")]


def test_recheck_repeats_the_report_byte_for_byte_without_the_sdk(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.delattr(lane, "measure")
    recheck(folder, tmp_path)
    for name in ("report.json", "report.html", "report.md", "junit.xml", "badge.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_bytes_decide_with_the_lane_or_without(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "evidence.jsonl").write_bytes((folder / "evidence.jsonl").read_bytes())
    recheck(tmp_path, tmp_path)
    judged, without = results(folder), results(tmp_path)
    own = {"transport.sdk-create", "transport.sdk-stream"}
    assert {without[name]["verdict"] for name in own} == {"inconclusive"}
    assert "chat-conformance[sdk]" in without["transport.sdk-create"]["reason"]
    assert {judged[name]["verdict"] for name in own} == {"pass", "fail"}
    others = judged.keys() - own
    assert {name: judged[name]["verdict"] for name in others} == {
        name: without[name]["verdict"] for name in others
    }


def test_file_follows_its_schema_and_holds_no_key(folder: Path) -> None:
    text = (folder / "sdk.json").read_text("ascii")
    schema = json.loads((data_root() / "spec" / "schema" / "sdk.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(json.loads(text))
    assert KEY not in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace('"sha256:', '"sha256:0'), "belongs to other evidence"),
        (lambda text: text[: len(text) // 2], "holds no results of an SDK"),
        (lambda text: text.replace('"result": "ok"', '"result": "fine"', 1), "holds no results of an SDK"),
        (lambda text: "[]", "holds no results of an SDK"),
    ],
)
def test_changed_file_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[str], str], says: str
) -> None:
    (tmp_path / "evidence.jsonl").write_bytes((folder / "evidence.jsonl").read_bytes())
    (tmp_path / "sdk.json").write_text(change((folder / "sdk.json").read_text("ascii")), "ascii")
    assert recheck(tmp_path, tmp_path) == 2
    assert says in capsys.readouterr().err


def test_lane_can_be_declined(tmp_path: Path) -> None:
    with ReferenceGateway() as gateway:
        run(
            "--target",
            gateway.base_url,
            "--model",
            DEFAULT_MODEL,
            "--sdk",
            "no",
            "--output",
            str(tmp_path / "out"),
        )
    assert not (tmp_path / "out" / "sdk.json").exists()
    assert results(tmp_path / "out")["transport.sdk-stream"]["verdict"] == "inconclusive"


def test_pytest_runs_the_lane_once_for_many_models(tmp_path: Path) -> None:
    models = ("reference-chat", "glm-5")
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    with ReferenceGateway(models=models) as gateway:
        named = [part for model in models for part in ("--model", model)]
        flags = [
            "--target",
            gateway.base_url,
            *named,
            "--only",
            "transport.sdk-*",
            "--output",
            str(tmp_path / "out"),
        ]
        done = subprocess.run(
            [sys.executable, "-m", "conformance.pytest_shell", *flags, "-n", "2"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert [(row["model"], row["verdict"]) for row in report["results"]] == [(GATEWAY, "pass")] * 2
    assert "2 passed" in done.stdout, done.stdout[-2000:]
    assert [path.name for path in (tmp_path / "out").glob("sdk*")] == ["sdk.json"]


@pytest.fixture
def sent() -> list[bytes]:
    """Let the SDK send the two requests of the documented program, and return them as they came."""
    requests: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        for _ in range(2):
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += stream.readline()
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                requests.append(head + stream.read(length))
                connection.sendall(json_answer(400, error(), connection="close"))

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    http = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(api_key=KEY, base_url=base, max_retries=0, http_client=http) as client:
        question = {"role": "user", "content": "Please briefly introduce artificial intelligence"}
        system = {"role": "system", "content": "You are a helpful assistant"}
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(
                model="m", messages=[system, question], max_tokens=64, temperature=0.7
            )
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="m", messages=[question], stream=True, max_tokens=64)
    thread.join()
    server.close()
    return requests


def test_probes_send_what_the_sdk_sends(sent: list[bytes]) -> None:
    own = {"host", "user-agent", "x-stainless-package-version", "x-stainless-os", "x-stainless-arch",
           "x-stainless-runtime-version"}  # fmt: skip
    target = parse_target("http://127.0.0.1:1/v1", key=Secret(KEY))
    for planned, real in zip(sdk_probes.probes(Asker("m", ModelCard("m"))), sent, strict=True):
        ours = prepare(planned.request, target)
        head, _, body = real.partition(b"\r\n\r\n")
        theirs = [line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:]]
        assert [name for name, _ in ours.headers] == [name for name, _ in theirs]
        assert [pair for pair in ours.headers if pair[0].decode().lower() not in own] == [
            tuple(pair) for pair in theirs if pair[0].decode().lower() not in own
        ]
        assert json.loads(ours.body) == json.loads(body)
        assert set(ours.body) == set(body)
