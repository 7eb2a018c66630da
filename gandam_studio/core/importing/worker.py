"""The worker process of an import (see `core.workers.serving`). A crash or hang in it costs one picture."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from gandam_studio.core.importing.examining import Examiner
from gandam_studio.core.importing.items import pack_outcomes, unpack_items
from gandam_studio.core.importing.options import WorkSettings
from gandam_studio.core.workers.serving import Handle, Report, limit_memory


@contextlib.contextmanager
def prepare(values: dict[str, Any]) -> Iterator[Handle]:
    """Prepare to examine chunks of files; `values` are those of `WorkSettings`."""
    settings = WorkSettings(**values)
    # On systems without such a limit, only the check of a picture's header bounds memory.
    limit_memory(settings.decoding_limits.memory_bytes)
    examiner = Examiner(settings)

    def examine(frame: bytes, report: Report) -> bytes:
        return pack_outcomes(examiner.examine(unpack_items(frame), report))

    yield examine
