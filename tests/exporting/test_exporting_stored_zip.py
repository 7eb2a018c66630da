"""Our zip writer gives the same bytes as `zipfile`, with ZIP64 where needed."""

from __future__ import annotations

import io
import zipfile

import pytest

from gandam_studio.core.exporting import stored_zip
from gandam_studio.core.exporting.stored_zip import StoredZip


def by_zipfile(members) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return out.getvalue()


def by_us(members) -> bytes:
    out = io.BytesIO()
    with StoredZip(out) as archive:
        for name, data in members:
            archive.add(name, data)
    return out.getvalue()


@pytest.mark.parametrize("count", [0, 1, 3, 0xFFFF, 0x10000])
def test_the_same_bytes_as_zipfile(count):
    """65,536 members are one more than a directory without ZIP64 can count."""
    members = [
        (f"{number // 1000:05d}/ü{number}.png" if number % 7 else f"{number}", b"%d" % number)
        for number in range(count)
    ]
    assert by_us(members) == by_zipfile(members)


def test_a_stream_is_a_member_too():
    content = io.BytesIO(b"x" * 3_000_000)
    out = io.BytesIO()
    with StoredZip(out) as archive:
        archive.add("a.png", b"picture")
        archive.add_from("dataset.json", content)
    assert out.getvalue() == by_zipfile([("a.png", b"picture"), ("dataset.json", content.getvalue())])


def test_what_outgrows_32_bits_is_read_again(monkeypatch):
    """With the limit lowered to 100 bytes, larger sizes and offsets are written as ZIP64."""
    monkeypatch.setattr(stored_zip, "MAX_PLAIN", 100)
    members = [("small", b"s"), ("large", bytes(range(256)) * 4), ("far", b"f"), ("far and large", b"q" * 300)]
    data = by_us(members)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert [(name, archive.read(name)) for name in archive.namelist()] == members
        assert [info.extract_version for info in archive.infolist()] == [20, 45, 45, 45]


def test_a_failure_leaves_the_zip_unfinished():
    out = io.BytesIO()

    def broken():
        yield "a", b"a"
        raise OSError

    with pytest.raises(OSError), StoredZip(out) as archive:  # noqa: PT011, PT012
        for name, data in broken():
            archive.add(name, data)
    assert out.getvalue()
    assert not zipfile.is_zipfile(io.BytesIO(out.getvalue()))
