"""Display texts for versions and differences."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from PySide6.QtCore import QCoreApplication, QDate, QLocale, QTime

from gandam_studio.core.versions import Changed, ManifestVersion, VersionDiff
from gandam_studio.qt.counts import sprites
from trainer.protocol.untrusted import shortened


def tr(text: str) -> str:
    """Translate in this screen's context."""
    return QCoreApplication.translate("Versions", text)


def when(at: str) -> str:
    """A version's time (UTC, ISO 8601) in the local zone, as on Runs; an invalid time is returned as it is."""
    moment = _moment(at)
    if moment is None:
        return shortened(at, 40)
    return f"{moment:%Y-%m-%d %H:%M}"


def _moment(at: str) -> datetime | None:
    try:
        return datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def when_briefly(at: str) -> str:
    """Like `when`, but only the time for today, and without the year for this year."""
    moment = _moment(at)
    if moment is None:
        return shortened(at, 40)
    today = datetime.now().astimezone()
    if moment.date() == today.date():
        return QLocale().toString(QTime(moment.hour, moment.minute), QLocale.FormatType.ShortFormat)
    day = QDate(moment.year, moment.month, moment.day)
    return QLocale().toString(day, "d MMM" if moment.year == today.year else "d MMM yyyy")


def size(version: ManifestVersion, parent: ManifestVersion | None) -> str:
    """Number of sprites of a version, and the difference from its parent."""
    text = sprites(version.sprites)
    if parent is not None and version.sprites != parent.sprites:
        text += f" ({version.sprites - parent.sprites:+,})".replace("-", "−")
    return text


def title(version: ManifestVersion) -> str:
    """The first line of a version's note, or "No note"."""
    return version.message.splitlines()[0] if version.message else tr("No note")


def changes(diff: VersionDiff) -> str:
    """Summary of a diff, without the names of the two versions."""
    return diff.summary.partition(": ")[2]


def summary(change: Changed) -> str:
    """Short description of what changed in a sprite."""
    parts = [_CHANGES[name](change) for name in change.reported_fields if name in _CHANGES]
    return ", ".join(parts) or tr("from another file")


def detail(change: Changed) -> str:
    """Every changed field with both values, one per line."""
    return "\n".join(
        f"{name}: {_value(getattr(change.before, name))} → {_value(getattr(change.after, name))}"
        for name in change.fields
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None or value == "" else str(value)


def _tags(change: Changed) -> str:
    before, after = set(change.before.tags), set(change.after.tags)
    return " ".join([f"+{tag}" for tag in sorted(after - before)] + [f"−{tag}" for tag in sorted(before - after)])


_CHANGES = {
    "flip": lambda change: tr("flipped") if change.after.flip else tr("unflipped"),
    "crop": lambda change: tr("cropped") if change.after.crop else tr("crop removed"),
    "rotation": lambda _change: tr("rotated"),
    "facing": lambda change: tr("facing {0}").format(change.after.facing),
    "tags": _tags,
    "status": lambda change: tr("kept") if change.after.status == "kept" else tr("undecided again"),
    "family": lambda change: tr("family {0}").format(change.after.family or "–"),
    "weight": lambda change: tr("weight {0}").format(f"{change.after.weight:g}"),
    "split": lambda change: tr("held out") if change.after.split == "held-out" else tr("training"),
}
