"""The command line: ``chat-conformance COMMAND``.

Parsing is here, doing is in ``conformance.commands``; imports are late, so that ``--version`` and ``--help`` answer
at once. An error of ours is printed as what, why and what to do, never as a traceback.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from conformance import __version__
from conformance.errors import ConformanceError, UsageError
from conformance.options import PLAN, RUN, TARGET, Flag
from conformance.terminal import flush_or_drop, patient
from conformance.wrongflags import Grammar

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name

_PRINTED: Final = frozenset({"list", "show", "plan", "matrix", "reproduce"})
"""Commands whose only result is what they print: without it they have failed."""


def parser() -> argparse.ArgumentParser:
    """Return the whole grammar of the command line."""
    top = Grammar(
        prog="chat-conformance",
        description="Tells whether a server that says it speaks POST /v1/chat/completions really does, and proves it.",
        epilog="exit codes: 0 conformant or partial, 1 a required failure, 2 usage, 3 incomplete, 4 our own error",
    )
    top.add_argument("--version", action="version", version=f"chat-conformance {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="send, judge, report")
    _add(run, "target", TARGET)
    _add(run, "what to ask", PLAN)
    _add(run, "how to ask", RUN)
    run.add_argument("--quiet", action="store_true", help="no progress")

    plan = commands.add_parser("plan", help="print what would be sent; sends nothing paid")
    _add(plan, "target", TARGET)
    _add(plan, "what to ask", PLAN)
    plan.add_argument("--format", choices=("text", "json"), default="text")

    listing = commands.add_parser("list", help="list the requirements of a profile")
    listing.add_argument("--profile", default="core", metavar="NAME|FILE")
    listing.add_argument("--format", choices=("text", "json"), default="text")

    show = commands.add_parser("show", help="show a requirement, or the bytes of an exchange (ex-…)")
    show.add_argument("id", metavar="ID")
    show.add_argument("--run", metavar="DIR", help="folder of a run (default: the newest under reports/runs)")

    recheck = commands.add_parser("recheck", help="judge recorded evidence again, offline")
    recheck.add_argument("run", metavar="DIR")
    recheck.add_argument("--output", metavar="DIR", help="write the report here instead")
    recheck.add_argument("--strict", action="store_true", help="exit 0 only when conformant")
    recheck.add_argument("--baseline", metavar="FILE", help="known failures, in place of those of the run")

    _trust(commands)

    render = commands.add_parser("render", help="write all report formats again from report.json")
    render.add_argument("run", metavar="DIR")

    reproduce = commands.add_parser("reproduce", help="send one exchange of a run again")
    reproduce.add_argument("id", metavar="ex-…")
    reproduce.add_argument(
        "--run", metavar="DIR", help="folder of a run (default: the newest under reports/runs)"
    )
    _add(reproduce, "target", TARGET)
    reproduce.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")

    serve = commands.add_parser("serve", help="run the reference gateway in the foreground")
    serve.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    serve.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="switch a fault on (repeatable)"
    )
    serve.add_argument(
        "--api-key-env", default=None, metavar="NAME", help="variable that holds the key to demand"
    )
    return top


def _trust(commands: Commands) -> None:
    """Add the commands by which others can lean on a run: known failures, comparisons, certificates."""
    compare = commands.add_parser("compare", help="say what changed between two runs")
    compare.add_argument("before", metavar="A", help="folder of a run, or its report.json")
    compare.add_argument("after", metavar="B")
    compare.add_argument("--format", choices=("text", "json", "markdown"), default="text")

    side = commands.add_parser("matrix", help="lay runs side by side, model by model")
    side.add_argument("runs", metavar="DIR", nargs="+", help="folder of a run, or its report.json")
    side.add_argument("--by", choices=("feature", "requirement"), default="feature")
    side.add_argument("--format", choices=("text", "json", "markdown"), default="text")

    merge = commands.add_parser("merge", help="make one run of those of several models")
    merge.add_argument("runs", metavar="DIR", nargs="+")
    merge.add_argument("--output", metavar="DIR", required=True, help="folder of the merged run")
    merge.add_argument(
        "--model", action="append", default=[], metavar="NAME", help="one that has to be there; repeatable"
    )
    merge.add_argument("--strict", action="store_true", help="exit 0 only when conformant")
    merge.add_argument("--baseline", metavar="FILE", help="known failures (YAML), which do not fail the run")

    certify = commands.add_parser("certify", help="make a folder of a run that others can judge again")
    certify.add_argument("run", metavar="DIR")
    certify.add_argument("--output", metavar="DIR", help="a new folder (default DIR/certificate)")
    certify.add_argument(
        "--statement", action="store_true", help="add an in-toto statement (predicate test-result)"
    )

    verify = commands.add_parser("verify", help="judge a certificate again, offline")
    verify.add_argument("path", metavar="PATH", help="the folder, or its certificate.json")
    verify.add_argument("--challenge", metavar="NONCE", help="demand that the run was made for this nonce")
    verify.add_argument("--allowed-signers", metavar="FILE", help="demand a signature of one of them")
    verify.add_argument("--signer", metavar="WHO", help="demand the signature of this one")

    baseline = commands.add_parser("baseline", help="list the known failures of a run")
    writing = baseline.add_subparsers(dest="action", metavar="ACTION", required=True)
    write = writing.add_parser("write", help="write the required failures of a run to a file")
    write.add_argument("run", metavar="DIR")
    write.add_argument("--output", metavar="FILE", default="baseline.yaml", help="(default baseline.yaml)")


def _add(sub: argparse.ArgumentParser, title: str, flags: Iterable[Flag]) -> None:
    group = sub.add_argument_group(title)
    for flag in flags:
        group.add_argument(flag.name, **flag.how)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a terminal that goes away changes neither."""
    with patient() as (out, _):
        code, name = _main(argv)
        out.flush()
        if not out.lost:
            return code
        print(f"chat-conformance: the output could not be written: {out.lost}", file=sys.stderr)  # noqa: T201
        return 2 if code == 0 and name in _PRINTED else code


def _main(argv: Sequence[str] | None) -> tuple[int, str]:
    """Return the exit code and the name of the command."""
    try:
        arguments = parser().parse_args(argv)
    except UsageError as error:
        print(f"chat-conformance: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code, ""
    except SystemExit as leaving:
        return (leaving.code if isinstance(leaving.code, int) else 2), ""
    return _command(arguments), str(arguments.command)


def _command(arguments: argparse.Namespace) -> int:
    try:
        from conformance.commands import command  # noqa: PLC0415 - keeps --version quick

        return command(arguments.command)(arguments)
    except ConformanceError as error:
        print(_masked(f"chat-conformance: {error}", arguments), file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        print("chat-conformance: interrupted", file=sys.stderr)  # noqa: T201
        return 3
    except Exception as error:  # noqa: BLE001 - the last door: our own defect, said without target bytes or key
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(  # noqa: T201
            f"chat-conformance: an error of the suite itself ({type(error).__name__} in"
            f" {os.path.basename(where.filename)}:{where.lineno}, {where.name}).\n"  # noqa: PTH119
            "  do:   please report it with this line; set CHAT_CONFORMANCE_DEBUG=1 to see the traceback",
            file=sys.stderr,
        )
        if os.environ.get("CHAT_CONFORMANCE_DEBUG") == "1":
            print(_masked(traceback.format_exc(), arguments), file=sys.stderr)  # noqa: T201
        return 4


def _masked(text: str, arguments: argparse.Namespace) -> str:
    """Mask the secrets that a command was given; what it was given wrongly was not sent, and stands in no text."""
    if "target" not in arguments:
        return text
    from conformance.commands.settings import target_from  # noqa: PLC0415 - only an error needs it
    from conformance.redact import Redactor  # noqa: PLC0415 - as above

    try:
        return Redactor(target_from(arguments).secrets).text(text)
    except ConformanceError:
        return text


def entry() -> None:
    """Console script."""
    # Nearly all that a run makes lives to its end: to look through it often finds nothing.
    gc.set_threshold(100_000)
    code = main()
    flush_or_drop()
    # All is written and closed: to take a run to pieces takes longer than to load most commands.
    os._exit(code)
