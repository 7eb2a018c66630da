"""A worker vets a picture before the window's process decodes it."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from pictures import chunk, png, sprite, sprite_png

from gandam_studio.core.importing import pool
from gandam_studio.core.importing.items import Item
from gandam_studio.core.importing.preview import load_picture
from gandam_studio.core.pictures.decoding import UnreadablePicture


def test_a_sound_picture_from_a_file_or_bytes(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(sprite_png(1))
    assert np.array_equal(load_picture(tmp_path / "a.png"), sprite(1))
    assert np.array_equal(load_picture(sprite_png(2)), sprite(2))


def test_one_that_crashes_the_decoder_is_only_refused(monkeypatch) -> None:
    monkeypatch.setattr(pool, "COMMAND", [sys.executable, str(Path(__file__).with_name("suspect_worker.py"))])
    bad = png(8, 8, 8, 6, [bytes(32)] * 8, before=chunk(b"tEXt", b"c\0SEGFAULT"))
    with pytest.raises(UnreadablePicture, match="crashed"):
        load_picture(bad)


def test_a_picture_of_a_tar_is_refused(tmp_path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        (tmp_path / "a.png").write_bytes(sprite_png(2))
        archive.add(tmp_path / "a.png", "a.png")
    with pytest.raises(UnreadablePicture, match="tar archive"):
        load_picture(Item(str(tmp_path / "a.tar"), "a.png"))


def test_refusals_say_why(tmp_path) -> None:
    for source, reason in (
        (tmp_path / "gone.png", "no longer exists"),
        (b"words", "not a picture"),
        (b"PK\3\4", "archive"),
    ):
        with pytest.raises(UnreadablePicture, match=reason):
            load_picture(source)
