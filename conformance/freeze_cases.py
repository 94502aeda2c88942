"""Makes the generated cases that are shipped, those of the default seed: ``python -m conformance.freeze_cases``.

To be run when ``spec/openapi.yaml``, a generator of ours or the release of a library changed what is generated; a
test says when. Besides the cases it writes ``fixtures/generated.lock.json``: digests, and enough numbers to
understand a change, as every plan changes with it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, cast

from msgspec import to_builtins

from conformance import casecache, generate, owncases
from conformance.paths import data_root

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.model import Json

SEED: Final = 0
"""The seed of a run that names none."""


def freeze(root: Path | None = None) -> dict[str, Json]:
    """Generate, and write what is shipped below ``root`` (the suite's own data); return what the lock holds."""
    root = root or data_root()
    made, own = generate.generate(SEED), owncases.draw_all(SEED)
    lock = _lock(made, own)
    casecache.ship(generate.key(SEED), cast("Json", to_builtins(made)), root)
    casecache.ship(owncases.key(SEED), cast("Json", to_builtins(own)), root)
    (root / "fixtures" / "generated.lock.json").write_text(json.dumps(lock, indent=2) + "\n", "utf-8")
    return lock


def _lock(made: generate.Generation, own: owncases.OwnCases) -> dict[str, Json]:
    rows = Counter(case.requirement for case in made.cases)
    return {
        "refresh": "python -m conformance.freeze_cases",
        "schemathesis": version("schemathesis"),
        "digest": generate.cases_digest(made.cases),
        "counts": dict(made.counts),
        "requirements": dict(sorted(rows.items())),
        "own": {
            "hypothesis": version("hypothesis"),
            "digest": owncases.digest(own),
            "counts": dict(own.counts),
        },
    }


if __name__ == "__main__":
    json.dump(freeze(), sys.stdout, indent=2)
    sys.stdout.write("\n")
