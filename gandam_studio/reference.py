"""The generated parts of the documentation: `python -m gandam_studio.reference docs`.

Every `<!-- generated: NAME -->` ... `<!-- end -->` in the Markdown files of a folder is filled from the program itself.
With `--check`, nothing is written, and the exit code is 1 when a file is out of date.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

    from trainer.protocol.config import FieldInfo

BLOCK = re.compile(r"(?<=<!-- generated: )(\w+) -->\n(?:.*?\n)?(?=<!-- end -->)", re.DOTALL)


def commands() -> str:
    """Every command with its arguments, options and help; filters are explained once, at the end."""
    from gandam_studio.cli import SUBCOMMANDS, studio
    from gandam_studio.commands.selection import EXPLAINED_BY, FilterOption

    context = click.Context(studio, info_name="gandam-studio")
    found = {name: studio.get_command(context, name) for name in SUBCOMMANDS}
    parts = ["\n".join(_entry(name, command, context)) for name, command in found.items() if command]
    explained = found[EXPLAINED_BY]
    filters = [option for option in explained.params if isinstance(option, FilterOption)] if explained else []
    return "\n\n".join([*parts, "\n".join(["## Filters", "", *_options(filters, context)])])


def _entry(name: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    from gandam_studio.commands.selection import FilterOption

    context = click.Context(command, info_name=name, parent=parent)
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    yield f"## {name}"
    yield ""
    yield f"    {' '.join(['gandam-studio', name, *pieces])}"
    yield ""
    yield inspect.cleandoc(command.help or "")
    yield ""
    options = [option for option in command.params if isinstance(option, click.Option)]
    yield from _options((option for option in options if not isinstance(option, FilterOption)), context)
    if any(isinstance(option, FilterOption) for option in options):
        yield "- [Filters](#filters)"


def _options(options: Iterable[click.Parameter], context: click.Context) -> Iterator[str]:
    for option in options:
        if record := option.get_help_record(context):
            meaning = " ".join(record[1].split()).replace("[", "\\[")  # Else [a] [b] is a link.
            yield f"- `{record[0]}`: {meaning}"


def keys() -> str:
    """Every command of the window: those of all screens, then those of each screen."""
    from PySide6.QtCore import QCoreApplication, QSettings

    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # the keys are read from a real window
    from PySide6.QtWidgets import QApplication

    from gandam_studio.core.workspace import Workspace
    from gandam_studio.qt import theme
    from gandam_studio.qt.main_window import MainWindow
    from gandam_studio.qt.palette import other_words, synonyms
    from gandam_studio.qt.tips import name_of

    application = QApplication.instance() or QApplication(["reference"])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        # The person's own settings must neither be read nor written.
        QCoreApplication.setOrganizationName("GANdam Studio reference")
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, scratch)
        if isinstance(application, QApplication):
            theme.install(application)
        Workspace.create(Path(scratch, "workspace")).close()
        window = MainWindow()
        window.show()
        window.open_folder(Path(scratch, "workspace"))
        words = synonyms()
        by_screen: dict[str, list[tuple[str, ...]]] = {}
        modes: dict[str, list[tuple[str, list[tuple[str, str]]]]] = {}
        for place in window.rail.places:
            window.visit(place)
            modes[place.name] = window.screen_shown.mode_keys() if window.screen_shown else []
            by_screen[place.name] = [
                (name_of(action), menu, _keys(action), other_words(name_of(action), words), action.statusTip())
                for action, menu in window.commands()
                if action not in window.recent_actions
            ]
        window.close()
    everywhere = [row for row in next(iter(by_screen.values())) if all(row in rows for rows in by_screen.values())]
    own = {name: [row for row in rows if row not in everywhere] for name, rows in by_screen.items()}
    parts = []
    for name, rows in {"Everywhere": everywhere, **own}.items():
        parts += [f"## {name}", _grouped(("Command", "Menu", "Keys", "Also found as", "What it does"), rows)]
        for heading, entries in modes.get(name, []):
            own_rows = [(text, f"`{key}`") for text, key in entries]
            parts += [f"### {heading}", _grouped(("What it does", "Key"), own_rows)]
    return "\n\n".join(parts)


def _grouped(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_table(header, rows))


def _keys(action: QAction) -> str:
    return ", ".join(f"`{one.toString()}`" for one in action.shortcuts())


def formats() -> str:
    """The formats of exports."""
    from gandam_studio.core.exporting import FORMATS

    rows = [(f"`{form.name}`", form.title, ", ".join(form.pictures)) for form in FORMATS.values()]
    return "\n".join(_table(("Format", "What is written", "Pictures"), rows))


def presets() -> str:
    """The trainer's presets."""
    from trainer.protocol.presets import load_preset, preset_names

    configs = [load_preset(name) for name in preset_names()]
    rows = [(f"`{config.preset}`", f"{config.data.size} px", config.description) for config in configs]
    return "\n".join(_table(("Preset", "Size", "What it is"), rows))


def settings() -> str:
    """The trainer's settings, one table a section."""
    from trainer.protocol.config import describe_fields

    sections: dict[str, list[tuple[str, ...]]] = {}
    for field in describe_fields():
        section, _, name = field.path.rpartition(".")
        choices = ", ".join(f"`{choice}`" for choice in field.choices) if field.choices else field.unit
        plain = str(list(field.default) if isinstance(field.default, tuple) else field.default)
        default = f"`{plain}`" if plain else ""
        sections.setdefault(section, []).append((f"`{name}`", default, choices, explained(field)))
    header = ("Setting", "Default", "Choices or unit", "Meaning")
    return "\n\n".join(
        "\n".join([f"## {section or 'The run'}", "", *_table(header, rows)]) for section, rows in sections.items()
    )


def explained(field: FieldInfo) -> str:
    """A setting's meaning, and what good and bad values look like."""
    return f"{field.meaning}. {field.advice}" if field.advice else field.meaning


def curves() -> str:
    """The curves and numbers of a run."""
    from trainer.protocol.measures import MEASURES

    rows = [(title, f"`{name}`", text) for name, (title, text) in MEASURES.items()]
    return "\n".join(_table(("Curve", "In the events", "What it is, and what good and bad look like"), rows))


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (header, tuple("---" for _ in header), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


BLOCKS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "curves": curves,
    "formats": formats,
    "keys": keys,
    "presets": presets,
    "settings": settings,
}


def filled(text: str) -> str:
    """`text` with every generated block made anew. Raises KeyError for an unknown block."""
    return BLOCK.sub(lambda match: f"{match[1]} -->\n\n{BLOCKS[match[1]]()}\n\n", text)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when a file is out of date.")
def main(folder: Path, check: bool) -> None:
    """Fill the generated parts of the Markdown files below FOLDER."""
    stale = 0
    for page in sorted(folder.rglob("*.md")):
        old = page.read_text(encoding="utf-8")
        new = filled(old)
        if new == old:
            continue
        stale += 1
        click.echo(f"{page} {'is out of date' if check else 'updated'}")
        if not check:
            page.write_text(new, encoding="utf-8", newline="\n")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
