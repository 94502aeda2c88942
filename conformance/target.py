"""The server under test: where it is, what is sent along with every request, and what of that is secret."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct, field

from conformance.errors import UsageError
from conformance.model import KEY_MARK, Json
from conformance.proxy import password_of
from conformance.secret import Secret, checked_secret, why_not_masked

Header = tuple[str, str | Secret]
"""Name and value of a header that goes with every request."""

LAST_PORT: Final = 65_535
"""The highest port that there is."""

_HOW: Final = "give the base URL of the API, for example https://api.example.com/v1"
_ENDPOINT: Final = "/chat/completions"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_PATH: Final = re.compile(r"[!$%&'()*+,./0-9:;=@A-Z_a-z~-]*")  # RFC 3986, 3.3
_HOST_FIRST: Final = re.compile(r"(?:localhost|[0-9.]+|(?!sk-)[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:/\S*)?")
_CREDENTIAL: Final = re.compile(
    r"(?:proxy-)?authorization|cookie|(?:.*[-_])?(?:key|token|secret|password)", re.IGNORECASE
)
_SCHEME: Final = re.compile(r"(?:bearer|basic|token)\s+(?=\S)", re.IGNORECASE)
_OWNED: Final = frozenset({"content-length", "transfer-encoding", "connection"})


class Target(Struct, frozen=True):
    """A server under test.

    ``base_url`` has no slash at its end; the path of a request is put behind it. ``headers`` go with every
    request that does not set them itself. ``extra_body`` are members that the plan adds to every body.
    ``key`` is the API key, None when the target needs none. ``ca_bundle`` is a PEM file with the only
    authorities to trust, None for the usual ones. ``proxy`` is the URL of an HTTP proxy, None for none.
    """

    base_url: str
    headers: tuple[Header, ...] = ()
    extra_body: Mapping[str, Json] = field(default_factory=dict)
    key: Secret | None = None
    ca_bundle: Path | None = None
    name: str = ""
    proxy: Secret | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Everything that must never be shown or stored: the key (unless a placeholder), and secret header values."""
        found = [self.key] if self.key and not self.placeholder else []
        for _, value in self.headers:
            if isinstance(value, Secret):
                found.append(value)
                scheme = _SCHEME.match(value.reveal())
                if scheme:
                    found.append(Secret(value.reveal()[scheme.end() :]))
        password = password_of(self.proxy) if self.proxy else None
        if password and not why_not_masked(password.reveal()):
            found.append(password)
        return tuple(found)

    @property
    def placeholder(self) -> str:
        """Why the key is no secret but a placeholder such as ``test``, empty when it is one or there is none."""
        return why_not_masked(self.key.reveal()) if self.key else ""

    @property
    def cleartext(self) -> bool:
        """Whether the key would cross a network unencrypted: plain http to another machine."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "http" and not _is_loopback(parts.hostname or "")

    @property
    def local(self) -> bool:
        """Whether it is asked on a loopback address of this machine: what listens here can be reached from there."""
        host = urlsplit(self.base_url).hostname or ""
        return self.proxy is None and _is_loopback(host) and not host.endswith(".localhost")


def parse_target(
    text: str | None,
    *,
    headers: Sequence[Header] = (),
    extra_body: Mapping[str, Json] | None = None,
    key: Secret | None = None,
    ca_bundle: Path | None = None,
    name: str = "",
) -> Target:
    """Make a target of what the user gave: an origin, a base URL, or the URL of the endpoint itself.

    An origin without a path gets ``/v1``; any other path is kept as it is. ``name`` is the host by default.

    Raises:
        UsageError: there is no text, or it is not the URL of an API.

    """
    parts = _split(text)
    host = _host(parts)
    path = parts.path.rstrip("/")
    path = path.removesuffix(_ENDPOINT).rstrip("/") if path else "/v1"
    if not _PATH.fullmatch(path):
        raise UsageError("The path of the target holds a character that a URL cannot have.", hint=_HOW)
    shown = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port is not None else ""
    if ca_bundle is not None and not ca_bundle.is_file():
        raise UsageError(f"The CA bundle {ca_bundle} is not a file.", hint="give a PEM file")
    return Target(
        base_url=f"{parts.scheme}://{shown}{port}{path}",
        headers=tuple(headers),
        extra_body=dict(extra_body or {}),
        key=key,
        ca_bundle=ca_bundle,
        name=name or host,
    )


def parse_header(text: str, *, environ: Mapping[str, str] = os.environ) -> Header:
    """Read ``NAME=VALUE`` or ``NAME=env:VARIABLE``.

    The value is a secret when it comes from a variable or when the header is one that carries credentials. A
    value may hold ``{key}``, which stands for the API key.

    Raises:
        UsageError: the text has another form, breaks HTTP, or names a variable that is not set.

    """
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(
            "A header is given as NAME=VALUE, and this one has no '='.",
            hint="for example X-Tenant=tests, or X-Api-Key=env:MY_VARIABLE to read it from MY_VARIABLE",
        )
    return read_header(name.strip(), value, environ=environ)


def read_header(name: str, value: str, *, environ: Mapping[str, str] = os.environ) -> Header:
    """Do what :func:`parse_header` does with a name and a value that are apart already.

    Raises:
        UsageError: as there.

    """
    if not _TOKEN.fullmatch(name):
        raise UsageError(
            "The name of a header holds a character that HTTP does not allow there.",
            why="a name is made of letters, digits and -_.!#$%&'*+^`|~ (RFC 9110, 5.6.2)",
            hint="for example X-Tenant=tests",
        )
    if name.lower() in _OWNED:
        raise UsageError(
            f"The header {name} belongs to the transport and cannot be set.", hint="leave it away"
        )
    if value.startswith("env:"):
        variable = value.removeprefix("env:").strip()
        if variable not in environ:
            raise UsageError(
                f"The environment variable {variable} for the header {name} is not set.",
                hint=f"set it: export {variable}=...",
            )
        return name, checked_secret(environ[variable], origin=f"The environment variable {variable}")
    value = value.strip()
    if not (value.isascii() and value.isprintable()):
        raise UsageError(
            f"The value of the header {name} holds a control character or a character outside ASCII.",
            hint="a header is one line of plain text",
        )
    if _CREDENTIAL.fullmatch(name) and KEY_MARK not in value:
        return name, checked_secret(value, origin=f"The value of the header {name}")
    return name, value


def _split(text: str | None) -> SplitResult:
    given = (text or "").strip()
    if not given:
        raise UsageError("There is no target.", hint=_HOW)
    if not given.isprintable() or " " in given:
        raise UsageError("The target holds a space or a control character, so it is no URL.", hint=_HOW)
    try:
        parts = urlsplit(given)
    except ValueError:
        raise UsageError("The target is not a URL.", hint=_HOW) from None
    try:
        _ = parts.port
    except ValueError:
        raise UsageError(
            "The port in the target URL is none.", why=f"a port is a number from 1 to {LAST_PORT}", hint=_HOW
        ) from None
    if parts.scheme not in {"http", "https"}:
        raise UsageError("The target is not an http or https URL.", hint=_better(given))
    if not parts.hostname:
        raise UsageError("The target URL names no host.", hint=_HOW)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "The target URL holds a user name or a password.",
            why="a URL is shown in every report",
            hint="remove it from the URL; other credentials go into a header: NAME=env:VARIABLE",
        )
    if parts.query or parts.fragment:
        raise UsageError(
            "The target URL has a query or a fragment; a base URL ends with its path.", hint=_HOW
        )
    return parts


def _better(given: str) -> str:
    """Return what to do about a target without a scheme; what may be a key by mistake is not shown."""
    if not _HOST_FIRST.fullmatch(given):
        return _HOW
    host = given.split("/", 1)[0].split(":", 1)[0]
    return f"did you mean {'http' if _is_loopback(host) else 'https'}://{given} ?"


def _host(parts: SplitResult) -> str:
    """Return the host in ASCII, an IPv6 address without its brackets."""
    host = parts.hostname or ""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise UsageError("The target URL has no valid IPv6 address in its brackets.", hint=_HOW) from None
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not re.fullmatch(r"[0-9a-z_-]+(?:\.[0-9a-z_-]+)*\.?", name):
        raise UsageError("The host in the target URL is not a host name.", hint=_HOW)
    return name


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
