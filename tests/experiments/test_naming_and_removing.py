"""Giving experiments other titles and notes, and moving them to the trash."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded_runs import make_run
from studio_calls import Studio
from tiny_experiments import done

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.folder import Experiment, experiments
from gandam_studio.core.experiments.naming import name_experiment
from gandam_studio.core.experiments.removing import trash_experiment
from gandam_studio.core.experiments.results import results, write_results
from gandam_studio.core.reports.trying import read_results, title_of
from trainer.protocol import files

Make = Callable[..., Experiment]


@pytest.fixture
def trash(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the place of the system's trash."""
    folder = tmp_path_factory.mktemp("trash")
    monkeypatch.setattr("send2trash.send2trash", lambda path: shutil.move(path, folder))
    return folder


def _with_runs(experiment: Experiment) -> list[str]:
    """Two runs made for the first cells; their names."""
    names = []
    for number, cell in enumerate(experiment.plan.cells[:2]):
        run = make_run(experiment.runs_folder / f"r{number + 1}-x")
        experiment.mark(run, cell)
        names.append(run.name)
    return names


def test_a_new_title_is_everywhere_and_the_plan_stays(made: Make, tmp_path: Path) -> None:
    experiment = made()
    for cell in experiment.plan.cells:
        experiment.save(done(cell, 20.0 + cell.number))
    write_results(experiment)
    digest = experiment.digest
    name_experiment(experiment, title="What the rate does", note="Second try\nafter the flip")
    again = Experiment.open(tmp_path, experiment.name)
    assert (again.title, again.digest, again.label.note) == ("What the rate does", digest, "Second try\nafter the flip")
    assert (results(again)["title"], results(again)["note"]) == ("What the rate does", "Second try\nafter the flip")
    assert files.file_digest(again.folder / "plan.json") == digest
    assert title_of(read_results(again.folder)) == "What the rate does"
    name_experiment(experiment, note="")
    assert (experiment.title, experiment.label.note) == ("What the rate does", "")


@pytest.mark.parametrize("title", ["", "  ", "Tiny"])
def test_without_a_title_or_with_the_plans_it_is_the_plans(made: Make, title: str) -> None:
    experiment = made()
    name_experiment(experiment, title="Another")
    name_experiment(experiment, title=title)
    assert experiment.title == "Tiny"
    assert not (experiment.folder / "about.json").exists()


def test_a_title_that_cannot_be_stored_is_refused(made: Make) -> None:
    experiment = made()
    for text in ("two\nlines", "\u202eevil", "x" * 201):
        with pytest.raises(UserError, match="the name"):
            name_experiment(experiment, title=text)
    assert experiment.title == "Tiny"


def test_the_trash_takes_the_experiment_and_leaves_its_runs(made: Make, tmp_path: Path, trash: Path) -> None:
    experiment = made()
    other = made(name="other")
    names = _with_runs(experiment)
    assert trash_experiment(experiment) == []
    assert experiments(tmp_path) == [other.name]
    assert (trash / experiment.name / "plan.json").is_file()
    assert all((experiment.runs_folder / name).is_dir() for name in names)


def test_its_runs_go_with_it_where_that_is_asked(made: Make, trash: Path) -> None:
    experiment = made()
    names = _with_runs(experiment)
    alone = make_run(experiment.runs_folder / "r9-mine")
    assert trash_experiment(experiment, with_runs=True) == names
    assert sorted(path.name for path in trash.iterdir()) == sorted([*names, experiment.name])
    assert alone.path.is_dir()


def test_what_is_at_work_is_not_moved(made: Make, trash: Path) -> None:
    experiment = made()
    names = _with_runs(experiment)
    with experiment.locked(), pytest.raises(UserError, match="being carried out"):
        trash_experiment(experiment)
    run = experiment.runs()[1]
    with run.locked(), pytest.raises(UserError, match=f"{names[1]} is being trained"):
        trash_experiment(experiment, with_runs=True)
    assert list(trash.iterdir()) == []
    assert len(experiment.runs()) == 2


def test_a_trash_that_refuses_leaves_an_experiment_that_opens(
    made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = made()
    _with_runs(experiment)

    def refuse(path: str) -> None:
        raise OSError(f"no trash for {Path(path).name}")

    monkeypatch.setattr("send2trash.send2trash", refuse)
    with pytest.raises(UserError, match="could not be moved to the trash"):
        trash_experiment(experiment, with_runs=True)
    assert len(Experiment.open(tmp_path, experiment.name).runs()) == 2


def test_the_command_renames_and_deletes(ws: Path, studio: Studio, trash: Path) -> None:
    assert studio("commit", "-m", "first", "-w", ws).code == 0
    new = ("--preset", "dcgan", "--factor", "lr_g=2e-4|1e-3", "--pictures", "100", "--held-out", "0.4", "--no-estimate")
    assert studio("experiment", "new", "rate", *new, "-w", ws).code == 0
    assert studio("experiment", "rename", "rate", "-w", ws).code == 2
    told = studio("experiment", "rename", "rate", "--title", "The rate alone", "--json", "-w", ws)
    assert told.json == {"experiment": "rate", "title": "The rate alone"}
    listed = studio("experiment", "list", "--json", "-w", ws).json["experiments"]
    assert [(one["experiment"], one["title"]) for one in listed] == [("rate", "The rate alone")]
    gone = studio("experiment", "delete", "rate", "--json", "-w", ws)
    assert gone.json == {"experiment": "rate", "moved": [], "left": []}
    assert (trash / "rate").is_dir()
    assert studio("experiment", "delete", "rate", "-w", ws).code == 1
