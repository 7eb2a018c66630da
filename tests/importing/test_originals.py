"""The store of originals: whole files under their digests, whoever else writes and whatever was cut short."""

from __future__ import annotations

import hashlib
import threading

import pytest

from gandam_studio.core.errors import UserError
from gandam_studio.core.originals import Originals


def test_bytes_come_back_under_their_digest(tmp_path) -> None:
    originals = Originals(tmp_path / "originals")
    digest = originals.add(b"sprite")
    assert digest == hashlib.sha256(b"sprite").hexdigest()
    assert originals.read(digest) == b"sprite"
    assert originals.path(digest) == tmp_path / "originals" / digest[:2] / digest
    assert originals.put(b"sprite", digest) is False
    assert list(originals.digests()) == [digest]
    originals.flush([digest])
    originals.flush([originals.add(bytes([i]) * 10) for i in range(20)])
    assert len(list(originals.digests())) == 21


def test_what_a_power_cut_tore_is_told_and_replaced(tmp_path) -> None:
    originals = Originals(tmp_path)
    digest = originals.add(b"whole file")
    assert originals.damage(digest) == ""
    originals.path(digest).write_bytes(b"who")
    assert originals.damage(digest) == "its bytes have changed"
    assert originals.put(b"whole file", digest) is True
    assert originals.damage(digest) == ""
    originals.discard(digest)
    originals.discard(digest)
    assert originals.damage(digest) == "missing"
    with pytest.raises(UserError, match="cannot be read"):
        originals.read(digest)


def test_leftovers_of_interrupted_writers_are_swept(tmp_path) -> None:
    originals = Originals(tmp_path)
    digest = originals.add(b"x")
    (tmp_path / ".incoming" / "half").write_bytes(b"ha")
    originals.sweep()
    assert list((tmp_path / ".incoming").iterdir())  # somebody may still be writing it
    originals.sweep(older_than_s=-1)
    assert not list((tmp_path / ".incoming").iterdir())
    assert list(originals.digests()) == [digest]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    import errno
    import os

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    originals = Originals(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            originals.add(b"x" * 100)
    assert not list(originals.digests())
    assert not list((tmp_path / ".incoming").iterdir())


def test_many_writers_of_the_same_and_of_other_bytes(tmp_path) -> None:
    def write(start: int) -> None:
        originals = Originals(tmp_path)
        for i in range(start, start + 60):
            originals.add(b"%d" % i)

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 0, 30, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    originals = Originals(tmp_path)
    assert sorted(int(originals.read(digest)) for digest in originals.digests()) == list(range(90))
    assert not list((tmp_path / ".incoming").iterdir())
