"""Carrying out an experiment: its runs, their order, failures, interruptions, a cluster. The trainer is played."""

from __future__ import annotations

import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded_runs import Recorder
from studio_calls import Studio
from tiny_experiments import TINY, tiny_plan

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments import ray_engine, running
from gandam_studio.core.experiments.drafting import PRESET, draw_up
from gandam_studio.core.experiments.folder import MARK, Experiment, cell_of
from gandam_studio.core.experiments.paused import paused
from gandam_studio.core.experiments.plan import Budget, parse_factor
from gandam_studio.core.runs.queue import RunQueue
from gandam_studio.core.workspace import Workspace
from trainer.protocol.events import Alarm, RunFailed, RunFinished
from trainer.protocol.measured import JUDGE
from trainer.protocol.run_directory import RunDirectory

NEW = (
    "experiment", "new", "try", "--preset", "dcgan", *(word for text in TINY for word in ("--set", text)),
    "--factor", "lr_g=2e-4|1e-3", "--pictures", "40", "--looks", "2", "--seeds", "2", "--held-out", "0.4",
    "--no-estimate",
)  # fmt: skip


@pytest.fixture
def place(ws: Path, studio: Studio) -> Path:
    """A workspace with a version and a planned experiment."""
    assert studio("commit", "-m", "first", "-w", ws).code == 0
    assert studio(*NEW, "-w", ws).code == 0
    return ws


@pytest.mark.parametrize(("budget", "wide"), [((80_000, 0), True), ((79_000, 0), False), ((0, 1e6), False)])
def test_all_cells_have_the_same_networks(budget: tuple[int, float], wide: bool, place: Path) -> None:
    """80,000 pictures are 5,000 iterations of 16; with half the batch they are twice as many."""
    with Workspace.open(place, read_only=True) as workspace:
        plan = draw_up(
            workspace, "x", (PRESET, "sprite-r3-cpu"), budget=Budget(*budget),
            overrides=["architecture.wide_from=5000"], factors=[parse_factor("batch.size=16|8|32")],
        )  # fmt: skip
    found = {plan.config(cell.combination, cell.seed).architecture for cell in plan.cells}
    assert {one.generator_channels for one in found} == {(96, 48, 24, 16) if wide else (96, 48, 16, 8)}
    assert {one.wide_from for one in found} == {0}


def test_channels_that_are_varied_leave_the_others_as_they_are(place: Path) -> None:
    with Workspace.open(place, read_only=True) as workspace:
        plan = draw_up(
            workspace, "x", (PRESET, "sprite-r3-cpu"), budget=Budget(800_000, 0),
            factors=[parse_factor("generator_channels=96,48,16,8|96,48,24,16")],
        )  # fmt: skip
    found = [plan.config(cell.combination, cell.seed).architecture for cell in plan.cells]
    assert {one.generator_channels for one in found} == {(96, 48, 16, 8), (96, 48, 24, 16)}
    assert {one.discriminator_channels for one in found} == {(8, 16, 48, 96)}


class Played:
    """Plays the trainer's process: it has ended when it is asked."""

    returncode = 0

    def poll(self) -> int:
        return 0


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> dict:
    """How the trainer behaves, and what it was asked: "finish", "fail" or "die" by the run's number of starts."""
    told: dict = {"started": [], "asked": [], "behave": lambda _run: "finish"}

    def start(run: RunDirectory, *_options: str) -> Played:
        told["started"].append(run.name)
        recorder = Recorder(run)
        recorder.train(10)
        how = told["behave"](run)
        if how == "finish":
            recorder.write(RunFinished(limit="images"))
        elif how == "fail":
            recorder.write(RunFailed(message="out of memory", cause="oom"))
        elif how == "alarm":
            recorder.write(Alarm(about="copying", state="raised"))
            recorder.write(RunFinished(limit="images"))
        del recorder
        return Played()

    def ask(*words: str, **_more: object) -> dict:
        told["asked"].append(words)
        run = RunDirectory(Path(words[1]))
        rate = run.config().optimiser.lr_g
        return {
            "kid": 10.0 - 5 * (rate > 5e-4) + run.config().seed, "kid_error": 0.1, "floor": 0.0,
            "features": JUDGE, "iteration": 5,
            "looks": [{"iteration": 5, "kid": 9.0}], "verdict": "healthy", "samples": 64, "held_out": 9,
            "copying": {"kappa": 0.0, "low": 0.0, "high": 0.1, "sources": 0}, "variety": {"distinct": 60},
        }  # fmt: skip

    monkeypatch.setattr(running, "start", start)
    monkeypatch.setattr(running, "ask", ask)
    monkeypatch.setattr(running, "POLL_S", 0.001)
    return told


def results_of(studio: Studio, place: Path) -> dict:
    return studio("experiment", "results", "try", "-w", place, "--json").json


def run(studio: Studio, place: Path, *more: str):  # type: ignore[no-untyped-def]
    return studio("experiment", "run", "try", "--no-estimate", "-w", place, *more)


def test_a_plan_says_what_it_will_do(ws: Path, studio: Studio) -> None:
    studio("commit", "-m", "first", "-w", ws)
    told = studio(*NEW, "-w", ws, "--json").json
    assert (told["runs"], told["combinations"]) == (4, ["base", "Learning rate, generator: 1e-3"])
    assert studio(*NEW, "-w", ws).refusal.startswith("there is an experiment try already")
    listed = studio("experiment", "list", "-w", ws, "--json").json
    assert listed["experiments"][0]["runs"] == 4
    assert {row["template"] for row in listed["ready_made"]} == {"gandam-five", "bce-or-wasserstein"}
    for wrong, code in (
        (("new", "b", "--preset", "dcgan"), 2), (("new", "b", "--factor", "batch.size=1|2"), 2), (("run",), 2),
        (("results", "nothing"), 1), (("new", "b", "--from", "gandam-five", "--version", "v9"), 1),
    ):  # fmt: skip
        assert studio("experiment", *wrong, "-w", ws).code == code


def test_starting_the_trainer_counts_beside_a_budget_of_seconds_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_words: object, **_more: object) -> dict:
        time.sleep(0.05)
        return {"seconds": 40.0}

    monkeypatch.setattr(running, "ask", ask)
    for budget, seconds, measured in ((Budget(pictures=40), 40.0, 3), (Budget(seconds=10.0), 10.0, 1)):
        told = running.estimate(tiny_plan(budget=budget))
        assert (told["runs"], told["measured"]) == (9, measured)
        # Twice for each run: to train it, and to measure it.
        assert 9 * (seconds + 0.1) <= told["seconds"] < 9 * (seconds + 5)


def test_what_could_not_be_measured_is_refused_before_it_is_trained(ws: Path, studio: Studio) -> None:
    studio("commit", "-m", "first", "-w", ws)
    # Of 22 sprites a twentieth: no distance (KID) can be measured against so few.
    words = [word if word != "0.4" else "0.05" for word in NEW]
    refusal = studio(*words, "-w", ws).refusal
    assert "are held out" in refusal
    assert "--held-out" in refusal
    # 400 sprites are not there: the level would be called what it is not.
    words = [word if word != "lr_g=2e-4|1e-3" else "data.subset=8|400" for word in NEW]
    assert "data.subset=400" in studio(*words, "-w", ws).refusal
    assert studio("experiment", "list", "-w", ws, "--json").json["experiments"] == []
    words = [word if word != "lr_g=2e-4|1e-3" else "data.subset=8|9" for word in NEW]
    assert studio(*words, "-w", ws).code == 0


def test_the_first_seed_can_be_chosen_alone(ws: Path, studio: Studio) -> None:
    studio("commit", "-m", "first", "-w", ws)
    words = [word if word != "0.4" else "0.6" for word in NEW]
    at = words.index("--seeds")
    del words[at : at + 2]
    for name, more, seeds in (("a", (), (0, 1, 2)), ("b", ("--first-seed", "3"), (3, 4, 5)),
                              ("c", ("--first-seed", "3", "--seeds", "2"), (3, 4))):  # fmt: skip
        words[2] = name
        assert studio(*words, *more, "-w", ws).code == 0
        assert Experiment.open(ws, name).plan.seeds == seeds


def test_data_are_measured_by_those_of_the_bases_level(ws: Path, studio: Studio) -> None:
    studio("commit", "-m", "first", "-w", ws)
    listed = studio("list", "-w", ws, "--json").json
    studio("drop", listed[0]["id"], "-w", ws)
    studio("commit", "-m", "second", "-w", ws)
    words = [word if word != "lr_g=2e-4|1e-3" else "version=v1|v2" for word in NEW]
    assert studio(*words, "-w", ws).code == 0
    assert Experiment.open(ws, "try").plan.version == "v1"


def test_every_seed_has_its_own_split_and_every_combination_of_a_seed_the_same(place: Path, trainer: dict) -> None:
    experiment = Experiment.open(place, "try")
    with Workspace.open(place) as workspace:
        assert running.make_runs(workspace, experiment) == 4
        assert running.make_runs(workspace, experiment) == 0
    runs = experiment.runs()
    splits = {n: tuple(json.loads(r.dataset_info_path.read_text())["split"]) for n, r in runs.items()}
    assert splits[0] == splits[1] != splits[2] == splits[3]
    assert "held-out" in splits[0]
    assert [r.config().seed for _, r in sorted(runs.items())] == [0, 0, 1, 1]
    assert RunQueue(place / "runs").waiting() == []  # Nobody but the experiment starts them.
    assert cell_of(runs[3]) == ("try", 3)


def test_it_is_carried_out_in_the_plans_order(place: Path, studio: Studio, trainer: dict) -> None:
    answer = run(studio, place)
    assert answer.code == 0, answer.err
    experiment = Experiment.open(place, "try")
    numbers = {r.name: n for n, r in experiment.runs().items()}
    assert [numbers[name] for name in trainer["started"]] == [cell.number for cell in experiment.plan.order]
    told = results_of(studio, place)
    assert told["complete"]
    assert [cell["kid"] for cell in told["cells"]] == [10, 5, 11, 6]
    (effect,) = told["effects"]
    assert (effect["estimate"], effect["words"]) == (-5, "suggestive: better")
    assert RunQueue(place / "runs").waiting() == []
    seeds = {words[words.index("--seed") + 1] for words in trainer["asked"]}
    assert seeds == {"0", "1"}
    assert run(studio, place).code == 0
    assert len(trainer["started"]) == 4


def test_a_failed_run_is_a_missing_value_and_can_be_tried_again(place: Path, studio: Studio, trainer: dict) -> None:
    trainer["behave"] = lambda r: "fail" if r.config().seed == 1 and r.config().optimiser.lr_g > 5e-4 else "finish"
    answer = run(studio, place)
    assert "missing: 1 run failed" in answer.out
    assert "--retry" in answer.out
    told = results_of(studio, place)
    assert (told["done"], told["missing"]) == (3, 1)
    assert told["effects"][0]["verdict"] == "unknown"
    assert "out of memory" in told["cells"][3]["why"]
    assert "out of memory" in studio("experiment", "status", "try", "-w", place).out
    trainer["behave"] = lambda _r: "finish"
    failed = Experiment.open(place, "try").runs()[3]
    assert run(studio, place, "--retry").code == 0
    assert results_of(studio, place)["done"] == 4
    assert Experiment.open(place, "try").runs()[3].name != failed.name
    assert failed.state().state == "failed"


def test_an_interrupted_run_is_resumed(place: Path, studio: Studio, trainer: dict) -> None:
    starts: dict[str, int] = {}

    def behave(r: RunDirectory) -> str:
        starts[r.name] = starts.get(r.name, 0) + 1
        return "die" if starts[r.name] < 3 else "finish"

    trainer["behave"] = behave
    assert run(studio, place).code == 0
    assert set(starts.values()) == {3}
    assert results_of(studio, place)["done"] == 4


def test_a_run_whose_trainer_dies_for_ever_is_given_up(
    place: Path, studio: Studio, trainer: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MOST_ATTEMPTS", 0)
    trainer["behave"] = lambda _r: "die"
    run(studio, place)
    told = results_of(studio, place)
    assert told["missing"] == 4


def test_it_stops_when_it_is_asked_to_and_goes_on_later(place: Path, studio: Studio, trainer: dict) -> None:
    experiment = Experiment.open(place, "try")

    def behave(_r: RunDirectory) -> str:
        if len(trainer["started"]) == 2:
            experiment.ask_to_stop()
        return "die" if len(trainer["started"]) == 2 else "finish"

    trainer["behave"] = behave
    assert paused(place) == []  # It has no runs yet: nothing was begun.
    assert run(studio, place).code != 0
    assert studio("experiment", "status", "try", "-w", place, "--json").json["done"] == 1
    assert paused(place) == [(experiment.plan.title, 3, 4)]
    with experiment.locked():
        assert paused(place) == []
    assert run(studio, place).code == 0
    assert results_of(studio, place)["done"] == 4
    assert paused(place) == []


def test_a_deleted_run_is_made_again_and_a_measured_one_is_not_needed(
    place: Path, studio: Studio, trainer: dict
) -> None:
    import shutil

    run(studio, place)
    experiment = Experiment.open(place, "try")
    shutil.rmtree(experiment.runs()[0].path)
    assert results_of(studio, place)["done"] == 4
    experiment.forget(0)
    assert run(studio, place).code == 0
    assert results_of(studio, place)["done"] == 4


def test_an_alarm_of_the_run_gates_its_better(place: Path, studio: Studio, trainer: dict) -> None:
    trainer["behave"] = lambda r: "alarm" if r.config().optimiser.lr_g > 5e-4 else "finish"
    run(studio, place)
    assert results_of(studio, place)["effects"][0]["words"] == "suggestive: better, but it copies (2 of 2 runs)"


def test_other_data_is_measured_by_the_plans_own(ws: Path, studio: Studio, trainer: dict) -> None:
    studio("commit", "-m", "first", "-w", ws)
    listed = studio("list", "-w", ws, "--json").json
    studio("drop", listed[0]["id"], listed[1]["id"], "-w", ws)
    studio("commit", "-m", "second", "-w", ws)
    words = [word if word != "lr_g=2e-4|1e-3" else "version=v1|v2" for word in NEW]
    assert studio(*words, "--version", "v1", "-w", ws).code == 0
    assert run(studio, ws).code == 0
    against = {words[1].rsplit("/", 1)[-1].partition("-")[0]: "--against" in words for words in trainer["asked"]}
    experiment = Experiment.open(ws, "try")
    for number, made in experiment.runs().items():
        level = experiment.plan.cells[number].combination[0]
        assert against[made.name.partition("-")[0]] == bool(level)
        assert made.config().origin.version == f"v{level + 1}"


def test_marks_of_another_experiment_of_the_same_name_do_not_count(place: Path, studio: Studio, trainer: dict) -> None:
    run(studio, place)
    experiment = Experiment.open(place, "try")
    for made in experiment.runs().values():
        mark = json.loads((made.path / MARK).read_text())
        (made.path / MARK).write_text(json.dumps({**mark, "digest": "0" * 64}))
    assert experiment.runs() == {}


# On a cluster


class FakeRay(types.ModuleType):
    """Ray's surface: tasks are done when they are waited for; the first one's machine dies."""

    class exceptions:  # noqa: N801 - Ray's name
        RayError = type("RayError", (Exception,), {})

    def __init__(self, die: int = 0) -> None:
        super().__init__("ray")
        self.calls, self.die, self.on = 0, die, False
        self.results: dict[int, bytes | Exception] = {}

    def is_initialized(self) -> bool:
        return self.on

    def init(self, **_more: object) -> None:
        self.on = True

    def shutdown(self) -> None:
        self.on = False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, function: Callable[[bytes], bytes]):  # type: ignore[no-untyped-def]
        ray = self

        class Task:
            def options(self, **_more: object) -> Task:
                return self

            def remote(self, data: bytes) -> int:
                ray.calls += 1
                dies = ray.calls <= ray.die
                ray.results[ray.calls] = FakeRay.exceptions.RayError("gone") if dies else function(data)
                return ray.calls

        return Task()

    def wait(self, references: list[int], timeout: float) -> tuple[list[int], list[int]]:
        return references[-1:], references[:-1]

    def get(self, reference: int) -> bytes:
        found = self.results[reference]
        if isinstance(found, Exception):
            raise found
        return found

    def cancel(self, *_: object, **_more: object) -> None:
        pass


def test_a_cluster_gives_the_same_results(
    place: Path, studio: Studio, trainer: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_packed(data: bytes) -> bytes:
        folder = tmp_path / f"there-{len(trainer['started'])}"
        ray_engine.unpacked(data, folder)
        running.start(RunDirectory(folder))
        (folder / "checkpoints" / "5").mkdir()
        (folder / "checkpoints" / "5" / "state.json").write_text("{}")
        return ray_engine.packed(folder)

    monkeypatch.setitem(sys.modules, "ray", FakeRay(die=1))
    monkeypatch.setattr(ray_engine, "train_packed", train_packed)
    assert run(studio, place, "--engine", "ray").code == 0
    told = results_of(studio, place)
    assert told["complete"]
    assert [cell["kid"] for cell in told["cells"]] == [10, 5, 11, 6]
    assert len(trainer["started"]) == 4
    for made in Experiment.open(place, "try").runs().values():
        assert made.newest_checkpoint() is not None
        assert made.state().state == "finished"
    assert not [path for path in (place / "runs").iterdir() if path.name.startswith(".")]


def test_a_task_that_always_dies_is_a_missing_value(
    place: Path, studio: Studio, trainer: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay(die=1000))
    run(studio, place, "--engine", "ray")
    assert results_of(studio, place)["missing"] == 4


def test_a_trainer_that_dies_on_the_cluster_goes_on_there(
    place: Path, studio: Studio, trainer: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: dict[str, int] = {}

    def train_packed(data: bytes) -> bytes:
        folder = tmp_path / f"there-{sum(starts.values())}"
        ray_engine.unpacked(data, folder)
        running.start(RunDirectory(folder))
        return ray_engine.packed(folder)

    def behave(r: RunDirectory) -> str:
        name = (r.path / MARK).read_text()
        starts[name] = starts.get(name, 0) + 1
        return "die" if starts[name] < 3 else "finish"

    trainer["behave"] = behave
    monkeypatch.setitem(sys.modules, "ray", FakeRay())
    monkeypatch.setattr(ray_engine, "train_packed", train_packed)
    assert run(studio, place, "--engine", "ray").code == 0
    assert set(starts.values()) == {3}
    assert results_of(studio, place)["done"] == 4


def test_a_cluster_stops_when_it_is_asked_to(
    place: Path, studio: Studio, trainer: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = Experiment.open(place, "try")

    def train_packed(data: bytes) -> bytes:
        folder = tmp_path / f"there-{len(trainer['started'])}"
        ray_engine.unpacked(data, folder)
        running.start(RunDirectory(folder))
        if len(trainer["started"]) == 2:
            experiment.ask_to_stop()
        return ray_engine.packed(folder)

    monkeypatch.setitem(sys.modules, "ray", FakeRay())
    monkeypatch.setattr(ray_engine, "train_packed", train_packed)
    assert run(studio, place, "--engine", "ray").code != 0
    assert results_of(studio, place)["done"] < 4
    experiment.ask_to_stop()  # Of a run before: it does not stop this one.
    assert run(studio, place, "--engine", "ray").code == 0
    assert results_of(studio, place)["done"] == 4


def test_without_ray_one_clear_line(place: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "gandam-studio[ray]" in run(studio, place, "--engine", "ray").refusal


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/outside", "C:outside", "a\\..\\outside", "link"])
def test_a_packed_run_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    import io
    import tarfile

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        if name == "link":
            entry.type, entry.linkname = tarfile.SYMTYPE, "../outside"
        archive.addfile(entry, io.BytesIO(b""))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.jsonl").write_text("kept")
    with pytest.raises(UserError, match="taken back"):
        ray_engine.take_back(RunDirectory(tmp_path / "run"), stream.getvalue())
    assert (tmp_path / "run" / "events.jsonl").read_text() == "kept"
    assert not (tmp_path / "outside").exists()
