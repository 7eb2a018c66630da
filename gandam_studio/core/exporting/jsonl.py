"""jsonl: the manifest's own bytes, so that its SHA-256 is the version's digest."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from gandam_studio.core.exporting.source import Source
from trainer.protocol.manifest import ManifestEntry


def write(source: Source, stream: IO[bytes], place: Callable[[ManifestEntry], str] | None = None) -> None:
    """Write the lines unchanged. `place` writes an entry's picture; its name includes the start of the id."""
    if place is None:
        source.job.start("Exporting", source.version.sprites)
        for line in source.lines():
            stream.write(line)
            source.job.advance()
        return
    for entry in source.entries_with_progress():
        place(entry)
        stream.write(entry.line())
