"""Names and notes of runs: stored in the run's folder, bounded, and never a path out of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from odd_targets import content
from recorded_runs import recorded

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import find_run, labels, runs, summary
from gandam_studio.core.runs.explored import Explored, Favourite, keep
from gandam_studio.core.runs.export import export_run
from gandam_studio.core.runs.labels import Label, label_of, set_label
from gandam_studio.core.workspace import Workspace
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    with Workspace.create(tmp_path / "ws") as workspace:
        return recorded(workspace.folder / "runs" / "r1-test", iterations=100)


def test_a_name_and_a_note_are_kept_changed_and_removed(run: RunDirectory) -> None:
    assert label_of(run.path) == Label()
    set_label(run.path, name="  Knights, first try ")
    set_label(run.path, note="too blurry\ntry longer")
    assert label_of(run.path) == Label("Knights, first try", "too blurry\ntry longer")
    found = summary(run.path)
    assert (found.title, found.note, found.run) == ("Knights, first try (r1)", "too blurry\ntry longer", "r1-test")
    assert found.to_json()["name"] == "Knights, first try"
    set_label(run.path, name="", note="")
    assert summary(run.path).title == "r1-test"
    assert not (run.path / "about.json").exists()


def test_a_full_disk_is_said_in_plain_words(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "about.json")

    monkeypatch.setattr(labels.files, "write_json", full)
    with pytest.raises(UserError, match=r"cannot be saved: No space left on device$"):
        set_label(run.path, name="Knights")


def test_the_name_travels_with_an_export_and_the_run_still_opens(run: RunDirectory, tmp_path: Path) -> None:
    set_label(run.path, name="Knights")
    export_run(run, tmp_path / "copy")
    assert summary(tmp_path / "copy").name == "Knights"
    assert RunDirectory(tmp_path / "copy").config() == run.config()


def test_a_run_is_found_by_its_name(run: RunDirectory) -> None:
    set_label(run.path, name="Knights")
    with Workspace.open(run.path.parent.parent) as workspace:
        assert find_run(workspace, "Knights").path == run.path
        assert [one.name for one in runs(workspace)] == ["Knights"]


@pytest.mark.parametrize("text", ["two\nlines", "x" * 201, "\u202etxt", "bell\a"])
def test_names_that_cannot_be_shown_are_refused(run: RunDirectory, text: str) -> None:
    with pytest.raises(UserError):
        set_label(run.path, name=text)
    assert label_of(run.path) == Label()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"name": 7}', '{"name": "' + "x" * 5000 + '"}', "\0", '{"name": "a\\nb", "note": {}}']
)
def test_a_damaged_or_hostile_file_is_no_name(run: RunDirectory, content: str) -> None:
    (run.path / "about.json").write_text(content)
    assert label_of(run.path) == Label()
    assert summary(run.path).state.state != "damaged"
    set_label(run.path, name="mended")
    assert label_of(run.path).name == "mended"


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_is_neither_read_nor_written_through(run: RunDirectory, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text('{"name": "secret"}')
    (run.path / "about.json").symlink_to(outside)
    assert label_of(run.path) == Label()
    with pytest.raises(UserError):
        set_label(run.path, name="x")
    assert outside.read_text() == '{"name": "secret"}'


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_nothing_is_written_into_a_folder_that_a_run_is_a_link_to(run: RunDirectory, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(run.path, outside)
    (outside / "about.json").write_text('{"name": "theirs"}')
    before = content(outside)
    linked = RunDirectory(run.path.with_name("r2-linked"))
    linked.path.symlink_to(outside, target_is_directory=True)
    for write in (
        lambda: set_label(linked.path, name="x"),
        lambda: set_label(linked.path, name=""),
        lambda: keep(linked.path, Explored((Favourite("x", np.ones(8, np.float32)),))),
        lambda: linked.request("stop"),
    ):
        with pytest.raises((UserError, TrainerError), match="link"):
            write()
    assert content(outside) == before
