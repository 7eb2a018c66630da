"""A history on real sprites: two orders of import and decisions, ten commits, equal digests."""

from __future__ import annotations

import csv
import gzip
import random
import zipfile

import pytest

from gandam_studio.core import versions
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.versions import verify
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, SetCrop, SetFacing, SetValues, Tag

COUNT = 220


@pytest.fixture(scope="module")
def pictures(shared_data, tmp_path_factory):
    """About 220 pictures of both generations, some with equal bytes, some with equal pixels only."""
    folder = tmp_path_factory.mktemp("pokesprite")
    with gzip.open(shared_data / "pokesprite" / "files.tsv.gz", "rt", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    by_pixels: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in rows:
        by_pixels.setdefault((row["sha256_rgba"], row["width"], row["height"]), []).append(row)
    re_encoded = [group for group in by_pixels.values() if len({row["sha256_file"] for row in group}) > 1]
    assert re_encoded
    twins = [group for group in by_pixels.values() if len(group) > 1][:30]
    alone = [group for group in by_pixels.values() if len(group) == 1]
    chosen = [row for group in re_encoded + twins + random.Random(1).sample(alone, COUNT - 64) for row in group]
    paths = []
    with zipfile.ZipFile(next((shared_data / "pokesprite").glob("*.zip"))) as archive:
        names = {
            name.split("/", 1)[-1] if not name.startswith("pokemon") else name: name for name in archive.namelist()
        }
        for row in chosen:
            name = next(full for full in (row["path"], *names.values()) if full.endswith(row["path"]))
            path = folder / row["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name if name in archive.NameToInfo else names[row["path"]]))
            paths.append(path)
    return paths


def decide(workspace, step: int, dice: random.Random) -> None:
    """Make the decisions of one step, by sprite id, in random order."""
    ids = [row[0] for row in workspace.connection.execute("SELECT id FROM sprites ORDER BY id")]
    seq = dict(map(tuple, workspace.connection.execute("SELECT id, seq FROM sprites")))
    mine = random.Random(step).sample(ids, 24)
    rows = [seq[sprite] for sprite in mine]
    work = [
        [Drop([row], ("duplicate", "non-bipedal")[row_number % 2]) for row_number, row in enumerate(rows[:4])],
        [Flip([row]) for row in rows[4:12]],
        [Tag([row], add=frozenset({f"step {step}"})) for row in rows[6:14]],
        [SetFacing([row], "left") for row in rows[14:18]],
        [SetCrop([row], (2, 2, 20, 20)) for row in rows[18:20]],
        [SetValues({"family": {row: f"family {step}"}}, "Family") for row in rows[20:22]],
        [SetValues({"weight": {row: 1 / 3}}, "Weight") for row in rows[22:]],
    ]
    # Flips and facings of one sprite do not commute; kinds follow one another, sprites come in any order.
    for edits in work:
        dice.shuffle(edits)
        for edit in edits:
            workspace.apply(edit)


def test_ten_versions_in_two_orders_have_equal_digests(pictures, tmp_path):
    histories = []
    for name, seed in (("a", 1), ("b", 2)):
        dice = random.Random(seed)
        order = dice.sample(pictures, len(pictures))
        with Workspace.create(tmp_path / name) as workspace:
            for start in range(0, len(order), 80):
                import_sources(workspace, order[start : start + 80], options=ImportOptions(workers=1))
            found = []
            for step in range(10):
                decide(workspace, step, dice)
                found.append(
                    (
                        versions.commit(workspace, f"step {step}").digest,
                        versions.diff(workspace, versions.find_version(workspace, "latest"), None).summary,
                    )
                )
            summaries = [
                versions.diff(
                    workspace, versions.find_version(workspace, f"v{n}"), versions.find_version(workspace, f"v{n + 1}")
                ).summary.partition(": ")[2]
                for n in range(1, 10)
            ]
            histories.append(([digest for digest, _ in found], summaries))
            assert verify(workspace).ok
    assert histories[0] == histories[1]
    digests, summaries = histories[0]
    assert len(set(digests)) == 10
    assert all("flipped" in summary and "recropped" in summary for summary in summaries)
