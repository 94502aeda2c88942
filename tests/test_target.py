"""Targets, keys and headers are read strictly, and no error, text form or copy shows a secret."""

import copy
import json
import pickle
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import userfile
from conformance.errors import UsageError
from conformance.paths import data_root
from conformance.secret import Secret, checked_secret, read_key
from conformance.target import Target, parse_header, parse_target
from conformance.targetfile import load_target

KEY = "sk-test-0123456789"


# ---- the URL


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ("https://h.example", "https://h.example/v1"),
        ("https://h.example/", "https://h.example/v1"),
        (" https://h.example/v1/ ", "https://h.example/v1"),
        ("https://h.example/v1/chat/completions", "https://h.example/v1"),
        ("https://h.example/v1/chat/completions/", "https://h.example/v1"),
        ("https://h.example/openai/v1", "https://h.example/openai/v1"),
        ("https://h.example/api/v3", "https://h.example/api/v3"),
        ("https://h.example/chat/completions", "https://h.example"),
        ("HTTP://H.Example:8080", "http://h.example:8080/v1"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
        ("http://m\u00fcller.example/v1", "http://xn--mller-kva.example/v1"),
    ],
)
def test_an_origin_a_base_url_and_the_endpoint_are_all_understood(text: str, base_url: str):
    assert parse_target(text).base_url == base_url


@pytest.mark.parametrize(
    "text",
    [
        None, "", "  ", "garbage", "h.example/v1", "ftp://h.example", "https://", "https:///v1", "https://h:99999",
        "https://h/v1?key=1", "https://h/v1#x", "https://a b/", "https://h.example/v1\nHost: x",
        "https://h.example/v1\x00", "https://[::1", "https://[nope]", "https://h_\u00e4\u00e4..example",
        "//h.example", "https://h.example/\u00e9",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_to_do(text: str | None):
    with pytest.raises(UsageError) as caught:
        parse_target(text)
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_a_missing_scheme_is_suggested():
    with pytest.raises(UsageError, match=r"did you mean https://api\.example\.com/v1"):
        parse_target("api.example.com/v1")
    with pytest.raises(UsageError, match=r"did you mean http://localhost:8000"):
        parse_target("localhost:8000")


def test_a_key_given_as_target_is_not_shown():
    with pytest.raises(UsageError) as caught:
        parse_target(KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("text", ["https://user:pass-word@h.example", "https://user@h.example/v1"])
def test_credentials_in_the_url_are_refused_and_not_shown(text: str):
    with pytest.raises(UsageError) as caught:
        parse_target(text)
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "cleartext"),
    [
        ("http://api.example.com", True),
        ("http://10.0.0.1", True),
        ("https://api.example.com", False),
        ("http://localhost:1", False),
        ("http://gateway.localhost", False),
        ("http://127.9.9.9", False),
        ("http://[::1]", False),
    ],
)
def test_plain_http_to_another_machine_is_noticed(text: str, cleartext: bool):  # noqa: FBT001
    assert parse_target(text).cleartext is cleartext


def test_a_target_is_named_after_its_host():
    assert parse_target("https://h.example/v1").name == "h.example"
    assert parse_target("https://h.example/v1", name="mine").name == "mine"


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str):
    for given_text in (text, "https://" + text, "http://h/" + text):
        try:
            target = parse_target(given_text)
        except UsageError:
            continue
        assert target.base_url.isascii()
        assert parse_target(target.base_url + "/chat/completions").base_url == target.base_url


# ---- secrets


def test_a_secret_has_no_text_form():
    secret = Secret(KEY)
    target = parse_target("https://h", key=secret, headers=[("X-Api-Key", Secret("header-secret"))])
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        str([secret]),
        repr(target),
    ):
        assert "test" not in shown
        assert "header-secret" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert not hasattr(secret, "__dict__")


def test_secrets_are_equal_by_what_they_hold():
    assert Secret(KEY) == Secret(KEY) != Secret("other-secret")
    assert len({Secret(KEY), Secret(KEY)}) == 1
    assert copy.deepcopy(Secret(KEY)).reveal() == copy.copy(Secret(KEY)).reveal() == KEY
    assert Secret(KEY) != KEY


def test_a_target_knows_all_its_secrets():
    headers = [("Authorization", Secret("Bearer inner-token")), ("X-Tenant", "open")]
    target = parse_target("https://h", key=Secret(KEY), headers=headers)
    assert {secret.reveal() for secret in target.secrets} == {KEY, "Bearer inner-token", "inner-token"}
    assert parse_target("https://h").secrets == ()


@pytest.mark.parametrize(
    "bad", ["", " \n", "brief", "with\ncontrol-character", "schl\u00fcssel-0", "tab\tinside-it"]
)
def test_what_cannot_be_a_secret_is_refused_and_not_shown(bad: str):
    with pytest.raises(UsageError) as caught:
        checked_secret(bad, origin="The thing")
    assert "The thing" in str(caught.value)
    assert not bad.strip() or bad not in str(caught.value)


# ---- the key


def test_the_key_comes_from_the_usual_variable():
    key = read_key(environ={"OPENAI_API_KEY": f"  {KEY}\n"})
    assert key is not None
    assert key.reveal() == KEY


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": " \n"}])
def test_without_the_usual_variable_there_is_no_key(environ: dict[str, str]):
    assert read_key(environ=environ) is None


def test_a_variable_that_was_named_has_to_be_set():
    key = read_key(variable="MY_KEY", environ={"MY_KEY": KEY, "OPENAI_API_KEY": "other-key"})
    assert key is not None
    assert key.reveal() == KEY
    with pytest.raises(UsageError, match="MY_KEY"):
        read_key(variable="MY_KEY", environ={"OPENAI_API_KEY": KEY})
    with pytest.raises(UsageError, match="MY_KEY"):
        read_key(variable="MY_KEY", environ={"MY_KEY": ""})


@pytest.mark.parametrize(
    "content", [KEY.encode(), b"\xef\xbb\xbf" + KEY.encode() + b"\r\n", b"\n " + KEY.encode()]
)
def test_the_key_comes_from_a_file(tmp_path: Path, content: bytes):
    file = tmp_path / "key"
    file.write_bytes(content)
    key = read_key(file=file, environ={"OPENAI_API_KEY": "other-key"})
    assert key is not None
    assert key.reveal() == KEY


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"Bearer sk-test-0123456789", b"a-key\nother-key", b"\xff\xfe-key-key", b"x" * 70_000],
)
def test_a_file_without_a_key_is_refused_and_not_shown(tmp_path: Path, content: bytes):
    file = tmp_path / "keyfile"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_key(file=file)
    assert "keyfile" in str(caught.value)
    assert "0123456789" not in str(caught.value)
    assert "other-key" not in str(caught.value)


def test_a_missing_key_file_is_a_usage_error(tmp_path: Path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_key(file=tmp_path / "nothing")


# ---- headers


def test_headers_are_read():
    assert parse_header("X-Tenant = t=1 ", environ={}) == ("X-Tenant", "t=1")
    assert parse_header("X-Echo=Bearer {key}", environ={}) == ("X-Echo", "Bearer {key}")
    assert parse_header("Api-Key={key}", environ={}) == ("Api-Key", "{key}")


@pytest.mark.parametrize(
    "name", ["Authorization", "proxy-authorization", "Cookie", "X-Api-Key", "x_token", "Secret"]
)
def test_headers_that_carry_credentials_are_secret(name: str):
    assert parse_header(f"{name}=open-sesame", environ={}) == (name, Secret("open-sesame"))


def test_values_from_the_environment_are_secret():
    assert parse_header("X-Any=env:MINE", environ={"MINE": " open-sesame\n"}) == (
        "X-Any",
        Secret("open-sesame"),
    )
    with pytest.raises(UsageError, match="MINE"):
        parse_header("X-Any=env:MINE", environ={})


@pytest.mark.parametrize(
    "text",
    [
        "X-A", "=v", "X A=b", "X-A:=b", "X-A\r\nX-B=c", "X-A=b\r\nX-B: c", "X-A=b\nc", "X-A=\x00",
        "X-A=\u00e9", "Content-Length=5", "transfer-encoding=chunked", "X-Key=tiny", "X-\u00c4=b",
    ],
)  # fmt: skip
def test_headers_that_break_http_are_refused(text: str):
    with pytest.raises(UsageError):
        parse_header(text, environ={})


def test_secret_values_are_not_shown_in_errors():
    with pytest.raises(UsageError) as caught:
        parse_header("X-Any=env:MINE", environ={"MINE": "open\nsesame"})
    assert "sesame" not in str(caught.value)


# ---- the target file


def target_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "target.yaml"
    file.write_text(textwrap.dedent(text))
    return file


def test_a_target_file_says_everything(tmp_path: Path):
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "ca.pem").write_text("")
    file = target_file(
        tmp_path,
        """
        name: staging
        url: https://h.example/openai/v1/chat/completions
        key_file: key
        ca_bundle: ca.pem
        headers:
          X-Tenant: tests
          X-Pass: env:PASS
        extra_body: {user: yes, day: 2026-11-01, depth: 3, ratio: 0.5, on: true, none: null}
        """,
    )
    assert load_target(file, environ={"PASS": "open-sesame"}) == Target(
        base_url="https://h.example/openai/v1",
        headers=(("X-Tenant", "tests"), ("X-Pass", Secret("open-sesame"))),
        extra_body={"user": "yes", "day": "2026-11-01", "depth": 3, "ratio": 0.5, "on": True, "none": None},
        key=Secret(KEY),
        ca_bundle=tmp_path / "ca.pem",
        name="staging",
    )


def test_a_target_file_may_hold_only_the_url(tmp_path: Path):
    target = load_target(target_file(tmp_path, "url: http://localhost:8000"), environ={"OPENAI_API_KEY": KEY})
    assert target.base_url == "http://localhost:8000/v1"
    assert target.key == Secret(KEY)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("urll: https://h", 1, ["urll", "not known", "did you mean 'url'"]),
        ("name: x", 1, ["'url' is missing"]),
        ("name: x\nurl: 5", 2, ["url", "has to be text", "quotes"]),
        ("name: x\nurl: garbage", 2, ["url", "not an http"]),
        ("url: https://h\nheaders:\n  X-A: b\n  X-B: [1]", 4, ["headers.X-B", "has to be text"]),
        ("url: https://h\nheaders:\n  X-A: b\n  'X B': c", 4, ["headers.X B", "name of a header"]),
        ("url: https://h\nheaders:\n  X-A: env:NOT_THERE", 3, ["headers.X-A", "NOT_THERE"]),
        ("url: https://h\nurl: https://i", 2, ["'url' stands twice", "line 1"]),
        ("url: https://h\nextra_body: {a: 1, b: 2, a: 3}", 2, ["'a' stands twice"]),
        ("url: https://h\nkey_env: A\nkey_file: b", 1, ["key_env and key_file exclude each other"]),
        ("url: https://h\nkey_env: NOT_THERE", 2, ["key_env", "NOT_THERE"]),
        ("url: https://h\n\nkey_file: nothing", 3, ["key_file", "cannot be read"]),
        ("url: https://h\nca_bundle: nothing", 2, ["ca_bundle", "no such file"]),
        ("url: https://h\nextra_body: [1]", 2, ["extra_body", "has to be a mapping"]),
        ("url: https://h\nextra_body: {a: !!python/name:os.system x}", 2, ["tag"]),
        ("url: https://h\nextra_body: {? [1] : 2}", 2, ["key has to be a word"]),
        ("url: https://h\nextra_body: &a {b: *a}", 2, ["nested too deeply"]),
        ("url: [1\n", 2, ["not YAML"]),
        ("- url", 1, ["has to hold a mapping"]),
        ("", 1, ["has to hold a mapping"]),
    ],
)
def test_errors_in_a_target_file_name_line_and_key(tmp_path: Path, text: str, line: int, words: list[str]):
    file = target_file(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_target(file, environ={})
    said = str(caught.value)
    assert said.startswith(f"{file}:{line}: ")
    for word in words:
        assert word in said


def test_a_key_in_a_target_file_is_refused_and_not_shown(tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        load_target(target_file(tmp_path, f"url: https://h\nkey: {KEY}"), environ={})
    assert "did you mean 'key_env'" in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path):
    file = tmp_path / "target.yaml"
    file.write_bytes(b"url: https://h\nname: \xff")
    with pytest.raises(UsageError, match=r"target\.yaml:2: the file is not UTF-8"):
        load_target(file)


def test_all_complaints_are_told_at_once(tmp_path: Path):
    text = "urll: x\n" + "\n".join(f"k{number}: 1" for number in range(9))
    with pytest.raises(UsageError) as caught:
        load_target(target_file(tmp_path, text))
    assert "also" in caught.value.why
    assert "more" in caught.value.why


def test_every_schema_of_ours_is_a_schema():
    for file in (data_root() / "spec" / "schema").glob("*.schema.json"):
        userfile.Draft202012Validator.check_schema(json.loads(file.read_text("utf-8")))


@pytest.mark.parametrize(
    ("word", "hint"), [("streming", "did you mean 'streaming'?"), ("zzz", "one of streaming, tools")]
)
def test_words_that_are_nearly_known_are_suggested(word: str, hint: str):
    assert userfile.closest(word, ["streaming", "tools"]) == hint
