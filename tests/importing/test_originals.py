"""The store of originals: intact by digest, small ones packed, large ones as files, after any interruption."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from damaged_originals import alter, flip_a_bit, where
from PIL import Image

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.originals import PACKED_BYTES, Originals

SPRITE = b"sprite"
LARGE = b"large" * (PACKED_BYTES // 5 + 1)


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def originals(tmp_path):
    with Originals(tmp_path / "originals") as opened:
        yield opened


def test_bytes_come_back_under_their_digest(originals) -> None:
    assert list(originals.digests()) == []
    small, large = originals.add(SPRITE), originals.add(LARGE)
    assert (small, large) == (digest_of(SPRITE), digest_of(LARGE))
    assert (originals.read(small), originals.read(large)) == (SPRITE, LARGE)
    for digest, data in ((small, SPRITE), (large, LARGE)):
        with originals.open(digest) as stream:
            stream.seek(-3, os.SEEK_END)
            assert stream.read() == data[-3:]
    assert originals.own_file(small) is None
    assert originals.own_file(large) == originals.folder / large[:2] / large
    some = [bytes([i]) * 10 for i in range(20)]
    assert originals.add_all([(digest_of(data), data) for data in [*some, SPRITE, LARGE]]) == 20
    assert list(originals.digests()) == sorted([small, large, *map(digest_of, some)])
    files = sorted(path.name for path in originals.folder.rglob("*") if path.is_file())
    assert files == sorted(["000001.pack", large, *(f"index.sqlite{end}" for end in ("", "-shm", "-wal"))])


def test_originals_read_together_are_those_read_one_by_one(originals) -> None:
    some = [bytes([i]) * (i + 1) for i in range(40)]
    digests = [originals.add(data) for data in (SPRITE, LARGE, *some)]
    with originals.together([*digests, "0" * 64, "nonsense"]) as together:
        assert [together.read(digest) for digest in digests[::-1]] == [*some[::-1], LARGE, SPRITE]
        late = originals.add(b"added meanwhile")
        assert together.read(late) == b"added meanwhile"
        for missing in ("0" * 64, "nonsense"):
            with pytest.raises(UserError):
                together.read(missing)


@pytest.mark.parametrize("position", [-40, 0, 5])
def test_damage_is_told_as_well_where_originals_are_read_together(originals, position: int) -> None:
    digests = [originals.add(bytes([i]) * 50) for i in range(3)]
    alter(originals, digests[1], position)  # in the header of its record, or in its bytes
    with pytest.raises(UserError) as alone:
        originals.read(digests[1])
    with originals.together(digests) as together:
        assert together.read(digests[0]) == bytes(50)
        with pytest.raises(UserError) as found:
            together.read(digests[1])
    assert str(found.value) == str(alone.value)


def test_what_was_mended_meanwhile_is_read(originals) -> None:
    digest = originals.add(SPRITE)
    alter(originals, digest, 0)
    with originals.together([digest]) as together:
        originals.replace(digest, SPRITE)
        assert together.read(digest) == SPRITE


def test_the_limit_between_packed_and_large(originals) -> None:
    just, over = originals.add(bytes(PACKED_BYTES)), originals.add(bytes(PACKED_BYTES + 1))
    assert originals.own_file(just) is None
    assert originals.own_file(over)
    assert (len(originals.read(just)), len(originals.read(over))) == (PACKED_BYTES, PACKED_BYTES + 1)


def test_what_an_older_program_kept_as_files_stays_so(originals) -> None:
    old = digest_of(SPRITE)
    assert originals.put_file(SPRITE, old) is True
    assert originals.put_file(SPRITE, old) is False
    assert not (originals.folder / "index.sqlite").exists()
    assert (originals.read(old), originals.damage(old), originals.contains(old)) == (SPRITE, "", True)
    assert originals.add_all([(old, SPRITE), (digest_of(b"new"), b"new")]) == 1
    assert originals.own_file(old)
    assert list(originals.digests()) == sorted([old, digest_of(b"new")])
    alter(originals, old, 2)
    assert originals.damage(old) == "its bytes have changed"
    originals.replace(old, SPRITE)
    assert originals.damage(old) == ""
    assert list(originals.digests()) == sorted([old, digest_of(b"new")])


def test_a_file_that_a_power_cut_tore_is_told_and_replaced(originals) -> None:
    for data in (LARGE, SPRITE):
        digest = digest_of(data)
        originals.put_file(data, digest)
        originals.own_file(digest).write_bytes(data[:3])
        assert originals.damage(digest) == "its bytes have changed"
        originals.add(data)
        assert (originals.damage(digest), originals.read(digest)) == ("", data)
        assert list(originals.digests()) == [digest]
        originals.discard(digest)
        originals.discard(digest)
        assert originals.damage(digest) == "missing"
        with pytest.raises(UserError, match="cannot be read"):
            originals.read(digest)


@pytest.mark.parametrize("data", [SPRITE, LARGE])
def test_one_flipped_bit_is_found_and_mended(originals, data) -> None:
    others = [originals.add(b"%d" % i) for i in range(5)]
    digest = originals.add(data)
    others += [originals.add(b"%d more" % i) for i in range(5)]
    alter(originals, digest, 3)
    assert originals.damage(digest) == "its bytes have changed"
    assert not any(map(originals.damage, others))
    assert originals.add_all([(digest, data)]) == 0  # there, as far as anybody can tell without reading it
    originals.replace(digest, data)
    assert originals.damage(digest) == ""
    assert not any(map(originals.damage, others))


def test_a_damaged_header_is_as_bad_as_damaged_bytes(originals) -> None:
    digest = originals.add(SPRITE)
    pack, start = where(originals, digest)
    flip_a_bit(pack, start - 35)  # in the length
    assert originals.damage(digest) == "its bytes have changed"
    with pytest.raises(UserError, match="damaged"):
        originals.read(digest)


@pytest.mark.parametrize("nonsense", ["", "zz", "ab" * 32, "../../etc/passwd"])
def test_what_is_no_digest_is_simply_not_there(originals, nonsense) -> None:
    originals.add(SPRITE)
    assert not originals.contains(nonsense)
    assert originals.own_file(nonsense) is None
    assert originals.damage(nonsense)
    with pytest.raises(UserError, match="cannot be read"):
        originals.read(nonsense)


def test_leftovers_of_interrupted_writers_are_swept(originals) -> None:
    digest = originals.add(LARGE)
    incoming = originals.folder / ".incoming"
    (incoming / "half").write_bytes(b"ha")
    originals.sweep()
    assert list(incoming.iterdir())  # somebody may still be writing it
    originals.sweep(older_than_s=-1)
    assert not list(incoming.iterdir())
    assert list(originals.digests()) == [digest]


@pytest.mark.parametrize("data", [SPRITE, LARGE])
def test_a_full_disk_leaves_nothing_behind(originals, monkeypatch, data) -> None:
    first = originals.add(b"before")
    sizes = {path: path.stat().st_size for path in originals.folder.rglob("*.pack")}
    written: list[int] = []

    def full(descriptor: int, block: bytes) -> int:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(real(descriptor, block[:2]))
        return written[0]

    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            originals.add(data)
    assert list(originals.digests()) == [first]
    assert {path: path.stat().st_size for path in originals.folder.rglob("*.pack")} == sizes
    assert not list(originals.folder.glob(".incoming/*"))
    assert originals.read(originals.add(data)) == data


def test_many_writers_of_the_same_and_of_other_bytes(originals) -> None:
    def write(start: int) -> None:
        with Originals(originals.folder) as mine:
            for i in range(start, start + 30):
                mine.add(b"%d" % i)
                mine.add(b"%d" % i + LARGE)

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 0, 15, 15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {originals.read(digest) for digest in originals.digests()}
    assert found == {b"%d" % i + tail for i in range(45) for tail in (b"", LARGE)}
    assert not list((originals.folder / ".incoming").iterdir())
    assert not any(map(originals.damage, originals.digests()))


def test_an_import_packs_small_originals_and_keeps_large_ones_as_files(tmp_path: Path) -> None:
    art = tmp_path / "art"
    art.mkdir()
    dice = np.random.default_rng(4)
    for name, side in (("a", 8), ("b", 16), ("large", 200)):
        Image.fromarray(dice.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(art / f"{name}.png")
    assert (art / "large.png").stat().st_size > PACKED_BYTES
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [art], options=ImportOptions(workers=1))
        alone = [path.name for path in (workspace.folder / "originals").glob("??/*")]
        assert alone == [hashlib.sha256((art / "large.png").read_bytes()).hexdigest()]
        read = {workspace.originals.read(sprite.blob) for sprite in workspace.sprites()}
    assert read == {path.read_bytes() for path in art.iterdir()}
