"""What an error must not give away: key, stack trace, file path, address behind the gateway (CWE-209).

The patterns know the forms in which runtimes print these things, not single words: a page of documentation, a
path of the interface, a version number or a model's name is no leak, nor is what the request itself said.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from conformance.checks.api import Case, Reads, check
from conformance.checks.errortext import error_messages, error_words, values
from conformance.checks.runtimewords import RUNTIME_WORDS, WHOLE_ANSWERS
from conformance.checks.select import either, invalid, valid
from conformance.keyforms import keys_in
from conformance.model import FaultKind, Finding
from conformance.probes.auth import WRONG_KEY
from conformance.redact import MASK
from conformance.views import View

_ANY: Final = either(valid(), invalid())
_SHOWN: Final = 120
"""Characters of a leak that a finding shows."""

_MASKED: Final = MASK * 12
"""What stands in the evidence for a key; a shorter row may be an ornament."""

_TRACES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"Traceback \(most recent call last\)",
        r'File "[^"\n]{1,300}", line \d+',
        r"\bat (?:[\w.$<>\[\] /-]{1,200} \()?(?:file://|node:|webpack:|/|[A-Za-z]:\\)[^\s()]{1,300}:\d+:\d+\)?",
        r"goroutine \d+ \[[\w ,]{1,60}\]:",
        r"\.go:\d+ \+0x[0-9a-f]+",
        r"\bat [\w.$<>/]{3,200}\((?:[\w$-]{1,100}\.(?:java|kt|scala):\d+|Native Method|Unknown Source)\)",
        r'Exception in thread "',
        r"thread '[^'\n]{1,80}' (?:\(\d+\) )?panicked at",
        r"\bstack backtrace:",
        r"#0 +/[^\s(]{1,300}\(\d+\): ",
        r"\.rb:\d+:in [`']",
        r"\bat [\w.<>`\[\], ]{3,200}\([^()\n]{0,200}\) in [^\n]{1,300}:line \d+",
    )
)
"""Python, JavaScript, Go, Java, Rust, PHP, Ruby, .NET."""

_PATHS: Final = tuple(
    re.compile(r"(?<![\w:/.%-])(?:file://)?" + pattern)
    for pattern in (
        r"(?:/[\w.@+~-]+){2,}\.(?:py|pyx|go|rs|rb|java|kt|cs|cpp|cc|jinja|jinja2|j2|tmpl)\b",
        r"(?:/[\w.@+~-]+){2,}\.(?:js|ts|mjs|cjs|jsx|tsx):\d+",
        r"/(?:home|Users)/[\w.-]+/[\w./@+~-]+",
        r"/usr/(?:local/)?lib(?:64|exec)?/[\w./@+~-]+",
        r"/(?:root|opt|srv|var/(?:www|lib|task|opt))/[\w.@+~-]+/[\w./@+~-]+",
        r"(?:/[\w.@+~-]+)*/(?:site-packages|node_modules)/[\w./@+~-]+",
        r"[A-Za-z]:\\(?:[\w .@+~-]+\\)+[\w .@+~-]+\.\w+",
    )
)

_PRINTED: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\w])b'\s*[{\[<][^']{0,300}",
        r'(?<![\w])b"\s*[{\[<][^"]{0,300}',
        r"\{'(?:error|message|detail)': [^}]{0,300}",
        r"\[object Object\]",
        r"<[A-Za-z_][\w. ]{0,200} at 0x[0-9a-fA-F]{6,16}>",
        r"\bSELECT [\w*\"'`,.() ]{1,200} FROM [\w.\"`]+",
        r"\bINSERT INTO [\w.\"`]+ ?\([\w\"`, ]{1,200}\) VALUES\b",
        r"\bUPDATE [\w.\"`]+ SET [\w\"`]+ ?= ?",
        r"\bDELETE FROM [\w.\"`]+ WHERE\b",
        r"\bSQLSTATE ?[\[(]?[0-9A-Z]{5}\b",
    )
)
"""Bytes, dictionaries and objects of Python, an object of JavaScript, a statement for a database.

What the request said itself is no leak.
"""

_URL: Final = re.compile(r"\bhttps?://[^\s\"'<>()\\\]}]{1,500}", re.IGNORECASE)
_HELP: Final = re.compile(
    r"/(?:docs?|documentation|help|support|redoc|swagger|openapi|errors?)\b", re.IGNORECASE
)
_SECRET_QUERY: Final = re.compile(
    r"[?&](?:api[-_]?key|key|access[-_]?token|token|sig|signature)=[^&\s*]{4,}", re.IGNORECASE
)
_PRIVATE_NAME: Final = re.compile(
    r"localhost|[\w-]+|.*\.(?:internal|local|localdomain|lan|corp|intranet|svc|consul)", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3}):(\d{2,5})\b")
_ADDRESS_6: Final = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\]:(\d{2,5})\b")
_SERVED: Final = r"\bhttps?://[^\s/\"'<>]{1,253}/(?:[\w.-]{1,60}/){0,5}(?:chat/completions|completions|messages|responses)\b"
"""The URL of an interface that models are asked by; alone it may be an advice to the caller."""

_CALLS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bfor url:? *\(?['\"]?https?://[^\s'\")]{1,300}",
        r"\b(?:Get|Post|Put) \\?\"https?://[^\s\"\\]{1,300}\\?\":",
        r"\bHTTPS?ConnectionPool\(host=[^)\n]{1,200}",
        r"\bdial (?:tcp|udp|unix)[46]?:? (?:lookup )?[\w.\[\]:/-]{3,200}",
        r"\bgetaddrinfo E[A-Z_]{3,20} [\w.-]{3,200}",
        r"\b(?:connect|read|write) E[A-Z]{3,20} [\w.:\[\]-]{3,200}:\d+",
        r"\b[Cc]annot connect to host [\w.-]{1,200}:\d+",
        r"\b[Ff]ailed to connect to [\w.-]{1,200} port \d+",
        r"\blookup [\w.-]{1,200}(?: on [\w.:-]{1,100})?: no such host",
        rf"{_SERVED}\S{{0,300}}(?=,? (?:returned|responded|answered|replied|said|failed|timed out|gave)\b)",
        rf"(?i:\b(?:upstream|backend|(?:response|error|answer) from|failed (?:calling|requesting)):? ){_SERVED}",
        r"\bhttps?://[^\s/\"'<>]{1,253}/(?:[\w-]{1,60}/){0,4}deployments/[\w.-]{1,100}/(?:chat/)?completions\b",
        r"(?i:\b(?:rediss?|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|amqps?|nats|kafka|etcd|memcached?|tcp|unix)://)[\w.@:/\[\]-]{2,200}",
        r"\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.(?:svc\.cluster\.local|(?:compute|ec2)\.internal)\b",
    )
)
"""How programs word a failed call to somebody else, what is called so, and names that only a cluster knows."""

_TELLS_UPSTREAM: Final = re.compile(
    r"upstream|backend|api[-_]?base|provider|target|forwarded[-_]to|proxied|real[-_]ur[il]", re.IGNORECASE
)
"""Names of headers in which gateways were seen to say where they sent the request on."""

_CALLER_PORT: Final = 32_768
"""From here on ports are those of callers, not of services (RFC 6056 and common systems)."""

_LOOKED_AT: Final = 64_000
"""Characters of an error that are searched."""


@check("errors.key-not-echoed", on=_ANY, reads=Reads.ANSWER, any_cause=True)
def key_not_echoed(case: Case) -> Iterator[Finding]:
    """No answer repeats the key that was sent, whole, and no error holds one of somebody else.

    The key of the run is masked before anybody sees it.
    """
    view = case.view
    fault = view.exchange.fault
    if fault is not None and fault.kind is FaultKind.WITHHELD:
        yield case.unsure(fault.detail)
        return
    for mark, what in ((_MASKED, "the key of the run"), (WRONG_KEY.encode(), "the wrong key that was sent")):
        inside = view.body.find(mark)
        if inside >= 0 or mark in view.content or mark in view.exchange.raw:
            yield case.fail(
                f"the answer holds {what}",
                "no key, or one that the server masked",
                span=(inside, inside + len(mark)) if inside >= 0 else None,
            )
            return
    headers = " ".join(value for _, value in view.exchange.request.headers)
    for key, whose in keys_in(error_words(view)[:_LOOKED_AT]):
        if key not in headers and not _sent(view, key):
            inside = view.body.find(key.encode())
            yield case.fail(
                f"the error holds a key of somebody, {key[:6]}… of {len(key)} characters, as {whose} hands them out",
                "no key",
                span=(inside, inside + len(key)) if inside >= 0 else None,
            )
            return
    yield case.ok()


@check("errors.no-stack-trace", on=_ANY, reads=Reads.ANSWER, any_cause=True)
def no_stack_trace(case: Case) -> Iterator[Finding]:
    """No inside of a program."""
    yield from _nothing_of(case, ("a stack trace", _matches(_TRACES, _words(case))))


@check("errors.no-file-path", on=_ANY, reads=Reads.ANSWER, any_cause=True)
def no_file_path(case: Case) -> Iterator[Finding]:
    """No place in the server's file system."""
    yield from _nothing_of(case, ("a path of a file of the server", _matches(_PATHS, _words(case))))


@check("errors.no-printed-value", on=_ANY, reads=Reads.ANSWER)
def no_printed_value(case: Case) -> Iterator[Finding]:
    """No value or mistake as a program prints it for its author, and no other answer in place of a sentence."""
    message = error_messages(case.view)[:_LOOKED_AT]
    yield from _nothing_of(
        case,
        ("a printed value", _matches(_PRINTED, _words(case))),
        ("a program's own words", _matches(RUNTIME_WORDS, message)),
        ("another answer within its message", _matches(WHOLE_ANSWERS, message)),
    )


@check("errors.no-upstream-address", on=_ANY, reads=Reads.ANSWER, any_cause=True)
def no_upstream_address(case: Case) -> Iterator[Finding]:
    """No address of what stands behind the gateway."""
    header = _told_in_header(case.view)
    if header:
        yield case.fail(
            f"a header of the answer holds an address behind the gateway: {header[:_SHOWN]!r}",
            "nothing of where the request was sent on to",
        )
        return
    yield from _nothing_of(case, ("an address behind the gateway", _addresses(_words(case))))


def _told_in_header(view: View) -> str:
    """Return a header by its name one of the upstream, whose URL leads to a host that only the inside knows.

    The own machine's is none: it tells nobody a place.
    """
    for name, value in view.answer.headers if view.answer else ():
        if _TELLS_UPSTREAM.search(name):
            for url in _matches((_URL,), value[:_LOOKED_AT]):
                if _is_inside(url) and not _is_own_machine(url):
                    return f"{name}: {url}"
    return ""


def _words(case: Case) -> str:
    return error_words(case.view)[:_LOOKED_AT]


def _nothing_of(case: Case, *looks: tuple[str, Iterable[str]]) -> Iterator[Finding]:
    """Judge an error by what was found in it, each with its name; what the request said itself does not count."""
    found = ((what, leak) for what, leaks in looks for leak in leaks if not _sent(case.view, leak))
    what, leak = next(found, ("", ""))
    if leak:
        inside = case.view.body.find(leak.encode())
        yield case.fail(
            f"the error holds {what}: {leak[:_SHOWN]!r}",
            "what the caller did wrong, and nothing of the server's inside",
            span=(inside, inside + len(leak.encode())) if inside >= 0 else None,
        )
    elif _words(case):
        yield case.ok()
    else:
        yield case.skip("the answer tells no error")


def _sent(view: View, found: str) -> bool:
    """Whether the request said itself what was found, in its path or its body."""
    told = (view.exchange.request.path, view.said)
    return any(found in text for text in told) or any(found in text for text in values(dict(view.asked)))


def _matches(patterns: Iterable[re.Pattern[str]], text: str) -> Iterator[str]:
    return (found.group(0) for pattern in patterns for found in pattern.finditer(text))


def _addresses(text: str) -> Iterator[str]:
    """Yield addresses behind the gateway; links to documentation are none, wherever they lead."""
    text = _URL.sub(lambda found: " " if _is_help(found.group(0)) else found.group(0), text)
    yield from _matches(_CALLS, text)
    yield from (url for url in _matches((_URL,), text) if _is_inside(url))
    for form in (_ADDRESS, _ADDRESS_6):
        for found in form.finditer(text):
            if int(found.group(2)) < _CALLER_PORT and _is_private(found.group(1)):
                yield found.group(0)


def _is_help(url: str) -> bool:
    return bool(_HELP.search(url)) and not _SECRET_QUERY.search(url)


def _is_inside(url: str) -> bool:
    """Whether a URL has a key in it or leads to a host that only the inside knows."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    named = not host[:1].isdigit() and bool(_PRIVATE_NAME.fullmatch(host))
    return bool(_SECRET_QUERY.search(url)) or bool(parts.password) or named or _is_private(host)


def _is_own_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
