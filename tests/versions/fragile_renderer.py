"""A rendering worker that crashes on the sprite named on its command line, once or always."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gandam_studio.core.versions import rendering_worker
from gandam_studio.core.workers.serving import serve

rendered = rendering_worker.rendered


def fragile(originals, entry, *how):
    name, mark = sys.argv[1:]
    if entry.source == name and not (mark and Path(mark).exists()):
        if mark:
            Path(mark).touch()
        os._exit(9)
    return rendered(originals, entry, *how)


if __name__ == "__main__":
    rendering_worker.rendered = fragile
    sys.exit(serve(rendering_worker.prepare))
