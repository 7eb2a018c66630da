"""The devices on offer; the trainer is asked only if there may be a GPU, and only once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from gandam_studio.core.runs import process


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A slow answer of the trainer."""
    questions: list[str] = []

    def ask(*arguments: str, **_more: Any) -> dict[str, Any]:
        questions.append(arguments[0])
        time.sleep(0.05)
        return {"devices": ["cuda", "cpu"]}

    monkeypatch.setattr(process, "ask", ask)
    monkeypatch.setattr(process, "known_devices", [])
    return questions


def test_without_a_driver_there_is_the_processor_and_no_question(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "gpu_is_possible", lambda: False)
    assert process.available_devices() == ("cpu",)
    assert asked == []


def test_the_trainer_is_asked_once_by_any_number_of_windows(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "gpu_is_possible", lambda: True)
    answers: list[tuple[str, ...]] = []
    threads = [threading.Thread(target=lambda: answers.append(process.available_devices())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [("cuda", "cpu")] * 3
    assert asked == ["devices"]
