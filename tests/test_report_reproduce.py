"""The command of a finding sends what the suite sent, byte for byte, and never holds the key."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model import KEY_MARK, Exchange, Request
from conformance.report.reproduce import LONGEST, reproduce
from conformance.report.safe import visible

if TYPE_CHECKING:
    from pathlib import Path

BASE = "https://gateway.example/v1"
KEY = "sk-test-of-the-line"
BASH = shutil.which("bash")
HEADERS = (
    ("Host", "gateway.example"),
    ("Authorization", f"Bearer {KEY_MARK}"),
    ("Content-Type", "application/json"),
)
FAKE_CURL = """
curl() {
  local data=() word
  while [ $# -gt 0 ]; do
    case $1 in
      --data-raw) printf '%s' "$2" > body; shift;;
      --data-binary) cat > body; shift;;
      *) data+=("$1");;
    esac
    shift
  done
  for word in "${data[@]}"; do printf '%s\\0' "$word"; done > words
}
"""


def exchange(request: Request) -> Exchange:
    return Exchange("ex-00ff", "chat.basic", "m", 1, request, b"", (), 0.0, 0.0)


def line(body: bytes, headers: tuple[tuple[str, str], ...] = HEADERS, **more: str) -> str:
    sized = (*headers, ("Content-Length", str(len(body))))
    return reproduce(exchange(Request(headers=sized, body=body, **more)), BASE, streamed=False)


def run(command: str, folder: Path) -> tuple[list[str], bytes]:
    assert BASH is not None
    subprocess.run(
        [BASH, "-c", f"{FAKE_CURL}\n{command}"],
        cwd=folder,
        env={"OPENAI_API_KEY": KEY, "PATH": "/usr/bin:/bin"},
        check=True,
    )
    words = (folder / "words").read_bytes().decode().split("\0")[:-1]
    body = folder / "body"
    return words, body.read_bytes() if body.exists() else b""


def test_a_plain_request_is_a_plain_curl_line():
    body = b'{"model":"m","messages":[]}'

    assert shlex.split(line(body)) == [
        *("curl", "-sS", "-i", f"{BASE}/chat/completions"),
        *("-H", "Authorization: Bearer $OPENAI_API_KEY"),
        *("-H", "Content-Type: application/json"),
        *("--data-raw", body.decode()),
    ]
    assert '-H "Authorization: Bearer $OPENAI_API_KEY"' in line(body)


def test_a_stream_is_not_buffered():
    command = reproduce(exchange(Request(headers=HEADERS, body=b"{}")), BASE, streamed=True)

    assert "-N" in shlex.split(command)


def test_a_request_without_the_key_has_none():
    assert "OPENAI_API_KEY" not in line(b"{}", headers=(("Content-Type", "application/json"),))


def test_other_methods_and_paths_are_kept():
    words = shlex.split(line(b"", method="GET", path="/chat/../models[0]"))

    assert words[3:5] == ["-X", "GET"]
    assert "--path-as-is" in words
    assert "--globoff" in words
    assert f"{BASE}/chat/../models[0]" in words
    assert "--data-raw" not in words
    assert "--head" in shlex.split(line(b"", method="HEAD"))


def test_a_missing_content_type_stays_missing():
    words = shlex.split(line(b"{}", headers=()))

    assert words[words.index("Content-Type:") - 1] == "-H"


def test_an_empty_header_stays_empty():
    assert "X-Trace-ID;" in shlex.split(line(b"{}", headers=(("X-Trace-ID", ""),)))


@pytest.mark.parametrize(
    "headers",
    [
        (("Content-Length", "999"),),
        (("Transfer-Encoding", "chunked"),),
        (("X-Odd", "a\x1b[31mb"),),
    ],
    ids=["wrong length", "own framing", "control character"],
)
def test_what_curl_cannot_send_is_sent_by_the_suite(headers: tuple[tuple[str, str], ...]):
    request = Request(headers=headers, body=b"{}")

    assert reproduce(exchange(request), BASE, streamed=False) == "chat-conformance reproduce ex-00ff"


def test_a_huge_body_is_sent_by_the_suite():
    assert line(b'{"a":"' + b"x" * LONGEST + b'"}') == "chat-conformance reproduce ex-00ff"
    assert line(b"\x00" * (LONGEST // 4)) == "chat-conformance reproduce ex-00ff"


@pytest.mark.parametrize(
    "body",
    [
        b"it's",
        b"'; rm -rf ~; echo '",
        b'$HOME `id` $(id) "x" \\n !! %s',
        b"@/etc/passwd",
        b'{\n  "pretty": true\n}\n',
        b"ends with a newline\n\n",
        b"tab\there\r\n",
        b"\x00\x01\x1b]8;;x\x07\x7f",
        b"\xff\xfe not UTF-8 \xc3",
        "你好 😀".encode(),
        "turned \u202etxet and zero\u200bwidth".encode(),
        b"\\0101 %b \\c stop",
        b"EOF\n",
        b"-n",
        f"the {KEY_MARK} inside".encode(),
        f"the\n{KEY_MARK}\ninside, it's".encode(),
        KEY_MARK.encode(),
    ],
)
def test_bash_sends_odd_bodies_byte_for_byte(body: bytes, tmp_path: Path):
    command = line(body)

    words, sent = run(command, tmp_path)

    assert sent == body.replace(KEY_MARK.encode(), KEY.encode())
    assert f"Authorization: Bearer {KEY}" in words
    assert visible(command) == command
    assert KEY not in command


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (f"bearer {KEY_MARK}", f"bearer {KEY}"),
        (f"Bearer {KEY_MARK}x", f"Bearer {KEY}x"),
        (f'Bearer "{KEY_MARK}" $PATH `id` !', f'Bearer "{KEY}" $PATH `id` !'),
        (f"{KEY_MARK}{KEY_MARK}", f"{KEY}{KEY}"),
        ("it's $HOME", "it's $HOME"),
    ],
)
def test_bash_sends_headers_as_they_were(value: str, sent: str, tmp_path: Path):
    words, _ = run(line(b"{}", headers=(("Authorization", value),)), tmp_path)

    assert f"Authorization: {sent}" in words


@given(st.binary(max_size=200))
def test_any_body_makes_a_line_that_can_be_seen_and_split(body: bytes):
    command = line(body)

    assert visible(command) == command
    words = shlex.split(command)
    assert f"{BASE}/chat/completions" in words
    assert words[0] in {"curl", "printf"}


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_any_json_of_printable_text_is_quoted_whole(value: object):
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    words = shlex.split(line(body))

    if "--data-raw" in words:
        assert words[words.index("--data-raw") + 1].encode() == body
