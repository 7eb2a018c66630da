"""Archive bombs that declare small sizes, and all kinds of valid zips."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pictures import sprite_png

from gandam_studio.core.archives.unpacking import DamagedArchive
from gandam_studio.core.archives.zips import read_directory, read_entry
from gandam_studio.core.importing import ArchiveLimits, ImportOptions, import_sources
from gandam_studio.core.importing.archives import BrokenArchive, ZipReader, list_archive
from gandam_studio.core.importing.items import Item
from gandam_studio.core.jobs import Cancelled
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS

MEGABYTE = 1 << 20
SMALL = ArchiveLimits(ratio_counts_from=4 * MEGABYTE)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 1),
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
}


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """Peak of bytes allocated by Python during the test."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def tar_of(*entries: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                archive.addfile(info, io.BytesIO(entry[1]))
    return stream.getvalue()


def listed(path: Path, kind: str, allowed: ArchiveLimits = SMALL, **options: object) -> list[Item]:
    found = list_archive(str(path), kind, DEFAULT_LIMITS, allowed, **options)  # type: ignore[arg-type]
    return [item for item in found if isinstance(item, Item)]


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("where", ["behind the end", "in an entry", "in a header"])
def test_a_packed_tar_is_never_unpacked_as_a_whole(tmp_path, kind: str, where: str, peak) -> None:
    zeros = bytes(48 * MEGABYTE)
    if where == "behind the end":
        data = tar_of(("a.png", b"x")) + zeros
    elif where == "in an entry":
        data = tar_of(("a.png", zeros))
    else:
        record = b"%d path=%s\n" % (len(zeros) + 16, zeros)
        header = tarfile.TarInfo("././@PaxHeader")
        header.type, header.size = tarfile.XHDTYPE, len(record)
        data = header.tobuf() + record + bytes(-len(record) % 512) + tar_of(("a.png", b"x"))
        del record
    bomb = tmp_path / "bomb"
    bomb.write_bytes(PACKERS[kind](data))
    del data, zeros
    tracemalloc.reset_peak()
    if where == "behind the end":
        assert [item.member for item in listed(bomb, kind)] == ["a.png"]
    else:
        with pytest.raises(BrokenArchive, match=r"bomb|too long"):
            listed(bomb, kind)
    assert peak() < 20 * MEGABYTE


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_entry_that_holds_more_than_it_says_is_not_unpacked(tmp_path, method: int, peak) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("a.png", bytes(48 * MEGABYTE))
    data = bytearray(stream.getvalue())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (500).to_bytes(4, "little")
    lie = tmp_path / "lie.zip"
    lie.write_bytes(data)
    (item,) = listed(lie, "zip")
    assert item.size == 500
    tracemalloc.reset_peak()
    with pytest.raises(Exception, match="damaged"):
        ZipReader().read(str(lie), item.index, DEFAULT_LIMITS.max_file_bytes)
    assert peak() < 20 * MEGABYTE


def test_a_bomb_beside_good_pictures_costs_only_itself(workspace, folder_of) -> None:
    folder = folder_of(range(3))
    (folder / "a.tar.bz2").write_bytes(bz2.compress(tar_of(("x.png", sprite_png(9)), ("b.png", bytes(8 * MEGABYTE)))))
    options = ImportOptions(workers=1, archives=ArchiveLimits(ratio_counts_from=MEGABYTE))
    summary = import_sources(workspace, [folder], options=options)
    assert summary.imported == 4
    assert ["bomb" in item.reason for item in summary.rejected] == [True]


def test_a_long_unpacking_can_be_cancelled(tmp_path) -> None:
    path = tmp_path / "long.tar.gz"
    path.write_bytes(PACKERS["gzip"](tar_of(("a.txt", bytes(8 * MEGABYTE)), ("b.png", b"x"))))
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        listed(path, "gzip", ArchiveLimits(), check=check)


@pytest.mark.parametrize("kind", PACKERS)
def test_several_packed_streams_one_behind_the_other_are_one_archive(tmp_path, kind: str) -> None:
    data = tar_of(("a.png", sprite_png(1)), ("b.png", sprite_png(2)))
    path = tmp_path / "two"
    path.write_bytes(PACKERS[kind](data[:700]) + PACKERS[kind](data[700:]) + bytes(512))
    assert [item.data for item in listed(path, kind)] == [sprite_png(1), sprite_png(2)]


@pytest.mark.parametrize("kind", PACKERS)
def test_a_cut_or_altered_packed_tar_is_one_reason(tmp_path, kind: str) -> None:
    packed = PACKERS[kind](tar_of(("a.png", sprite_png(1)), ("b.png", bytes(range(256)) * 300)))
    path = tmp_path / "damaged"
    for data in (packed[: len(packed) // 2], packed[:20] + bytes(20) + packed[40:], packed[:12]):
        path.write_bytes(data)
        with pytest.raises(BrokenArchive):
            listed(path, kind)


def test_zstandard_is_read_where_python_can_and_named_where_not(tmp_path) -> None:
    path = tmp_path / "a.tar.zst"
    if sys.version_info >= (3, 14):
        from compression import zstd

        path.write_bytes(zstd.compress(tar_of(("a.png", sprite_png(1)))))
        assert [item.data for item in listed(path, "zstd")] == [sprite_png(1)]
    else:
        path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
        with pytest.raises(BrokenArchive, match="Zstandard"):
            listed(path, "zstd")


def zips() -> Iterator[tuple[str, bytes]]:
    """Valid zips of every kind."""

    def made(method: int = zipfile.ZIP_STORED, comment: bytes = b"", force: bool = False) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.mkdir("folder")
            for number in range(3):
                info = zipfile.ZipInfo(f"folder/{number}.png", (2020, 1, 1, 0, 0, 0))
                info.compress_type = method
                with archive.open(info, "w", force_zip64=force) as entry:
                    entry.write(sprite_png(number))
            archive.comment = comment
        return stream.getvalue()

    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield f"method {method}", made(method)
    yield "comment", made(comment=b"PK\x05 words " * 900)
    yield "zip64", made(force=True)
    yield "behind a program", b"MZ" + bytes(1000) + made()
    yield "empty", b"PK\x05\x06" + bytes(18)
    unseekable = io.BytesIO()
    unseekable.seekable = lambda: False  # type: ignore[method-assign]
    with zipfile.ZipFile(unseekable, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", sprite_png(4))
    yield "sizes behind the data", unseekable.getvalue()


SOUND = dict(zips())


@pytest.mark.parametrize(("name", "data"), list(SOUND.items()), ids=list(SOUND))
def test_a_zip_says_what_it_says_to_zipfile(name: str, data: bytes) -> None:
    stream = io.BytesIO(data)
    entries = read_directory(stream, 100)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        assert [entry.raw_name.decode() for entry in entries] == [info.filename for info in infos]
        for entry, info in zip(entries, infos, strict=True):
            assert entry.is_folder == info.is_dir()
            assert read_entry(stream, entry, MEGABYTE) == archive.read(info)


def test_a_zip_with_64_bit_numbers_at_its_end() -> None:
    data = bytearray(SOUND["method 0"])
    end = data.rindex(b"PK\x05\x06")
    count, size, offset = struct.unpack_from("<HLL", data, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    stream = io.BytesIO(bytes(data[:end]) + record + locator + tail)
    entries = read_directory(stream, 100)
    assert len(entries) == count
    assert read_entry(stream, entries[-1], MEGABYTE) == sprite_png(2)


@pytest.mark.parametrize("value", [2**63, 2**64 - 1])
def test_sizes_beyond_63_bits_are_refused_and_the_rest_is_imported(workspace, tmp_path, value: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("big.png", sprite_png(1))
        archive.writestr("good.png", sprite_png(2))
    data = bytearray(stream.getvalue())
    first = data.index(b"PK\x01\x02")
    data[first + 24 : first + 28] = b"\xff" * 4
    data[first + 30 : first + 32] = (12).to_bytes(2, "little")
    extra = struct.pack("<HHQ", 1, 8, value)
    data[first + 46 + 7 : first + 46 + 7] = extra
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = (int.from_bytes(data[end + 12 : end + 16], "little") + 12).to_bytes(4, "little")
    path = tmp_path / "big.zip"
    path.write_bytes(data)
    options = ImportOptions(workers=1, archives=ArchiveLimits(max_bytes=2**70, max_ratio=1e30))
    summary = import_sources(workspace, [path], options=options)
    assert (summary.imported, summary.rejected_count) == (1, 1)
    assert "too large" in summary.rejected[0].reason
    assert import_sources(workspace, [path], options=options).already == 1


def test_a_directory_that_hides_how_many_entries_it_has() -> None:
    data = bytearray(SOUND["method 0"])
    end = data.rindex(b"PK\x05\x06")
    data[end + 8 : end + 12] = b"\1\0\1\0"
    assert len(read_directory(io.BytesIO(bytes(data)), 10)) == 4
    with pytest.raises(DamagedArchive, match="entries"):
        read_directory(io.BytesIO(bytes(data)), 3)


def test_damaged_zips_are_a_reason_and_nothing_else() -> None:
    sound = SOUND["method 8"]
    for position in range(0, len(sound), 3):
        data = bytearray(sound)
        data[position] ^= 0x55
        stream = io.BytesIO(bytes(data))
        try:
            for entry in read_directory(stream, 100):
                found = read_entry(stream, entry, MEGABYTE)
                assert zlib.crc32(found) == entry.crc
        except DamagedArchive:
            pass


def test_entries_of_two_zips_in_turn(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("0.png", f"{name}0")
            archive.writestr("1.png", f"{name}1")
    reader = ZipReader()
    order = [("a", 0), ("b", 1), ("a", 1), ("b", 0)]
    assert [reader.read(str(tmp_path / f"{name}.zip"), index, 9) for name, index in order] == [
        f"{name}{index}".encode() for name, index in order
    ]
    reader.close()


def test_a_zip_says_how_many_entries_are_to_come(tmp_path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.png", b"x")
    told: list[int] = []
    assert len(listed(path, "zip", expect=told.append)) == 30
    assert told == [30]
