"""A file gets to the disk behind its writer's back, whole at the end, and a disk that fails is heard of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.disk import Disk


def test_when_the_writer_waits_the_disk_has_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "file", [0]
    real = os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        seen.append(path.stat().st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    with path.open("wb") as stream:
        disk = Disk(stream)
        for _ in range(100):
            stream.write(b"line\n")
            stream.flush()
            disk.wants()
        disk.wait()
        assert seen[-1] == 500
        assert len(seen) <= 102
        disk.close()


def test_a_disk_that_fails_is_heard_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (tmp_path / "file").open("wb") as stream:
        disk = Disk(stream)
        disk.wants()
        with pytest.raises(OSError, match="No space"):
            disk.close()
