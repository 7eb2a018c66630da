"""Sprites cut from sheets, or with a key colour removed, are listed, committed, exported and imported like others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, sprite

from gandam_studio.core import exporting, versions
from gandam_studio.core.exporting import take_back
from gandam_studio.core.importing import Grid, ImportOptions, import_sources
from gandam_studio.core.pictures.decoding.parts import INDEX_0, Piece, frame_part, key_part
from gandam_studio.core.workspace import Workspace
from trainer.protocol.manifest import is_part


def framed(x: int, *, rotated: bool = False, trimmed: bool = False) -> dict[str, object]:
    width, height = (20, 24) if rotated else (24, 20)
    frame = {"frame": {"x": x, "y": 0, "w": width, "h": height}, "rotated": rotated}
    if trimmed:
        frame |= {"sourceSize": {"w": 40, "h": 40}, "spriteSourceSize": {"x": 5, "y": 6, "w": width, "h": height}}
    return frame


def sheet(folder: Path, *, described: bool) -> Path:
    folder.mkdir()
    pixels = np.concatenate([sprite(number) for number in (1, 2, 3)], axis=1)
    ground = np.where(pixels[..., 3:] == 0, np.array([255, 0, 255, 255], np.uint8), pixels)
    (folder / "s.png").write_bytes(encoded(pixels if described else ground))
    frames = {"a": framed(0), "b": framed(24, rotated=True), "c": framed(48, trimmed=True)}
    if described:
        (folder / "s.json").write_text(json.dumps({"frames": frames, "meta": {"image": "s.png"}}))
    return folder


@pytest.mark.parametrize(
    "options",
    [
        ImportOptions(workers=1),
        ImportOptions(workers=1, atlases=False, key=(255, 0, 255)),
        ImportOptions(workers=1, atlases=False, key="auto", sheet=Grid(24, 20)),
    ],
)
def test_parts_of_every_kind_go_round(workspace: Workspace, tmp_path: Path, options: ImportOptions) -> None:
    import_sources(workspace, [sheet(tmp_path / "art", described=options.atlases)], options=options)
    parts = {sprite.part for sprite in workspace.sprites()}
    assert parts != {""}
    # The same file under another name, earlier in order: the version names that one, with its part.
    (tmp_path / "copy").mkdir()
    for path in (tmp_path / "art").iterdir():
        (tmp_path / "copy" / path.name).write_bytes(path.read_bytes())
    import_sources(workspace, [tmp_path / "copy"], options=options)
    version = versions.commit(workspace, "one")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="imagefolder")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "m.jsonl", format="jsonl")
    assert {json.loads(line)["part"] for line in (tmp_path / "m.jsonl").read_text().splitlines()} == parts
    assert take_back(workspace, tmp_path / "m.jsonl").decided == version.sprites


def test_every_part_is_one_that_manifests_may_hold(repository: Path) -> None:
    import jsonschema

    schema = json.loads((repository / "resources" / "manifest.schema.json").read_bytes())["properties"]["part"]
    key = (255, 0, 255)
    pieces = [
        Piece((1, 2, 3, 4), turn, on, colour)
        for turn in (0, 3)
        for on in (None, (9, 9, 1, 0))
        for colour in (None, key, INDEX_0)
    ]
    for part in (
        "",
        frame_part(3),
        f"{frame_part(3)}+{key_part(key)}",
        f"{frame_part(3)}+{key_part(INDEX_0)}",
        key_part(key),
        key_part(INDEX_0),
        *(one.part for one in pieces),
    ):
        assert is_part(part)
        jsonschema.validate(part, schema)
    for part in (
        "region=1,2,3",
        "region=1,2,3,4+turn=0",
        "key=FF00FF",
        "frame=1+turn=1",
        "was=0123456789ab",
    ):
        assert not is_part(part)
