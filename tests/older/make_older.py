"""Makes workspace.zip: a small workspace with versions, decisions and a trained run, and what is known of it.

    python tests/older/make_older.py OUT.zip

Run with the code of an older commit, by its command line alone, it gives what `test_older_workspaces.py` opens with
today's code. It is kept so that the next format change can add a fixture of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

TINY = (
    "architecture.kind=dcgan", "data.size=32", "architecture.size=32", "architecture.latent=8",
    "architecture.generator_channels=8,8,8", "architecture.discriminator_channels=8,8,8", "batch.size=4",
    "sampling.every=10", "sampling.count=4", "sampling.checkpoint_every=10", "precision.threads=1",
    "precision.kind=fp32", "precision.channels_last=off", "precision.winograd=off", "ema.enabled=false",
)  # fmt: skip
FORMATS = ("jsonl", "csv", "imagefolder", "coco")


def draw(folder: Path) -> None:
    """Draw 24 different sprites of 24 x 24 pixels, including a mirrored pair and a copy."""
    folder.mkdir()
    dice = np.random.default_rng(20261128)
    for number in range(24):
        pixels = np.zeros((24, 24, 4), np.uint8)
        half = dice.integers(0, 2, (12, 16)).astype(bool)
        pixels[6:18, 4:20][half] = [*dice.integers(40, 256, 3), 255]
        if number == 22:
            pixels = np.asarray(Image.open(folder / "sprite-03.png"))[:, ::-1]
        if number == 23:
            pixels = np.asarray(Image.open(folder / "sprite-05.png"))
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"sprite-{number:02}.png", optimize=number == 23)


def main() -> None:
    """Make the workspace and pack it."""
    out = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        draw(top / "art")
        environment = {**os.environ, "GANDAM_STUDIO_NO_COLOR": "1"}

        def studio(*arguments: object) -> dict[str, object]:
            command = [sys.executable, "-m", "gandam_studio", *map(str, arguments)]
            command += [] if arguments[0] == "new" else ["-w", str(top / "ws")]
            done = subprocess.run(
                [*command, "--json"], capture_output=True, text=True, check=False, cwd=top, env=environment
            )
            if done.returncode:
                raise SystemExit(f"{arguments}: {done.stderr}")
            return json.loads(done.stdout)

        studio("new", top / "ws")
        studio("import", top / "art", "--workers", 1)
        studio("flip", "sprite-00.png", "sprite-01.png")
        studio("facing", "sprite-02.png", "--is", "right")
        studio("tag", "sprite-02.png", "sprite-04.png", "--add", "mecha", "--add", "two words")
        studio("drop", "sprite-06.png", "--reason", "not bipedal")
        studio("splits", "--held-out", 0.2)
        studio("recipe", "--size", 32)
        studio("commit", "-m", "one")
        studio("dedupe", "--apply", "--duplicates-only")
        studio("keep", "sprite-06.png")
        studio("undo")
        studio("commit", "-m", "two")
        studio("tag-version", "v2", "--add", "paper")
        settings = [part for text in TINY for part in ("--set", text)]
        studio("train", "--preset", "dcgan", "--iterations", 20, "--device", "cpu", "--seed", 3, *settings)
        exports = {}
        for form in FORMATS:
            studio("export-manifest", "--format", form, "--out", top / f"x-{form}", "--version", "v2")
            files = sorted(path for path in [top / f"x-{form}", *(top / f"x-{form}").rglob("*")] if path.is_file())
            exports[form] = {
                path.relative_to(top).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in files
                if path.name != "export.json"
            }
        known = {
            "versions": studio("versions"), "list": studio("list"), "history": studio("history"),
            "diff": studio("diff", "v1", "v2"), "exports": exports, "show": studio("show", "sprite-02.png"),
        }  # fmt: skip
        (top / "known.json").write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            for path in sorted([top / "known.json", *(top / "ws").rglob("*")]):
                if path.is_file() and not path.name.endswith((".holder", "-shm", "-wal")):
                    packed.write(path, path.relative_to(top).as_posix())
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
