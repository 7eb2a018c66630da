"""Real sprites at 32 px on white, split by family, and samples with known properties."""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from known_sprites import blurred, jittered
from PIL import Image

from trainer.create_run import squared
from trainer.diagnostics.diagnose import Diagnostics, Findings
from trainer.diagnostics.likeness import Array, RealPictures
from trainer.protocol.diagnosis import CANNOT_TELL, COLLAPSED, COLLAPSED_ONTO_TRAINING, HEALTHY, MEMORISED
from trainer.protocol.recipe import Recipe

SIZE = 32
Sprites = tuple[Array, Array]
"""Pictures uint8 (N, 32, 32, 3), all different, and the number of each one's family (N,)."""


def pokesprites(shared_data: Path) -> Sprites:
    """Regular sprites of the eighth generation; a family is a species."""
    folder = shared_data / "pokesprite"
    with zipfile.ZipFile(folder / "pokesprite-2.7.0.zip") as archive:
        with gzip.open(folder / "files.tsv.gz", "rt", encoding="utf-8") as table:
            rows = [row for row in csv.DictReader(table, delimiter="\t") if row["set"] == "gen8"]
        regular = [row for row in rows if row["variant"] == "regular" and row["species"]]
        return _collected((row["species"], archive.read(row["path"])) for row in regular)


def freedoom(shared_data: Path) -> Sprites:
    """Monsters in eight rotations and several frames; a family is a monster."""
    folder = shared_data / "freedoom"
    with (folder / "freedoom-sprites.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return _zipped(folder / "freedoom-sprites.zip", [(row["actor"], row["file"]) for row in rows])


def mechas(repository: Path) -> Sprites:
    """The drawn mechas that come with the program."""
    folder = repository / "data" / "mechas"
    with (folder / "truth.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return _zipped(folder / "mechas.zip", [(row["family"], row["file"]) for row in rows])


def _zipped(path: Path, wanted: list[tuple[str, str]]) -> Sprites:
    with zipfile.ZipFile(path) as archive:
        inside = {Path(name).name: name for name in archive.namelist()}
        return _collected((family, archive.read(inside[Path(name).name])) for family, name in wanted)


def _collected(found: Iterator[tuple[str, bytes]]) -> Sprites:
    pictures: dict[bytes, Array] = {}
    families: dict[bytes, str] = {}
    for family, data in found:
        with Image.open(io.BytesIO(data)) as picture:
            pixels = squared(picture.convert("RGBA"), Recipe(size=SIZE))
        if pixels.tobytes() not in pictures:
            pictures[pixels.tobytes()], families[pixels.tobytes()] = pixels, family
    numbers = np.unique(list(families.values()), return_inverse=True)[1]
    return np.stack(list(pictures.values())), numbers


def in_folder(folder: Path) -> Sprites:
    """All pictures below a folder, with the families that the program finds."""
    from gandam_studio.core.runs.datasets import prepare
    from gandam_studio.core.versions import find_version
    from gandam_studio.core.workspace import Workspace
    from trainer.protocol.arrays import open_pictures

    with tempfile.TemporaryDirectory() as scratch:
        ws = Path(scratch) / "ws"
        for words in (["new", ws], ["-w", ws, "import", folder], ["-w", ws, "dedupe", "--families"],
                      ["-w", ws, "recipe", "--size", str(SIZE)], ["-w", ws, "commit"]):  # fmt: skip
            command = [sys.executable, "-m", "gandam_studio", *map(str, words)]
            subprocess.run(command, check=True, capture_output=True)
        with Workspace.open(ws) as workspace:
            prepared = prepare(workspace, find_version(workspace, "latest"))
            pixels = np.array(open_pictures(prepared.pixels_path))
            info = prepared.info()
    named = [family or one for one, family in zip(info["ids"], info["family"], strict=True)]
    rows = np.unique(pixels.reshape(len(pixels), -1), axis=0, return_index=True)[1]
    rows.sort()
    return pixels[rows], np.unique(np.array(named)[rows], return_inverse=True)[1]


@dataclass
class Split:
    """Families divided into training, held-out and unseen pictures."""

    training: Array
    held_out: Array
    unseen: Array
    unseen_families: Array
    diagnostics: Diagnostics
    random: np.random.Generator

    def look(self, samples: Array) -> Findings:
        """Diagnose."""
        return self.diagnostics.look(samples)

    def modes(self, count: int, source: Array, samples: int) -> Array:
        """`samples` jittered copies of `count` pictures of `source`."""
        chosen = self.random.permutation(len(source))[:count]
        return jittered(source[chosen[self.random.integers(0, len(chosen), samples)]], self.random)

    def unrelated(self) -> Array:
        """Unseen pictures, one per family, in random order, since relatives can look alike."""
        order = self.random.permutation(len(self.unseen))
        first = np.unique(self.unseen_families[order], return_index=True)[1]
        return self.unseen[self.random.permutation(order[first])]

    def copies(self, samples: int) -> Array:
        """Jittered training pictures."""
        return jittered(self.training[self.random.integers(0, len(self.training), samples)], self.random)

    def mosaics(self, samples: int) -> Array:
        """Each 8 x 8 part from another training picture."""
        out = np.empty((samples, SIZE, SIZE, 3), np.uint8)
        for y in range(0, SIZE, 8):
            for x in range(0, SIZE, 8):
                rows = self.random.integers(0, len(self.training), samples)
                out[:, y : y + 8, x : x + 8] = self.training[rows, y : y + 8, x : x + 8]
        return out

    def halves(self, samples: int) -> Array:
        """The upper half of one training picture and the lower of another, with a soft border."""
        first = self.random.integers(0, len(self.training), samples)
        second = (first + self.random.integers(1, len(self.training), samples)) % len(self.training)
        weight = np.clip((np.arange(SIZE) - 12) / 8, 0, 1).reshape(1, SIZE, 1, 1)
        mixed = self.training[first] * (1 - weight) + self.training[second] * weight
        return mixed.round().astype(np.uint8)


def split(sprites: Sprites, training: int, held_out_share: float, seed: int, samples: int = 256) -> Split:
    """Divide whole families: about `training` pictures, the share held out, the rest unseen."""
    pictures, families = sprites
    random = np.random.default_rng(seed)
    held_out = round(training * held_out_share / (1 - held_out_share))
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for family in random.permutation(np.unique(families)):
        rows = np.flatnonzero(families == family).tolist()
        part = 0 if len(parts[0]) < held_out else 1 if len(parts[1]) < training else 2
        parts[part].extend(rows)
    held, train, unseen = (np.array(part, dtype=int) for part in parts)
    real = RealPictures(pictures[train], families[train]), RealPictures(pictures[held], families[held])
    return Split(
        pictures[train], pictures[held], pictures[unseen], families[unseen], Diagnostics(*real, samples, seed), random
    )


def _fresh(s: Split, m: int) -> Array:
    return s.unseen[s.random.permutation(len(s.unseen))[:m]]


def _share_of_copies(share: float) -> Callable[[Split, int], Array]:
    def made(s: Split, m: int) -> Array:
        count = round(share * m)
        return np.concatenate([s.copies(count), s.mosaics(m - count)])

    return made


def _one_frequent(s: Split, m: int) -> Array:
    frequent = s.modes(1, s.unseen, round(0.3 * m))
    return np.concatenate([frequent, s.modes(150, s.unseen, m - len(frequent))])


CONDITIONS: dict[str, tuple[Callable[[Split, int], Array], tuple[str, ...]]] = {
    "unseen sprites": (_fresh, (HEALTHY,)),
    "mosaics of training sprites": (lambda s, m: s.mosaics(m), (HEALTHY,)),
    "halves of training sprites": (lambda s, m: s.halves(m), (HEALTHY, CANNOT_TELL)),
    "copies, shifted and noisy": (lambda s, m: s.copies(m), (MEMORISED,)),
    "copies, soft": (lambda s, m: blurred(s.copies(m), 3), (MEMORISED,)),
    "copies, mirrored": (lambda s, m: s.copies(m)[:, :, ::-1].copy(), (MEMORISED,)),
    "half copies, half mosaics": (_share_of_copies(0.5), (MEMORISED,)),
    "10 % copies, rest mosaics": (_share_of_copies(0.1), (MEMORISED,)),
    "3 % copies, rest mosaics": (_share_of_copies(0.03), (CANNOT_TELL, HEALTHY)),
    "unseen sprites, blurred 7x7": (lambda s, m: blurred(_fresh(s, m), 7), (CANNOT_TELL,)),
    "1 picture": (lambda s, m: s.modes(1, s.unseen, m), (COLLAPSED,)),
    "2 pictures": (lambda s, m: s.modes(2, s.unseen, m), (COLLAPSED,)),
    "8 pictures": (lambda s, m: s.modes(8, s.unseen, m), (COLLAPSED,)),
    "32 pictures": (lambda s, m: s.modes(32, s.unseen, m), (COLLAPSED,)),
    "150 pictures, one of them 30 %": (_one_frequent, (COLLAPSED,)),
    "1 training picture": (lambda s, m: s.modes(1, s.training, m), (COLLAPSED_ONTO_TRAINING,)),
    "8 training pictures": (lambda s, m: s.modes(8, s.training, m), (COLLAPSED_ONTO_TRAINING,)),
}
"""Samples of known state -> how they are made, and the verdicts that are right."""

SMALL = ("32 pictures",)
"""Left out where fewer than 100 sprites are trained on: there they are no collapse."""
