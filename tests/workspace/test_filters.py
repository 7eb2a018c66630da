"""Filters: the sprites that each criterion finds, including bounds, their order, and how filters are stored."""

from __future__ import annotations

import pytest

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.query import ORDERS, Filter
from gandam_studio.core.workspace.store import transaction

# (name, width, height, colors, alpha, status, facing, flipped, tags, family, reason)
SPRITES = [
    ("Knight.png", 10, 20, 5, 1, "kept", "left", 0, ["red", "big"], "Knights", ""),
    ("mage.png", 20, 10, 1, 0, "dropped", "left", 1, ["red"], "", "text"),
    ("archer_2.png", 16, 16, 1, 1, "undecided", "right", 1, [], "Knights", ""),
    ("archer12.png", 8, 8, 0, 1, "undecided", "front", 0, ["big-red"], "caf\u00e9", ""),
    ("n\u00c4gel.png", 40, 10, 64, 0, "dropped", "unknown", 0, [], "", "duplicate"),
]
PATHS = ["art/Knight.png", "art/set1.zip", "art/set2.zip", "D:\\art\\set3.zip", "art/set4.zip"]


@pytest.fixture
def drawn(tmp_path):
    workspace = Workspace.create(tmp_path / "w")
    with transaction(workspace.connection) as connection:
        for n, (name, *values, tags, family, reason) in enumerate(SPRITES):
            stored = "".join(f"\n{tag}" for tag in tags) + ("\n" if tags else "")
            connection.execute(
                "INSERT INTO sprites (id, name, blob, width, height, colors, alpha, status, facing, flipped, tags,"
                f" family, reason) VALUES ({', '.join('?' * 13)})",
                (f"{n:064x}", name, "0" * 64, *values, stored, family, reason),
            )
            connection.execute(
                "INSERT INTO sources (path, member, size, file_digest, sprite, verdict) VALUES (?, ?, 1, '0', ?, ?)",
                (PATHS[n], f"in/{name}" if n else "", n + 1, "accepted"),
            )
    yield workspace
    workspace.close()


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"status": "kept"}, [1]),
        ({"status": "dropped"}, [2, 5]),
        ({"status": "not-dropped"}, [1, 3, 4]),
        ({"facing": "left"}, [1, 3]),  # as shown: 3 looks right and is flipped
        ({"facing": "right"}, [2]),
        ({"facing": "front"}, [4]),
        ({"facing": "unknown"}, [5]),
        ({"tag": "red"}, [1, 2]),
        ({"tag": "-red"}, [3, 4, 5]),
        ({"tag": "big-red"}, [4]),
        ({"source": "set3"}, [4]),
        ({"source": "set2.zip/in"}, [3]),
        ({"source": "ART"}, [1, 2, 3, 4, 5]),
        ({"source": "art/set"}, [2, 3, 4, 5]),
        ({"source": "art\\set"}, [2, 3, 4, 5]),
        ({"source": "set3.zip!in"}, [4]),
        ({"source": "set3.zip!!in"}, []),
        ({"text": "knight"}, [1]),
        ({"text": "archer_"}, [3]),  # no wildcard
        ({"text": "N\u00e4G"}, [5]),
        ({"family": "*"}, [1, 3, 4]),
        ({"family": "Knights"}, [1, 3]),
        ({"family": "cafe\u0301"}, [4]),
        ({"reason": "text"}, [2]),
        ({"flipped": True}, [2, 3]),
        ({"flipped": False}, [1, 4, 5]),
        ({"alpha": True}, [1, 3, 4]),
        ({"alpha": False}, [2, 5]),
        ({"blank": True}, [2, 4]),
        ({"blank": False}, [1, 3, 5]),
        ({"min_side": 16}, [1, 2, 3, 5]),
        ({"min_side": 17}, [1, 2, 5]),
        ({"max_side": 16}, [3, 4]),
        ({"max_side": 15}, [4]),
        ({"min_colors": 5}, [1, 5]),
        ({"min_colors": 6}, [5]),
        ({"max_colors": 1}, [2, 3, 4]),
        ({"max_colors": 0}, [4]),
        ({"min_aspect": 1.0}, [2, 3, 4, 5]),
        ({"min_aspect": 2.1}, [5]),
        ({"max_aspect": 1.0}, [1, 3, 4]),
        ({"max_aspect": 0.4}, []),
        ({"max_colors": 10**30}, [1, 2, 3, 4, 5]),
        ({"min_colors": -(10**30)}, [1, 2, 3, 4, 5]),
        ({"tag": "red", "status": "kept", "alpha": True}, [1]),
        ({"tag": "red", "status": "kept", "alpha": False}, []),
    ],
)
def test_what_each_criterion_finds(drawn, criteria, found) -> None:
    assert Filter(**criteria).select(drawn.connection).tolist() == found


@pytest.mark.parametrize(
    ("order", "up", "down"),
    [
        ("imported", [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]),
        ("name", [4, 3, 1, 2, 5], [5, 2, 1, 3, 4]),
        ("status", [2, 5, 1, 3, 4], [4, 3, 1, 5, 2]),
        ("facing", [4, 1, 2, 3, 5], [5, 3, 2, 1, 4]),
        ("size", [4, 1, 2, 3, 5], [5, 3, 2, 1, 4]),
        ("aspect", [1, 3, 4, 2, 5], [5, 2, 4, 3, 1]),
        ("colors", [4, 2, 3, 1, 5], [5, 1, 3, 2, 4]),
        ("alpha", [2, 5, 1, 3, 4], [4, 3, 1, 5, 2]),
        ("source", [1, 2, 3, 5, 4], [4, 5, 3, 2, 1]),
        ("family", [2, 5, 4, 1, 3], [3, 1, 4, 5, 2]),
        ("tags", [3, 5, 4, 2, 1], [1, 2, 4, 5, 3]),
    ],
)
def test_orders(drawn, order, up, down) -> None:
    assert Filter(order=order).select(drawn.connection).tolist() == up
    assert Filter(order=order, descending=True).select(drawn.connection).tolist() == down


def test_orders_that_need_something_else(drawn) -> None:
    with pytest.raises(UserError):
        Filter(order="similarity").select(drawn.connection)
    with pytest.raises(UserError):
        Filter(order="colour").select(drawn.connection)
    assert "similarity" in ORDERS


def test_criteria_and_order_are_told_apart() -> None:
    assert Filter().is_everything
    assert not Filter(order="name").is_everything
    assert not Filter(order="name", descending=True, like=3).has_criteria
    assert Filter(max_side=0).has_criteria
    assert Filter(flipped=False).has_criteria


def test_stored_filters() -> None:
    every = Filter(
        status="kept", facing="left", tag="a", source="b", text="c", family="d", reason="e", flipped=False, alpha=True,
        blank=False, min_side=0, max_side=9, min_colors=1, max_colors=2, min_aspect=0.5, max_aspect=2.0, order="name",
        descending=True, like=7,
    )  # fmt: skip
    assert Filter.from_json(every.to_json()) == every
    assert Filter().to_json() == {}
    assert Filter(flipped=False, max_side=3).to_json() == {"flipped": False, "max_side": 3}
    assert Filter.from_json({"flipped": None, "min_side": None, "max_aspect": None}) == Filter()


@pytest.mark.parametrize(
    "values",
    [
        {"colour": 1},
        {"order": "colour"},
        {"status": 1},
        {"flipped": "yes"},
        {"min_side": 1.5},
        {"min_side": True},
        {"max_aspect": "2"},
        {"max_aspect": float("nan")},
        {"descending": None},
    ],
)
def test_stored_filters_that_make_no_sense(values) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence
        Filter.from_json(values)


def test_a_filters_text_is_bounded() -> None:
    from trainer.protocol.untrusted import MAX_TEXT

    for name in ("tag", "source", "text", "family", "reason"):
        Filter(**{name: "x" * MAX_TEXT})
        with pytest.raises(UserError):
            Filter(**{name: "x" * (MAX_TEXT + 1)})
