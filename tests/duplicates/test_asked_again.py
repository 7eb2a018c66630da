"""What is known of sprites is told without loading what compares pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from gandam_studio.core.duplicates import find_duplicates
from gandam_studio.core.importing import import_sources
from gandam_studio.core.workspace import Workspace

PROGRAM = """
import json, sys
from gandam_studio.core import versions
from gandam_studio.core.workspace import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    versions.commit(workspace, "asked again")
    after = [sorted(sys.modules)]
    from gandam_studio.core.duplicates import find_duplicates
    seqs = [group.seqs for group in find_duplicates(workspace)]
after.append(sorted(sys.modules))
print(json.dumps([seqs, *after]))
"""


def test_a_version_and_asking_again_need_no_pixels(tmp_path: Path) -> None:
    art = tmp_path / "art"
    art.mkdir()
    for number in range(6):
        dice = np.random.default_rng(number // 2)  # two of each, one of them enlarged
        picture = np.zeros((20, 20, 4), np.uint8)
        picture[3:17, 4:16] = 255
        picture[3:17, 4:16, :3] = dice.integers(0, 256, (14, 12, 3))
        large = cv2.resize(picture, None, fx=1 + number % 2, fy=1 + number % 2, interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(art / f"{number}.png"), large)
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [art])
        expected = [list(group.seqs) for group in find_duplicates(workspace)]
    assert sorted(map(sorted, expected)) == [[1, 2], [3, 4], [5, 6]]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "w")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seqs, *loaded = json.loads(done.stdout)
    assert seqs == expected
    for modules in loaded:
        assert not {"cv2", "numba", "numpy.ma", "scipy", "gandam_studio.core.duplicates.searching"} & set(modules)
