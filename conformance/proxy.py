"""Which proxy the environment names for a target; it is asked only with ``--trust-env``.

A proxy of the environment would stand between the suite and the target without anybody having chosen it, so it is
ignored by default. Nothing else of the environment is used for sending: no ``.netrc``, no bundle of certificates.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import (  # type: ignore[attr-defined]  # the second is not in typeshed
    getproxies_environment,
    proxy_bypass_environment,
)

from conformance.errors import UsageError
from conformance.secret import Secret


def proxy_for(base_url: str) -> Secret | None:
    """Return the URL of the proxy for a target, None for none. It may hold a password, so it is a secret.

    ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` are read as the standard library reads them.

    Raises:
        UsageError: the variable holds no URL of an HTTP proxy.

    """
    parts = urlsplit(base_url)
    proxies: Mapping[str, str] = getproxies_environment()
    url = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not url or proxy_bypass_environment(parts.netloc):
        return None
    if "://" not in url:
        url = f"http://{url}"
    try:
        proxy = urlsplit(url)
        usable = proxy.scheme in {"http", "https"} and bool(proxy.hostname) and proxy.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            f"The proxy that the environment names for {parts.scheme} targets cannot be used.",
            why="it is no http or https URL with a host",
            hint=f"correct {parts.scheme.upper()}_PROXY or ALL_PROXY, or leave --trust-env away",
        )
    return Secret(url)


def password_of(proxy: Secret) -> Secret | None:
    """Return the password in the URL of a proxy, None when there is none."""
    password = urlsplit(proxy.reveal()).password
    return Secret(password) if password else None
