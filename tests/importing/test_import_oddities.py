"""Unusual but valid input: dates, profiles, orientations, old formats, animations, sheets, blanks."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pytest
from pictures import chunk, encoded, exif, linear_profile, png, sprite, sprite_png
from PIL import Image, ImageCms
from unpacked_tars import unpack_tar

from gandam_studio.core import exporting, versions
from gandam_studio.core.importing import Grid, ImportOptions, import_sources, regions
from gandam_studio.core.numbers import UNKNOWN_TIME, storable_ns, storable_time
from gandam_studio.core.pictures.decoding import UnreadablePicture, decode, decode_frames, decode_part
from gandam_studio.core.pictures.decoding.canonical import decode_first
from gandam_studio.core.pictures.decoding.colour import is_srgb
from gandam_studio.core.pictures.decoding.pillow import with_article
from gandam_studio.core.workspace.edits import SetSetting
from gandam_studio.core.workspace.faint import faint, is_faint, surely_seen
from gandam_studio.core.workspace.query import Filter
from trainer.protocol.recipe import Recipe

ONE = ImportOptions(workers=1)


# Dates


@pytest.mark.parametrize("seconds", [float("inf"), float("-inf"), float("nan"), 1e40, -1e40, 2**63 / 1e9 * 2])
def test_a_time_beyond_64_bits_is_unknown(seconds: float) -> None:
    assert storable_time(seconds) == UNKNOWN_TIME
    assert storable_ns(2**63) == storable_ns(-(2**63) - 1) == UNKNOWN_TIME
    assert storable_time(-5.0) == -5_000_000_000


@pytest.mark.parametrize("date", ["inf", "-inf", "nan", "1e40", "-99999999999999", "-1"])
def test_an_odd_date_in_a_tar_ends_nothing(workspace, folder_of, date: str) -> None:
    folder = folder_of(range(40))
    with tarfile.open(folder / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("odd.png")
        info.size, info.pax_headers = len(sprite_png(99)), {"mtime": date}
        archive.addfile(info, io.BytesIO(sprite_png(99)))
    summary = import_sources(workspace, [folder], options=ONE)
    assert (summary.imported, summary.rejected_count) == (41, 0)
    assert import_sources(workspace, [folder], options=ONE).already == 41


def test_a_file_dated_2300_is_imported_and_looked_at_again(workspace, folder_of) -> None:
    folder = folder_of(range(40))
    odd = folder / "sprite-00015.png"
    try:
        os.utime(odd, (10_413_792_000, 10_413_792_000))
    except OSError:
        pytest.skip("this file system holds no such date")
    if odd.stat().st_mtime < 10_000_000_000:
        pytest.skip("this file system holds no such date")
    assert import_sources(workspace, [folder], options=ONE).imported == 40
    (stored,) = workspace.connection.execute("SELECT mtime_ns FROM sources WHERE path LIKE '%00015.png'").fetchone()
    assert stored == UNKNOWN_TIME
    again = import_sources(workspace, [folder], options=ONE)
    assert (again.imported, again.already) == (0, 40)
    changed = encoded(sprite(77))
    odd.write_bytes(changed + bytes(max(0, odd.stat().st_size - len(changed))))
    os.utime(odd, (10_413_792_000, 10_413_792_000))
    assert import_sources(workspace, [folder], options=ONE).imported == 1


# Colour


def renamed(profile: bytes, name: bytes) -> bytes:
    return profile.replace(b"linear test\0", name.ljust(12, b"\0"))


def test_a_profile_is_judged_by_what_it_does() -> None:
    rgba = np.full((8, 8, 4), (55, 10, 128, 255), np.uint8)
    for name in (b"linear test", b"sRGB 61966-2"[:11], b"sRGB"):
        profile = renamed(linear_profile(), name)
        assert not is_srgb(profile)
        for kind in ("PNG", "TIFF", "WEBP"):
            data = encoded(rgba, kind, icc_profile=profile, **({"lossless": True} if kind == "WEBP" else {}))
            assert (
                decode(data).rgba[0, 0].tolist()
                == decode(encoded(rgba, "PNG", icc_profile=linear_profile())).rgba[0, 0].tolist()
            )
            assert abs(int(decode(data).rgba[0, 0, 0]) - 128) <= 1


def test_a_profile_that_is_srgb_in_all_but_name_changes_nothing() -> None:
    rgba = sprite(3)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    hidden = profile.replace("sRGB".encode("utf-16-be"), "XYZW".encode("utf-16-be"))
    assert hidden != profile
    assert "sRGB".encode("utf-16-be") not in hidden
    for one in (profile, hidden):
        assert is_srgb(one)
        assert np.array_equal(decode(encoded(rgba, "PNG", icc_profile=one)).rgba, rgba)


def test_a_profile_counts_beside_an_srgb_chunk() -> None:
    packed = b"x\0\0" + zlib.compress(linear_profile())
    before = chunk(b"sRGB", b"\0") + chunk(b"iCCP", packed)
    assert decode(png(1, 1, 8, 2, [bytes((55, 55, 55))], before=before)).rgba[0, 0, 0] > 120


# Orientation

TURNED = 6


def xmp(value: int, form: str) -> bytes:
    forms = {
        "attribute": f'<rdf:Description tiff:Orientation="{value}"/>',
        "element": f"<tiff:Orientation>{value}</tiff:Orientation>",
        "quotes": f"<rdf:Description tiff:Orientation = '{value}'/>",
        "prefix": f'<rdf:Description xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="{value}"/>',
    }
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{forms[form]}</rdf:RDF></x:xmpmeta>'.encode()


def upright_and_stored() -> tuple[np.ndarray, np.ndarray]:
    """A picture, and the same as stored by a camera with orientation 6."""
    rgba = np.zeros((5, 3, 4), np.uint8)
    rgba[..., 3] = 255
    rgba[..., 0] = np.arange(15).reshape(5, 3) * 10
    return rgba, np.ascontiguousarray(np.rot90(rgba, 1))


def with_chunk(data: bytes, kind: bytes, body: bytes, *, last: bool = False) -> bytes:
    at = len(data) - 12 if last else 33
    return data[:at] + chunk(kind, body) + data[at:]


def profile_text(name: str, payload: bytes) -> bytes:
    digits = payload.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return f"\n{name}\n{len(payload):8d}\n{lines}\n".encode()


@pytest.mark.parametrize("form", ["attribute", "element", "quotes", "prefix"])
@pytest.mark.parametrize("packed", [False, True])
def test_orientation_in_a_pngs_xmp(form: str, packed: bool) -> None:
    upright, stored = upright_and_stored()
    text = xmp(TURNED, form)
    body = b"XML:com.adobe.xmp\0" + (b"\1\0\0\0" + zlib.compress(text) if packed else b"\0\0\0\0" + text)
    for last in (False, True):
        assert np.array_equal(decode(with_chunk(encoded(stored), b"iTXt", body, last=last)).rgba, upright)


@pytest.mark.parametrize("name", ["exif", "APP1", "xmp"])
@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_orientation_in_a_pngs_raw_profile(name: str, kind: bytes) -> None:
    upright, stored = upright_and_stored()
    payload = xmp(TURNED, "attribute") if name == "xmp" else b"Exif\0\0" + exif(TURNED)
    text = profile_text(name, payload)
    key = f"Raw profile type {name}".encode() + b"\0"
    body = {b"tEXt": key + text, b"zTXt": key + b"\0" + zlib.compress(text), b"iTXt": key + b"\0\0\0\0" + text}[kind]
    assert np.array_equal(decode(with_chunk(encoded(stored), kind, body)).rgba, upright)


def test_exif_comes_before_xmp_and_damaged_texts_say_nothing() -> None:
    upright, stored = upright_and_stored()
    both = with_chunk(encoded(stored), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(3, "attribute"))
    assert np.array_equal(decode(with_chunk(both, b"eXIf", exif(TURNED))).rgba, upright)
    for kind, body in (
        (b"zTXt", b"Raw profile type exif\0\0no deflate"),
        (b"tEXt", b"Raw profile type exif\0\nexif\n 4\nzz"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(9, "attribute")),
        (b"tEXt", b"Raw profile type exif\0"),
    ):
        assert np.array_equal(decode(with_chunk(encoded(stored), kind, body)).rgba, stored)


def test_orientation_in_the_xmp_of_other_formats() -> None:
    upright, stored = upright_and_stored()
    webp = encoded(stored, "WEBP", lossless=True, xmp=xmp(TURNED, "quotes"))
    assert np.array_equal(decode(webp).rgba, upright)
    tiff = encoded(stored, "TIFF", tiffinfo={700: xmp(TURNED, "element")})
    assert np.array_equal(decode(tiff).rgba, upright)
    jpeg = encoded(np.ascontiguousarray(np.kron(stored, np.ones((16, 16, 1), np.uint8))[..., :3]), "JPEG", quality=95)
    body = b"http://ns.adobe.com/xap/1.0/\0" + xmp(TURNED, "attribute")
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]
    assert decode(jpeg).rgba.shape[:2] == (48, 80)
    assert np.array_equal(decode(turned).rgba, np.rot90(decode(jpeg).rgba, -1))


# Formats


def test_grey_tiff_multiplied_by_its_alpha() -> None:
    pixels = bytes((50, 128)) * 16
    tags = ((256, 4), (257, 4), (258, 8 | 8 << 16), (259, 1), (262, 1), (273, 134), (277, 2), (278, 4), (279, 32),
            (338, 1))  # fmt: skip
    counts = {258: 2}
    body = b"".join(struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, counts.get(tag, 1), v) for tag, v in tags)
    data = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + body + struct.pack("<I", 0) + pixels
    assert decode(data).rgba[0, 0, 3] == 128
    assert abs(int(decode(data).rgba[0, 0, 0]) - 100) <= 1


@pytest.mark.parametrize("mode", ["RGBA", "RGB", "L", "P", "LA"])
@pytest.mark.parametrize("compression", [None, "tga_rle"])
def test_a_tga_without_a_footer(mode: str, compression: str | None) -> None:
    stream = io.BytesIO()
    image = Image.fromarray(sprite(5)).convert("RGB" if mode == "P" else mode).convert(mode)
    image.save(stream, "TGA", compression=compression)
    data = stream.getvalue()
    assert data.endswith(b"TRUEVISION-XFILE.\0")
    assert np.array_equal(decode(data[:-26]).rgba, decode(data).rgba)


def test_what_only_looks_a_little_like_a_tga_is_no_picture() -> None:
    stream = io.BytesIO()
    Image.fromarray(sprite(5)).save(stream, "TGA")
    data = stream.getvalue()[:-26]
    cursor = b"\0\0\2\0\1\0" + bytes((32, 32, 0, 0, 0, 0, 0, 0)) + bytes(2000)
    with pytest.raises(UnreadablePicture, match="neither PNG nor bitmap"):
        decode(cursor)
    for wrong in (data[:200], bytes(5000), b"\0\1\1" + bytes(5000), data[:16] + b"\x18\xf8" + data[18:]):
        with pytest.raises(UnreadablePicture, match="not a picture"):
            decode(wrong)


def test_formats_have_the_right_article() -> None:
    assert [with_article(name) for name in ("ICO", "AVIF", "PNG", "TIFF", "MPO", "BMP", "WEBP")] == [
        "an ICO", "an AVIF", "a PNG", "a TIFF", "an MPO", "a BMP", "a WEBP",
    ]  # fmt: skip
    with pytest.raises(UnreadablePicture, match="an ICO"):
        decode(b"\0\0\1\0\0\0" + bytes(16))


# JPEGs


def jpeg(mode: str = "RGB", size: tuple[int, int] = (200, 150), **options: object) -> bytes:
    random = np.random.default_rng(3)
    small = Image.fromarray(random.integers(0, 256, (12, 12, 3), np.uint8))
    stream = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).convert(mode).save(stream, "JPEG", **options)
    return stream.getvalue()


JPEGS = {
    "baseline": jpeg(),
    "full colour": jpeg(subsampling=0, optimize=True),
    "grey": jpeg("L"),
    "cmyk": jpeg("CMYK"),
    "restarts": jpeg(restart_marker_blocks=4),
    "restarts a row": jpeg(restart_marker_rows=1),
    "progressive": jpeg(progressive=True),
    "small": jpeg(size=(40, 24)),
    "small grey": jpeg("L", size=(17, 9)),
}


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_whose_scan_is_cut_is_refused(name: str) -> None:
    data = JPEGS[name]
    start = data.index(b"\xff\xda") + 14
    accepted = []
    length = len(data) - start - 2
    # The last byte may hold padding alone.
    for kept in [*(int(length * share) for share in np.linspace(0.02, 0.97, 25)), *range(length - 12, length - 1)]:
        cut = data[: start + kept]
        for variant in (cut, cut + b"\xff\xd9", cut + b"\xff\xd9" + bytes(100), cut + bytes(300)):
            try:
                decode(variant)
                accepted.append(kept - length)
            except UnreadablePicture as error:
                assert "truncated" in str(error) or "damaged" in str(error)  # noqa: PT017
    assert accepted == []


@pytest.mark.parametrize("name", JPEGS)
def test_a_whole_jpeg_is_decoded_whatever_follows_it(name: str) -> None:
    data = JPEGS[name]
    expected = decode(data).rgba
    for behind in (b"junk", bytes(500), data, b"\xff\xd9", b"\xff"):
        assert np.array_equal(decode(data + behind).rgba, expected)
    with pytest.raises(UnreadablePicture, match="truncated"):
        decode(data[:-2])


def test_a_grey_corner_alone_is_no_damage() -> None:
    rgb = np.full((200, 300, 3), 128, np.uint8)
    rgb[:40, :40] = (200, 30, 30)
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}, {"subsampling": 0}):
        assert decode(encoded(rgb, "JPEG", **options)).rgba.shape == (200, 300, 4)


def test_what_an_older_import_accepted_can_still_be_opened() -> None:
    data = JPEGS["baseline"]
    cut = data[: len(data) * 2 // 3] + b"\xff\xd9"
    assert decode_part(cut).shape == (150, 200, 4)


# Animations


def animation(frames: list[np.ndarray], kind: str = "GIF", **options: object) -> bytes:
    stream = io.BytesIO()
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(stream, kind, save_all=True, append_images=rest, duration=100, disposal=2, **options)
    return stream.getvalue()


EMPTY = np.zeros((20, 24, 4), np.uint8)
ONE_COLOUR = np.full((20, 24, 4), (9, 8, 7, 255), np.uint8)


def test_the_first_frame_that_shows_something(workspace, tmp_path) -> None:
    (tmp_path / "fade.webp").write_bytes(animation([EMPTY, ONE_COLOUR, sprite(1), sprite(2)], "WEBP", lossless=True))
    (tmp_path / "nothing.gif").write_bytes(animation([EMPTY, ONE_COLOUR]))
    (tmp_path / "still.gif").write_bytes(animation([sprite(5), sprite(6)]))
    names = [tmp_path / name for name in ("fade.webp", "still.gif", "nothing.gif")]
    assert import_sources(workspace, names, options=ONE).imported == 3
    fade, still, nothing = workspace.sprites()
    assert np.array_equal(workspace.pixels(fade), sprite(1))
    assert (still.part, nothing.part) == ("", "")
    assert np.array_equal(workspace.pixels(still), sprite(5))
    again = import_sources(workspace, names, options=ONE)
    assert (again.imported, again.already) == (0, 3)


def test_frames_that_show_nothing_are_no_sprites_unless_none_does() -> None:
    data = animation([EMPTY, sprite(1), sprite(2), sprite(1)])
    assert [index for index, _ in decode_frames(data)] == [1, 2]
    ((index, shown),) = decode_frames(animation([EMPTY, EMPTY, EMPTY]))
    assert index == 0
    assert not shown.rgba.any()


@pytest.mark.parametrize("format", ["PNG", "GIF", "JPEG"])
def test_a_still_picture_is_frame_0(format: str) -> None:
    stream = io.BytesIO()
    Image.fromarray(sprite(3)).convert("RGB").save(stream, format)
    ((index, picture),) = decode_frames(stream.getvalue())
    assert index == 0
    assert np.array_equal(picture.rgba, decode(stream.getvalue()).rgba)


def test_the_picture_for_programs_without_animation_is_no_frame(workspace, tmp_path) -> None:
    fallback = sprite(9)
    data = animation([fallback, sprite(1), sprite(2)], "PNG", default_image=True)
    index, raw = decode_first(data)
    assert index == 1
    assert np.array_equal(raw.rgba, sprite(1))
    assert [i for i, _ in decode_frames(data)] == [1, 2]
    (tmp_path / "a.png").write_bytes(data)
    import_sources(workspace, [tmp_path / "a.png"], options=ONE)
    assert np.array_equal(workspace.pixels(workspace.sprite(1)), sprite(1))
    plain = animation([sprite(1), sprite(2)], "PNG")
    assert decode_first(plain)[0] == 0


# Sheets


def partial_sheet(background: tuple[int, int, int, int] = (0, 0, 0, 0)) -> np.ndarray:
    sheet = np.full((84, 120, 4), background, np.uint8)
    for y in range(0, 84, 32):
        for x in range(0, 120, 32):
            sheet[y + 6 : y + 18, x + 4 : x + 20] = (x + 10, y + 10, 99, 255)
    return sheet


@pytest.mark.parametrize("background", [(0, 0, 0, 0), (255, 0, 255, 255)])
def test_cells_over_the_edge_of_a_sheet_are_filled_up(workspace, tmp_path, background) -> None:
    (tmp_path / "walk.png").write_bytes(encoded(partial_sheet(background)))
    options = ImportOptions(workers=1, sheet=Grid(32, 32))
    assert import_sources(workspace, [tmp_path / "walk.png"], options=options).imported == 12
    last = workspace.sprite(12)
    assert (last.width, last.height) == (32, 32)
    pixels = workspace.pixels(last)
    assert pixels[-1, -1].tolist() == list(background)
    assert pixels[10, 10].tolist() == [106, 74, 99, 255]
    assert import_sources(workspace, [tmp_path / "walk.png"], options=options).imported == 0


def test_an_edge_without_content_gives_no_cell() -> None:
    sheet = partial_sheet()
    sheet[:, 96:] = 0
    assert len(regions(sheet, Grid(32, 32))) == 9


def test_parts_beyond_a_sheet_and_huge_grids_are_refused() -> None:
    data = encoded(partial_sheet())
    for part in ("region=120,0,8,8", "region=0,84,8,8", "region=0,0,999999,999999", "region=0,0,0,4"):
        with pytest.raises(UnreadablePicture):
            decode_part(data, part)
    with pytest.raises(ValueError, match="at most"):
        Grid(10**30, 4)


# Blanks


def nearly_blank() -> np.ndarray:
    """An opaque picture of two nearly equal colours and one different pixel."""
    picture = np.full((30, 30, 4), (7, 99, 200, 255), np.uint8)
    picture[::3, :, 1] += 3
    picture[4, 4, :3] = 255
    return picture


@pytest.mark.parametrize(
    ("make", "white", "black"),
    [
        (lambda: sprite(1), False, False),
        (lambda: np.where(sprite(1)[..., 3:] > 0, 255, np.zeros(4)).astype(np.uint8), True, False),
        (lambda: np.where(sprite(1)[..., 3:] > 0, [250, 246, 255, 255], np.zeros(4)).astype(np.uint8), True, False),
        (lambda: np.where(sprite(1)[..., 3:] > 0, [4, 0, 9, 255], np.zeros(4)).astype(np.uint8), False, True),
        (lambda: np.where(sprite(1)[..., 3:] > 0, [90, 90, 90, 12], np.zeros(4)).astype(np.uint8), True, True),
        (lambda: np.zeros((9, 9, 4), np.uint8), True, True),
        (nearly_blank, True, True),
    ],
)
def test_sprites_that_can_hardly_be_seen(make, white: bool, black: bool) -> None:
    picture = make()
    assert (is_faint(picture, (255, 255, 255)), is_faint(picture, (0, 0, 0))) == (white, black)


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (90, 130, 10)])
def test_no_sprite_is_surely_seen_that_is_faint(background: tuple[int, int, int]) -> None:
    dice = np.random.default_rng(0)
    pictures = [sprite(seed) for seed in range(20)]
    shapes = [picture[..., 3:] // 255 for picture in pictures]
    # Every distance from the background, every opacity, and a few pixels that differ from the rest.
    near = [shape * np.array([*np.abs(np.array(background) - step), 255]) for step, shape in enumerate(shapes)]
    clear = [
        shape * [1, 1, 1, step / 20] * picture
        for step, (shape, picture) in enumerate(zip(shapes, pictures, strict=True))
    ]
    opaque = [np.full(pictures[0].shape, (*background, 255)) + dice.integers(-step, step + 1, 4) for step in range(20)]
    few = [np.full(pictures[0].shape, (40, 80, 120, 255)) for _ in range(20)]
    for count, picture in enumerate(few):
        picture[dice.integers(0, 20, count), dice.integers(0, 24, count), :3] = 200
    stack = np.clip(np.stack([*pictures, *near, *clear, *opaque, *few]), 0, 255).astype(np.uint8)
    stack[stack[..., 3] == 0] = 0
    seen = surely_seen(stack, background)
    hidden = [is_faint(picture, background) for picture in stack]
    assert not (seen & hidden).any()
    # Several sizes at once, in any order, some without a thumbnail.
    kept = {row: picture if row % 3 else picture[1:] for row, picture in enumerate(stack, 1) if row % 7}
    rows = np.array([*range(len(stack), 0, -1)])
    expected = [row for row in rows.tolist() if row in kept and is_faint(kept[row], background)]
    assert faint(kept.get, rows, background).tolist() == expected
    assert seen[: len(pictures)].all()  # ordinary sprites are settled by it


def test_faint_sprites_are_filtered_by_the_recipes_background(workspace, tmp_path) -> None:
    art = tmp_path / "art"
    art.mkdir()
    shape = sprite(1)[..., 3:] > 0
    for name, level in (("a-white", 255), ("b-black", 0)):
        (art / f"{name}.png").write_bytes(encoded(np.where(shape, [level] * 3 + [255], np.zeros(4)).astype(np.uint8)))
    (art / "c-seen.png").write_bytes(encoded(sprite(2)))
    import_sources(workspace, [art])
    assert workspace.select(Filter(faint=True)).tolist() == [1]
    assert workspace.select(Filter(faint=False, order="name", descending=True)).tolist() == [3, 2]
    workspace.apply(SetSetting("recipe", Recipe(background="black").to_json()))
    assert workspace.select(Filter(faint=True)).tolist() == [2]


def test_blanks_are_counted_and_filtered(workspace, tmp_path) -> None:
    for name, rgba in (("a", EMPTY), ("b", ONE_COLOUR), ("c", sprite(1)), ("d", sprite(2))):
        (tmp_path / f"{name}.png").write_bytes(encoded(rgba))
    silhouette = sprite(3)
    silhouette[silhouette[..., 3] > 0] = (0, 0, 0, 255)
    (tmp_path / "e.png").write_bytes(encoded(silhouette))
    summary = import_sources(workspace, [tmp_path / f"{n}.png" for n in "abcde"], options=ONE)
    assert summary.blank == summary.to_json()["blank"] == 2
    assert "blank" in summary.sentence()
    assert workspace.select(Filter(blank=True)).tolist() == [1, 2]
    assert workspace.select(Filter(blank=False)).tolist() == [3, 4, 5]
    again = import_sources(workspace, [tmp_path / "c.png"], options=ONE)
    assert again.blank == 0
    assert "blank" not in again.sentence()


# The cases kept beside the checkout


@pytest.fixture
def cases(shared_data: Path) -> Path:
    if not (shared_data / "cases").is_dir():
        pytest.skip("the shared cases are not on this machine")
    return shared_data / "cases"


@pytest.mark.parametrize(
    ("place", "options", "imported", "already"),
    [
        ("02-sjis-zip/rtp.zip", {}, 4, 0),
        ("03-hash-names", {}, 5, 7),
        ("04-class-folders/set.zip", {}, 9, 1),
        ("06-tga-v1", {}, 2, 0),
        ("07-partial-cells/walk.png", {"sheet": Grid(32, 32)}, 12, 0),
        ("12-blank", {}, 13, 0),
        ("13-animations", {}, 2, 2),
        ("16-tar-links/pack.tar", {}, 2, 2),
        ("16-tar-links/store.tar", {}, 2, 0),
        ("hostile-input/paxbigmtime.tar", {}, 1, 0),
    ],
)
def test_cases(workspace, cases, place: str, options: dict, imported: int, already: int) -> None:
    summary = import_sources(workspace, [cases / place], options=ImportOptions(workers=1, **options))
    assert (summary.imported, summary.already, summary.rejected_count) == (imported, already, 0)
    again = import_sources(workspace, [cases / place], options=ImportOptions(workers=1, **options))
    assert again.imported == 0
    names = {unicodedata.normalize("NFC", s.name) for s in workspace.sprites()}
    if place.startswith("02"):
        assert {"ソ.png", "表情.png"} <= names
    if place.startswith("03"):
        assert all(name.startswith("#00") for name in names)
    if place.startswith("12"):
        assert summary.blank == 7


def test_the_cases_profiles_are_converted(cases) -> None:
    for name, level in (("linear-named-srgb", 128), ("linear-named-other", 128), ("gamma22-named-other", None)):
        data = (cases / "10-linear-profile" / f"{name}.png").read_bytes()
        stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
        found = decode(data).rgba
        assert not np.array_equal(found, stored)
        if level:
            assert abs(found[stored == 55].astype(int) - level).max() <= 1


@pytest.mark.parametrize("name", ["bomb3GB.tar.bz2", "lie_bz2.zip"])
def test_the_cases_bombs_are_refused(workspace, cases, name: str) -> None:
    summary = import_sources(workspace, [cases / "hostile-input" / name], options=ONE)
    assert summary.imported == 0
    assert summary.rejected_count


def test_the_cases_odd_names(workspace, cases, tmp_path) -> None:
    with tarfile.open(cases / "24-odd-names.tar") as archive:
        unpack_tar(archive, tmp_path)
    summary = import_sources(workspace, [tmp_path / "24-odd-names"], options=ONE)
    assert summary.imported == 9
    for sprite_ in workspace.sprites():
        assert workspace.resolve(sprite_.name) == sprite_.seq
    versions.commit(workspace, "odd names")
    done = exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "out", format="imagefolder", pictures="copy"
    )
    assert done
    exported = {path.name for path in (tmp_path / "out").rglob("*.png")}
    assert any(name.startswith("ピカチュウ-") for name in exported)
