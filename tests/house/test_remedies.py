"""Messages of the core and the trainer name no option or command: a command line and the window add their own words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gandam_studio.commands.remedies import WORDS
from gandam_studio.qt.failures import words
from trainer.protocol.remedies import OPTIONS, Remedy, with_remedy, without_remedy

ROOT = Path(__file__).resolve().parents[2]
READ = ("gandam_studio/core", "gandam_studio/qt", "trainer")
COMMAND_LINE = ("trainer/cli.py", "trainer/protocol/remedies.py")
NAMED = re.compile(r"(?<![\w-])--[a-z]|\bgandam-studio [a-z]|\bpython -m trainer\b|\bsee: [a-z]")
ALLOWED = {
    ("gandam_studio/core/reports/facts.py", "gandam-studio evaluate"): "on a page, which is read anywhere",
    ("gandam_studio/core/reports/telling.py", "gandam-studio verify"): "on a page, which is read anywhere",
    ("gandam_studio/qt/explore/taking_out.py", "draws it again"): "the window has no control that draws a walk again",
    ("gandam_studio/qt/explore/taking_out.py", "draws just that"): "nor one that draws in other steps",
    ("gandam_studio/qt/launch.py", "gandam-studio doctor"): "printed, since no window opens",
    ("trainer/manifest_dataset.py", "export with --pictures"): "for programs that read an export",
    ("trainer/model_card.py", "--count 16"): "a command of the model's example",
    ("trainer/protocol/weights.py", "draw from it with --iteration"): "lines for a terminal",
    ("trainer/train_run.py", "under torchrun"): "torchrun is a command",
}
ERRORS = {"UserError", "TrainerError"}


def said(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string with a blank but docstrings; a text with values in it is one, with {} for each.

    A word alone, such as "--count", is an argument that is passed on.
    """
    tree = ast.parse(source)
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    left_out |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield node.lineno, text


def options_named(source: str) -> list[tuple[int, str]]:
    """Line and text of every message that names an option or a command."""
    return [(line, text) for line, text in said(source) if NAMED.search(text)]


def without_words(source: str) -> list[int]:
    """Lines at which an error that was caught is shown without what helps against it."""
    found = []
    for handler in ast.walk(ast.parse(source)):
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
            continue
        caught = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        if caught & ERRORS and caught <= ERRORS | {"OSError"}:
            found += [
                call.lineno for call in ast.walk(handler)
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "str"
                and call.args and isinstance(call.args[0], ast.Name) and call.args[0].id == handler.name
            ]  # fmt: skip
    return found


def test_the_search_finds_what_it_is_for() -> None:
    assert options_named('raise E(f"{path} is there; use --force")') == [(1, "{} is there; use --force")]
    assert options_named('raise E("damaged; see: verify")')
    assert not options_named('"""Takes --force, see it."""\nwords = ["--force", f"--id={a}"]\nsay("a -- b", "a--b c")')
    assert without_words("try:\n    do()\nexcept UserError as error:\n    post(str(error))") == [4]
    assert without_words("try:\n    do()\nexcept UserError as error:\n    post(explain(error))") == []


def test_messages_name_no_option_but_where_only_a_command_line_shows_them() -> None:
    found, needed = [], set()
    for path in sorted(path for folder in READ for path in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for line, text in options_named(path.read_text(encoding="utf-8")) if name not in COMMAND_LINE else ():
            allowed = {key for key in ALLOWED if key[0] == name and key[1] in text}
            needed |= allowed
            if not allowed:
                found.append(f"{name}:{line}: {text}")
    assert found == []
    assert ALLOWED.keys() - needed == set()


def test_every_remedy_has_words_at_both_places() -> None:
    assert set(WORDS) == set(words()) == set(Remedy)
    assert not [text for text in words().values() if NAMED.search(text)]


def test_what_the_trainer_has_printed_is_taken_apart_for_the_window() -> None:
    for remedy in OPTIONS:
        assert without_remedy(with_remedy("it is there", remedy, OPTIONS)) == ("it is there", remedy)
    assert without_remedy("it is there; choose another place") == ("it is there; choose another place", None)


def test_the_window_shows_errors_with_what_helps() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}:{line}"
        for path in sorted((ROOT / "gandam_studio/qt").rglob("*.py"))
        for line in without_words(path.read_text(encoding="utf-8"))
    }
    # A workspace that does not open cannot be verified on Versions, which is what would help.
    assert [place.partition(":")[0] for place in found] == ["gandam_studio/qt/main_window.py"]
