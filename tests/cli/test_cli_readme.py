"""The README tells the truth: every command and option is in it, and its commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from gandam_studio import reference
from gandam_studio.cli import SUBCOMMANDS, studio
from gandam_studio.commands import duplicates
from gandam_studio.core.duplicates import keeping, links, relations
from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def test_the_reference_is_what_the_commands_say(readme: str) -> None:
    expected = reference.replaced(readme)
    assert readme == expected, "run: python -m gandam_studio.reference README.md"


def test_every_command_and_option_is_documented(readme: str) -> None:
    context = click.Context(studio, info_name="gandam-studio")
    for name in SUBCOMMANDS:
        assert f"`gandam-studio {name}" in readme
        command = studio.get_command(context, name)
        assert command is not None
        entry = readme.split(f"**`gandam-studio {name}", 1)[1].split("\n**`", 1)[0]
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, click.Option) else ():
                assert option in entry, f"{name} {option}"
            assert not isinstance(parameter, click.Option) or parameter.help, f"{name} {parameter.name}"


def test_every_command_is_in_the_table_of_json(readme: str) -> None:
    table = readme.split("## JSON", 1)[1].split("\n## ", 1)[0]
    for name in SUBCOMMANDS:
        assert f"`{name}`" in table, name


def test_the_tour_uses_commands_and_options_that_exist(readme: str) -> None:
    joined = readme.replace("\\\n", " ")  # A command may go on in the next line.
    lines = [line.split("#")[0].strip() for line in joined.splitlines() if line.startswith("    gandam-studio ")]
    assert len(lines) > 12
    for line in lines:
        name, *arguments = shlex.split(line)[1:]
        command = studio.get_command(click.Context(studio), name)
        assert command is not None, line
        # Parsing is enough: it fails for options that do not exist and for values they refuse.
        command.make_context(name, arguments, resilient_parsing=False)


def test_what_commands_name_is_what_the_core_knows() -> None:
    assert duplicates.RELATIONS == relations.RELATIONS
    assert duplicates.RULES == keeping.DEFAULT_RULES
    assert duplicates.DISTANCE == DEFAULT_DISTANCE
    assert duplicates.LOOSEST == links.LOOSEST


def test_the_marks_must_be_there() -> None:
    with pytest.raises(ValueError, match="missing"):
        reference.replaced("no marks")
    assert re.search(r"gandam-studio import SOURCE\.\.\.", reference.reference())
