"""Recognise file formats by content, never by file name."""

from __future__ import annotations

import os
import re

from gandam_studio.core.pictures.decoding.limits import is_limit

PICTURES = (
    "png", "jpeg", "gif", "webp", "bmp", "tiff", "avif", "ico", "cur", "tga", "netpbm", "pcx", "xpm", "dds", "psd",
    "xcf", "aseprite", "openraster", "heic", "jxl",
)  # fmt: skip
ARCHIVES = ("zip", "tar", "gzip", "bzip2", "xz", "zstd")

# Recognised but not supported: the message can say more than "not a picture".
_OTHERS = (
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x01\xda", "an SGI picture"),
    (b"icns", "an Apple icon"),
    (b"qoif", "a QOI picture"),
    (b"PF\n", "a PFM picture"),
    (b"Pf\n", "a PFM picture"),
    (b"P7 332", "an XV thumbnail"),
    (b"! XPM2", "an XPM 2 picture"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance picture"),
    (b"#?RGBE", "a Radiance picture"),
    (b"\x59\xa6\x6a\x95", "a Sun raster picture"),
    (b"\x8aMNG\r\n\x1a\n", "an MNG animation"),
    (b"\x8bJNG\r\n\x1a\n", "a JNG picture"),
    (b"BPG\xfb", "a BPG picture"),
    (b"II\xbc", "a JPEG XR picture"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\xabKTX ", "a KTX texture"),
    (b"PVR\x03", "a PVR texture"),
    (b"VTF\0", "a Valve texture"),
    (b"BLP", "a BLP texture"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"Paint Shop Pro Image File", "a PaintShop Pro document"),
    (b"PDN3", "a paint.net document"),
    (b"CSFCHUNK", "a Clip Studio document"),
    (b"SIS\x80", "a PaintTool SAI document"),
    (b"%PDF", "a PDF document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"SQLite format 3", "a database"),
)


# Suffixes by which a file claims to be a picture, a document of one or an archive, whatever is in it.
_CLAIMING = re.compile(
    r"\.(?:a?png|jpe?g?|jfif|gif|webp|bmp|dib|tiff?|avif|ico|cur|tga|p[bgpna]m|pcx|xpm|dds|ps[db]|xcf|ase(?:prite)?|ora|kra|"
    r"hei[cf]|jxl|jp2|j2k|sgi|icns|qoi|exr|hdr|svgz?|iff|lbm|fl[ic]|[mj]ng|bpg|jxr|ktx|pvr|vtf|blp|sai|clip|pdn|psp|"
    r"zip|tar|t?gz|bz2|xz|zst|rar|7z)",
    re.IGNORECASE,
)
# Reasons that say nothing of a picture.
_ANYTHING = frozenset((
    "not a picture", "the file is empty", "an XML file: not supported", "a database: not supported",
    "a PDF document: not supported",
))  # fmt: skip
_LARGE_FILE = re.compile(r"too large: (?:more than )?[\d,]+ MB")
_NOT_DAMAGED = re.compile(
    "not supported|to read it|unknown version|inside an archive|encrypted|link|regular file|sheet"
)


def claims_picture(path: str, reason: str) -> bool:
    """Whether a refused file claims to be a picture or an archive, by its suffix or by its content.

    `reason` is what it was refused for.
    """
    if _CLAIMING.fullmatch(os.path.splitext(path)[1]):
        return True
    return reason not in _ANYTHING and not _LARGE_FILE.fullmatch(reason)


def is_archive_name(name: str) -> bool:
    """Whether a file should be an archive by its suffix."""
    return name.lower().endswith((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".rar", ".7z"))


def is_damage(reason: str) -> bool:
    """Whether a picture was refused as damaged, not for a limit or for being of a kind that is not supported."""
    return not is_limit(reason) and not _NOT_DAMAGED.search(reason)


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
    if head[4:8] == b"ftyp" and (kind := _heif(head)):
        return kind
    if head.startswith(b"BM") and len(head) >= 26 and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if head.startswith(b"\x00\x00\x01\x00") and len(head) >= 22:
        return "ico"
    if kind := _less_common(head):
        return kind
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
    if head.startswith(b"FORM") and head[8:12] in (b"ILBM", b"PBM ", b"ACBM"):
        return "an IFF picture: not supported"
    if head[4:6] in (b"\x11\xaf", b"\x12\xaf"):
        return "a FLIC animation: not supported"
    if _XBM.match(head):
        return "an XBM picture: not supported"
    return "not a picture"


_XBM = re.compile(rb"(?:/\*.*?\*/\s*)?#define\s+\w*width\s+\d+", re.DOTALL)
_NETPBM = re.compile(rb"P[1-6](?:\s|#[^\r\n]*[\r\n])+\d")
# A zip whose first entry, "mimetype", is stored and names the document's type.
_OPENRASTER = re.compile(rb"PK\x03\x04.{26}mimetype.{0,64}?(?:image/openraster|application/x-krita)", re.DOTALL)
_XPM = re.compile(rb"\s*/\*\s*XPM\s*\*/")
_HEIC_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"))


def _heif(head: bytes) -> str | None:
    """Tell AVIF from HEIC, which have the same container."""
    if head[8:12] in (b"avif", b"avis") or b"avif" in head[12:64]:
        return "avif"
    return "heic" if head[8:12] in _HEIC_BRANDS else None


def _less_common(head: bytes) -> str | None:
    if head.startswith(b"8BPS"):
        return "psd"
    if head.startswith(b"gimp xcf "):
        return "xcf"
    if head[4:6] == b"\xe0\xa5" and len(head) >= 128:
        return "aseprite"
    if head.startswith(b"DDS \x7c\0\0\0"):
        return "dds"
    if head.startswith(b"\x00\x00\x02\x00") and len(head) >= 22 and head[4] > 0 and not head[5] and not head[9]:
        return "cur"
    if head.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")):
        return "jxl"
    if head.startswith(b"P7\n") or _NETPBM.match(head):
        return "netpbm"
    if head[:1] == b"\x0a" and head[1:2] in _PCX_VERSIONS and head[2:3] in b"\0\1" and len(head) >= 128:
        return "pcx" if head[3] in (1, 2, 4, 8) and head[64] == 0 and 1 <= head[65] <= 4 else None
    return "xpm" if _XPM.match(head) else None


_PCX_VERSIONS = (b"\0", b"\2", b"\3", b"\4", b"\5")
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
        return "openraster" if _OPENRASTER.match(head) else "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"BZh"):
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    return "tar" if head[257:262] == b"ustar" else None
