"""Names and colours of relations, and texts about the rules and their effects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from gandam_studio.core.duplicates import RULES, DropPlan
from gandam_studio.qt.duplicates.rules_panel import PreviewText, RuleText

_CONTEXT = "DuplicateRelations"
_NAMES: dict[str, str] = {
    "exact": str(QT_TRANSLATE_NOOP("DuplicateRelations", "exact copy")),
    "re-encoded": str(QT_TRANSLATE_NOOP("DuplicateRelations", "re-encoded")),
    "resized": str(QT_TRANSLATE_NOOP("DuplicateRelations", "resized")),
    "mirrored": str(QT_TRANSLATE_NOOP("DuplicateRelations", "mirrored")),
    "recoloured": str(QT_TRANSLATE_NOOP("DuplicateRelations", "recoloured")),
    "cropped": str(QT_TRANSLATE_NOOP("DuplicateRelations", "cropped or padded")),
    "near": str(QT_TRANSLATE_NOOP("DuplicateRelations", "near")),
    "frame": str(QT_TRANSLATE_NOOP("DuplicateRelations", "animation frame")),
}
_SHORT = {
    "cropped": str(QT_TRANSLATE_NOOP("DuplicateRelations", "cropped")),
    "frame": str(QT_TRANSLATE_NOOP("DuplicateRelations", "animation")),
}
# Identical pixels in green, the same picture stored differently in blue, other variants in accent colours.
_COLORS = {
    "exact": "kept",
    "re-encoded": "info",
    "resized": "info",
    "cropped": "info",
    "mirrored": "flipped",
    "recoloured": "plot_4",
    "near": "warning",
    "frame": "plot_1",
}


def relation_name(relation: str) -> str:
    """The translated name of a relation; an unknown one is returned as it is."""
    return _tr(_NAMES[relation]) if relation in _NAMES else relation


def short_relation_name(relation: str) -> str:
    """A short name of a relation, at most as long as the longest single word."""
    return _tr(_SHORT[relation]) if relation in _SHORT else relation_name(relation)


def relation_color(relation: str) -> str:
    """The theme's colour token for a relation."""
    return _COLORS.get(relation, "secondary")


def rule_texts(rules: Sequence[str]) -> list[RuleText]:
    """Names and descriptions of the core's rules."""
    words = {
        "kept": (_tr("Already kept"), _tr("Sprites you have kept stay kept.")),
        "not-upscaled": (_tr("Not upscaled"), _tr("An enlarged copy holds no more detail than its original.")),
        "alpha": (_tr("Transparent background"), _tr("A cut-out sprite is preferred to one on a background.")),
        "larger": (_tr("Larger"), _tr("More pixels of the sprite itself, without margins.")),
        "colours": (_tr("More colours"), _tr("Re-encoding loses colours and never adds any.")),
        "source-order": (_tr("Imported first"), _tr("The sprite imported first.")),
    }
    return [RuleText(rule, *words.get(rule, (rule, ""))) for rule in rules]


def plan_text(plan: DropPlan) -> PreviewText:
    """Describe what applying the rules would do: how many drops, by relation and by rule."""
    if not plan.drops:
        return PreviewText((_tr("Nothing to drop."),), False)
    lines = [_tr("<b>{0}</b> duplicates dropped:").format(f"{len(plan.drops):,}")]
    for relation, count in Counter(drop.relation for drop in plan.drops).most_common():
        lines.append(f"&nbsp;&nbsp;{count:,} {relation_name(relation)}")
    lines.append(_tr("in favour of <b>{0}</b>, decided by:").format(f"{len({drop.favour for drop in plan.drops}):,}"))
    names = {text.key: text.name.lower() for text in rule_texts(tuple(RULES))}
    for rule, count in Counter(drop.rule for drop in plan.drops).most_common():
        lines.append(f"&nbsp;&nbsp;{count:,} {names.get(rule, _tr('tie-break only'))}")
    if plan.spared:
        lines.append(_tr("<b>{0}</b> not dropped because you kept them").format(f"{len(plan.spared):,}"))
    return PreviewText(tuple(lines), True)


def _tr(text: str) -> str:
    return QCoreApplication.translate(_CONTEXT, text)
