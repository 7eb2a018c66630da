"""Write sample sets to disk: PNG files and their truth table, in a folder or a zip."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.samples.mechas.collection import SpriteTruth, sprite, truth
from trainer.protocol.files import atomic_writer, write_bytes

TRUTH_COLUMNS = tuple(field.name for field in dataclasses.fields(SpriteTruth))


def png_bytes(seed: int, index: int, *, compression: int = 6) -> bytes:
    """A sprite of the collection as an RGBA PNG file; `compression` is the zlib level, 1 (fast) to 9 (small)."""
    stream = io.BytesIO()
    Image.fromarray(sprite(seed, index)).save(stream, "PNG", compress_level=compression)
    return stream.getvalue()


def truth_table(seed: int, count: int, *, first: int = 0) -> str:
    """The ground truth about `count` sprites as tab-separated text with a header."""
    stream = io.StringIO(newline="")
    table = csv.writer(stream, delimiter="\t", lineterminator="\n")
    table.writerow(TRUTH_COLUMNS)
    for index in range(first, first + count):
        row = dataclasses.asdict(truth(seed, index))
        row["bipedal"] = int(row["bipedal"])
        table.writerow(row.values())
    return stream.getvalue()


def read_truth(path: Path) -> Iterator[SpriteTruth]:
    """Yield the rows of a truth table written by `write_set`. Raises OSError, or ValueError for other tables."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        table = csv.DictReader(stream, delimiter="\t")
        if tuple(table.fieldnames or ()) != TRUTH_COLUMNS:
            raise ValueError(f"{Path(path).name} is no truth table of a sample set")
        for row in table:
            yield SpriteTruth(
                index=int(row["index"]),
                file=row["file"],
                facing=row["facing"],
                bipedal=row["bipedal"] == "1",
                kind=row["kind"],
                family=row["family"],
                relation=row["relation"],
                original=row["original"],
            )


def write_set(target: Path, count: int, *, seed: int, compression: int = 6, job: Job = NULL_JOB) -> Path:
    """Write the first `count` sprites of a collection and their `truth.tsv`; returns the path of the truth table.

    `target` is a folder, or a `.zip` whose table is written next to it. Sets of more than 10,000 sprites are split into
    sub-folders of 10,000. Raises OSError and Cancelled.
    """
    target = Path(target)
    zipped = target.suffix == ".zip"
    folder = target.parent if zipped else target
    folder.mkdir(parents=True, exist_ok=True)
    job.start("Drawing sprites", count)
    with contextlib.ExitStack() as stack:
        archive = None
        if zipped:
            stream = stack.enter_context(atomic_writer(target))
            archive = stack.enter_context(zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED))
        for index in range(count):
            name = truth(seed, index).file
            if count > 10_000:
                name = f"{index // 10_000:04d}/{name}"
            data = png_bytes(seed, index, compression=compression)
            if archive:
                # A fixed date, so that equal sprites give equal bytes.
                archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
            else:
                path = folder / name
                if index % 10_000 == 0:
                    path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
            job.advance()
    table = folder / "truth.tsv"
    write_bytes(table, truth_table(seed, count).encode())
    return table
