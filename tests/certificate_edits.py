"""Edits certificates at random and asks ``verify`` about each: ``python -m tests.certificate_edits [NUMBER]``.

Each edit changes the content of one file. Every one has to be rejected: by a digest, and, where the digests were made
again after the edit, by the signature over them.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance import certificate as form
from conformance.cli import main as chat_conformance
from conformance.reference import KEY, ReferenceGateway
from conformance.reference.faults import pick_faults
from conformance.signature import NAMESPACE
from conformance.verify import Demands, State, verify

SIGNER = "tests@conformance.example"


def certify_reference(folder: Path, *more: str, faults: tuple[str, ...] = ()) -> Path:
    """Run against a gateway that is served like any other, certify the run, and return the certificate's folder."""
    os.environ["OPENAI_API_KEY"] = KEY
    with ReferenceGateway(faults=pick_faults(list(faults))) as gateway:
        flags = ("--target", gateway.base_url, "--model", "reference-chat", "--sdk", "no", "--quiet")
        chat_conformance(["run", *flags, "--output", str(folder), *more])
    assert chat_conformance(["certify", str(folder), "--statement"]) == 0
    return folder / "certificate"


def edited(content: bytes, rng: random.Random) -> bytes:
    """Return the content with one edit that changes it."""
    at = rng.randrange(len(content))
    lines = content.splitlines(keepends=True)
    line = rng.randrange(len(lines))
    number = rng.randrange(1, 256)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :],
        lambda: content[:at] + bytes([(content[at] + number) % 256]) + content[at + 1 :],
        lambda: content[:at] + bytes([rng.randrange(256)]) + content[at:],
        lambda: content[:at] + content[at + 1 :],
        lambda: content[:at],
        lambda: content + bytes([rng.randrange(256)]),
        lambda: b"".join(lines[:line] + lines[line + 1 :]),
        lambda: b"".join(lines[: line + 1] + lines[line:]),
        lambda: content.replace(b"fail", b"pass", 1),
        lambda: content.replace(b"inconclusive", b"pass", 1),
    )
    while (changed := rng.choice(ways)()) == content:
        at = rng.randrange(len(content))
    return changed


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """Put other content into a file for a while."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def sealed_again(folder: Path, name: str, content: bytes) -> bytes:
    """Return the seal with the digests that fit one file with other content."""
    facts = json.loads((folder / form.SEAL).read_bytes())
    facts.pop("digest")
    facts["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return form._json({**facts, "digest": form.digest(facts)})


def sign(folder: Path, home: Path) -> Path:
    """Sign a certificate with a new key, as README says, and return the file of allowed signers."""
    key = home / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(folder / form.SEAL)],
        check=True,
        capture_output=True,
    )
    allowed = home / "allowed_signers"
    allowed.write_text(f"{SIGNER} {key.with_suffix('.pub').read_text()}")
    return allowed


def rejected(folder: Path, number: int, *, allowed: Path | None, seed: int = 0) -> int:
    """Return how many of so many random edits are rejected; with ``allowed``, all digests are made again."""
    rng = random.Random(seed)
    names = sorted(path.name for path in folder.iterdir() if path.name != form.SIGNATURE)
    count = 0
    for _ in range(number):
        name = rng.choice([name for name in names if allowed is None or name != form.SEAL])
        content = edited((folder / name).read_bytes(), rng)
        seal = (folder / form.SEAL).read_bytes()
        if allowed is not None:
            seal = sealed_again(folder, name, content)
        with replaced(folder / form.SEAL, seal), replaced(folder / name, content):
            count += verify(folder, Demands(allowed_signers=allowed)).state is State.REJECTED
    return count


def main(arguments: list[str]) -> int:
    """Edit a certificate of the reference gateway so often; say what was rejected, return 0 when all was."""
    number = int(arguments[0]) if arguments else 1000
    home = Path(tempfile.mkdtemp())
    try:
        folder = certify_reference(home / "run")
        allowed = sign(folder, home)
        untouched = verify(folder, Demands(allowed_signers=allowed)).state
        plain = rejected(folder, number, allowed=None)
        again = rejected(folder, number, allowed=allowed)
    finally:
        shutil.rmtree(home)
    sys.stdout.write(
        f"untouched: {untouched}\n"
        f"random edits rejected: {plain} of {number}\n"
        f"random edits rejected, with digests made again, when signed: {again} of {number}\n"
    )
    return 0 if untouched is State.VERIFIED and plain == again == number else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
