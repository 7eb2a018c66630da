"""Canonical pixels with known answers, and the expected verdicts for the hostile files."""

from __future__ import annotations

import csv
import hashlib
import io
import struct
import tarfile
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pictures import chunk, encoded, exif, linear_profile, png, sprite
from PIL import Image
from unpacked_tars import unpack_tar

from gandam_studio.core.pictures.decoding import (
    IsArchive,
    Limits,
    UnreadablePicture,
    background_of,
    decode,
    decode_frames,
    decode_part,
    finish,
    sniff,
    sprite_id,
)
from gandam_studio.core.pictures.decoding.png import read_header, unfiltered


def rgba(data: bytes) -> list[list[int]]:
    return decode(data).rgba.reshape(-1, 4).tolist()


# PNG, sample by sample


def test_16_bits_are_rounded_not_cut() -> None:
    # round(v / 257): 0x00ff -> 255/257 = 0.99 -> 1; a cut would give 0.
    row = struct.pack(">4H", 0x0000, 0x00FF, 0x8080, 0xFFFF)
    assert [pixel[0] for pixel in rgba(png(4, 1, 16, 0, [row]))] == [0, 1, 128, 255]


def test_16_bit_grey_with_alpha() -> None:
    row = struct.pack(">4H", 0x1234, 0x8000, 0x0101, 0x0202)
    assert rgba(png(2, 1, 16, 4, [row])) == [[0x12, 0x12, 0x12, 128], [1, 1, 1, 2]]


def test_transparent_grey_of_two_bits() -> None:
    data = png(4, 1, 2, 0, [b"\x1b"], before=chunk(b"tRNS", b"\0\2"))
    assert rgba(data) == [[0, 0, 0, 255], [85, 85, 85, 255], [0, 0, 0, 0], [255, 255, 255, 255]]


def test_transparent_16_bit_grey_matches_at_full_depth() -> None:
    data = png(2, 1, 16, 0, [struct.pack(">2H", 0x0100, 0x0101)], before=chunk(b"tRNS", b"\1\1"))
    assert rgba(data) == [[1, 1, 1, 255], [0, 0, 0, 0]]


def test_transparent_colour() -> None:
    data = png(2, 1, 8, 2, [b"\1\2\3\4\5\6"], before=chunk(b"tRNS", b"\0\1\0\2\0\3"))
    assert rgba(data) == [[0, 0, 0, 0], [4, 5, 6, 255]]


def test_palette_with_alpha() -> None:
    before = chunk(b"PLTE", b"\x0a\x0b\x0c\x14\x15\x16\x1e\x1f\x20") + chunk(b"tRNS", b"\xff\x80\x00")
    assert rgba(png(3, 1, 8, 3, [b"\0\1\2"], before=before)) == [[10, 11, 12, 255], [20, 21, 22, 128], [0, 0, 0, 0]]


def test_hidden_colours_are_neutralised_and_visible_ones_kept() -> None:
    assert rgba(png(2, 1, 8, 6, [b"\x09\x08\x07\x00\x09\x08\x07\x01"])) == [[0, 0, 0, 0], [9, 8, 7, 1]]


def test_equal_pictures_in_different_coding_have_equal_ids() -> None:
    opaque = sprite(1)
    opaque[opaque[..., 3] == 0] = (10, 20, 30, 255)
    with_useless_alpha = encoded(opaque)
    without = encoded(np.ascontiguousarray(opaque[..., :3]))
    assert sprite_id(decode(with_useless_alpha).rgba) == sprite_id(decode(without).rgba)


@pytest.mark.parametrize("filtered_row", [None, 0, 3, 19])
def test_unfiltered_rows_are_inflated_alone_and_filtered_ones_left_to_libpng(filtered_row: int | None) -> None:
    pixels = sprite(5)
    rows = [bytearray(b"\0" + row.tobytes()) for row in pixels]
    if filtered_row is not None:
        coded = pixels[filtered_row].astype(np.int16)
        coded[1:] -= pixels[filtered_row][:-1]
        rows[filtered_row] = bytearray(b"\1" + (coded & 0xFF).astype(np.uint8).tobytes())
    data = raw_png(pixels.shape[1], pixels.shape[0], zlib.compress(b"".join(rows)))
    found = unfiltered(data, read_header(data, Limits()))
    assert (found is None) == (filtered_row is not None)
    assert np.array_equal(decode(data).rgba, pixels * (pixels[..., 3:] > 0))


def raw_png(width: int, height: int, stream: bytes, interlace: int = 0) -> bytes:
    """An 8-bit RGBA PNG with the given compressed stream."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def test_an_unfiltered_stream_that_is_short_long_or_damaged_is_libpngs_to_judge() -> None:
    rows = b"".join(b"\0" + bytes([9, 8, 7, 255]) * 5 for _ in range(6))
    whole = zlib.compress(rows)
    wrong_sum = whole[:-1] + bytes([whole[-1] ^ 1])
    for stream in (
        zlib.compress(rows[:-3]),
        zlib.compress(rows + b"\0"),
        whole[:-5],
        whole + b"x",
        wrong_sum,
        b"",
        b"?",
    ):
        data = raw_png(5, 6, stream)
        assert unfiltered(data, read_header(data, Limits())) is None
    for data in (raw_png(5, 6, whole, interlace=1), encoded(sprite(1)[..., :3])):
        assert unfiltered(data, read_header(data, Limits())) is None


def test_colours_are_counted_and_opacity_told_whatever_is_hidden() -> None:
    clean = np.zeros((2, 4, 4), np.uint8)
    clean[0, :3] = [(1, 2, 3, 255), (1, 2, 3, 255), (4, 5, 6, 9)]
    dirty = clean.copy()
    dirty[1] = [(0, 0, 0, 0), (7, 7, 7, 0), (255, 255, 255, 0), (1, 2, 3, 0)]
    for pixels in (clean, dirty):
        found = finish(pixels.copy())
        assert found.info.colors == 2
        assert found.info.alpha
        assert np.array_equal(found.rgba, clean)
    opaque = finish(np.full((3, 3, 4), 255, np.uint8)).info
    assert (opaque.colors, opaque.alpha) == (1, False)


def test_sprite_id_is_the_documented_digest() -> None:
    pixels = sprite(3)
    expected = hashlib.sha256(b"24x20\n" + pixels.tobytes()).hexdigest()
    assert sprite_id(pixels) == expected
    assert sprite_id(np.asfortranarray(pixels)) == expected


# What decoders accept in silence


def corrupted(data: bytes, marker: bytes, offset: int) -> bytes:
    position = data.index(marker) + offset
    return data[:position] + bytes([data[position] ^ 0x40]) + data[position + 1 :]


GOOD = png(8, 8, 8, 6, [bytes(range(1, 33))] * 8)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (corrupted(GOOD, b"IDAT", 4 + zlib.compress(b"").__len__()), "checksum"),
        (corrupted(GOOD, b"IHDR", 7), r"checksum|impossible|large"),
        (png(8, 8, 8, 6, [bytes(range(1, 33))] * 4), "decoded"),
        (png(8, 8, 8, 3, [bytes(8)] * 8), "palette"),
        (png(8, 8, 7, 6, [bytes(32)] * 8), "impossible"),
        (png(8, 0, 8, 6, []), "no pixels"),
        (GOOD[:-20], "truncated"),
        (GOOD[:60], "truncated"),
        (b"\n" + GOOD, "stray"),
        (b"", "empty"),
        (b"hello, I am a text file", "not a picture"),
    ],
)
def test_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePicture, match=reason):
        decode(data)


def test_damage_in_a_comment_and_rubbish_behind_the_end_do_not_matter() -> None:
    commented = png(8, 8, 8, 6, [bytes(range(1, 33))] * 8, before=chunk(b"tEXt", b"a\0b"))
    for data in (corrupted(commented, b"tEXt", 6), GOOD + b"rubbish" * 100):
        assert np.array_equal(decode(data).rgba, decode(GOOD).rgba)


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    bomb = png(50_000, 50_000, 1, 0, [bytes(6250)] * 10)
    began = time.perf_counter()
    with pytest.raises(UnreadablePicture, match="too large: 50000 x 50000"):
        decode(bomb)
    assert time.perf_counter() - began < 1.0


def test_limits_hold_for_every_format() -> None:
    for kind in ("PNG", "GIF", "BMP", "WEBP", "TIFF", "JPEG", "ICO"):
        pixels = sprite(1)[..., :3] if kind == "JPEG" else sprite(1)
        data = encoded(np.ascontiguousarray(pixels), kind)
        size = decode(data).rgba.shape[:2]
        with pytest.raises(UnreadablePicture, match="too large"):
            decode(data, Limits(max_pixels=size[0] * size[1] - 1))
        with pytest.raises(UnreadablePicture, match="too large"):
            decode(data, Limits(max_file_bytes=len(data) - 1))


# Orientation, colour, other formats


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_every_orientation_gives_the_same_upright_picture(orientation: int, kind: str) -> None:
    upright = sprite(5)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    for order in ("<", ">"):
        options = {"exif": b"Exif\0\0" + exif(orientation, order)} | ({"lossless": True} if kind == "WEBP" else {})
        data = encoded(np.ascontiguousarray(stored), kind, **options)
        assert np.array_equal(decode(data).rgba, upright)


def test_jpeg_orientation_and_broken_exif() -> None:
    wide = np.zeros((16, 32, 3), np.uint8)
    wide[:, :16] = 255
    turned = decode(encoded(wide, "JPEG", exif=b"Exif\0\0" + exif(6))).rgba
    assert turned.shape == (32, 16, 4)
    assert turned[4, 8, 0] > 250  # the bright left half is now on top
    assert turned[28, 8, 0] < 5
    for block in (exif(9), exif(0), exif(6)[:12], b"rubbish", exif(6)[:8] + b"\xff" * 20):
        assert decode(encoded(wide, "JPEG", exif=b"Exif\0\0" + block)).rgba.shape == (16, 32, 4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_an_embedded_profile_is_converted_to_srgb(kind: str) -> None:
    linear = np.full((16, 16, 3), 55, np.uint8)
    share = 55 / 255
    expected = round(255 * (1.055 * share ** (1 / 2.4) - 0.055))  # IEC 61966-2-1
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    data = encoded(linear, kind, icc_profile=linear_profile(), **options)
    result = decode(data).rgba
    assert np.abs(result[..., :3].astype(int) - expected).max() <= 1
    assert abs(expected - 55) > 50  # unconverted pixels would be told apart
    assert (result[..., 3] == 255).all()


def test_an_srgb_or_a_broken_profile_changes_nothing() -> None:
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = np.ascontiguousarray(sprite(8)[..., :3])
    plain = decode(encoded(pixels)).rgba
    for profile in (srgb, b"not a profile", linear_profile()[:200]):
        assert np.array_equal(decode(encoded(pixels, icc_profile=profile)).rgba, plain)


def test_cmyk_is_converted_and_not_inverted() -> None:
    stream = io.BytesIO()
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(stream, "JPEG", quality=100)
    red, green, blue, alpha = decode(stream.getvalue()).rgba[8, 8].tolist()
    assert red > 230
    assert max(green, blue) < 40
    assert alpha == 255


def test_animations_give_their_first_frame_or_every_distinct_one() -> None:
    frames = [Image.fromarray(sprite(n)) for n in (1, 2, 1, 3)]
    for kind, options in (("GIF", {"disposal": 2}), ("PNG", {}), ("WEBP", {"lossless": True})):
        stream = io.BytesIO()
        frames[0].save(stream, kind, save_all=True, append_images=frames[1:], duration=50, **options)
        data = stream.getvalue()
        first = decode(data)
        assert first.info.frames == 4
        found = list(decode_frames(data))
        assert [index for index, _ in found] == [0, 1, 3]
        assert np.array_equal(found[0][1].rgba, first.rgba)
        assert np.array_equal(decode_part(data, "frame=3"), found[2][1].rgba)
        if kind != "GIF":
            assert np.array_equal(first.rgba, sprite(1))
    with pytest.raises(UnreadablePicture, match="too large"):
        list(decode_frames(data, Limits(max_pixels=24 * 20 * 3)))


def test_parts_of_a_sheet() -> None:
    data = encoded(np.concatenate((sprite(1), sprite(2)), axis=1))
    assert np.array_equal(decode_part(data, "region=24,0,24,20"), sprite(2))
    for part in ("region=48,0,24,20", "region=0,0,0,5", "frame=1", "page=2"):
        with pytest.raises(UnreadablePicture):
            decode_part(data, part)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))))
@settings(max_examples=60, deadline=None)
def test_decoding_what_was_encoded_gives_it_back_but_for_what_is_hidden(pixels: np.ndarray) -> None:
    expected = pixels * (pixels[..., 3:] > 0)
    picture = decode(encoded(pixels))
    assert np.array_equal(picture.rgba, expected)
    visible = expected[expected[..., 3] > 0]
    assert picture.info.colors == len(np.unique(visible, axis=0))
    assert picture.info.alpha == bool((pixels[..., 3] < 255).any())


def test_background_of_the_border() -> None:
    keyed = np.full((10, 10, 4), (0, 0, 255, 255), np.uint8)
    keyed[3:7, 3:7, :3] = 9
    assert background_of(keyed) == "#0000ff"
    assert background_of(sprite(1)) == ""
    keyed[0:5] = (1, 2, 3, 255)
    assert background_of(keyed) == ""


def test_archives_are_told_from_pictures_by_content() -> None:
    stream = io.BytesIO()
    tarfile.open(fileobj=stream, mode="w:gz").close()
    assert sniff(stream.getvalue()) == "gzip"
    with pytest.raises(IsArchive) as caught:
        decode(stream.getvalue())
    assert caught.value.kind == "gzip"


# The hostile files


@pytest.fixture(scope="session")
def hostile(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    with tarfile.open(shared_data / "hostile" / "hostile.tar.gz") as archive:
        unpack_tar(archive, folder)
    with (shared_data / "hostile" / "EXPECTED.tsv").open(encoding="utf-8", newline="") as stream:
        expected = {row["file"]: row for row in csv.DictReader(stream, delimiter="\t")}
    root = folder / "hostile" if (folder / "hostile").is_dir() else folder
    return root, expected


def verdict(data: bytes) -> str:
    try:
        decode(data)
    except UnreadablePicture:
        return "reject"
    return "accept"


@pytest.mark.filterwarnings("ignore")
def test_every_hostile_file_is_judged_as_expected(hostile) -> None:
    root, expected = hostile
    assert len(expected) > 200
    wrong = [
        f"{name}: {found} instead of {row['expected']}"
        for name, row in expected.items()
        if (found := verdict((root / name).read_bytes())) != row["expected"]
        and row["expected"] != "either"
        # Judged when Photoshop's documents were not read: it must only not crash.
        and not name.endswith(".psd")
    ]
    assert not wrong


def test_hopper_is_upright_whatever_its_orientation_says(hostile) -> None:
    root, _ = hostile
    upright = [decode((root / f"exif/hopper_orientation_{n}.jpg").read_bytes()).rgba for n in (2, 3, 5, 6, 7)]
    for other in upright[1:]:
        # Each file was encoded anew, so it differs by JPEG noise only.
        assert np.abs(other.astype(int) - upright[0]).mean() < 6


def test_our_png_agrees_with_pillow_where_pillow_can_be_trusted(hostile) -> None:
    root, _ = hostile
    compared = 0
    for path in sorted((root / "pngsuite").glob("*.png")):
        data = path.read_bytes()
        if verdict(data) == "reject":
            continue
        with Image.open(io.BytesIO(data)) as image:
            if data[24] == 16 or (data[24] < 8 and data[25] == 0 and b"tRNS" in data):
                continue  # Pillow cuts 16-bit samples, and compares a transparent grey before scaling it
            reference = np.array(image.convert("RGBA"))
        reference[reference[..., 3] == 0] = 0
        assert np.array_equal(decode(data).rgba, reference), path.name
        compared += 1
    assert compared >= 25
