"""From parsed flags to settings: reads the key, the target file, the extra body; starts the embedded reference."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from conformance.capture import Pace
from conformance.engine import Settings
from conformance.errors import UsageError
from conformance.exchange import Limits
from conformance.model import Json
from conformance.options import REFERENCE
from conformance.proxy import proxy_for
from conformance.secret import Secret
from conformance.target import Target, parse_header, parse_target

_N = TypeVar("_N", int, float)
_LONGEST_CHALLENGE: Final = 200
_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(?:/min)?")


@contextmanager
def settings_from(arguments: argparse.Namespace) -> Iterator[Settings]:
    """Yield the settings that the flags ask for; the embedded reference lives as long as the context.

    Raises:
        UsageError: a flag or file is wrong; says which and what to do.

    """
    with ExitStack() as stack:
        wants_reference = (arguments.target or "").strip().lower() == REFERENCE
        target = (
            stack.enter_context(embedded_reference(arguments)) if wants_reference else target_from(arguments)
        )
        models = tuple(dict.fromkeys(arguments.model))
        if wants_reference and not models and not arguments.models:
            from conformance.reference import DEFAULT_MODEL  # noqa: PLC0415 - only reference runs need it

            models = (DEFAULT_MODEL,)
        yield Settings(
            target=target,
            profile=arguments.profile,
            models=models,
            model_patterns=tuple(arguments.models),
            set_name=arguments.set,
            seed=arguments.seed,
            challenge=_challenge(arguments.challenge or ""),
            only=tuple(arguments.only),
            generated=_generated(arguments.generated),
            provoke_rate_limit=getattr(arguments, "provoke_rate_limit", False),
            limits=Limits(deadline=positive("--timeout", getattr(arguments, "timeout", 60.0))),
            pace=Pace(
                concurrency=int(positive("--concurrency", getattr(arguments, "concurrency", 4))),
                max_requests=_limit("--max-requests", getattr(arguments, "max_requests", None)),
                max_tokens=_limit("--max-tokens", getattr(arguments, "max_tokens", None)),
                max_time=_limit("--max-time", getattr(arguments, "max_time", None)),
                per_minute=_rate(getattr(arguments, "rate", None)),
            ),
            reference=wants_reference,
            strict=getattr(arguments, "strict", False),
        )


@contextmanager
def embedded_reference(arguments: argparse.Namespace) -> Iterator[Target]:
    """Start the reference gateway on loopback and yield it as a target."""
    from conformance.reference import ReferenceGateway  # noqa: PLC0415 - only reference runs need it

    with ReferenceGateway() as gateway:
        yield parse_target(
            gateway.base_url,
            key=Secret(gateway.key),
            headers=tuple(parse_header(text) for text in arguments.header),
            extra_body=_extra_body(arguments.extra_body),
            name=REFERENCE,
        )


def target_from(arguments: argparse.Namespace) -> Target:
    """Return the target that the flags describe.

    Raises:
        UsageError: there is none, or it, its key or its headers are wrong.

    """
    from conformance.secret import read_key  # noqa: PLC0415 - keeps the import light

    if arguments.target_file:
        from conformance.targetfile import load_target  # noqa: PLC0415 - needs jsonschema

        return _with_proxy(load_target(Path(arguments.target_file)), wanted=arguments.trust_env)
    if arguments.target is None or not arguments.target.strip():
        raise UsageError(
            "There is no target." if arguments.target is None else "The target is empty.",
            why="an empty variable in a CI job would otherwise judge nothing and look green",
            hint=f"give --target https://host/v1, or --target {REFERENCE} for the embedded gateway",
        )
    key_file = Path(arguments.api_key_file) if arguments.api_key_file else None
    key = read_key(variable=arguments.api_key_env, file=key_file)
    target = parse_target(
        arguments.target,
        key=key,
        headers=tuple(parse_header(text) for text in arguments.header),
        extra_body=_extra_body(arguments.extra_body),
        ca_bundle=Path(arguments.ca_bundle) if arguments.ca_bundle else None,
    )
    return _with_proxy(target, wanted=arguments.trust_env)


def _with_proxy(target: Target, *, wanted: bool) -> Target:
    return replace(target, proxy=proxy_for(target.base_url)) if wanted else target


def _extra_body(file: str | None) -> dict[str, Json]:
    if file is None:
        return {}
    from conformance.userfile import load  # noqa: PLC0415 - reads YAML, only for users' own files

    return load(Path(file), schema="body").data


def _challenge(text: str) -> str:
    if len(text) <= _LONGEST_CHALLENGE and text.isprintable():
        return text
    raise UsageError(
        f"--challenge has to be printable and at most {_LONGEST_CHALLENGE} characters long.",
        hint="ask for a shorter word, for example 32 random letters",
    )


def _generated(text: str) -> str:
    if text in {"none", "smoke", "full"} or (text.isascii() and text.isdigit()):
        return text
    raise UsageError(
        f"--generated {text!r} is none of none, smoke, full or a number.",
        hint="smoke, the default, sends at most 60 generated requests",
    )


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"--rate {text!r} is no rate.", hint="give requests in a minute, for example --rate 30/min"
        )
    return positive("--rate", float(found[1]))


def _limit(flag: str, value: _N | None) -> _N | None:
    return None if value is None else positive(flag, value)


def positive(flag: str, value: _N) -> _N:
    """Return the number of a flag.

    Raises:
        UsageError: it is not above 0, or not finite.

    """
    if not 0 < value < math.inf:
        raise UsageError(
            f"{flag} has to be a finite number greater than 0, not {value:g}.",
            hint=f"give one, or leave {flag} away",
        )
    return value
