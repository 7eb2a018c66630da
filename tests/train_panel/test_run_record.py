"""A run's record: events folded into what the panel shows, resumes included."""

from __future__ import annotations

from gandam_studio.core.runs.record import RunRecord
from trainer.protocol import events as ev


def _progress(first: int, last: int, value: float = 1.0, batch: int = 64) -> ev.Progress:
    return ev.Progress(
        iteration=last, images_seen=last * batch, first_iteration=first, curves={"loss_g": [value] * (last - first + 1)}
    )


def _sample(iteration: int) -> ev.SamplesSaved:
    return ev.SamplesSaved(iteration=iteration, images_seen=iteration * 64, fixed=f"samples/fixed-{iteration:08}.png")


def test_progress_and_samples_are_kept_and_said() -> None:
    record = RunRecord()
    changes = record.apply([ev.RunStarted(device="cpu"), _progress(1, 20), _sample(20)])
    assert (changes.curves, changes.samples, changes.metrics, changes.truncated) == (True, True, False, False)
    assert record.last_iteration == 20
    assert len(record.curves["loss_g"]) == 20
    assert record.started is not None
    assert [type(event).kind for event in record.story] == ["run_started", "samples_saved"]


def test_a_resume_from_an_older_checkpoint_forgets_what_came_after_it() -> None:
    record = RunRecord()
    record.apply([_progress(1, 100, 1.0), _sample(50), _sample(90), ev.SpikeFound(iteration=80, spike_iteration=77)])
    changes = record.apply([ev.RunResumed(attempt=2, iteration=60, checkpoint="checkpoints/00000060")])
    assert changes.truncated
    assert len(record.curves["loss_g"]) == 60
    assert [sample.iteration for sample in record.samples] == [50]
    assert record.spikes == []
    record.apply([_progress(61, 80, 2.0), _sample(70)])
    assert record.curves["loss_g"].raw.value_at(80) == 2.0
    assert [sample.iteration for sample in record.samples] == [50, 70]
    assert record.attempts == [60]


def test_a_step_back_without_a_word_counts_as_a_resume() -> None:
    record = RunRecord()
    record.apply([_progress(1, 100), _sample(80), _progress(41, 60, 3.0)])
    assert record.last_iteration == 60
    assert record.samples == []


def test_a_resume_after_a_pause_forgets_nothing() -> None:
    record = RunRecord()
    record.apply([_progress(1, 100), ev.RunPaused(iteration=100), ev.RunResumed(iteration=100)])
    assert record.last_iteration == 100
    assert record.attempts == []


def test_pictures_seen_and_iterations_translate_both_ways() -> None:
    record = RunRecord()
    record.apply([_progress(1, 100, batch=32)])
    assert record.images_seen_at(50) == 1600
    assert record.iteration_at(1600) == 50
    assert record.images_seen_at(200) == 6400
    assert RunRecord().images_seen_at(10) == 0


def test_samples_before_at_and_after() -> None:
    record = RunRecord()
    record.apply([_sample(iteration) for iteration in (0, 100, 200, 300)])
    assert [sample.iteration for sample in record.around(190)] == [100, 200, 300]
    assert [sample.iteration for sample in record.around(5)] == [0, 100]
    assert record.sample_at(250).iteration == 200
    assert record.sample_at(-5).iteration == 0
    assert RunRecord().around(3) == []


def test_an_event_of_a_newer_version_is_counted_and_told() -> None:
    record = RunRecord()
    record.apply([ev.parse_event(b'{"kind": "dream_dreamt", "iteration": 3, "depth": 7}')])
    assert record.unknown == 1
    assert record.story[0].values["depth"] == 7
