"""The Ray engine gives the same results as local workers, bit for bit. Skipped without Ray."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from pictures import encoded, sprite, sprite_png

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.workspace import Workspace

HAS_RAY = importlib.util.find_spec("ray") is not None

SCRIPT = """
import sys
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.workspace import Workspace
with Workspace.create(sys.argv[1]) as workspace:
    summary = import_sources(workspace, sys.argv[2:], options=ImportOptions(engine="ray"))
    print(summary.imported, summary.already, summary.rejected_count, summary.missing_count)
"""


def state(workspace: Workspace) -> list:
    tables = ("sprites", "sources", "fingerprints")
    rows = [[tuple(row) for row in workspace.connection.execute(f"SELECT * FROM {name}")] for name in tables]
    pictures = [workspace.thumbnails.read(seq).tobytes() for seq in range(1, len(rows[0]) + 1)]
    return [*rows, pictures, list(workspace.originals.digests())]


@pytest.mark.skipif(not HAS_RAY, reason="ray is not installed")
@pytest.mark.slow
def test_the_same_results_on_a_cluster(tmp_path, folder_of, repository) -> None:
    import zipfile

    folder = folder_of(range(150))
    (folder / "copy.png").write_bytes(encoded(sprite(3), compress_level=0))
    (folder / "bad.png").write_bytes(b"nothing")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        for number in range(140, 220):
            archive.writestr(f"{number}.png", sprite_png(number))
    sources = [str(folder), str(tmp_path / "gone.png")]
    # In a process of its own: Ray leaves threads and warnings behind that this test session would trip over.
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "ray"), *sources],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert process.stdout.split() == ["220", "11", "1", "1"], process.stderr[-2000:]
    with Workspace.create(tmp_path / "local") as local:
        import_sources(local, sources, options=ImportOptions(workers=2))
        with Workspace.open(tmp_path / "ray") as cluster:
            assert state(cluster) == state(local)


@pytest.mark.skipif(HAS_RAY, reason="ray is installed")
def test_without_ray_one_clear_line(workspace, folder_of) -> None:
    with pytest.raises(UserError, match="ray"):
        import_sources(workspace, [folder_of(range(1))], options=ImportOptions(engine="ray"))
