from __future__ import annotations

import json
import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainer.protocol.events import (
    KINDS,
    MAX_LINE,
    EventReader,
    EventWriter,
    Progress,
    RunFinished,
    RunStarted,
    RunWarning,
    UnknownEvent,
    first_event,
    last_event,
    parse_event,
)


def written(path: Path, count: int, first: int = 0) -> None:
    writer = EventWriter(path)
    for step in range(first, first + count):
        writer.write(Progress(iteration=step + 1, first_iteration=step + 1, curves={"loss_d": [step / 7]}))
    writer.close()


def test_events_are_numbered_dated_and_read_back_equal(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    first = writer.write(RunStarted(device="cpu", batch=64))
    second = writer.write(Progress(iteration=3, first_iteration=1, curves={"penalty": [None, 0.5, None]}, eta_s=2.5))
    writer.close()
    assert EventReader(path).read() == [first, second]
    assert first_event(path) == first
    assert (first.sequence, second.sequence, first.attempt) == (1, 2, 1)
    assert first.wall_time > 1.6e9


def test_no_first_event_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert first_event(path) is None
    for damaged in (b"", b"{\n", b"x" * (1 << 17)):
        path.write_bytes(damaged)
        assert first_event(path) is None


def test_every_kind_survives_its_line() -> None:
    assert len(KINDS) == 16
    for kind in KINDS.values():
        assert parse_event(json.dumps(kind(iteration=7).to_json()).encode()) == kind(iteration=7)


def test_a_new_writer_continues_the_sequence_in_a_new_attempt(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    written(path, 4)
    writer = EventWriter(path)
    event = writer.write(RunFinished())
    writer.close()
    assert (event.sequence, event.attempt) == (5, 2)


def test_a_torn_last_line_waits_and_a_killed_writers_half_line_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    written(path, 2)
    reader = EventReader(path)
    assert len(reader.read()) == 2
    with path.open("ab") as stream:
        stream.write(b'{"kind":"progress","iterat')
    assert reader.read() == []
    assert last_event(path).iteration == 2
    writer = EventWriter(path)
    writer.write(RunFinished(iteration=9))
    writer.close()
    events = reader.read()
    assert [type(event) for event in events] == [RunFinished]
    assert events[0].sequence == 3
    assert (reader.damaged, reader.restarts) == (1, 0)


def test_a_truncated_or_replaced_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    written(path, 5)
    reader = EventReader(path)
    assert len(reader.read()) == 5
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert len(reader.read()) == 1
    assert reader.restarts == 1
    path.unlink()
    written(path, 9, first=1)  # in the same millisecond, perhaps
    assert len(reader.read()) == 9
    assert reader.restarts == 2


def test_unknown_kinds_and_fields_of_newer_versions_are_kept_or_ignored(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = {"kind": "dreamt", "iteration": 8, "sequence": 1, "of": "sheep"}
    path.write_text(json.dumps(line) + "\n" + json.dumps({"kind": "heartbeat", "mood": "good"}) + "\n")
    unknown, heartbeat = EventReader(path).read()
    assert isinstance(unknown, UnknownEvent)
    assert unknown.iteration == 8
    assert unknown.to_json() == line
    assert heartbeat.kind == "heartbeat"


def test_values_that_json_cannot_hold_become_null(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events.jsonl")
    writer.write(Progress(curves={"loss_d": [1.0, math.nan, math.inf]}))
    writer.close()
    (event,) = EventReader(tmp_path / "events.jsonl").read()
    assert event.curves["loss_d"] == [1.0, None, None]


def test_a_missing_file_reads_as_empty(tmp_path: Path) -> None:
    assert EventReader(tmp_path / "none.jsonl").read() == []
    assert last_event(tmp_path / "none.jsonl") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 2000), min_size=1, max_size=12))
def test_however_the_bytes_arrive_the_events_are_the_same(tmp_path: Path, cuts: list[int]) -> None:
    whole = tmp_path / "whole.jsonl"
    if not whole.exists():
        written(whole, 12)
    data = whole.read_bytes()
    part = tmp_path / "part.jsonl"
    part.write_bytes(b"")
    reader = EventReader(part)
    seen = []
    for cut in [*sorted(cuts), len(data)]:
        part.write_bytes(data[:cut])
        seen += reader.read()
    assert seen == EventReader(whole).read()
    assert reader.damaged == 0


def test_the_last_event_is_found_behind_long_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write(RunStarted())
    writer.write(Progress(iteration=5, curves={"loss_d": [0.123456] * 30_000}))
    writer.close()
    assert last_event(path).iteration == 5


def test_text_is_readable_in_the_file_whatever_its_bytes_were(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write(RunWarning(message="fünf.png caf\udce9.png"))
    writer.close()
    assert "fünf.png caf?.png".encode() in path.read_bytes()
    (event,) = EventReader(path).read()
    assert event.message == "fünf.png caf?.png"


def test_after_a_line_that_was_too_long_every_other_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"kind":"' + b"x" * (2 * MAX_LINE) + b'"}\n')
    reader = EventReader(path)
    assert reader.read() == []
    for number in range(1, 4):
        with path.open("ab") as stream:
            stream.write(json.dumps(Progress(iteration=number).to_json()).encode() + b"\n")
        assert [event.iteration for event in reader.read()] == [number]
    assert (reader.damaged, reader.restarts) == (1, 0)
