"""The share of augmented pictures as planned over a run, instead of by the adaptive rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_runs import small_config

from trainer import checkpoints
from trainer.create_run import fork_run
from trainer.protocol.config import TrainConfig
from trainer.protocol.events import Progress
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import Done, augmentation_probability
from trainer.train_run import train_run

Make = Callable[..., RunDirectory]
RAMP = ["translation=0.125", "augmentation.probability=0.1", "augmentation.probability_end=0.5"]


def shares(config: TrainConfig) -> list[float | None]:
    return [augmentation_probability(config, Done(iteration=at), 10) for at in (0, 25, 50, 100, 200)]


def test_the_share_goes_by_a_cosine_from_its_start_to_its_end_and_stays_there() -> None:
    config = small_config("dcgan", "stop.iterations=100", *RAMP)
    assert shares(config) == pytest.approx([0.1, 0.1 + 0.4 * (1 - 0.5**0.5) / 2, 0.3, 0.5, 0.5])
    falls = small_config("dcgan", "stop.iterations=100", *RAMP[:1], "probability=0.5", "probability_end=0")
    assert shares(falls)[::2] == pytest.approx([0.5, 0.25, 0.0])


def test_without_an_end_it_is_constant_and_where_it_is_adaptive_it_is_not_planned() -> None:
    assert shares(small_config("dcgan", "stop.iterations=100", *RAMP[:2])) == [0.1] * 5
    assert shares(small_config("sprite-r3-cpu", "stop.iterations=100")) == [None] * 5
    flow = small_config("sprite-flow-cpu", "stop.iterations=100", *RAMP, "augmentation.after_views=0")
    assert shares(flow)[-1] == 0.5


def test_before_so_many_views_of_each_picture_none_is_changed() -> None:
    config = small_config("sprite-flow-cpu", "stop.iterations=100", *RAMP[:2], "augmentation.after_views=70")
    pictures = 120
    begins = 70 * pictures
    seen = [augmentation_probability(config, Done(images=images), pictures) for images in (0, begins - 1, begins)]
    assert seen == [0, 0, 0.1]
    # What is planned until the end does not wait for it.
    late = small_config(
        "sprite-flow-cpu", "stop.iterations=100", *RAMP, "augmentation.after_views=70", "schedule.kind=cosine"
    )
    assert augmentation_probability(late, Done(50, begins, 0), pictures) == pytest.approx(0.3)


def test_with_a_cool_down_it_changes_in_the_last_part_alone() -> None:
    config = small_config("dcgan", "stop.iterations=100", *RAMP, "schedule.kind=cool-down", "end_factor=0.1")
    found = [augmentation_probability(config, Done(iteration=at), 10) for at in (0, 79, 90, 100)]
    assert found == pytest.approx([0.1, 0.1, 0.3, 0.5])


def told(run: RunDirectory) -> list[float]:
    return [event.augment_probability for event in run.events().read() if isinstance(event, Progress)]


def test_a_run_trains_with_the_planned_share(make_run: Make) -> None:
    config = small_config("dcgan", "stop.iterations=4", "sampling.progress_every=1", "sampling.every=1000", *RAMP)
    run = make_run("r", config)
    train_run(run)
    # What an iteration was trained with is told after it.
    assert told(run)[-1] == pytest.approx(augmentation_probability(config, Done(iteration=3), 10))
    plain = make_run("p", small_config("dcgan", "stop.iterations=4", "sampling.every=1000", *RAMP[:2]))
    train_run(plain)
    first, second = (checkpoints.load(one.checkpoints()[-1]).tensors["generator"] for one in (run, plain))
    assert any((first[name] != second[name]).any() for name in first)


@pytest.mark.parametrize(("iterations", "share"), [(3, 0.0), (4, 0.5)])
def test_a_run_counts_the_views_of_what_it_trains_on(make_run: Make, iterations: int, share: float) -> None:
    words = ["sampling.every=1000", "sampling.progress_every=1", "translation=0.125", "augmentation.probability=0.5"]
    words += ["data.subset=8", f"stop.iterations={iterations}"]
    views = 3 * small_config("sprite-flow-cpu").batch.size / 8
    run = make_run("r", small_config("sprite-flow-cpu", *words, f"augmentation.after_views={views}"))
    train_run(run)
    assert told(run)[-1] == share


def test_a_fork_has_the_share_it_was_told(make_run: Make, tmp_path: Path) -> None:
    words = ["sampling.every=1000", "sampling.progress_every=1", "stop.iterations=2", "translation=0.125"]
    parent = make_run("r", small_config("dcgan", *words, "augmentation.probability=1"))
    train_run(parent)
    fork = fork_run(tmp_path / "f", parent, ["augmentation.probability=0.25", "stop.iterations=4"])
    train_run(fork)
    assert told(fork)[-1] == 0.25
