"""Duplicates in a workspace: searched once, dropped in one undoable edit, saved, and never separated by a split."""

from __future__ import annotations

import io
import os
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_sprites import blob
from PIL import Image

from gandam_studio.core import duplicates as d
from gandam_studio.core.duplicates import finding, searching, sources
from gandam_studio.core.duplicates.links import Link, VerifiedLinks, links_path, load_findings, save_findings
from gandam_studio.core.duplicates.sources import described_otherwise
from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import import_sources
from gandam_studio.core.workspace import Workspace


def write(folder: Path, pictures: dict[str, np.ndarray]) -> None:
    folder.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        Image.fromarray(picture).save(folder / f"{name}.png")


def family(name: str, seed: int) -> dict[str, np.ndarray]:
    """A sprite, its mirror image, an enlarged copy, a recolour, and the recolour's mirror image."""
    picture = blob(seed, 34, 28)
    recolour = np.ascontiguousarray(picture[..., [2, 0, 1, 3]])
    return {
        f"{name}": picture,
        f"{name}_left": np.ascontiguousarray(picture[:, ::-1]),
        f"{name}_large": picture.repeat(2, 0).repeat(2, 1),
        f"{name}_shiny": recolour,
        f"{name}_shiny_left": np.ascontiguousarray(recolour[:, ::-1]),
    }


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of two families and another sprite; must not be changed, only copied."""
    folder = tmp_path_factory.mktemp("families")
    write(folder / "art", family("ape", 1) | family("bat", 2) | {"cat": blob(3)})
    with Workspace.create(folder / "workspace") as made:
        import_sources(made, [folder / "art"])
    return folder / "workspace"


def name_of(workspace: Workspace) -> dict[int, str]:
    return {sprite.seq: sprite.name.removesuffix(".png") for sprite in workspace.sprites()}


def test_hashes_of_the_import_are_used_until_their_version_changes(workspace: Workspace, monkeypatch):
    assert not described_otherwise(workspace)
    monkeypatch.setattr(sources, "FINGERPRINT_VERSION", -1)
    assert described_otherwise(workspace)


def test_one_group_a_family_with_the_right_words(workspace: Workspace):
    report = d.find_duplicates(workspace)
    names = name_of(workspace)
    assert len(report) == 2
    found = {names[group.keeper]: {names[m.seq]: m for m in group.members} for group in report}
    assert set(found) <= {
        "ape",
        "bat",
        "ape_left",
        "bat_left",
        "ape_shiny",
        "bat_shiny",
        "ape_shiny_left",
        "bat_shiny_left",
    }
    for keeper, members in found.items():
        stem = keeper.split("_")[0]
        assert all(name.startswith(stem) for name in members)
        assert len(members) == 4
        assert members[f"{stem}_large"].relation in ("resized", "mirrored", "recoloured")
    by_pair = {(names[link.i], names[link.j]): link.verdict.relation for link in report.links}
    for stem in ("ape", "bat"):
        relations = {frozenset(pair): word for pair, word in by_pair.items() if pair[0].startswith(stem)}
        assert relations[frozenset((stem, f"{stem}_left"))] == "mirrored"
        assert relations[frozenset((stem, f"{stem}_large"))] == "resized"
        assert relations[frozenset((stem, f"{stem}_shiny"))] == "recoloured"
        assert relations[frozenset((f"{stem}_shiny", f"{stem}_shiny_left"))] == "mirrored"


def test_the_plan_drops_duplicates_only_and_one_undo_takes_it_back(workspace: Workspace):
    names = name_of(workspace)
    plan = d.plan_drops(d.find_duplicates(workspace, rules=["not-upscaled", "source-order"]))
    assert sorted(names[drop.seq] for drop in plan.drops) == [
        "ape_large", "ape_left", "ape_shiny_left", "bat_large", "bat_left", "bat_shiny_left",
    ]  # fmt: skip
    assert {names[drop.seq]: names[drop.favour] for drop in plan.drops}["ape_shiny_left"] == "ape_shiny"
    assert {drop.rule for drop in plan.drops if names[drop.seq].endswith("large")} == {"not-upscaled"}
    workspace.apply(plan.edit())
    assert workspace.counts().dropped == 6
    assert all(not group.duplicates for group in d.find_duplicates(workspace))
    workspace.undo()
    assert workspace.counts().dropped == 0


def test_rules_decide_who_keeps_and_kept_sprites_are_spared(workspace: Workspace):
    names = name_of(workspace)
    seqs = {name: seq for seq, name in names.items()}
    report = d.find_duplicates(workspace, rules=["larger"])
    assert {names[group.keeper] for group in report} == {"ape_large", "bat_large"}
    again = report.regroup(rules=["source-order"])
    assert {names[group.keeper] for group in again} == {"ape", "bat"}
    from gandam_studio.core.workspace.edits import Keep

    workspace.apply(Keep([seqs["ape_left"], seqs["ape_large"]]))
    report = d.find_duplicates(workspace)
    assert "ape_left" in {names[group.keeper] for group in report}
    plan = d.plan_drops(report)
    assert plan.spared == (seqs["ape_large"],)
    assert seqs["ape_large"] not in {drop.seq for drop in plan.drops}
    with pytest.raises(UserError, match="unknown rule"):
        d.find_duplicates(workspace, rules=["prettiest"])
    with pytest.raises(UserError, match="distance"):
        d.find_duplicates(workspace, distance=2)


def test_not_duplicates_is_remembered_for_ever(workspace: Workspace):
    seqs = {name: seq for seq, name in name_of(workspace).items()}
    pair = [seqs["ape"], seqs["ape_left"]]
    report = d.find_duplicates(workspace)
    live = report.without([(pair[0], pair[1])])
    workspace.apply(d.keep_both(pair))
    for after in (live, d.find_duplicates(workspace)):
        assert not any(set(pair) <= set(group.seqs) for group in after)
        assert sum(len(group.seqs) for group in after) >= 8
    workspace.undo()
    assert any(set(pair) <= set(group.seqs) for group in d.find_duplicates(workspace))


def test_flip_and_keep(workspace: Workspace):
    seqs = {name: seq for seq, name in name_of(workspace).items()}
    workspace.apply(d.flip_and_keep(seqs["ape_left"], [seqs["ape"]], flipped=False))
    kept, dropped = workspace.sprite(seqs["ape_left"]), workspace.sprite(seqs["ape"])
    assert (kept.status, kept.flipped, dropped.status, dropped.reason) == ("kept", True, "dropped", "duplicate")
    assert np.array_equal(workspace.picture(kept), workspace.pixels(dropped))
    workspace.undo()
    assert workspace.sprite(seqs["ape_left"]).status == "undecided"


def test_only_what_is_new_is_compared(workspace: Workspace, tmp_path: Path, monkeypatch):
    d.find_duplicates(workspace)
    assert links_path(workspace.folder).is_file()
    asked: list[tuple[int, int]] = []
    plain = searching.candidates

    def watched(*arguments, **options):
        found = plain(*arguments, **options)
        asked.extend(zip(found.i.tolist(), found.j.tolist(), strict=True))
        return found

    monkeypatch.setattr(searching, "candidates", watched)
    d.find_duplicates(workspace)
    assert asked == []
    write(tmp_path / "more", {"ape_2x": family("x", 1)["x"].repeat(3, 0).repeat(3, 1), "dog": blob(9)})
    import_sources(workspace, [tmp_path / "more"])
    grown = d.find_duplicates(workspace)
    assert asked
    assert min(max(pair) for pair in asked) >= 11
    links_path(workspace.folder).unlink()
    afresh = d.find_duplicates(workspace)
    assert [group.seqs for group in grown] == [group.seqs for group in afresh]
    links_path(workspace.folder).write_bytes(b"not an archive")
    assert [group.seqs for group in d.find_duplicates(workspace)] == [group.seqs for group in afresh]


def test_a_search_that_only_reads_is_kept_too(workspace: Workspace, tmp_path: Path, monkeypatch):
    compared = []
    links = searching.Verifier.links
    monkeypatch.setattr(
        searching.Verifier, "links", lambda self, pairs, job: compared.append(len(pairs)) or links(self, pairs, job)
    )
    with Workspace.open(workspace.folder, read_only=True) as reader:
        first = d.find_duplicates(reader).links
        assert compared[0] > 0
        compared.clear()
        assert d.find_duplicates(reader).links == first
    assert d.find_duplicates(workspace).links == first
    assert not any(compared)


def test_an_earlier_search_does_not_replace_a_later_one(workspace: Workspace):
    report = d.find_duplicates(workspace)
    radii = (finding.LOOK_RADIUS, finding.WHOLE_RADIUS)
    later = load_findings(workspace.folder, radii)
    save_findings(workspace.folder, VerifiedLinks([], later.last - 1), radii)
    assert load_findings(workspace.folder, radii) == later
    assert report.links == list(later.links)


@pytest.mark.parametrize("last", [99, 3])
def test_findings_of_sprites_that_are_not_there_are_made_again(workspace: Workspace, last: int):
    found = d.find_duplicates(workspace).links
    links_path(workspace.folder).unlink()
    radii = (finding.LOOK_RADIUS, finding.WHOLE_RADIUS)
    save_findings(workspace.folder, VerifiedLinks([Link(1, 99, found[0].verdict)], last), radii)
    assert d.find_duplicates(workspace).links == found


def test_findings_are_not_written_through_a_link(workspace: Workspace, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    try:
        (workspace.folder / "duplicates").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    except OSError:
        pytest.skip("links cannot be made here")
    with Workspace.open(workspace.folder, read_only=True) as reader:
        assert d.find_duplicates(reader).links
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_order_of_import_changes_nothing(tmp_path: Path):
    pictures = family("ape", 1) | family("bat", 2) | family("cow", 5) | {"cat": blob(3), "dog": blob(4)}
    results = []
    for run in range(2):
        names = sorted(pictures)
        random.Random(run).shuffle(names)
        with Workspace.create(tmp_path / f"workspace{run}") as workspace:
            for number, name in enumerate(names):
                write(tmp_path / f"art{run}-{number}", {name: pictures[name]})
            import_sources(workspace, [tmp_path / f"art{run}-{number}" for number in range(len(names))])
            ids = {sprite.seq: sprite.id for sprite in workspace.sprites()}
            rules = [rule for rule in d.DEFAULT_RULES if rule != "source-order"]
            report = d.find_duplicates(workspace, rules=rules)
            groups = [
                (ids[g.keeper], [(ids[m.seq], m.relation, round(m.distance, 5), m.transform.words) for m in g.members])
                for g in report
            ]
            results.append(sorted(groups))
    assert results[0] == results[1]
    assert len(results[0]) == 3


def test_regrouping_at_zero_leaves_what_is_pixel_for_pixel(workspace: Workspace):
    names = name_of(workspace)
    report = d.find_duplicates(workspace)
    tight = report.regroup(0.0)
    assert {frozenset(names[seq] for seq in group.seqs) for group in tight} == {
        frozenset(pair)
        for stem in ("ape", "bat")
        for pair in ((stem, f"{stem}_left"), (f"{stem}_shiny", f"{stem}_shiny_left"))
    }
    assert [group.seqs for group in tight.regroup(report.distance)] == [group.seqs for group in report]
    assert sum(len(group.duplicates) for group in report) == 6


def test_families_are_named_weighed_and_capped(workspace: Workspace):
    workspace.apply(d.name_families(d.find_duplicates(workspace)))
    found = d.families(workspace)
    assert [len(family.seqs) for family in found] == [5, 5]
    assert [family.weight for family in found] == [5.0, 5.0]
    workspace.apply(d.weigh_families(workspace, 2))
    assert [round(family.weight, 3) for family in d.families(workspace)] == [2.0, 2.0]
    entry = next(sprite for sprite in workspace.sprites() if sprite.seq == found[0].seqs[0])
    assert entry.weight == 0.4
    workspace.apply(d.cap_families(workspace, 3))
    assert [len(family.seqs) for family in d.families(workspace)] == [3, 3]
    assert workspace.counts().dropped == 4
    for wrong in (lambda: d.cap_families(workspace, 0), lambda: d.weigh_families(workspace, 0)):
        with pytest.raises(UserError):
            wrong()


def test_no_split_parts_a_family_or_mirror_twins(workspace: Workspace):
    from gandam_studio.core.versions.splits import SplitRule, assign_splits

    ids = {name: workspace.sprite(seq).id for seq, name in name_of(workspace).items()}
    early = set(map(frozenset, d.held_together(workspace)))
    assert frozenset((ids["ape"], ids["ape_left"])) in early  # known before any search
    d.find_duplicates(workspace)
    pairs = d.held_together(workspace)
    for seed in range(20):
        splits = assign_splits(dict.fromkeys(ids.values(), ""), SplitRule(seed, 0.4), pairs)
        for stem in ("ape", "bat"):
            assert len({splits[key] for name, key in ids.items() if name.startswith(stem)}) == 1


def test_exact_copies_are_told_though_the_import_made_them_one(workspace: Workspace, imported: Path, tmp_path: Path):
    assert d.exact_copies(workspace) == []
    folder = tmp_path / "again"
    write(folder, {"ape-copy": blob(1, 34, 28)})
    (folder / "cat-copy.png").write_bytes((imported.parent / "art" / "cat.png").read_bytes())
    picture = Image.open(folder / "ape-copy.png")
    picture.save(folder / "ape-copy.png", compress_level=1)
    import_sources(workspace, [folder])
    names = name_of(workspace)
    found = {names[copies.seq]: copies for copies in d.exact_copies(workspace)}
    assert {name: copies.same_file for name, copies in found.items()} == {"ape": False, "cat": True}
    assert {Path(path).name for path in found["cat"].paths} == {"cat-copy.png", "cat.png"}


def _growing(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.npy", bytes(64 << 20))


def _claiming(path: Path) -> None:
    """An array that says it has more rows than any memory holds."""
    head = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000000,), }"
    head += b" " * (-(10 + len(head) + 1) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)


def _torn(path: Path) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, header=np.arange(1000))
    data = bytearray(stream.getvalue())
    data[60:90] = bytes(30)
    path.write_bytes(data)


def _pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes in folders")
    os.mkfifo(path)


@pytest.mark.parametrize("spoilt", [_growing, _claiming, _torn, _pipe, Path.mkdir], ids=lambda make: make.__name__)
def test_spoilt_findings_are_as_none(workspace: Workspace, spoilt: Callable[[Path], None]):
    found = d.find_duplicates(workspace).links
    path = links_path(workspace.folder)
    path.unlink()
    spoilt(path)
    tracemalloc.start()
    try:
        assert not load_findings(workspace.folder, (finding.LOOK_RADIUS, finding.WHOLE_RADIUS)).links
        if spoilt is _growing:  # What is only claimed is reserved, but never used.
            assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()
    if spoilt is not Path.mkdir:  # which is nothing that a search may replace
        assert d.find_duplicates(workspace).links == found
