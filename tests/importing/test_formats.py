"""Detection and decoding of formats by content, with known answers. Files come from `documents` or Pillow."""

from __future__ import annotations

import io
import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from documents import (
    Xcf,
    ase_cel,
    ase_chunk,
    ase_layer,
    ase_link,
    ase_old_palette,
    ase_palette,
    ase_tags,
    ase_tilemap,
    ase_tileset,
    aseprite,
    icon,
    icon_bitmap,
    openraster,
    psd,
    xcf_property,
)  # fmt: skip
from pictures import encoded, sprite
from PIL import Image

from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.pictures.decoding import (
    Limits,
    UnreadablePicture,
    decode,
    decode_frames,
    decode_part,
    finish,
    sniff,
)

RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)


def flat(width: int, height: int, color: tuple[int, ...]) -> np.ndarray:
    return np.full((height, width, len(color)), color, np.uint8)


def canonical(rgba: np.ndarray) -> np.ndarray:
    return finish(np.array(rgba)).rgba


def same(data: bytes, rgba: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(data).rgba, canonical(rgba))


# Netpbm


@pytest.mark.parametrize("comment", [b"", b"# made by hand\n"])
def test_netpbm_of_every_kind(comment: bytes) -> None:
    grey = np.array([[0, 128, 255], [7, 200, 1]], np.uint8)
    rgb = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14
    bits = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    opaque = np.full((2, 3, 1), 255, np.uint8)
    three = grey[..., None].repeat(3, 2)
    black = ((1 - bits) * 255)[..., None].repeat(3, 2)
    for data, expected in (
        (b"P1\n" + comment + b"3 2\n0 1 1\n100", black),
        (b"P4\n" + comment + b"3 2\n" + np.packbits(bits, axis=1).tobytes(), black),
        (b"P2 " + comment + b"3 2\n255\n0 128 255\n# in between\n7 200 1", three),
        (b"P5\n" + comment + b"3 2\n255\n" + grey.tobytes(), three),
        (b"P3\n" + comment + b"3 2 255\n" + b" ".join(b"%d" % value for value in rgb.ravel()), rgb),
        (b"P6\n" + comment + b"3 2 255\n" + rgb.tobytes(), rgb),
    ):
        assert sniff(data[:512]) == "netpbm"
        same(data, np.concatenate((expected, opaque), axis=2))


def test_netpbm_samples_are_scaled_to_8_bits() -> None:
    same(b"P2 4 1 15 0 7 8 15 ", np.array([[[v, v, v, 255] for v in (0, 119, 136, 255)]], np.uint8))
    wide = np.array([0, 128, 32896, 65535], ">u2")  # 32896 is 128 times 257
    same(b"P5 4 1 65535\n" + wide.tobytes(), np.array([[[v, v, v, 255] for v in (0, 0, 128, 255)]], np.uint8))


def test_pam_keeps_transparency() -> None:
    head = b"P7\nWIDTH 24\nHEIGHT 20\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    same(head + sprite(3).tobytes(), sprite(3))


# XPM


def test_xpm_with_names_numbers_and_holes() -> None:
    data = b"""/* XPM */
static char *x[] = {
/* columns rows colors chars-per-pixel */
"3 2 6 2 ",
"   c None", "aa s body c #f00", ".. c gray50", "bb m white c green", "cc c #123456789abc", "d\\" g black",
/* pixels */
"  aa..", "bbccd\\""
};"""
    expected = [[(0, 0, 0, 0), RED, (128, 128, 128, 255)], [(0, 255, 0, 255), (0x12, 0x57, 0x9B, 255), (0, 0, 0, 255)]]
    found = decode(data).rgba
    # 0x5678 of 0xffff is 86.13 of 255: the rounded value, not the first two digits.
    expected[1][1] = (round(0x1234 / 257), round(0x5678 / 257), round(0x9ABC / 257), 255)
    assert [[tuple(int(v) for v in pixel) for pixel in row] for row in found] == expected


def test_xpm_of_an_unknown_colour_is_refused_by_its_name() -> None:
    with pytest.raises(UnreadablePicture, match="blurple"):
        decode(b'/* XPM */ char *x[] = {"1 1 1 1", "a c blurple", "a"};')


# PCX, DDS


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_pcx(mode: str) -> None:
    image = Image.fromarray(np.ascontiguousarray(sprite(4)[..., :3])).convert(mode)
    stream = io.BytesIO()
    image.save(stream, "PCX")
    same(stream.getvalue(), np.array(image.convert("RGBA")))


@pytest.mark.parametrize(("planes", "bits"), [(4, 1), (1, 4), (1, 2), (2, 1), (4, 8)])
def test_pcx_that_pillow_does_not_write(planes: int, bits: int) -> None:
    width, height = 5, 3
    depth = planes * bits
    palette = (np.arange(48) * 5 % 256).astype(np.uint8)
    stride = -(-width * bits // 16) * 2
    levels = np.random.default_rng(1).integers(0, 1 << min(depth, 8), (height, width), np.uint8)
    rgba = sprite(2)[:height, :width]
    body = b""
    for y in range(height):
        for plane in range(planes):
            if bits == 8:
                row = rgba[y, :, plane].tobytes()
            else:
                part = levels[y] >> plane & 1 if bits == 1 else levels[y]
                row = np.packbits(np.unpackbits(part[:, None], axis=1)[:, 8 - bits :].ravel()).tobytes()
            # Every byte as a run of one is valid, and covers values from 0xC0 on.
            body += b"".join(bytes((0xC1, value)) for value in row.ljust(stride, b"\0"))
    head = struct.pack("<BBBBHHHHHH", 10, 5, 1, bits, 0, 0, width - 1, height - 1, 72, 72) + palette.tobytes()
    data = (head + struct.pack("<BBHH", 0, planes, stride, 1)).ljust(128, b"\0") + body
    if bits == 8:
        same(data, rgba)
    else:
        colors = palette.reshape(16, 3)[levels]
        same(data, np.concatenate((colors, np.full((height, width, 1), 255, np.uint8)), axis=2))


@pytest.mark.parametrize("packing", [None, "BC3"])
def test_dds(packing: str | None) -> None:
    picture = sprite(6, width=24, height=20)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "DDS", **({"pixel_format": packing} if packing else {}))
    found = decode(stream.getvalue()).rgba
    assert np.abs(found[..., 3].astype(int) - picture[..., 3]).max() <= (8 if packing else 0)
    if packing is None:
        np.testing.assert_array_equal(found, canonical(picture))


@pytest.mark.parametrize(("samples", "reason"), [(np.int32, "32-bit grey"), (np.float32, "floating-point grey")])
def test_grey_of_too_many_bits_is_refused_by_its_kind(samples: type, reason: str) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=samples).reshape(8, 8) * 1000).save(stream, "TIFF")
    with pytest.raises(UnreadablePicture, match=reason):
        decode(stream.getvalue())


# Icons and cursors


def test_the_largest_picture_of_an_icon_comes_first_and_all_of_them_when_asked() -> None:
    pictures = [sprite(n, width=side, height=side) for n, side in ((1, 16), (2, 48), (3, 32))]
    data = icon([icon_bitmap(pictures[0]), encoded(pictures[1]), icon_bitmap(pictures[2])], (16, 48, 32))
    same(data, pictures[1])
    found = {index: picture.rgba for index, picture in decode_frames(data)}
    assert [rgba.shape[0] for rgba in found.values()] == [48, 32, 16]
    for index, number in ((0, 1), (1, 2), (2, 0)):
        np.testing.assert_array_equal(found[index], canonical(pictures[number]))
        np.testing.assert_array_equal(decode_part(data, f"frame={index}"), canonical(pictures[number]))
    with pytest.raises(UnreadablePicture, match="frame=3"):
        decode_part(data, "frame=3")


@pytest.mark.parametrize(("depth", "kind"), [(1, 1), (4, 2), (8, 1), (24, 2), (32, 2)])
def test_bitmaps_in_icons_and_cursors(depth: int, kind: int) -> None:
    colors = [(0, 0, 0), (250, 10, 20), (1, 200, 3)][: 2 if depth == 1 else 3]
    choice = np.random.default_rng(depth).integers(0, len(colors), (9, 11))
    rgba = np.concatenate((np.array(colors, np.uint8)[choice], np.full((9, 11, 1), 255, np.uint8)), axis=2)
    rgba[2:4, 3:7, 3] = 0
    rgba[2:4, 3:7, :3] = 0
    data = icon([icon_bitmap(rgba, depth, colors if depth <= 8 else ())], (11,), kind)
    assert sniff(data[:512]) == ("ico" if kind == 1 else "cur")
    same(data, rgba)


def test_icons_of_pillow_are_read_as_pillow_reads_them() -> None:
    stream = io.BytesIO()
    Image.fromarray(sprite(9, width=64, height=64)).save(stream, "ICO", sizes=[(16, 16), (64, 64)], bitmap_format="bmp")
    with Image.open(io.BytesIO(stream.getvalue())) as image:
        same(stream.getvalue(), np.array(image.convert("RGBA")))


# Photoshop


@pytest.mark.parametrize("compression", [0, 1, 2, 3])
@pytest.mark.parametrize("large", [False, True])
def test_photoshop_merged_picture(compression: int, large: bool) -> None:
    picture = sprite(5)
    picture[..., :3][picture[..., 3] == 0] = 255  # Photoshop lays the merged picture on white
    planes = [picture[..., channel] for channel in range(4)]
    same(psd(planes, compression=compression, transparency=True, large=large), picture)
    opaque = picture.copy()
    opaque[..., 3] = 255
    # Without the mark, the fourth channel is a saved selection.
    same(psd(planes, compression=compression, large=large), opaque)


@pytest.mark.parametrize("large", [False, True])
def test_photoshop_keeps_the_layers_of_16_bits_elsewhere(large: bool) -> None:
    picture = sprite(5)
    picture[..., :3][picture[..., 3] == 0] = 255
    planes = [(picture[..., channel].astype(">u2") * 257).astype(">u2") for channel in range(4)]
    same(psd(planes, transparency=True, large=large, in_block=True), picture)
    picture[..., 3] = 255
    same(psd(planes, large=large, in_block=True), picture)


def test_photoshop_white_is_taken_out_of_half_transparent_pixels() -> None:
    alpha = np.array([[0, 64, 128, 255]], np.uint8)
    color = np.array([200, 30, 90])
    planes = [np.rint(alpha / 255 * value + 255 - alpha).astype(np.uint8) for value in color]
    found = decode(psd([*planes, alpha], transparency=True)).rgba
    assert found[0, 0].tolist() == [0, 0, 0, 0]
    assert np.abs(found[0, 1:, :3].astype(int) - color).max() <= 2
    assert found[..., 3].tolist() == alpha.tolist()


def test_photoshop_colour_modes() -> None:
    grey = sprite(8)[..., 0]
    three = np.concatenate((grey[..., None].repeat(3, 2), np.full((*grey.shape, 1), 255, np.uint8)), axis=2)
    same(psd([grey], 1), three)
    same(psd([(grey.astype(">u2") * 257).astype(">u2")], 1), three)
    same(psd([(grey > 99) * np.uint8(255)], 0), np.where(three[..., :1] > 99, 255, [0, 0, 0, 255]).astype(np.uint8))
    palette = np.arange(768, dtype=np.int64).astype(np.uint8)
    indexed = np.full((*grey.shape, 4), 255, np.uint8)
    indexed[..., :3] = palette.reshape(3, 256).T[grey]
    indexed[grey == 7] = 0
    same(psd([grey], 2, palette=palette.tobytes(), resources=[(1047, b"\0\x07")]), indexed)
    # CMYK counts what is left of white.
    ink = [np.full((2, 2), value, np.uint8) for value in (255, 0, 0, 255)]
    assert decode(psd(ink, 4)).rgba[0, 0].tolist() == [255, 0, 0, 255]
    lab = [np.full((2, 2), value, np.uint8) for value in (255, 128, 128)]
    assert np.abs(decode(psd(lab, 9)).rgba[0, 0].astype(int) - 255).max() <= 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (psd([sprite(1)[..., 0]] * 3, resources=[(1057, b"\0\0\0\1\0")]), "Maximize Compatibility"),
        (psd([sprite(1)[..., 0]] * 3, 7), "Multichannel"),
        (psd([sprite(1)[..., 0]] * 3)[:-40], "truncated"),
        (psd([sprite(1)[..., 0]] * 3)[:14] + b"\0\1\0\0" * 2 + psd([sprite(1)[..., 0]] * 3)[22:], "too large"),
    ],
)
def test_photoshop_documents_are_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePicture, match=reason):
        decode(data)


# GIMP


@pytest.mark.parametrize("compression", [0, 1, 2])
@pytest.mark.parametrize("version", [0, 3, 11])
def test_gimp_layer_of_several_tiles(compression: int, version: int) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (70, 130, 4), np.uint8)
    picture[:, :100] = (9, 8, 7, 255)
    same(Xcf(130, 70, version=version, compression=compression).add(picture).write(), picture)


def test_gimp_offsets_opacity_masks_and_hidden_layers() -> None:
    mask = np.zeros((4, 4), np.uint8)
    mask[:, 2:] = 255
    document = Xcf(8, 8)
    document.add(flat(8, 8, (1, 2, 3, 255)), xcf_property(8, struct.pack(">I", 0)))
    document.add(flat(4, 4, RED), x=-2, y=6, mask=mask)
    document.add(flat(2, 2, BLUE), x=6, y=0, opacity=128)
    document.add(flat(8, 4, (255, 255, 255)), y=0)
    expected = np.zeros((8, 8, 4), np.uint8)
    expected[:4] = 255
    expected[0:2, 6:8] = (127, 127, 255, 255)
    expected[6:8, 0:2] = RED
    same(document.write(), expected)


def test_gimp_modes_on_an_opaque_layer() -> None:
    below, above = (200, 100, 50, 255), (100, 200, 255, 255)
    b, s = np.array(below[:3]) / 255, np.array(above[:3]) / 255
    for mode, mixed in (
        (3, b * s), (4, 1 - (1 - b) * (1 - s)), (6, abs(b - s)), (7, np.minimum(b + s, 1)), (8, np.maximum(b - s, 0)),
        (9, np.minimum(b, s)), (10, np.maximum(b, s)), (21, np.clip(b + s - 128 / 255, 0, 1)),
    ):  # fmt: skip
        data = Xcf(2, 2).add(flat(2, 2, above), mode=mode).add(flat(2, 2, below)).write()
        assert decode(data).rgba[0, 0].tolist() == [*np.rint(mixed * 255).astype(int), 255], mode
    # Alone, the lowest layer is always Normal.
    same(Xcf(2, 2).add(flat(2, 2, above), mode=3).write(), flat(2, 2, above))


def test_gimp_normal_of_today_is_laid_down_in_linear_light() -> None:
    document = Xcf(1, 1, version=11).add(flat(1, 1, (255, 255, 255, 255)), mode=28, opacity=128)
    linear = 128 / 255
    expected = round((1.055 * linear ** (1 / 2.4) - 0.055) * 255)
    found = decode(document.add(flat(1, 1, (0, 0, 0, 255)), mode=28).write()).rgba[0, 0]
    assert found.tolist() == [expected, expected, expected, 255]


def test_gimp_groups() -> None:
    def path(*numbers: int) -> bytes:
        return xcf_property(30, struct.pack(f">{len(numbers)}I", *numbers))

    group = xcf_property(29)
    document = Xcf(2, 1)
    document.add(flat(2, 1, (0, 0, 0, 0)), group, path(0), opacity=128)
    document.add(flat(2, 1, RED), path(0, 0))
    document.add(flat(2, 1, BLUE), path(0, 1))
    document.add(flat(2, 1, (0, 0, 0, 0)), group, path(1), xcf_property(8, struct.pack(">I", 0)))
    document.add(flat(2, 1, BLUE), path(1, 0))
    document.add(flat(2, 1, (255, 255, 255)))
    same(document.write(), flat(2, 1, (255, 127, 127, 255)))


def test_gimp_grey_indexed_and_precise() -> None:
    grey = sprite(2)[..., [0, 3]]
    same(Xcf(24, 20, 1).add(grey).write(), sprite(2)[..., [0, 0, 0, 3]])
    index = np.stack((sprite(1)[..., 0] % 3, sprite(1)[..., 3]), axis=2)
    colors = bytes((10, 20, 30, 40, 50, 60, 70, 80, 90))
    expected = np.zeros((20, 24, 4), np.uint8)
    expected[..., :3] = np.frombuffer(colors, np.uint8).reshape(3, 3)[index[..., 0]]
    expected[..., 3] = index[..., 1]
    same(Xcf(24, 20, 2, colors=colors).add(index).write(), expected)
    wide = Xcf(24, 20, version=12, precision=250, sample=">u2").add(sprite(1).astype(np.uint16) * 257)
    same(wide.write(), sprite(1))
    shares = sprite(1) / 255
    shares[..., :3] = np.where(
        shares[..., :3] <= 0.04045, shares[..., :3] / 12.92, ((shares[..., :3] + 0.055) / 1.055) ** 2.4
    )
    same(Xcf(24, 20, version=12, precision=600, sample=">f4").add(shares).write(), sprite(1))


@pytest.mark.parametrize(
    ("properties", "mode", "reason"),
    [((), 1, "Dissolve"), ((), 39, "HSL Color"), ((xcf_property(5, bytes(4)),), 0, "floating selection")],
)
def test_what_is_not_supported_of_gimp_is_refused_by_name(properties, mode: int, reason: str) -> None:
    with pytest.raises(UnreadablePicture, match=reason):
        decode(Xcf(2, 2).add(flat(2, 2, RED), *properties, mode=mode).add(flat(2, 2, BLUE)).write())


# Krita and OpenRaster


@pytest.mark.parametrize("kind", ["image/openraster", "application/x-krita"])
def test_the_merged_picture_of_a_zipped_document_is_read(kind: str, workspace, tmp_path: Path) -> None:
    pictures = {"data/layer0.png": encoded(sprite(1)), "mergedimage.png": encoded(sprite(2))}
    data = openraster({**pictures, "Thumbnails/thumbnail.png": encoded(sprite(3))}, kind)
    same(data, sprite(2))
    (tmp_path / "art.ora").write_bytes(data)
    assert import_sources(workspace, [tmp_path / "art.ora"]).imported == 1
    with pytest.raises(UnreadablePicture, match="without its merged picture"):
        decode(openraster({"data/layer0.png": encoded(sprite(1))}, kind))
    # Any other zip is an archive of pictures.
    assert sniff(openraster(pictures, "application/epub+zip")[:512]) == "zip"


# Aseprite


def test_aseprite_frames_layers_links_and_tags() -> None:
    first, second = sprite(1, width=8, height=8), sprite(2, width=8, height=8)
    data = aseprite(
        [
            [ase_layer("base"), ase_layer("hidden", flags=0), ase_tags((0, 1, "walk"), (1, 2, "läuft")),
             ase_cel(0, first, 2, 1), ase_cel(1, flat(12, 10, RED))],
            [ase_link(0, 0, 2, 1)],
            [ase_cel(0, second, -3, -2, raw=True)],
        ], (12, 10),
    )  # fmt: skip
    one, two = np.zeros((10, 12, 4), np.uint8), np.zeros((10, 12, 4), np.uint8)
    one[1:9, 2:10] = first
    two[:6, :5] = second[2:, 3:]
    same(data, one)
    found = list(decode_frames(data))
    assert [index for index, _ in found] == [0, 2]
    assert [picture.info.tags for _, picture in found] == [("walk",), ("läuft",)]
    np.testing.assert_array_equal(found[1][1].rgba, canonical(two))
    np.testing.assert_array_equal(decode_part(data, "frame=1"), canonical(one))


def test_aseprite_links_to_a_frame_that_does_not_exist_show_nothing() -> None:
    assert not decode(aseprite([[ase_layer("a"), ase_link(0, 1)]], (2, 2))).rgba.any()


def test_aseprite_opacity_groups_and_order() -> None:
    white = ase_cel(0, flat(2, 2, (255, 255, 255, 255)))
    layered = [ase_layer("w"), ase_layer("r", opacity=128), white, ase_cel(1, flat(2, 2, RED), opacity=128)]
    # 128 * 128 / 255 is 64, and 255 * 64 / 255 of white is gone.
    same(aseprite([layered], (2, 2)), flat(2, 2, (255, 191, 191, 255)))
    # Without the flag, the layer's own opacity is not valid.
    same(aseprite([layered], (2, 2), flags=0), flat(2, 2, (255, 127, 127, 255)))
    grouped = [
        ase_layer("w"), ase_layer("g", kind=1, opacity=128), ase_layer("r", level=1), ase_layer("b", level=1), white,
        ase_cel(2, flat(2, 2, BLUE)), ase_cel(3, flat(2, 2, RED)),
    ]  # fmt: skip
    same(aseprite([grouped], (2, 2), flags=3), flat(2, 2, (255, 127, 127, 255)))
    same(aseprite([grouped], (2, 2), flags=1), flat(2, 2, RED))
    closed = [ase_layer("g", kind=1, flags=0), ase_layer("r", level=1), ase_cel(1, flat(2, 2, RED))]
    same(aseprite([closed], (2, 2)), flat(2, 2, (0, 0, 0, 0)))
    lifted = [ase_layer("a"), ase_layer("b"), ase_cel(0, flat(2, 2, RED), z=1), ase_cel(1, flat(2, 2, BLUE))]
    same(aseprite([lifted], (2, 2)), flat(2, 2, RED))


def test_aseprite_blend_modes() -> None:
    below, above = (200, 100, 50, 255), (100, 200, 255, 255)
    for mode, mixed in (
        (1, (78, 78, 50)), (2, (222, 222, 255)), (4, (100, 100, 50)), (5, (200, 200, 255)), (10, (100, 100, 205)),
        (16, (255, 255, 255)), (17, (100, 0, 0)), (18, (255, 128, 50)),
    ):  # fmt: skip
        layers = [
            ase_layer("b"),
            ase_layer("s", mode=mode),
            ase_cel(0, flat(2, 2, below)),
            ase_cel(1, flat(2, 2, above)),
        ]
        assert decode(aseprite([layers], (2, 2))).rgba[0, 0].tolist() == [*mixed, 255], mode


def test_aseprite_palettes() -> None:
    index = np.array([[0, 1, 2, 3]], np.uint8)
    colors = [(0, 0, 0, 255), (255, 0, 0, 255), (0, 255, 0, 128), (0, 0, 255, 255)]
    new = [ase_layer("a"), ase_palette(colors), ase_cel(0, index[..., None])]
    expected = np.array([[(0, 0, 0, 255), colors[1], (0, 0, 0, 0), colors[3]]], np.uint8)
    same(aseprite([new], (4, 1), depth=8, transparent=2), expected)
    background = [ase_layer("a", flags=9), *new[1:]]
    same(aseprite([background], (4, 1), depth=8, transparent=2), np.array([colors], np.uint8))
    old = [ase_layer("a"), ase_old_palette([(0, 0, 0), (63, 0, 0), (9, 9, 9), (0, 0, 32)], 0x0011), new[2]]
    expected[0, 3] = (0, 0, 130, 255)
    same(aseprite([old], (4, 1), depth=8, transparent=2), expected)
    # The old chunk beside a new one is for old programs.
    both = [ase_layer("a"), ase_palette(colors), ase_old_palette([(9, 9, 9)] * 4), new[2]]
    expected[0, 3] = colors[3]
    same(aseprite([both], (4, 1), depth=8, transparent=2), expected)
    grey = np.array([[(0, 255), (99, 255), (200, 10), (5, 0)]], np.uint8)
    same(aseprite([[ase_layer("a"), ase_cel(0, grey)]], (4, 1), depth=16), grey[..., [0, 0, 0, 1]])


def test_aseprite_tilemaps() -> None:
    tiles = np.zeros((3, 4, 4, 4), np.uint8)
    tiles[1], tiles[2] = sprite(3)[3:7, 2:6], sprite(4)[5:9, 5:9]
    tiles[1, 0, 3] = RED
    words = np.array([[0, 1, 1 | 1 << 31], [1 | 1 << 30, 1 | 1 << 29, 2]])
    chunks = [ase_tileset(7, tiles), ase_layer("t", kind=2, tileset=7), ase_tilemap(0, words, 1, 0)]
    expected = np.zeros((8, 13, 4), np.uint8)
    one = tiles[1]
    for row, column, tile in (
        (0, 1, one), (0, 2, one[:, ::-1]), (1, 0, one[::-1]), (1, 1, one.swapaxes(0, 1)), (1, 2, tiles[2]),
    ):  # fmt: skip
        expected[4 * row : 4 * row + 4, 1 + 4 * column : 5 + 4 * column] = tile
    same(aseprite([chunks], (13, 8)), expected)


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([ase_layer("a", kind=9)], "a layer of a kind"),
        ([ase_layer("a", mode=40), ase_cel(0, flat(2, 2, RED))], "a blend mode"),
        ([ase_tileset(0, np.zeros((1, 2, 2, 4), np.uint8), 1), ase_layer("a", kind=2), ase_tilemap(0, np.ones((1, 1)))],
         "tiles in another file"),
        ([ase_layer("a"), ase_chunk(0x2005, struct.pack("<HhhBHh5xHH", 0, 0, 0, 255, 2, 0, 2, 2) + b"junk")],
         "damaged"),
        ([ase_layer("a"), ase_link(0, 0)], "circle"),
        ([ase_layer("a")] * 1001, "1,000 layers"),
    ],
)  # fmt: skip
def test_aseprite_documents_are_refused_by_name(chunks: list[bytes], reason: str) -> None:
    with pytest.raises(UnreadablePicture, match=reason):
        decode(aseprite([chunks], (2, 2)))


def test_a_cel_that_unpacks_to_gigabytes_costs_no_memory() -> None:
    bomb = np.zeros((1, 1 << 20, 4), np.uint8)
    data = bytearray(aseprite([[ase_layer("a"), ase_cel(0, bomb[:, :4])]], (4, 4)))
    at = data.index(struct.pack("<HH", 4, 1))
    data[at : at + 4] = struct.pack("<HH", 65535, 65535)
    with pytest.raises(UnreadablePicture, match="too large"):
        decode(bytes(data))


# What is known but not read


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x76\x2f\x31\x01", "an OpenEXR picture"), (b"PF\n1 1\n", "a PFM picture"), (b"qoif", "a QOI picture"),
        (b"FORM\0\0\0\0ILBM", "an IFF picture"), (b"CSFCHUNK", "a Clip Studio document"),
        (b"#define x_width 16\n", "an XBM picture"), (b"\0\0\0\x0cjP  \r\n", "a JPEG 2000 picture"),
    ],
)  # fmt: skip
def test_a_known_kind_that_is_not_read_is_named(head: bytes, name: str) -> None:
    with pytest.raises(UnreadablePicture, match=name):
        decode(head + bytes(200))


@pytest.mark.parametrize(
    ("data", "module", "extra"),
    [
        (b"\xff\x0a" + bytes(200), "pylibjxl", "JPEG XL .*gandam-studio\\[jxl\\]"),
        (b"\0\0\0\x18ftypheic" + bytes(200), "pillow_heif", "HEIC .*gandam-studio\\[heic\\]"),
    ],
)
def test_a_picture_that_needs_a_package_names_it(data: bytes, module: str, extra: str, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnreadablePicture, match=extra):
        decode(data)


def test_heic_and_jpeg_xl_where_their_packages_are_installed() -> None:
    heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    heif.from_pillow(Image.fromarray(sprite(3, width=64, height=64))).save(stream, quality=-1)
    found = decode(stream.getvalue()).rgba
    assert np.abs(found.astype(int) - canonical(sprite(3, width=64, height=64))).mean() < 3
    jxl = pytest.importorskip("pylibjxl")
    same(jxl.encode(np.ascontiguousarray(sprite(3)), lossless=True), sprite(3))


def test_limits_hold_for_every_new_format() -> None:
    picture = sprite(1)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "DDS")
    for data in (
        b"P6 24 20 255\n" + picture[..., :3].tobytes(), stream.getvalue(), Xcf(24, 20).add(picture).write(),
        psd([picture[..., n] for n in range(3)]), aseprite([[ase_layer("a"), ase_cel(0, picture)]], (24, 20)),
        icon([icon_bitmap(picture)], (24,)), b'/* XPM */ {"24 20 1 1", "a c red"',
    ):  # fmt: skip
        with pytest.raises(UnreadablePicture, match="too large"):
            decode(data, Limits(max_pixels=400))


def test_every_size_of_an_icon_and_the_frames_of_a_document_are_imported(workspace, tmp_path: Path) -> None:
    pictures = [sprite(n, width=side, height=side) for n, side in ((1, 16), (2, 32))]
    (tmp_path / "app.ico").write_bytes(icon([icon_bitmap(picture) for picture in pictures], (16, 32)))
    frames = [[ase_layer("a"), ase_cel(0, sprite(3))], [ase_cel(0, sprite(4))], [ase_link(0, 0)]]
    (tmp_path / "walk.aseprite").write_bytes(aseprite(frames, (24, 20)))
    summary = import_sources(workspace, [tmp_path / "app.ico", tmp_path / "walk.aseprite"])
    assert (summary.imported, summary.rejected) == (2, [])
    options = ImportOptions(frames="distinct")
    summary = import_sources(workspace, [tmp_path / "app.ico", tmp_path / "walk.aseprite"], options=options)
    assert (summary.imported, summary.already) == (2, 2)
    assert [(kept.width, kept.height) for kept in workspace.sprites()] == [(32, 32), (24, 20), (16, 16), (24, 20)]
    for kept in workspace.sprites():
        assert workspace.pixels(kept).shape[:2] == (kept.height, kept.width)


def test_tags_of_frames_are_offered_and_taken(workspace, tmp_path: Path) -> None:
    art = tmp_path / "art"
    art.mkdir()
    chunks = [ase_layer("a"), ase_tags((0, 0, "idle"), (1, 2, "walk")), ase_cel(0, sprite(1))]
    document = aseprite([chunks, [ase_cel(0, sprite(2))], [ase_cel(0, sprite(3))]], (24, 20))
    (art / "hero.aseprite").write_bytes(document)
    options = ImportOptions(frames="distinct")
    summary = import_sources(workspace, [art], options=options)
    assert summary.notes == ["pictures with their own tags, which were not imported: 3"]
    summary = import_sources(workspace, [art], options=replace(options, frame_tags=True))
    assert (summary.already, summary.tagged) == (3, {"idle": 1, "walk": 2})
    assert [sorted(kept.tags) for kept in workspace.sprites()] == [["idle"], ["walk"], ["walk"]]
    workspace.undo()
    assert not any(kept.tags for kept in workspace.sprites())


# Backdrop and layer -> what GIMP's layer modes since 2.10 give, worked out by hand from their definitions.
MODES = [
    (41, (0.2, 0.0, 0.6), (0.4, 0.0, 0.5), (0.5, 0.0, 1.2)),  # divide
    (42, (0.2, 0.5, 0.0), (0.5, 0.0, 1.0), (0.4, 0.5, 0.0)),  # dodge
    (43, (0.8, 1.0, 0.5), (0.5, 0.0, 1.0), (0.6, 1.0, 0.5)),  # burn
    (48, (0.8, 0.2, 0.5), (0.25, 0.75, 0.5), (0.6, 0.4, 0.5)),  # vivid light
    (49, (0.8, 0.2, 0.5), (0.25, 0.75, 0.5), (0.5, 0.5, 0.5)),  # pin light
    (50, (0.8, 0.2, 0.5), (0.25, 0.75, 0.5), (0.3, 0.7, 0.5)),  # linear light
    (51, (0.8, 0.2, 0.5), (0.25, 0.75, 0.5), (1.0, 0.0, 1.0)),  # hard mix
    (52, (0.8, 0.2, 0.5), (0.25, 0.75, 0.5), (0.65, 0.65, 0.5)),  # exclusion
    (53, (0.8, 0.2, 0.5), (0.25, 0.75, 0.5), (0.05, -0.05, 0.0)),  # linear burn
    (37, (0.8, 0.4, 0.4), (0.1, 0.1, 0.9), (0.4, 0.4, 0.8)),  # the layer's hue
    (37, (0.8, 0.4, 0.4), (0.3, 0.3, 0.3), (0.8, 0.4, 0.4)),
    (38, (0.8, 0.4, 0.4), (0.5, 0.5, 0.125), (0.8, 0.2, 0.2)),  # the layer's saturation
    (38, (0.7, 0.7, 0.7), (0.5, 0.1, 0.1), (0.7, 0.7, 0.7)),
    (40, (0.8, 0.4, 0.2), (0.1, 0.4, 0.1), (0.4, 0.2, 0.1)),  # the layer's value
    (40, (0.0, 0.0, 0.0), (0.1, 0.4, 0.1), (0.4, 0.4, 0.4)),
]


@pytest.mark.parametrize(("mode", "below", "above", "wanted"), MODES)
def test_gimps_layer_modes_by_hand(mode: int, below: tuple, above: tuple, wanted: tuple) -> None:
    from gandam_studio.core.pictures.decoding.xcf_modes import blending

    how = blending(mode, 0, 2, 2)
    assert how.clipped
    mixed = how.mix(np.array([below], np.float32), np.array([above], np.float32))
    np.testing.assert_allclose(mixed, [wanted], atol=1e-6)
