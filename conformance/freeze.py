"""Writes down which requirements a set has, and copies our YAML: ``python -m conformance.freeze [SET]``.

A set that is not released grows with the catalogue. A released one never changes: later rows go into the next
set, so that an upgrade turns no nightly run red. ``spec/ids.lock`` keeps every id that ever was in a set; ids
are retired (``excluded``), never removed and never used again.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from conformance.catalogue import load
from conformance.catalogue_lint import read_lock
from conformance.errors import CatalogueError, ConformanceError
from conformance.paths import data_root
from conformance.yamlcopies import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOCK_HEAD: Final = (
    "# Every requirement id that was ever in a set. Lines are added at the end, never taken away.\n"
)
_SET_HEAD: Final = "# Made by python -m conformance.freeze; not by hand. A released set never changes.\n"


class Frozen(Struct, frozen=True):
    """What a freeze wrote: the set's ids, and those that it did not have before."""

    name: str
    ids: tuple[str, ...]
    added: tuple[str, ...]


def freeze(name: str | None = None, root: Path | None = None) -> Frozen:
    """Bring a set (the latest by default) and the lock up to the judged rows of the catalogue.

    Raises:
        CatalogueError: an id would vanish from the set or the lock, or the set is released and would change.

    """
    catalogue = load(root)
    name = name or catalogue.latest_set
    before = catalogue.sets.get(name)
    had = before.ids if before else ()
    ids = catalogue.judged
    lock = read_lock(catalogue.root)
    gone = [old for old in lock if old not in catalogue.requirements]
    gone += [old for old in had if old not in ids]
    if gone:
        raise CatalogueError(
            f"{', '.join(gone)}: an id that was frozen would vanish.",
            why="reports and certificates name it",
            hint="give the row back and, when nothing judges it any more, an excluded with the reason",
        )
    added = tuple(new for new in ids if new not in had)
    if before and before.released:
        if added:
            raise CatalogueError(
                f"The set {name} is released and lacks {', '.join(added)}.",
                why="a released set never changes",
                hint="name a new set: python -m conformance.freeze YEAR.MONTH",
            )
        return Frozen(name, ids, ())
    spec = catalogue.root / "spec"
    rows = "".join(f"  - {row}\n" for row in ids)
    text = f'{_SET_HEAD}set: "{name}"\nreleased: false\nrequirements:\n{rows}'
    (spec / "sets" / f"{name}.yaml").write_text(text, "utf-8")
    kept = (*lock, *(new for new in ids if new not in lock))
    (spec / "ids.lock").write_text(_LOCK_HEAD + "".join(f"{row}\n" for row in kept), "utf-8")
    return Frozen(name, ids, added)


def main(arguments: Sequence[str]) -> int:
    """Freeze the set that is named, else the latest, and say what was added; return the exit code."""
    try:
        made = freeze(arguments[0] if arguments else None)
        write(data_root())
    except ConformanceError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{made.name}: {len(made.ids)} requirements, {len(made.added)} new\n")
    sys.stdout.write("".join(f"  {row}\n" for row in made.added))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
