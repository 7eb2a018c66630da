"""The bundled presets, by name."""

from __future__ import annotations

import tomllib

from trainer.protocol.config import TrainConfig, close_match
from trainer.protocol.errors import TrainerError
from trainer.protocol.resources import resource_path


def preset_names() -> list[str]:
    """Names of the bundled presets, sorted."""
    return sorted(path.stem for path in resource_path("presets").glob("*.toml"))


def load_preset(name: str) -> TrainConfig:
    """Load a bundled preset. Raises TrainerError, with similar names, when there is none of that name."""
    names = preset_names()
    if name not in names:
        raise TrainerError(f"there is no preset {name!r}{close_match(name, names)}")
    try:
        values = tomllib.loads(resource_path("presets", f"{name}.toml").read_text(encoding="utf-8"))
        return TrainConfig.from_json({"preset": name, **values})
    except ValueError as error:
        raise TrainerError(f"preset {name}: {error}") from None
