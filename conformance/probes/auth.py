"""Who may ask: the key left out, emptied, spoilt, or behind another scheme, half of them for a stream.

A key is looked at before the body, so none is spoilt twice; that errors of streams have a status is seen all the same.
The wrong key owes nothing to the right one. A key that differs in its last letters, in case, or by what stands behind
it, would show targets that compare a part. But refused keys are what targets log and echo, some with stars in the
middle, which no mask of the whole key catches: most of a real secret would lie in logs, and its ends in evidence.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from conformance.model import Defect, Probe
from conformance.probes.asker import Asker, request
from conformance.probes.chat import HELLO

WRONG_KEY = "sk-conformance-not-a-key-0000000000000000"
"""Looks like a key, so that a target which checks the form alone does not get away with it."""

_NAMES = ("key", "auth", "token", "credential", "bearer", "unauthor", "认证", "授权", "密钥", "令牌")


def probes(ask: Asker) -> Iterator[Probe]:
    """Yield the requests without the right to ask."""
    basic = base64.b64encode(b"conformance:nobody").decode("ascii")
    for name, auth, what, streamed in (
        ("no-key", None, "no Authorization header", False),
        ("empty-bearer", ("Authorization", "Bearer"), "Authorization: Bearer with nothing after it", True),
        (
            "wrong-scheme",
            ("Authorization", f"Basic {basic}"),
            "Authorization: Basic instead of Bearer",
            False,
        ),
        ("wrong-key", ("Authorization", f"Bearer {WRONG_KEY}"), "a bearer token that is no key", True),
    ):
        yield ask.invalid(
            f"auth.{name}" + ("-stream" if streamed else ""),
            request(ask.body(HELLO, stream=True) if streamed else ask.body(HELLO), auth=auth),
            twin="stream.basic" if streamed or ask.card.stream_only else "chat.basic",
            defect=Defect(what, names=_NAMES, statuses=(401,)),
            traits={"auth", name},
            feature="auth",
            streamed=streamed,
        )
