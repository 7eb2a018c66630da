"""Help: filters are explained once, and choices are those of the core."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from studio_calls import Studio

from gandam_studio.cli import SUBCOMMANDS
from gandam_studio.cli import studio as group
from gandam_studio.commands import duplicates
from gandam_studio.commands.selection import EXPLAINED_BY, FilterOption
from gandam_studio.core.duplicates import keeping, links, verdicts
from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE

CONTEXT = click.Context(group, info_name="gandam-studio")


def filters_of(name: str) -> list[click.Option]:
    command = group.get_command(CONTEXT, name)
    assert command is not None
    return [option for option in command.params if isinstance(option, FilterOption)]


FILTERING = [name for name in SUBCOMMANDS if filters_of(name)]


def test_one_command_explains_the_filters(studio: Studio) -> None:
    shown = studio(EXPLAINED_BY, "--help").out
    for option in filters_of(EXPLAINED_BY):
        assert option.opts[0] in shown
        assert option.help


@pytest.mark.parametrize("name", [name for name in FILTERING if name != EXPLAINED_BY])
def test_the_others_refer_to_it(studio: Studio, name: str) -> None:
    shown = studio(name, "--help").out
    assert f"gandam-studio {EXPLAINED_BY} --help" in shown
    assert "--dropped-for" not in shown
    # They take the same filters.
    assert [option.opts for option in filters_of(name)] == [option.opts for option in filters_of(EXPLAINED_BY)]


def test_filters_choose_sprites(ws: Path, studio: Studio) -> None:
    assert len(FILTERING) > 5
    everything = len(studio("list", "-w", ws, "--json").json)
    assert studio("keep", "--not-flipped", "--min-side", 1, "-w", ws, "--json").json["sprites"] == everything


def test_what_commands_name_is_what_the_core_knows() -> None:
    assert duplicates.RELATIONS == verdicts.RELATIONS
    assert duplicates.RULES == keeping.DEFAULT_RULES
    assert duplicates.DISTANCE == DEFAULT_DISTANCE
    assert duplicates.LOOSEST == links.LOOSEST
