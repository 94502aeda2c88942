"""From parsed flags to settings: reads the key, the target file, the extra body; starts the embedded reference."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from conformance.capture import Pace
from conformance.engine import Settings
from conformance.errors import UsageError
from conformance.exchange import Limits
from conformance.model import Json
from conformance.options import REFERENCE
from conformance.secret import Secret
from conformance.target import Target, parse_header, parse_target
from conformance.userfile import load


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
        if wants_reference and not models:
            from conformance.reference import DEFAULT_MODEL  # noqa: PLC0415 - only reference runs need it

            models = (DEFAULT_MODEL,)
        yield Settings(
            target=target,
            profile=arguments.profile,
            models=models,
            set_name=arguments.set,
            seed=arguments.seed,
            only=tuple(arguments.only),
            generated=_generated(arguments.generated),
            limits=Limits(deadline=_positive("--timeout", getattr(arguments, "timeout", 60.0))),
            pace=Pace(
                concurrency=int(_positive("--concurrency", getattr(arguments, "concurrency", 4))),
                max_requests=getattr(arguments, "max_requests", None),
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
    from conformance.targetfile import load_target  # noqa: PLC0415 - needs jsonschema

    if arguments.target_file:
        return load_target(Path(arguments.target_file))
    if arguments.target is None or not arguments.target.strip():
        raise UsageError(
            "There is no target." if arguments.target is None else "The target is empty.",
            why="an empty variable in a CI job would otherwise judge nothing and look green",
            hint=f"give --target https://host/v1, or --target {REFERENCE} for the embedded gateway",
        )
    key_file = Path(arguments.api_key_file) if arguments.api_key_file else None
    key = read_key(variable=arguments.api_key_env, file=key_file)
    return parse_target(
        arguments.target,
        key=key,
        headers=tuple(parse_header(text) for text in arguments.header),
        extra_body=_extra_body(arguments.extra_body),
        ca_bundle=Path(arguments.ca_bundle) if arguments.ca_bundle else None,
    )


def _extra_body(file: str | None) -> dict[str, Json]:
    return {} if file is None else load(Path(file), schema="body").data


def _generated(text: str) -> str:
    if text in {"none", "smoke", "full"} or (text.isascii() and text.isdigit()):
        return text
    raise UsageError(
        f"--generated {text!r} is none of none, smoke, full or a number.",
        hint="smoke, the default, sends at most 60 generated requests",
    )


def _positive(flag: str, value: float) -> float:
    if value <= 0:
        raise UsageError(f"{flag} has to be greater than 0, not {value:g}.")
    return value
