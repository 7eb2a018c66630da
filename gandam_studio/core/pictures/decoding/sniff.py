"""Recognise file formats by content, never by file name."""

from __future__ import annotations

PICTURES = ("png", "jpeg", "gif", "webp", "bmp", "tiff", "avif", "ico", "tga")
ARCHIVES = ("zip", "tar", "gzip", "bzip2", "xz", "zstd")

# Recognised but not supported: the message can say more than "not a picture".
_OTHERS = (
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x01\xda", "an SGI picture"),
    (b"icns", "an Apple icon"),
    (b"qoif", "a QOI picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"gimp xcf", "a GIMP document"),
    (b"%PDF", "a PDF document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"SQLite format 3", "a database"),
)


def sniff(head: bytes, tail: bytes = b"", size: int = 0) -> str | None:
    """Return the format for a file's first 512 bytes, last 26 and size: one of PICTURES or ARCHIVES, else None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "tiff"
    if head[4:8] == b"ftyp" and (head[8:12] in (b"avif", b"avis") or b"avif" in head[12:64]):
        return "avif"
    if head.startswith(b"BM") and len(head) >= 26 and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if head.startswith(b"\x00\x00\x01\x00") and len(head) >= 22:
        return "ico"
    tga = tail[-18:] == b"TRUEVISION-XFILE.\x00" or _is_old_tga(head, size)
    return _archive(head) or ("tga" if tga else None)


def describe_other(head: bytes) -> str:
    """Return a short reason for rejecting a file that `sniff` does not know."""
    if not head:
        return "the file is empty"
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return f"{name}: not supported"
    if head.lstrip(b"\r\n\t ").startswith(b"\x89PNG"):
        return "a PNG behind stray bytes: not supported"
    if head.startswith(b"\x89PNG"):
        return "a damaged PNG signature"
    return "not a picture"


_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


def _is_old_tga(head: bytes, size: int) -> bool:
    """Whether every header field and the file size fit a version 1 TGA, a format without a magic number."""
    if len(head) < 18:
        return False
    name, mapped, kind = head[0], head[1], head[2]
    first, count, entry = (int.from_bytes(head[at : at + n], "little") for at, n in ((3, 2), (5, 2), (7, 1)))
    width, height = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    depth, descriptor = head[16], head[17]
    depths = _TGA_DEPTHS.get(kind & ~8, ())
    if kind & ~11 or depth not in depths or not width or not height or descriptor & 0xC0 or descriptor & 15 > 8:
        return False
    if kind & ~8 == 1 and not (mapped == 1 and count and first + count <= 256 and entry in (15, 16, 24, 32)):
        return False
    if kind & ~8 != 1 and (mapped or first or count or entry):
        return False
    bytes_each = (depth + 7) // 8
    pixels = width * height
    least = -(-pixels // 128) * (1 + bytes_each) if kind & 8 else pixels * bytes_each
    return size >= 18 + name + count * ((entry + 7) // 8) + least


_TGA_DEPTHS = {1: (8,), 2: (15, 16, 24, 32), 3: (8, 16)}


def _archive(head: bytes) -> str | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"BZh"):
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    return "tar" if head[257:262] == b"ustar" else None
