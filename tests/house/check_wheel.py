"""Check a built wheel: both packages are typed, and contain presets and sample art but no pictures of the docs.

python -m build && python tests/house/check_wheel.py dist/*.whl
"""

from __future__ import annotations

import sys
import zipfile

NEEDED = (
    "gandam_studio/py.typed",
    "trainer/py.typed",
    "trainer/_resources/presets/sprite-r3.toml",
    "trainer/_resources/looks/sprite-flow-cpu.png",
    "trainer/_resources/manifest.schema.json",
    "gandam_studio/_data/mechas/mechas.zip",
)
UNWANTED = (".png", ".jpg", ".gif")
SHOWN = "trainer/_resources/looks/"
"""Pictures that the window shows."""


def main(wheel: str) -> None:
    """Exit with a line for each problem, or print the wheel's size."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    problems = [f"{name} is missing" for name in NEEDED if name not in names]
    others = sorted(name for name in names if not name.startswith(SHOWN))
    problems += [f"{name} does not belong into a wheel" for name in others if name.endswith(UNWANTED)]
    if problems:
        sys.exit("\n".join(problems))
    print(f"{wheel}: {len(names)} files")


if __name__ == "__main__":
    main(sys.argv[1])
