"""Child of test_hostile_kills: imports, edits, commits, exports and dedupes until it is killed, acknowledging each.

    working.py FOLDER SEED

After every command one JSON line says what the person was told is done: how many sprites there are, the newest edit,
the versions' digests, and the digest of the version that the export holds.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent), str(Path(__file__).resolve().parent)]

from scenes import studio  # noqa: E402
from small_workspaces import png_bytes, sprite_pixels  # noqa: E402

from gandam_studio.core.workspace import Workspace  # noqa: E402


def acknowledged(folder: Path, exported: str) -> dict[str, object]:
    """What a person sees as done."""
    with Workspace.open(folder, read_only=True) as workspace:
        (sprites,) = workspace.connection.execute("SELECT count(*) FROM sprites").fetchone()
        (edit,) = workspace.connection.execute("SELECT coalesce(max(edit), 0) FROM edits").fetchone()
        digests = [row[0] for row in workspace.connection.execute("SELECT digest FROM versions ORDER BY version")]
    return {"sprites": sprites, "edit": edit, "versions": digests, "exported": exported}


def main() -> None:
    """Work until killed."""
    root, seed = Path(sys.argv[1]), int(sys.argv[2])
    dice = random.Random(seed)
    folder, out = root / "ws", root / "out"
    exported = ""
    number = 100
    print("ready", flush=True)
    for turn in range(1000):
        kind = dice.choice(("import", "edit", "edit", "commit", "export", "dedupe"))
        arguments: list[object]
        if kind == "import":
            place = root / f"new-{turn}"
            place.mkdir()
            for _ in range(dice.randrange(1, 12)):
                number += 1
                (place / f"sprite-{number:05}.png").write_bytes(png_bytes(sprite_pixels(number)))
            arguments = ["import", place, "--workers", 1]
        elif kind == "edit":
            arguments = dice.choice((
                ["flip", "--text", "sprite"], ["drop", f"sprite-{dice.randrange(12):05}.png", "--reason", "odd"],
                ["tag", "--text", "sprite-0", "--add", f"t{turn}"], ["undo"], ["redo"],
            ))  # fmt: skip
        elif kind == "commit":
            arguments = ["commit", "-m", f"turn {turn}"]
        elif kind == "export":
            arguments = ["export-manifest", "--format", "imagefolder", "--out", out, "--force", "--json"]
        else:
            arguments = ["dedupe", "--apply", "--duplicates-only"]
        code, said, error = studio(*arguments, "-w", folder)
        assert code in (0, 1), error
        assert "went wrong inside" not in error, error
        if kind == "export" and code == 0:
            exported = json.loads(said)["digest"]
        print(json.dumps(acknowledged(folder, exported)), flush=True)


if __name__ == "__main__":
    main()
