"""Going through duplicates with real keys and clicks in the real window."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from garbage import set_aside_all
from known_duplicates import (
    ALONE,
    BODY,
    BODY_MIRRORED,
    PLANE,
    PLANE_REPAINTED,
    TANK,
    TANK_DOUBLED,
    TANK_PADDED,
    add_pictures,
    eventually,
    first_of,
)
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from studio_window import CONTROL, SHIFT, press, statuses

from gandam_studio.core.versions import commit
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Keep
from gandam_studio.qt.duplicates.canvas import Mode
from gandam_studio.qt.duplicates.screen import DuplicatesScreen
from gandam_studio.samples.mechas.collection import render

K = Qt.Key
UNDECIDED = ["undecided"] * 8


def decided(screen: DuplicatesScreen) -> dict[int, str]:
    """The decisions by row."""
    found = statuses(screen.session.workspace)
    return {row: status for row, status in enumerate(found, 1) if status != "undecided"}


def listed(screen: DuplicatesScreen) -> list[set[int]]:
    """The sprites of every card, in order."""
    model = screen.cards.cards
    return [set(model.card(row).seqs) for row in range(model.rowCount())]


def told(screen: DuplicatesScreen) -> str:
    """What the rules would do: the line above the button, and the details."""
    return f"{screen.rules.headline.text()}<br>{screen.rules.preview.text()}"


def wait_for_pair(screen: DuplicatesScreen) -> None:
    assert eventually(lambda: screen.view.compare.canvas.compared is not None, 5)


def test_the_first_visit_searches_and_shows_the_most_doubtful_group_first(screen) -> None:
    assert listed(screen) == [{PLANE, PLANE_REPAINTED}, {TANK, TANK_DOUBLED, TANK_PADDED}, {BODY, BODY_MIRRORED}]
    assert all(ALONE not in group for group in listed(screen))
    assert screen.bar.counts.text() == "3 groups · 7 sprites · 0 decided"
    assert QApplication.focusWidget() is screen.cards, "the keys are ready"


def test_drop_keep_and_next_by_key_and_undo(screen) -> None:
    press(K.Key_N)
    assert screen.view.group.keeper == TANK
    assert screen.view.current_sprite().seq != TANK, "the best one is not what one would drop"
    first = screen.view.current_sprite().seq
    press(K.Key_D)
    second = screen.view.current_sprite().seq
    assert {first, second} == {TANK_DOUBLED, TANK_PADDED}
    press(K.Key_K)
    assert decided(screen) == {first: "dropped", second: "kept"}
    assert screen.view.current_sprite().seq == TANK, "one is left to decide in this group"
    press(K.Key_K)
    assert screen.view.group.keeper == BODY, "a settled group makes way for the next"
    for _ in range(3):
        press(K.Key_Z, CONTROL)
    assert decided(screen) == {}
    assert not screen.cards.is_settled(screen.cards.cards.card(1))


def test_arrows_walk_through_sprites_and_groups_from_either_place(screen) -> None:
    press(K.Key_Down)
    assert screen.view.group.keeper == TANK
    press(K.Key_Right)
    assert screen.view.strip.current == 2
    press(K.Key_Left)
    press(K.Key_Left)
    assert screen.view.current_sprite().seq == TANK
    screen.view.strip.setFocus()
    press(K.Key_Up)
    assert screen.view.group.keeper in (PLANE, PLANE_REPAINTED)


def test_a_click_on_a_card_and_on_a_sprite_chooses_them(screen, qtbot) -> None:
    index = screen.cards.cards.index(2)
    qtbot.mouseClick(screen.cards.viewport(), Qt.MouseButton.LeftButton, pos=screen.cards.visualRect(index).center())
    assert set(screen.view.group.seqs) == {BODY, BODY_MIRRORED}
    strip = screen.view.strip
    place = strip.visualRect(strip.members.index(0)).center()
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert screen.view.current_sprite().seq == screen.view.group.keeper
    press(K.Key_D)
    assert decided(screen) == {screen.findings.group(2).keeper: "dropped"}


def test_a_mirrored_copy_lies_on_its_original_to_the_pixel(screen) -> None:
    screen.cards.go_to(2)
    assert eventually(lambda: screen.view.facts.measured.text().lower().startswith("no pixel differs"), 5)
    assert "mirrored" in screen.view.facts.sentence()
    compared = screen.view.compare.canvas.compared
    assert compared.aligned_left == compared.aligned_right
    assert compared.left != compared.right, "as they are, they look different ways"


def test_every_copy_is_mapped_onto_its_original(screen) -> None:
    screen.cards.go_to(1)
    for place in (1, 2):
        screen.view.strip.go_to(place)
        assert eventually(lambda: screen.view.facts.measured.text().lower() == "no pixel differs once aligned", 5), (
            place
        )


def test_ways_to_look_by_key(screen) -> None:
    compare = screen.view.compare
    wait_for_pair(screen)
    press(K.Key_W)
    assert compare.mode is Mode.BLINK
    press(K.Key_W)
    assert compare.mode is Mode.SIDE_BY_SIDE
    for key, mode in ((K.Key_E, Mode.DIFFERENCE), (K.Key_O, Mode.OVERLAY), (K.Key_Q, Mode.SIDE_BY_SIDE)):
        press(key)
        assert compare.mode is mode
    press(K.Key_M)
    assert not compare.aligned.isChecked()
    before = compare.canvas.scale()
    press(K.Key_Minus)
    assert compare.canvas.scale() < before
    press(K.Key_0)
    assert compare.canvas.scale() == before


def test_keep_all_is_remembered_for_ever_and_undone_even_then(screen, open_screen, known: Path) -> None:
    screen.cards.go_to(2)
    press(K.Key_K, SHIFT)
    assert {BODY, BODY_MIRRORED} not in listed(screen)
    assert decided(screen) == {BODY: "kept", BODY_MIRRORED: "kept"}
    screen.search()
    assert eventually(lambda: not screen.session.tasks)
    assert {BODY, BODY_MIRRORED} not in listed(screen)
    assert len(listed(screen)) == 2
    # The search respected it; taking it back must bring the group in again all the same.
    press(K.Key_Z, CONTROL)
    assert eventually(lambda: {BODY, BODY_MIRRORED} in listed(screen))
    assert decided(screen) == {}


def test_flip_and_keep_is_one_step(screen) -> None:
    screen.cards.go_to(2)
    seq = screen.view.current_sprite().seq
    press(K.Key_F)
    sprite = screen.session.workspace.sprite(seq)
    assert (sprite.status, sprite.flipped) == ("kept", True)
    press(K.Key_Z, CONTROL)
    sprite = screen.session.workspace.sprite(seq)
    assert (sprite.status, sprite.flipped) == ("undecided", False)


def test_enter_keeps_the_best_of_this_group_and_drops_its_duplicates(screen) -> None:
    press(K.Key_N)
    press(K.Key_B)
    assert decided(screen) == {TANK: "kept", TANK_DOUBLED: "dropped", TANK_PADDED: "dropped"}
    assert set(screen.view.group.seqs) == {BODY, BODY_MIRRORED}
    press(K.Key_Z, CONTROL)
    assert decided(screen) == {}


def test_enter_never_drops_a_relative(screen) -> None:
    posted: list[str] = []
    screen.session.message_posted.connect(lambda text, _severity: posted.append(text))
    press(K.Key_B)
    assert decided(screen) == {}
    assert posted, "the message says why"


def test_the_preview_says_what_the_rules_do_and_one_undo_takes_it_back(screen) -> None:
    text = told(screen)
    assert text.startswith("<b>3</b>")
    for part in ("1 mirrored", "1 resized", "1 cropped"):
        assert part in text
    press(K.Key_Return, CONTROL)
    dropped = {TANK_DOUBLED, TANK_PADDED, BODY_MIRRORED}
    assert decided(screen) == dict.fromkeys(dropped, "dropped")
    assert eventually(lambda: "Nothing to drop" in told(screen), 5)
    assert not screen.rules.apply_button.isEnabled()
    press(K.Key_Z, CONTROL)
    assert decided(screen) == {}


def keep_everything(screen: DuplicatesScreen) -> None:
    screen.session.apply(Keep(list(range(1, 9))))
    assert eventually(lambda: "Nothing to drop" in told(screen), 5)


def test_after_culling_one_click_includes_what_was_kept_and_one_undo_takes_it_back(screen, qtbot) -> None:
    keep_everything(screen)
    assert not screen.rules.apply_button.isEnabled()
    assert "<b>3</b>" in told(screen), "the panel says how many stay because they are marked keep"
    assert "2" in screen.rules.kept_button.text(), "in two groups"
    qtbot.mouseClick(screen.rules.kept_button, Qt.MouseButton.LeftButton)
    assert told(screen).startswith("<b>3</b>")
    qtbot.mouseClick(screen.rules.apply_button, Qt.MouseButton.LeftButton)
    assert {seq for seq, status in decided(screen).items() if status == "dropped"} == {
        TANK_DOUBLED, TANK_PADDED, BODY_MIRRORED,
    }  # fmt: skip
    assert not screen.rules.include_kept.isChecked(), "the next time it is asked again"
    press(K.Key_Z, CONTROL)
    assert set(decided(screen).values()) == {"kept"}


def test_keep_best_in_a_kept_group_says_why_nothing_is_dropped(screen) -> None:
    keep_everything(screen)
    screen.cards.go_to(1)
    posted: list[str] = []
    screen.session.message_posted.connect(lambda text, _severity: posted.append(text))
    press(K.Key_B)
    assert set(decided(screen).values()) == {"kept"}
    assert any(screen.rules.include_kept.text() in text for text in posted)
    screen.rules.include_kept.setChecked(True)
    press(K.Key_B)
    assert [seq for seq, status in decided(screen).items() if status == "dropped"] == [TANK_DOUBLED, TANK_PADDED]


def test_the_panel_says_with_numbers_why_nothing_can_be_dropped(screen) -> None:
    for box in screen.rules.relations.values():
        box.setChecked(False)
    text = told(screen)
    assert "Nothing to drop" in text
    assert "<b>3</b>" in text, "three copies are of relations not chosen"
    assert "<b>1</b>" in text, "one sprite is only related"
    for box in screen.rules.relations.values():
        box.setChecked(True)
    screen.rules.sure.setValue(100)
    unsure = screen.findings.plan(screen.rules.chosen_relations(), 1.0).unsure
    assert unsure
    assert f"<b>{len(unsure)}</b> stay" in told(screen)


def test_every_badge_says_what_the_sprite_is_a_copy_of(screen) -> None:
    role = Qt.ItemDataRole.AccessibleTextRole
    card = screen.cards.cards.index(2).data(role)
    for words in ("mirrored copy of ", "body.png", "body-mirrored.png"):
        assert words in card
    screen.cards.go_to(2)
    strip = screen.view.strip.members
    assert f"mirrored copy of {strip.members[0].sprite.name}" in strip.index(1).data(role)
    assert f"mirrored copy of {strip.members[0].sprite.name}" in screen.view.facts.sentence()


def test_a_copy_of_a_recoloured_sprite_names_that_one(open_screen, tmp_path: Path) -> None:
    plane, coat = render(7, first_of("plane")), render(7, first_of("plane"), coat=5)
    with Workspace.create(tmp_path / "w") as workspace:
        pictures = {"plane.png": plane, "coat.png": coat, "coat-mirrored.png": coat[:, ::-1].copy()}
        add_pictures(workspace, pictures)
    screen = open_screen(tmp_path / "w")
    members = {card.sprite.name: (card.relation, card.other) for card in screen.view.strip.members.members}
    assert members["coat-mirrored.png"] == ("mirrored", "coat.png")
    assert members["coat.png"][1] == "plane.png"


def test_copies_left_in_a_version_are_listed_even_when_decided(screen, known: Path) -> None:
    keep_everything(screen)
    version = commit(screen.session.workspace, "all kept")
    screen.bar.undecided_only.setChecked(True)
    window = screen.window()
    train = window.visit_by_name("Train")
    train.setup.refresh_versions()
    train.setup.check()
    go = [b for b in train.setup.preflight.findChildren(QPushButton) if b.text() == "Go to Duplicates"]
    QTest.mouseClick(go[-1], Qt.MouseButton.LeftButton)
    assert window.screen_shown is screen
    assert version.label in screen.bar.relation.currentText()
    assert listed(screen) == [{TANK, TANK_DOUBLED, TANK_PADDED}, {BODY, BODY_MIRRORED}]
    QTest.mouseClick(screen.rules.kept_button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(screen.rules.apply_button, Qt.MouseButton.LeftButton)
    window.visit_by_name("Train")
    train.setup.check()

    def cures() -> set[str]:
        return {b.text() for b in train.setup.preflight.findChildren(QPushButton) if b.isVisible()}

    assert eventually(lambda: "Go to Versions" in cures(), 5), "what is left to do is a new version"
    assert "Go to Duplicates" not in cures(), "they are dropped by now"


def test_relations_left_out_are_not_dropped(screen, qtbot) -> None:
    qtbot.mouseClick(screen.rules.relations["mirrored"], Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert told(screen).startswith("<b>2</b>")
    qtbot.mouseClick(screen.rules.apply_button, Qt.MouseButton.LeftButton)
    assert decided(screen) == {TANK_DOUBLED: "dropped", TANK_PADDED: "dropped"}


def test_rules_moved_by_key_choose_another_best(screen) -> None:
    rules = screen.rules.rules
    screen.cards.go_to(1)
    assert screen.view.group.keeper == TANK
    rules.setFocus()
    rules.setCurrentRow(rules.order().index("larger"))
    while rules.order()[0] != "larger":
        press(K.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert eventually(lambda: TANK_DOUBLED in [screen.findings.group(row).keeper for row in range(3)], 5)


def test_rules_dragged_with_the_mouse_change_places(screen, qtbot) -> None:
    rules = screen.rules.rules
    before = rules.order()
    # What a drop of an internal move does in the end; offscreen windows start no drag of their own.
    assert rules.model().moveRow(rules.rootIndex(), 0, rules.rootIndex(), 3)
    assert rules.order() == [*before[1:3], before[0], *before[3:]]
    assert eventually(lambda: tuple(rules.order()) == screen.findings.report.rules, 5)


def test_the_slider_regroups_at_once_and_an_empty_list_offers_to_loosen(screen, qtbot) -> None:
    screen.bar.slider.setFocus()
    while screen.bar.slider.value() > 20:
        press(K.Key_PageDown)
    assert eventually(lambda: len(listed(screen)) == 2, 5), "the repainted plane is further away than that"
    screen.bar.undecided_only.setChecked(True)
    for _ in range(2):
        screen.cards.go_to(0)
        screen.keep_all()
    assert screen.pages.currentWidget() is screen.pages.none
    qtbot.mouseClick(screen.pages.none.findChildren(type(screen.rules.apply_button))[0], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(screen.pages.none.findChildren(type(screen.rules.apply_button))[0], Qt.MouseButton.LeftButton)
    assert eventually(lambda: listed(screen) == [{PLANE, PLANE_REPAINTED}], 5)


def test_brackets_move_the_slider(screen) -> None:
    before = screen.bar.distance
    press(K.Key_Comma)
    assert screen.bar.distance < before
    press(K.Key_Period)
    assert screen.bar.distance == before


def test_only_groups_of_one_relation_or_only_undecided_ones(screen) -> None:
    screen.bar.relation.setCurrentIndex(screen.bar.relation.findData("resized"))
    assert listed(screen) == [{TANK, TANK_DOUBLED, TANK_PADDED}]
    screen.bar.relation.setCurrentIndex(0)
    screen.cards.go_to(1)
    press(K.Key_B)
    press(K.Key_H)
    assert len(listed(screen)) == 2
    screen.bar.relation.setCurrentIndex(screen.bar.relation.findData("resized"))
    assert screen.pages.currentWidget() is screen.pages.none_listed


def test_nothing_is_dropped_in_favour_of_what_is_dropped_itself(screen) -> None:
    screen.cards.go_to(2)
    best = screen.view.group.keeper
    press(K.Key_Left)
    assert screen.view.current_sprite().seq == best
    press(K.Key_D)
    press(K.Key_Return, CONTROL)
    left = {BODY, BODY_MIRRORED} - {best}
    assert not left & set(decided(screen)), "the last of a pair stays"


def test_what_the_person_keeps_becomes_the_best(screen) -> None:
    screen.cards.go_to(2)
    other = screen.view.current_sprite().seq
    best = screen.view.group.keeper
    press(K.Key_K)
    press(K.Key_Return, CONTROL)
    assert decided(screen)[other] == "kept"
    assert decided(screen)[best] == "dropped"


def test_decisions_made_elsewhere_show_here(screen) -> None:
    from gandam_studio.core.workspace.edits import Drop

    screen.session.apply(Drop([TANK_DOUBLED, TANK_PADDED], "duplicate"))
    assert screen.cards.is_settled(screen.cards.cards.card(1))
    assert eventually(lambda: "1 decided" in screen.bar.counts.text(), 5)


def test_new_sprites_ask_for_another_search(screen) -> None:
    add_pictures(screen.session.workspace, {"new.png": render(7, first_of("crawler")).repeat(3, 0).repeat(3, 1)})
    screen.session.sprites_imported.emit()
    assert "new sprites" in screen.bar.find_button.text()
    press(K.Key_F5)
    assert eventually(lambda: any(ALONE in group for group in listed(screen)))
    assert "new sprites" not in screen.bar.find_button.text()


def test_a_dropped_sprite_brought_back_after_a_search_is_searched_again(screen) -> None:
    screen.cards.go_to(2)
    dropped = screen.view.current_sprite().seq
    press(K.Key_D)
    screen.search()
    assert eventually(lambda: not screen.session.tasks)
    assert all(dropped not in group for group in listed(screen))
    press(K.Key_Z, CONTROL)
    assert eventually(lambda: any(dropped in group for group in listed(screen)))


def test_a_search_can_be_cancelled_and_started_again(open_window, known: Path, qtbot, monkeypatch) -> None:
    import threading

    from gandam_studio.core.duplicates import judging

    going, reached = threading.Event(), threading.Event()
    compare = judging.compare

    def slow(*tiles):
        reached.set()
        assert going.wait(20)
        return compare(*tiles)

    monkeypatch.setattr(judging, "compare", slow)
    window = open_window(known)
    screen = window.visit_by_name("Duplicates")
    assert screen.pages.currentWidget() is screen.pages.searching
    assert eventually(reached.is_set)
    qtbot.mouseClick(screen.pages.searching.cancel, Qt.MouseButton.LeftButton)
    going.set()
    assert eventually(lambda: screen.pages.currentWidget() is screen.pages.before)
    press(K.Key_F5)
    assert eventually(lambda: screen.findings is not None)
    assert len(listed(screen)) == 3


@pytest.mark.parametrize("many", [False, True])
def test_many_relations_and_drops_are_no_burden_to_the_garbage_collector(screen, monkeypatch, many: bool) -> None:
    from gandam_studio.core.duplicates.links import Link
    from gandam_studio.qt.duplicates import screen as module

    monkeypatch.setattr(module, "WEIGHTY", 0 if many else 5_000)
    gc.unfreeze()
    try:
        press(K.Key_F5)
        found = screen.findings
        assert eventually(lambda: screen.findings is not found and screen.plan is not None and screen.plan.drops)
        looked_at = gc.get_objects()
        assert any(isinstance(one, Link) for one in looked_at) is not many
        assert any(one is screen.plan for one in looked_at) is not many
    finally:
        looked_at = []
        set_aside_all()


def test_a_window_of_its_first_size_shows_rules_and_preview_and_a_narrow_one_cuts_nothing_off(screen) -> None:
    window = screen.window()
    window.resize(1240, 820)
    assert eventually(lambda: screen.side.isVisible() and screen.rules.isVisible())
    window.resize(window.minimumSizeHint())
    assert eventually(lambda: not screen.side.isVisible())
    screen.bar.show_counts(12_345, 98_765, 1_234)
    assert eventually(lambda: screen.bar.counts.width() >= screen.bar.counts.sizeHint().width())
    window.resize(1600, 900)
    assert eventually(lambda: screen.side.isVisible() and screen.bar.slider.width() == 200)


def test_a_missing_original_is_said_and_harms_nothing(screen, known: Path) -> None:
    sprite = screen.session.workspace.sprite(BODY_MIRRORED)
    screen.session.workspace.originals.discard(sprite.blob)
    screen.cards.go_to(2)
    assert eventually(lambda: bool(screen.view.facts.measured.text()), 5)
    assert screen.view.compare.canvas.compared is None
    screen.cards.go_to(1)
    wait_for_pair(screen)


def test_a_sprite_that_cannot_be_read_keeps_nothing_else_from_being_compared(open_window, known: Path) -> None:
    with Workspace.open(known) as workspace:
        workspace.originals.discard(workspace.sprite(TANK_PADDED).blob)
    window = open_window(known)
    posted: list[str] = []
    window.session.message_posted.connect(lambda text, _severity: posted.append(text))
    screen = window.visit_by_name("Duplicates")
    assert eventually(lambda: screen.findings is not None)
    assert {TANK, TANK_DOUBLED} in listed(screen)
    assert any("tank-padded.png" in text for text in posted)


def test_keys_are_ready_again_when_groups_come_back(screen) -> None:
    for _ in range(3):
        press(K.Key_K, SHIFT)
    assert screen.pages.currentWidget() is screen.pages.none
    press(K.Key_Z, CONTROL)
    assert eventually(lambda: len(listed(screen)) == 1, 5)
    before = len(decided(screen))
    press(K.Key_K)
    assert len(decided(screen)) == before + 1


def test_read_only_shows_everything_and_decides_nothing(open_screen, known: Path) -> None:
    with Workspace.open(known):
        screen = open_screen(known, read_only=True)
        assert len(listed(screen)) == 3
        for key in (K.Key_K, K.Key_D, K.Key_F, K.Key_B):
            press(key)
        press(K.Key_K, SHIFT)
        assert decided(screen) == {}
        assert not screen.rules.apply_button.isEnabled()
        assert not screen.actions_of.keep.isEnabled()


def test_families_are_named_weighed_and_capped_one_undo_each(screen, qtbot) -> None:
    screen.window().resize(1400, 800)
    assert eventually(screen.side.isVisible, 5)
    screen.side.setCurrentWidget(screen.balance_panel)
    panel, workspace = screen.balance_panel, screen.session.workspace
    assert eventually(panel.name_button.isEnabled, 5)
    qtbot.mouseClick(panel.name_button, Qt.MouseButton.LeftButton)
    assert eventually(lambda: len(panel.list.families.rows) == 3, 5)
    assert [row.count for row in panel.list.families.rows] == [3, 2, 2]
    panel.weigh.setChecked(True)
    assert [row.counts_for for row in panel.list.families.rows] == [1, 1, 1]
    qtbot.mouseClick(panel.apply_button, Qt.MouseButton.LeftButton)
    assert workspace.sprite(TANK).weight == pytest.approx(1 / 3, abs=1e-5)
    assert workspace.sprite(ALONE).weight == 1
    screen.session.undo()
    assert workspace.sprite(TANK).weight == 1
    panel.cap.setChecked(True)
    panel.cap_number.setValue(2)
    assert "<b>1 sprite</b>" in panel.preview.text()
    qtbot.mouseClick(panel.apply_button, Qt.MouseButton.LeftButton)
    assert sorted(decided(screen).values()) == ["dropped"]


def test_every_action_stands_in_a_menu_and_every_button_has_a_name(screen) -> None:
    from PySide6.QtWidgets import QAbstractButton

    in_menus = {action for action, _ in screen.window().commands()}
    own = {action for action in vars(screen.actions_of).values() if hasattr(action, "trigger")}
    assert own <= in_menus
    for button in screen.findChildren(QAbstractButton):
        assert button.accessibleName() or button.text(), button
    for view in (screen.cards, screen.view.strip, screen.rules.rules, screen.bar.slider, screen.view.compare.canvas):
        assert view.accessibleName()


def test_cards_and_sprites_speak(screen) -> None:
    role = Qt.ItemDataRole.AccessibleTextRole
    said = screen.cards.cards.data(screen.cards.cards.index(2), role)
    assert "mirrored" in said
    assert "body.png" in said
    said = screen.view.strip.members.data(screen.view.strip.members.index(0), role)
    assert "best" in said


def test_a_narrow_window_hides_the_panel_before_it_refuses(screen) -> None:
    window = screen.window()
    window.resize(1000, 640)
    QTest.qWait(50)
    assert not screen.side.isVisible()
    assert screen.minimumSizeHint().width() <= 900
    window.resize(1400, 800)
    QTest.qWait(50)
    assert screen.side.isVisible()


def test_in_a_narrow_window_the_rules_are_reached_and_what_they_do_is_seen(screen) -> None:
    window = screen.window()
    window.resize(1024, 640)
    QTest.qWait(50)
    assert not screen.side.isVisible()
    QTest.mouseClick(screen.bar.panel_button, Qt.MouseButton.LeftButton)
    QTest.qWait(50)
    assert screen.view.isHidden()
    for part in (screen.rules.headline, screen.rules.apply_button, screen.cards):
        assert part.visibleRegion().boundingRect().size() == part.size()
    assert "3" in screen.rules.headline.text()
    press(K.Key_I, CONTROL)
    QTest.qWait(50)
    assert not screen.side.isVisible()
    assert screen.view.isVisible()
    press(K.Key_I, CONTROL)
    window.resize(1400, 800)
    QTest.qWait(50)
    assert screen.side.isVisible()
    assert screen.view.isVisible()
