"""The sample sets that travel with the program, and where they lie in a checkout and in an installed wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

# The bundled mechas are the first of this collection; see gandam_studio.core.mechas.
MECHA_SEED, MECHA_COUNT = 7, 600


@dataclass(frozen=True)
class SampleSet:
    """A bundled set of pictures.

    Attributes:
        name: short name, as in `gandam-studio demo --set NAME`.
        title: what it shows, and whose work it is.
        pictures: the zip to import.
        truth: tab-separated table of what is known about each picture.
        licence: under which it may be used.
    """

    name: str
    title: str
    pictures: Path
    truth: Path
    licence: str


def data_path(*parts: str) -> Path:
    """Return the path of bundled data, e.g. ``data_path("mechas", "truth.tsv")``."""
    installed = _PACKAGE / "_data"
    root = installed if installed.is_dir() else _PACKAGE.parent / "data"
    return root.joinpath(*parts)


def sample_sets() -> tuple[SampleSet, ...]:
    """Every bundled set, the default one first."""
    return (
        SampleSet(
            "mechas",
            f"{MECHA_COUNT} mechas, tanks and planes drawn by GANdam Studio's own generator",
            data_path("mechas", "mechas.zip"),
            data_path("mechas", "truth.tsv"),
            "MIT, as the program",
        ),
        SampleSet(
            "gearhead-caramel",
            "78 mechas drawn by Joseph Hewitt for GearHead Caramel",
            data_path("gearhead-caramel", "gearhead-caramel.zip"),
            data_path("gearhead-caramel", "truth.tsv"),
            "CC-BY-4.0, see ATTRIBUTION.md beside it",
        ),
    )
