"""A rendering worker that crashes on the sprite named on its command line, once or always."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gandam_studio.core.versions import rendering_worker
from gandam_studio.core.workers.serving import serve

whole_of = rendering_worker.whole_of


def fragile(originals, entry):
    name, mark = sys.argv[1:]
    if entry.source == name and not (mark and Path(mark).exists()):
        if mark:
            Path(mark).touch()
        os._exit(9)
    return whole_of(originals, entry)


if __name__ == "__main__":
    rendering_worker.whole_of = fragile
    sys.exit(serve(rendering_worker.prepare))
