"""A run's record: events combined to what the panel shows, including resumes."""

from __future__ import annotations

from dataclasses import replace

from gandam_studio.core.runs.record import RunRecord
from trainer.protocol import events as ev
from trainer.protocol.measures import measured_by, title


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


def test_where_changed_pictures_set_in_is_known_also_after_a_resume() -> None:
    def shown(first: int, share: float) -> ev.Progress:
        return replace(_progress(first, first + 19), augment_probability=share)

    record = RunRecord()
    record.apply([shown(1, 0.0), shown(21, 0.05)])
    assert record.changed_from is None, "an adaptive share creeps"
    record.apply([shown(41, 0.8), shown(61, 0.8)])
    assert record.changed_from == 41
    record.apply([ev.RunResumed(attempt=2, iteration=20, checkpoint="checkpoints/00000020"), shown(21, 0.0)])
    assert record.changed_from is None
    record.apply([shown(41, 0.8)])
    assert record.changed_from == 41
    record.apply([shown(61, 0.8), ev.RunResumed(attempt=3, iteration=40, checkpoint="checkpoints/00000040")])
    record.apply([shown(41, 0.8)])
    assert record.changed_from == 41, "resumed just before it"
    always = RunRecord()
    always.apply([shown(1, 0.5), shown(21, 0.5)])
    assert always.changed_from is None


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


def test_what_each_event_changes_and_where_it_is_kept() -> None:
    record = RunRecord()
    metric = ev.MetricMeasured(iteration=30, name="kid", value=0.5)
    saved = ev.CheckpointSaved(iteration=20, path="checkpoints/00000020")
    spike = ev.SpikeFound(iteration=30, spike_iteration=25)
    cases = {
        "samples": _sample(10),
        "checkpoints": saved,
        "metrics": metric,
        "spikes": spike,
    }
    record.apply([_progress(1, 30)])
    for name, event in cases.items():
        changes = record.apply([event])
        flags = vars(changes)
        assert {key for key, value in flags.items() if value} == {name, "story"}
    assert (record.checkpoints, record.metrics, record.spikes) == ([saved], {"kid": [metric]}, [spike])
    assert record.story == list(cases.values())
    assert not any(vars(record.apply([ev.Heartbeat(iteration=30)])).values())
    assert record.last == ev.Heartbeat(iteration=30)
    assert record.last_iteration == 30
    assert record.story == list(cases.values())


def test_events_are_ordered_and_replaced_by_iteration() -> None:
    record = RunRecord()
    record.apply([_progress(1, 40), _sample(20), _sample(10), _sample(40)])
    again = ev.SamplesSaved(iteration=20, images_seen=7, fixed="samples/again.png")
    record.apply([again, *(ev.SpikeFound(iteration=40, spike_iteration=at) for at in (30, 5))])
    assert [sample.iteration for sample in record.samples] == [10, 20, 40]
    assert record.samples[1] is again
    assert [spike.spike_iteration for spike in record.spikes] == [5, 30]


def test_values_by_other_features_are_kept_apart() -> None:
    """A run that went on after an update of the program: nothing compares its older values with the newer ones."""
    record = RunRecord()
    older = [ev.MetricMeasured(iteration=i, name="kid", value=float(i), features="random-conv-1") for i in (1, 2)]
    newer = [ev.MetricMeasured(iteration=i, name="kid", value=float(i), features="lite0-front-1") for i in (3, 4)]
    record.apply([_progress(1, 4), *older, *newer])
    apart = measured_by("kid", "random-conv-1")
    assert record.metrics == {"kid": newer, apart: older}
    assert title(apart) != title("kid")
    assert "random-conv-1" in title(apart)
    record.apply([ev.RunResumed(iteration=1, checkpoint="checkpoints/00000001")])
    assert record.metrics == {"kid": [], apart: older[:1]}


def test_a_resume_keeps_what_happened_at_its_checkpoint() -> None:
    record = RunRecord()
    metrics = [ev.MetricMeasured(iteration=i, name="kid", value=float(i)) for i in (60, 61)]
    checkpoints = [ev.CheckpointSaved(iteration=i, path=f"checkpoints/{i:08}") for i in (60, 80)]
    spikes = [ev.SpikeFound(iteration=80, spike_iteration=i) for i in (60, 61)]
    record.apply([_progress(1, 60), _progress(61, 80), _sample(60), _sample(61), *metrics, *checkpoints, *spikes])
    changes = record.apply([ev.RunResumed(iteration=60, checkpoint="checkpoints/00000060")])
    assert all(vars(changes).values())
    assert [sample.iteration for sample in record.samples] == [60]
    assert record.metrics == {"kid": metrics[:1]}
    assert record.checkpoints == checkpoints[:1]
    assert record.spikes == spikes[:1]
    assert record.pace.iteration == [60]
    assert {len(series) for series in vars(record.pace).values()} == {1}
    assert record.last_iteration == 60


def test_iterations_without_curves_are_gaps() -> None:
    record = RunRecord()
    record.apply([_progress(1, 2, 5.0), _progress(5, 6, 7.0)])
    record.apply([_progress(7, 7, 8.0), _progress(8, 8, 9.0)])
    x, y = record.curves["loss_g"].raw.window(1, 8, 100)
    assert (x.tolist(), y.tolist()) == ([1, 2, 5, 6, 7, 8], [5, 5, 7, 7, 8, 9])


def test_pictures_and_iterations_between_reports() -> None:
    record = RunRecord()
    record.apply([_progress(1, 10, batch=10), _progress(11, 20, batch=20)])
    assert record.images_seen_at(10) == 100
    assert record.images_seen_at(15) == 250
    assert record.images_seen_at(20) == 400
    assert record.iteration_at(250) == 15
    assert record.iteration_at(0) == 0


def test_the_nearest_sample_and_its_neighbours() -> None:
    record = RunRecord()
    record.apply([_sample(iteration) for iteration in (0, 100, 200, 300)])
    assert [sample.iteration for sample in record.around(300)] == [200, 300]
    assert record.sample_index(100) == 1
    assert record.sample_index(99) == 0
    assert RunRecord().sample_at(5) is None
    assert RunRecord().sample_index(5) == 0
