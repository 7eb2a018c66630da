"""OKLab against published values, palettes chosen from pictures, and palette files of every kind."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from drawn import clean_sprites
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing import oklab
from gandam_studio.core.finishing.palette import MOST_COLOURS, Palette, counted_colours, medoids, packed, palette_of
from gandam_studio.core.finishing.palette_files import gimp_palette, read_palette

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # CSS Color Module Level 4, "Sample code" and the table of named colours in oklab()
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        (RED, (0.62796, 0.22486, 0.12585)),
        (GREEN, (0.86644, -0.23389, 0.17950)),
        (BLUE, (0.45201, -0.03246, -0.31153)),
    ],
)
def test_oklab_agrees_with_css(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    assert oklab.from_srgb(np.array(rgb, np.uint8)) == pytest.approx(lab, abs=2e-4)


@pytest.mark.parametrize(
    ("xyz", "lab"),
    [  # the table in Ottosson's article, rounded there to three places
        ((0.950, 1.000, 1.089), (1.000, 0.000, 0.000)),
        ((1.000, 0.000, 0.000), (0.450, 1.236, -0.019)),
        ((0.000, 1.000, 0.000), (0.922, -0.671, 0.263)),
        ((0.000, 0.000, 1.000), (0.153, -1.415, -0.449)),
    ],
)
def test_oklab_agrees_with_its_article(xyz: tuple[float, ...], lab: tuple[float, ...]) -> None:
    to_rgb = np.array([
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ])  # fmt: skip
    assert oklab.from_linear(to_rgb @ np.array(xyz)) == pytest.approx(lab, abs=2e-3)


def test_distances_count_colourfulness_twice() -> None:
    """Delta E OK2 of CSS Color 4, of colours whose coordinates its table of named colours has."""
    red, green = (oklab.from_srgb(np.array([rgb], np.uint8)) for rgb in (RED, GREEN))
    lightness, a, b = 0.86644 - 0.62796, -0.23389 - 0.22486, 0.17950 - 0.12585
    assert oklab.squared_distances(red, green)[0, 0] == pytest.approx(lightness**2 + 4 * (a**2 + b**2), abs=1e-3)


def test_pale_colours_do_not_become_grey() -> None:
    pale, grey, green = (140, 165, 150), (156, 156, 156), (153, 179, 163)
    lab = oklab.from_srgb(np.array([pale, grey, green], np.uint8))
    plain = ((lab[0] - lab[1:]) ** 2).sum(axis=1)
    assert plain.argmin() == 0
    assert oklab.squared_distances(lab[:1], lab[1:]).argmin() == 1


def test_a_palette_is_made_of_the_pictures_own_colours() -> None:
    sprites = clean_sprites(12)
    own = set(packed(counted_colours(sprites)[0]).tolist())
    for size in (1, 7, 32):
        chosen = palette_of(sprites, size)
        assert len(chosen.colours) == size
        assert set(packed(chosen.rgb).tolist()) <= own
        assert list(chosen.lab[:, 0]) == sorted(chosen.lab[:, 0])
    assert len(palette_of(sprites, 256).colours) == min(256, len(own))


def test_well_separated_groups_get_one_colour_each() -> None:
    dice = np.random.default_rng(3)
    centres = np.array([RED, GREEN, BLUE, (250, 250, 250), (5, 5, 5)])
    picture = np.concatenate([np.clip(c + dice.integers(-4, 5, (60, 3)), 0, 255) for c in centres]).astype(np.uint8)
    chosen = palette_of([picture[None]], 5).rgb.astype(int)
    nearest = np.abs(chosen[:, None] - centres[None]).max(axis=2)
    assert sorted(nearest.argmin(axis=1)) == [0, 1, 2, 3, 4]
    assert nearest.min(axis=1).max() <= 4


def test_a_rare_light_is_not_lost() -> None:
    dice = np.random.default_rng(4)
    picture = dice.integers(90, 110, (64, 64, 3)).astype(np.uint8)
    picture[10, 10:14] = (255, 220, 0)
    assert (255, 220, 0) in palette_of([picture], 4).colours


def test_alternation_finds_the_best_of_all_choices_on_a_line() -> None:
    points = np.array([[0.0], [1], [2], [10], [11], [12], [30]]).repeat(3, axis=1)
    assert medoids(points, np.ones(7), 3).tolist() == [1, 4, 6]


@given(st.integers(2, 24), st.integers(0, 2**32 - 1))
def test_mirroring_and_order_change_no_palette(size: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    pictures = [dice.integers(0, 256, (6, 9, 4)).astype(np.uint8) for _ in range(3)]
    pictures[0][0, 0, 3] = 255
    found = palette_of(pictures, size)
    assert found == palette_of([picture[:, ::-1] for picture in reversed(pictures)], size)


def test_empty_pictures_give_no_palette() -> None:
    with pytest.raises(UserError, match="empty"):
        palette_of([np.zeros((4, 4, 4), np.uint8)], 8)


# Files


COLOURS = [(0, 0, 0), (255, 128, 1), (34, 32, 52), (255, 255, 255)]


def adobe_swatches(colours: list[tuple[int, int, int]], blocks: int | None = None) -> bytes:
    parts = [struct.pack(">HI", 0xC001, 2 + 8) + struct.pack(">H", 4) + "abc\0".encode("utf-16-be")]
    for rgb in colours:
        body = struct.pack(">H", 2) + "c\0".encode("utf-16-be") + b"RGB " + struct.pack(">fff", *(v / 255 for v in rgb))
        parts.append(struct.pack(">HI", 1, len(body) + 2) + body + b"\0\0")
    parts.append(struct.pack(">HI", 0xC002, 0))
    return b"ASEF\0\1\0\0" + struct.pack(">I", len(parts) if blocks is None else blocks) + b"".join(parts)


def riff(colours: list[tuple[int, int, int]], count: int | None = None) -> bytes:
    entries = b"".join(bytes((*rgb, 0)) for rgb in colours)
    data = struct.pack("<HH", 0x300, len(colours) if count is None else count) + entries
    return b"RIFF" + struct.pack("<I", 12 + len(data)) + b"PAL data" + struct.pack("<I", len(data)) + data


def act(colours: list[tuple[int, int, int]], count: int) -> bytes:
    table = b"".join(map(bytes, colours)).ljust(768, b"\0")
    return table + struct.pack(">HH", count, 0xFFFF)


def aseprite(colours: list[tuple[int, int, int]], said: int | None = None) -> bytes:
    entries = b"".join(struct.pack("<HBBBB", 0, *rgb, 255) for rgb in colours)
    size = len(colours) if said is None else said
    chunk = struct.pack("<III8x", size, 0, size - 1) + entries
    chunk = struct.pack("<IH", len(chunk) + 6, 0x2019) + chunk
    frame = struct.pack("<IHHHHI", 16 + len(chunk), 0xF1FA, 1, 100, 0, 1) + chunk
    head = struct.pack("<IHHHHHI", 128 + len(frame), 0xA5E0, 1, 8, 8, 32, 1)
    return head.ljust(128, b"\0") + frame


def pixels(colours: list[tuple[int, int, int]], suffix: str) -> bytes:
    """A palette as Lospec draws it: a strip, each colour some pixels wide, here beside a clear one."""
    strip = np.zeros((2, 2 * len(colours) + 1, 4), np.uint8)
    for index, rgb in enumerate(colours):
        strip[:, 2 * index : 2 * index + 2] = (*rgb, 255)
    picture = Image.fromarray(strip)
    if suffix in ("GIF", "BMP"):
        picture = Image.fromarray(np.ascontiguousarray(strip[:, :-1, :3]))
    picture.save(stream := io.BytesIO(), suffix, **({"lossless": True} if suffix == "WEBP" else {}))
    return stream.getvalue()


WRITTEN = {
    "a.gpl": b"GIMP Palette\r\nName: Four\r\nColumns: 2\r\n# why\r\n  0   0   0\tBlack\r\n255 128 1 orange\r\n"
    b"34 32 52\n255 255 255\n",
    "b.gpl": b"GIMP Palette\nChannels: RGBA\n#\n0 0 0 0 mask\n0 0 0 255 a\n255 128 1 255 b\n34 32 52 255\n"
    b"255 255 255 255 d\n",
    "c.pal": b"JASC-PAL\r\n0100\r\n4\r\n0 0 0\r\n255 128 1\r\n34 32 52\r\n255 255 255\r\n",
    "d.pal": riff(COLOURS),
    "e.act": act(COLOURS, 4),
    "f.hex": b"000000\nff8001\n222034\nffffff\n",
    "g.hex": b"\xef\xbb\xbf#000000\r\n#FF8001\r\n#222034\r\n#FFFFFF",
    "h.txt": b";paint.net Palette File\n;Colors: 4\nFF000000\nFFff8001\nFF222034 ; dark\nFFffffff\n",
    "i.ase": adobe_swatches(COLOURS),
    "j.aseprite": aseprite(COLOURS),
    "k.ase": aseprite(COLOURS),
    "m.png": pixels(COLOURS, "PNG"),
    "n.gif": pixels(COLOURS, "GIF"),
    "o.bmp": pixels(COLOURS, "BMP"),
    "p.webp": pixels(COLOURS, "WEBP"),
    "q.pal": pixels(COLOURS, "PNG"),
    "l.hex": "000000\nff8001\n222034\nffffff\n".encode("utf-16"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_palette_files_are_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(WRITTEN[name])
    assert list(read_palette(tmp_path / name).colours) == COLOURS


def test_a_palette_is_named_as_its_file_or_by_it(tmp_path: Path) -> None:
    for name, data in WRITTEN.items():
        (tmp_path / name).write_bytes(data)
    assert [read_palette(tmp_path / name).name for name in ("a.gpl", "f.hex", "i.ase")] == ["Four", "f", "abc"]


def test_swatches_in_grey_ink_and_cielab(tmp_path: Path) -> None:
    bodies = [
        b"Gray" + struct.pack(">f", 0.5),
        b"CMYK" + struct.pack(">ffff", 0, 1, 1, 0),
        b"LAB " + struct.pack(">fff", 0.5429, 80.81, 69.89),  # sRGB red, seen under D50
    ]
    blocks = b""
    for body in bodies:
        body = struct.pack(">H", 1) + b"\0\0" + body + b"\0\0"
        blocks += struct.pack(">HI", 1, len(body)) + body
    (tmp_path / "a.ase").write_bytes(b"ASEF\0\1\0\0" + struct.pack(">I", 3) + blocks)
    found = read_palette(tmp_path / "a.ase").colours
    assert found[0] == (128, 128, 128)
    assert found[1] == RED
    assert np.abs(np.array(found[-1]) - RED).max() <= 1


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    palette = palette_of(clean_sprites(4), 24, "Mine\nand more")
    (tmp_path / "x.gpl").write_bytes(gimp_palette(palette))
    again = read_palette(tmp_path / "x.gpl")
    assert again.colours == palette.colours
    assert again.name == "Mine and more"


REFUSED = {
    "empty.hex": (b"", "no colours"),
    "zeros.hex": (b"\0" * 100, "not text"),
    "words.txt": (b"Dear all,\nhow are you?\n", "no palette that is known"),
    "late.hex": (b"ffffff\nzzz\n", "line 2 is no colour: zzz"),
    "values.gpl": (b"GIMP Palette\n1 2 999\n", "line 2 has a value above 255"),
    "line.gpl": (b"GIMP Palette\nhello\n", "line 2 is no colour: hello"),
    "count.pal": (b"JASC-PAL\n0100\n99999\n0 0 0\n", "says that it has 99,999 colours, but has 1"),
    "nocount.pal": (b"JASC-PAL\n0100\n", "number of its colours is missing"),
    "riff.pal": (riff(COLOURS, 65535), "truncated"),
    "wave.pal": (b"RIFF\4\0\0\0WAVEfmt ", "RIFF file, but no palette"),
    "act.act": (act(COLOURS, 4000), "says that it has 4,000 colours"),
    "blocks.ase": (adobe_swatches(COLOURS, 2**32 - 1), "too many"),
    "short.ase": (adobe_swatches(COLOURS, 60), "truncated"),
    "nan.ase": (
        b"ASEF\0\1\0\0\0\0\0\1" + struct.pack(">HIHH4sf", 1, 12, 1, 0, b"Gray", float("nan")),
        "no number",
    ),
    "model.ase": (b"ASEF\0\1\0\0\0\0\0\1" + struct.pack(">HIHH4sf", 1, 12, 1, 0, b"HSL ", 1.0), "not supported"),
    "lying.aseprite": (aseprite(COLOURS, 60_000), "truncated"),
    "cut.aseprite": (aseprite(COLOURS)[:130], "truncated"),
    "many.hex": ("\n".join(f"{i:06x}" for i in range(MOST_COLOURS + 1)).encode(), "more than 1,024 colours"),
    "many.png": (pixels([(i, i // 2, 9) for i in range(256)] + [(1, 1, 1)], "PNG"), "it has 257 colours"),
    "clear.png": (pixels([], "PNG"), "no colours"),
    "cut.png": (pixels(COLOURS, "PNG")[:60], "truncated"),
    "large.png": (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBBI", 30_000, 30_000, 8, 6, 0, 0, 0, 0),
        "too large",
    ),
    "latin.gpl": (b"GIMP Palette\nName: caf\xe9\n0 0 0\n", "not valid UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_files_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    data, reason = REFUSED[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=reason) as caught:
        read_palette(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("suffix", [".gpl", ".hex", ".pal", ".act", ".ase", ".aseprite"])
def test_what_others_run_is_no_palette(suffix: str, tmp_path: Path) -> None:
    """Pickles, and archives that are said to be palettes."""
    pickled = pickle.dumps(Evil(tmp_path / "it ran"))
    with zipfile.ZipFile(archived := io.BytesIO(), "w") as archive:
        archive.writestr("palette.gpl", pickled)
    for data in (pickled, archived.getvalue()):
        (tmp_path / f"x{suffix}").write_bytes(data)
        with pytest.raises(UserError) as caught:
            read_palette(tmp_path / f"x{suffix}")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "it ran").exists()


def test_huge_files_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.hex").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(UserError, match="larger than 64 MiB"):
        read_palette(tmp_path / "x.hex")
    (tmp_path / "y.hex").write_bytes(b"000000\n" * 200_000)
    with pytest.raises(UserError, match="too large"):
        read_palette(tmp_path / "y.hex")


def test_devices_pipes_folders_and_nothing_are_refused(tmp_path: Path) -> None:
    refused = [tmp_path, tmp_path / "missing.gpl"]
    if os.name != "nt":
        (tmp_path / "zero.hex").symlink_to("/dev/zero")
        os.mkfifo(tmp_path / "pipe.pal")
        (tmp_path / "loop.gpl").symlink_to("loop.gpl")
        refused += [tmp_path / "zero.hex", tmp_path / "pipe.pal", tmp_path / "loop.gpl"]
    for path in refused:
        with pytest.raises(UserError, match=path.name) as caught:
            read_palette(path)
        assert "\n" not in str(caught.value)


def test_colours_are_kept_once_and_in_order() -> None:
    assert Palette.of([RED, BLUE, RED]).colours == (RED, BLUE)
    with pytest.raises(UserError, match="no colours"):
        Palette.of([])
