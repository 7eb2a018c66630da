"""A film in a dialog plays in order, again and again, and rests while nobody sees it."""

from __future__ import annotations

from PySide6.QtGui import QColor, QImage

from gandam_studio.qt.widgets.picture_view import FilmView


def frames(count: int) -> list[QImage]:
    """Pictures of one grey each: number n has the level 10 n."""
    images = [QImage(4, 4, QImage.Format.Format_RGB32) for _ in range(count)]
    for number, image in enumerate(images):
        image.fill(QColor(10 * number, 10 * number, 10 * number))
    return images


def test_it_plays_in_turn_and_begins_again(qtbot) -> None:  # type: ignore[no-untyped-def]
    view = FilmView(32)
    qtbot.addWidget(view)
    seen: list[int] = []
    show = view.show_image
    view.show_image = lambda image: (seen.append(image.pixelColor(0, 0).red() // 10), show(image))  # type: ignore[method-assign,assign,func-returns-value]
    view.play(frames(3), 5, 10)
    view.show()
    qtbot.waitUntil(lambda: len(seen) >= 9, timeout=10_000)
    steps = [number for number, before in zip(seen[1:], seen, strict=False) if number != before]
    assert steps[:6] == [1, 2, 0, 1, 2, 0]
    view.hide()
    at, count = view.at, len(seen)
    qtbot.wait(60)
    assert (view.at, len(seen)) == (at, count)
    view.show()
    qtbot.waitUntil(lambda: len(seen) > count + 3, timeout=10_000)


def test_one_picture_stands_still(qtbot) -> None:  # type: ignore[no-untyped-def]
    view = FilmView(32)
    qtbot.addWidget(view)
    view.play([], 5, 5)
    view.show()
    assert view.image.isNull()
    view.play(frames(1), 5, 5)
    qtbot.wait(30)
    assert view.at == 0
    assert not view.image.isNull()
