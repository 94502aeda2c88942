"""``recheck``, ``render`` and ``reproduce``: what can be done again with a run that is over."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from conformance import engine, evidence
from conformance.commands.look import run_folder
from conformance.commands.run import finish
from conformance.commands.settings import positive, target_from
from conformance.errors import UnreachableError, UsageError
from conformance.exchange import Limits, sender_for
from conformance.model import KEY_MARK, Exchange, Request
from conformance.recorder import redactor
from conformance.report.shape import Report, checked
from conformance.report.show import show_exchange
from conformance.report.write import write_all
from conformance.views import UNREACHABLE, View


def recheck(arguments: argparse.Namespace) -> int:
    """Judge recorded evidence again, offline."""
    folder = Path(arguments.run)
    output = Path(arguments.output) if arguments.output else None
    if output is not None and output.resolve() != folder.resolve() and (output / evidence.EVIDENCE).exists():
        raise UsageError(
            f"The folder {output} holds another run.",
            why="its report would be overwritten by that of this one",
            hint="choose another with --output",
        )
    return finish(folder, strict=arguments.strict, output=output, baseline=arguments.baseline)


def render(arguments: argparse.Namespace) -> int:
    """Write all report formats again from report.json."""
    write_all(read_report(Path(arguments.run)), Path(arguments.run))
    return 0


def read_report(run: Path) -> Report:
    """Return the report of a run, given its folder or the file itself.

    Raises:
        UsageError: there is none.

    """
    path = run / "report.json" if run.is_dir() else run
    try:
        read = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read.", why=error.strerror or "", hint="name the folder of a run"
        ) from None
    except (ValueError, RecursionError):
        raise UsageError(
            f"{path} is not a report.", hint="make it again with: chat-conformance recheck DIR"
        ) from None
    try:
        return checked(read)
    except UsageError as error:
        raise UsageError(
            f"{path} is not a report of chat-conformance.", why=error.why, hint=error.hint
        ) from None


def reproduce(arguments: argparse.Namespace) -> int:
    """Send one recorded exchange again, with the key of the environment, and print what comes back."""
    folder = run_folder(arguments.run)
    recorded = evidence.read(folder / evidence.EVIDENCE)
    before = next((found for found in recorded.exchanges if found.id == arguments.id), None)
    if before is None:
        raise UsageError(
            f"The run in {folder} has no exchange {arguments.id}.", hint="ids stand beside each finding"
        )
    if not arguments.target and not arguments.target_file:
        arguments.target = recorded.header["target"]["url"]
    limits = Limits(deadline=positive("--timeout", arguments.timeout))
    target = target_from(arguments)
    plan = engine.plan_again(engine.settings_of(recorded.header)).plan
    probe = plan.index.get((before.probe, before.model))
    if probe is None:
        raise UsageError(
            f"This suite does not plan the probe {before.probe}.",
            why="its probes have changed since that run",
            hint="send it with the curl line that stands beside the finding in the report of that run",
        )
    request = probe.request if probe.follow is None else _with_key(before.request, probe.request)

    async def again() -> Exchange:
        async with sender_for(target, limits=limits, concurrency=1) as sender:
            return await sender.send(request, id=before.id, probe=before.probe, model=before.model)

    exchange = redactor(target).exchange(asyncio.run(again()))
    if exchange.fault is not None and exchange.fault.kind in UNREACHABLE:
        raise UnreachableError(
            f"The target {target.base_url} could not be reached, so nothing was sent again.",
            why=exchange.fault.detail,
            hint="check that the server is up, or name another one with --target",
        )
    print(show_exchange(View(probe, exchange), []))  # noqa: T201
    return 0


def _with_key(recorded: Request, planned: Request) -> Request:
    """Return the recorded request of a follow-up with the place of the key open again."""
    holders = {name.lower(): value for name, value in planned.headers if KEY_MARK in value}
    headers = tuple((name, holders.get(name.lower(), value)) for name, value in recorded.headers)
    return Request(recorded.method, recorded.path, headers, recorded.body)
