"""The flags of a run, said once for both shells: the command line and pytest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

REFERENCE: Final = "reference"
"""The word that stands for the embedded reference gateway in place of a URL."""


class Flag(NamedTuple):
    """One flag with what ``add_argument`` and pytest's ``addoption`` both understand."""

    name: str
    how: Mapping[str, Any]


TARGET: Final = (
    Flag("--target", {"metavar": "URL", "help": "origin, .../v1, the full path, or the word reference"}),
    Flag("--target-file", {"metavar": "FILE", "help": "YAML file with url, headers, extra_body, key source"}),
    Flag(
        "--api-key-env", {"metavar": "NAME", "help": "variable that holds the key (default OPENAI_API_KEY)"}
    ),
    Flag("--api-key-file", {"metavar": "FILE", "help": "file that holds the key alone"}),
    Flag(
        "--header",
        {"action": "append", "default": [], "metavar": "NAME=VALUE|NAME=env:VAR", "help": "repeatable"},
    ),
    Flag("--extra-body", {"metavar": "FILE", "help": "YAML or JSON object merged into every request body"}),
    Flag("--ca-bundle", {"metavar": "FILE", "help": "certificate authorities to trust for this target"}),
    Flag(
        "--trust-env",
        {
            "action": "store_true",
            "default": False,
            "help": "use the proxy of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY (ignored otherwise)",
        },
    ),
)
"""Where the target is and how to get in."""

PLAN: Final = (
    Flag(
        "--profile",
        {"default": "core", "metavar": "NAME|FILE", "help": "what the target claims (default core)"},
    ),
    Flag("--model", {"action": "append", "default": [], "metavar": "NAME", "help": "this one; repeatable"}),
    Flag(
        "--models",
        {
            "action": "append",
            "default": [],
            "metavar": "GLOB|FAMILY",
            "help": "all of this name that the target lists, or else the profile names; repeatable",
        },
    ),
    Flag(
        "--only",
        {
            "action": "append",
            "default": [],
            "metavar": "GLOB",
            "help": "requirement or probe ids; repeatable",
        },
    ),
    Flag(
        "--set", {"default": None, "metavar": "NAME", "help": "frozen requirement set (default: the newest)"}
    ),
    Flag(
        "--seed",
        {"default": 0, "type": int, "metavar": "N", "help": "of nonces and generated requests (default 0)"},
    ),
    Flag(
        "--challenge",
        {"default": None, "metavar": "NONCE", "help": "a word of somebody else, mixed into prompts and plan"},
    ),
    Flag(
        "--generated",
        {"default": "smoke", "metavar": "none|smoke|full|N", "help": "requests made from OpenAPI"},
    ),
    Flag(
        "--provoke-rate-limit",
        {
            "action": "store_true",
            "default": False,
            "help": "at the end send up to 40 cheap requests at once until one is answered 429",
        },
    ),
)
"""What is asked."""

RUN: Final = (
    Flag(
        "--timeout", {"default": 60.0, "type": float, "metavar": "SECONDS", "help": "an exchange, wall clock"}
    ),
    Flag(
        "--concurrency", {"default": 4, "type": int, "metavar": "N", "help": "exchanges at once (default 4)"}
    ),
    Flag("--max-requests", {"default": None, "type": int, "metavar": "N", "help": "send no more than this"}),
    Flag(
        "--max-tokens",
        {
            "default": None,
            "type": int,
            "metavar": "N",
            "help": "completion tokens that all requests may cost",
        },
    ),
    Flag(
        "--max-time",
        {"default": None, "type": float, "metavar": "SECONDS", "help": "begin no request after this"},
    ),
    Flag("--rate", {"default": None, "metavar": "N/min", "help": "requests that are begun in a minute"}),
    Flag(
        "--output",
        {"default": None, "metavar": "DIR", "help": "folder of the run (default reports/runs/<time>)"},
    ),
    Flag(
        "--resume",
        {"default": None, "metavar": "DIR", "help": "go on with an interrupted run; pays for nothing twice"},
    ),
    Flag(
        "--sdk",
        {
            "choices": ("auto", "no"),
            "default": "auto",
            "help": "give the answers to the official SDK too (auto: where it is installed)",
        },
    ),
    Flag(
        "--shrink",
        {
            "action": "store_true",
            "default": False,
            "help": "search for the smallest request of each generated failure (at most 20 more requests each)",
        },
    ),
    Flag("--strict", {"action": "store_true", "default": False, "help": "exit 0 only when conformant"}),
    Flag(
        "--baseline",
        {"default": None, "metavar": "FILE", "help": "known failures (YAML), which do not fail the run"},
    ),
)
"""How it is asked."""
