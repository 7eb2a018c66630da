"""The bundled sample sets, and their paths in a checkout and in an installed wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

# The bundled mechas are the first sprites of this collection; see gandam_studio.samples.mechas.
MECHA_SEED, MECHA_COUNT = 3, 600


@dataclass(frozen=True)
class SampleSet:
    """A bundled set of pictures.

    Attributes:
        name: short name, as in `gandam-studio demo --set NAME`.
        title: what it shows and who made it.
        pictures: the zip to import.
        truth: tab-separated ground truth about each picture.
        licence: its licence.
    """

    name: str
    title: str
    pictures: Path
    truth: Path
    licence: str


@dataclass(frozen=True)
class Fact:
    """Ground truth of a picture: facing "left", "right" or "unknown", and whether it walks on two legs."""

    facing: str
    bipedal: bool


def read_facts(sample_set: SampleSet) -> dict[str, Fact]:
    """File name -> facts, for a bundled set. Raises OSError, and KeyError for other tables."""
    import csv

    facts = {}
    with sample_set.truth.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            facing = row["facing"] if "facing" in row else row["facing_by_eye"]
            bipedal = row["bipedal"] if "bipedal" in row else row["biped"]
            facts[row["file"]] = Fact(facing if facing in ("left", "right") else "unknown", bipedal == "1")
    return facts


def data_path(*parts: str) -> Path:
    """Return the path of bundled data, e.g. ``data_path("mechas", "truth.tsv")``."""
    installed = _PACKAGE / "_data"
    root = installed if installed.is_dir() else _PACKAGE.parent / "data"
    return root.joinpath(*parts)


def sample_sets() -> tuple[SampleSet, ...]:
    """All bundled sets, the default one first."""
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
