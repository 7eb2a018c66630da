"""Packed thumbnails: crisp, torn tails detected, readable by many threads during a write."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from pictures import sprite

from gandam_studio.core.workspace.thumbnails import SIDE, ThumbnailStore, decode_thumbnail, encode_thumbnail, thumbnail


def test_small_pictures_keep_every_pixel(tmp_path) -> None:
    store = ThumbnailStore(tmp_path / "thumbnails")
    assert store.read(1) is None
    store.append(1, [sprite(n) for n in range(5)])
    store.append(6, [sprite(9, width=96, height=96)])
    for n in range(5):
        assert np.array_equal(store.read(n + 1), sprite(n))
    assert store.read(6).shape == (96, 96, 4)
    assert store.read(7) is None
    assert store.read(0) is None
    assert store.read(8) is None


def test_large_pictures_are_averaged_without_bleeding() -> None:
    big = np.zeros((200, 400, 4), np.uint8)
    big[:, 200:] = (255, 0, 0, 255)
    small = thumbnail(big)
    assert small.shape == (48, 96, 4)
    # Where half is transparent the colour stays pure red, only thinner.
    assert (small[..., 0][small[..., 3] > 0] == 255).all()
    assert not small[:, :47].any()
    odd = thumbnail(np.full((3, 1000, 4), 200, np.uint8))
    assert odd.shape == (1, 96, 4)
    assert abs(int(odd[0, 50, 0]) - 200) <= 1


def test_photographs_are_kept_small() -> None:
    random = np.random.default_rng(0)
    smooth = np.linspace(0, 255, 1000)[None, :, None] + random.normal(0, 4, (800, 1000, 1))
    photo = np.repeat(np.clip(smooth, 0, 255).astype(np.uint8), 4, axis=2)
    photo[..., 3] = 255
    data = encode_thumbnail(photo)
    assert len(data) < 6000
    shown = decode_thumbnail(data)
    assert shown.shape == (77, 96, 4)
    assert np.abs(shown[..., :3].astype(int) - thumbnail(photo)[..., :3]).mean() < 4


def test_torn_and_damaged_records_count_as_absent(tmp_path) -> None:
    store = ThumbnailStore(tmp_path)
    store.append(1, [sprite(n) for n in range(3)])
    store.close()
    pack = tmp_path / "pictures.pack"
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-5])
    torn = ThumbnailStore(tmp_path)
    assert torn.read(3) is None
    assert np.array_equal(torn.read(2), sprite(1))
    torn.close()
    pack.write_bytes(whole[:20] + bytes([whole[20] ^ 255]) + whole[21:])
    (tmp_path / "index.bin").write_bytes((tmp_path / "index.bin").read_bytes()[:-3])
    damaged = ThumbnailStore(tmp_path)
    assert [damaged.read(n) is None for n in (1, 2, 3)] == [True, False, True]


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\0\0\0\0", b"\1\x10\0\x10\0rubbish", b"\2rubbish", b"\7" * 40])
def test_rubbish_is_no_thumbnail(data: bytes) -> None:
    assert decode_thumbnail(data) is None


def test_threads_read_while_one_writes(tmp_path) -> None:
    store = ThumbnailStore(tmp_path)
    written = [0]
    wrong: list[int] = []
    done = threading.Event()

    def read() -> None:
        random = np.random.default_rng(threading.get_ident() & 0xFFFF)
        while not done.is_set():
            if written[0]:
                seq = int(random.integers(1, written[0] + 1))
                if not np.array_equal(store.read(seq), sprite(seq)):
                    wrong.append(seq)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for first in range(1, 600, 20):
        store.append(first, [sprite(seq) for seq in range(first, first + 20)])
        written[0] = first + 19
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert store.read(600).shape[1] <= SIDE


def resident_kb(path: Path) -> int:
    """How much of the mappings of a file this process holds in memory."""
    found, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells how much of a file is in memory")
def test_looking_through_many_keeps_few_in_memory(tmp_path: Path) -> None:
    """Pages that were read are let go, and read again when they are asked for."""
    store = ThumbnailStore(tmp_path / "thumbnails")
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 4), np.uint8)
    encoded = encode_thumbnail(noise)
    count = 100_000_000 // len(encoded)
    store.append_encoded(1, [encoded] * count)
    most = 0
    for seq in (*range(1, count + 1), 1):
        assert np.array_equal(store.read(seq), noise)
        if seq % 250 == 0:
            most = max(most, resident_kb(tmp_path / "thumbnails" / "pictures.pack"))
    assert 0 < most < 60_000
