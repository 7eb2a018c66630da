"""Folders of samples: what is in them, so that they can be recognised and replaced whole."""

from __future__ import annotations

import re
from typing import Any

from trainer.protocol.output_folders import FolderKind

SHEET = "sheet.png"
"""All pictures of the folder in one."""


def _named(description: dict[str, Any]) -> str:
    ours = {"run", "iteration", "weights", "seed", "count", "seeds"} <= description.keys()
    return "sample" if ours and isinstance(description["seeds"], list) else ""


SAMPLES = FolderKind("seeds.json", "sample", _named, re.compile(rf"[0-9]{{5,}}\.png|{re.escape(SHEET)}"))
