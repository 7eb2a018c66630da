"""What a worker process of an import does (see `core.workers.serving`): a crash or a hang in here costs one picture."""

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
    """Make ready to examine chunks of files; `values` are those of a `WorkSettings`."""
    settings = WorkSettings(**values)
    # Where this bounds nothing, the check of a picture's header is what bounds memory.
    limit_memory(settings.decoding_limits.memory_bytes)
    examiner = Examiner(settings)

    def examine(frame: bytes, report: Report) -> bytes:
        return pack_outcomes(examiner.examine(unpack_items(frame), report))

    yield examine
