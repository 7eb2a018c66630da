"""All derived data is restored exactly as the import made it."""

from __future__ import annotations

import pytest
from damaged_originals import flip_a_bit, where

from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.importing.repair import describe_again
from gandam_studio.core.jobs import NullJob
from gandam_studio.core.workspace import described
from gandam_studio.core.workspace.described import is_stale

ONE = ImportOptions(workers=1)


class Steps(NullJob):
    """A job that adds up its progress."""

    def __init__(self) -> None:
        self.total, self.done = 0, 0

    def start(self, label: str, total: int | None) -> None:
        self.total = total or 0

    def advance(self, count: int = 1) -> None:
        self.done += count


def prints(workspace) -> list[tuple]:
    return [tuple(row) for row in workspace.connection.execute("SELECT * FROM fingerprints ORDER BY seq")]


def test_hashes_and_features_are_made_again_alike(workspace, folder_of, monkeypatch) -> None:
    assert not is_stale(workspace)
    import_sources(workspace, [folder_of(range(100))], options=ONE)
    assert not is_stale(workspace)
    before = prints(workspace)
    workspace.connection.execute("DELETE FROM fingerprints WHERE seq = 7")
    workspace.connection.execute("UPDATE fingerprints SET hashes = x'00', features = x'00' WHERE seq = 8")
    assert is_stale(workspace)
    job = Steps()
    assert describe_again(workspace, job) == 100
    assert (job.total, job.done) == (100, 100)
    assert prints(workspace) == before
    assert not is_stale(workspace)
    monkeypatch.setattr(described, "FEATURES_VERSION", 99)
    assert is_stale(workspace)
    workspace.originals.discard(workspace.sprite(3).blob)
    assert describe_again(workspace) == 99
    assert prints(workspace) == before


@pytest.mark.parametrize("damage", ["gone", "torn", "changed"])
def test_a_lost_original_comes_back_with_its_source(workspace, folder_of, damage: str) -> None:
    folder = folder_of(range(5))
    import_sources(workspace, [folder], options=ONE)
    blob = workspace.sprite(2).blob
    pack, start = where(workspace.originals, blob)
    if damage == "gone":
        pack.unlink()
    elif damage == "torn":
        pack.write_bytes(pack.read_bytes()[: start + 30])
    else:
        flip_a_bit(pack, start + 30)
    assert import_sources(workspace, [folder], options=ONE).already == 5
    assert workspace.originals.damage(blob)
    if damage == "changed":
        workspace.originals.discard(blob)  # as a verification does with bytes that are wrong
    summary = import_sources(workspace, [folder], options=ImportOptions(workers=1, reread=True))
    assert (summary.imported, summary.already) == (0, 5)
    assert workspace.originals.damage(blob) == ""
