"""Names and colours of relations, and texts about the rules and their effects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from gandam_studio.core.duplicates import RULES, DropPlan
from gandam_studio.qt.counts import counted
from gandam_studio.qt.duplicates.findings import GroupCard
from gandam_studio.qt.duplicates.rules_panel import PreviewText, RuleText

_CONTEXT = "DuplicateRelations"
_NAMES: dict[str, str] = {
    "exact": str(QT_TRANSLATE_NOOP("DuplicateRelations", "exact copy")),
    "re-encoded": str(QT_TRANSLATE_NOOP("DuplicateRelations", "re-encoded")),
    "resized": str(QT_TRANSLATE_NOOP("DuplicateRelations", "resized")),
    "mirrored": str(QT_TRANSLATE_NOOP("DuplicateRelations", "mirrored")),
    "recoloured": str(QT_TRANSLATE_NOOP("DuplicateRelations", "recoloured")),
    "cropped": str(QT_TRANSLATE_NOOP("DuplicateRelations", "cropped or padded")),
    "near": str(QT_TRANSLATE_NOOP("DuplicateRelations", "similar")),
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


def relation_to(relation: str, name: str) -> str:
    """What a sprite is to the one called `name`: "mirrored copy of mecha-000012.png"."""
    phrases = {
        "exact": _tr("exact copy of {0}"),
        "re-encoded": _tr("re-encoded copy of {0}"),
        "resized": _tr("resized copy of {0}"),
        "mirrored": _tr("mirrored copy of {0}"),
        "recoloured": _tr("recoloured version of {0}"),
        "cropped": _tr("cropped or padded copy of {0}"),
        "near": _tr("similar to {0}"),
        "frame": _tr("animation frame like {0}"),
    }
    return phrases.get(relation, relation + " " + _tr("of {0}")).format(name)


def group_summary(card: GroupCard, best: str) -> str:
    """What the other sprites of a group are to its best one, called `best`."""
    copies = sum(member.duplicate_of is not None for member in card.members)
    count = len(card.members)
    if copies < count:
        return _tr("like {0}").format(best) if count == 1 else _tr("{0} like {1}").format(f"{count:,}", best)
    return _tr("copy of {0}").format(best) if count == 1 else _tr("{0} copies of {1}").format(f"{count:,}", best)


def relation_meaning(relation: str) -> str:
    """What a relation means, in a sentence; "" for an unknown one."""
    return {
        "exact": _tr("Every pixel is equal."),
        "re-encoded": _tr("The same picture saved again with small losses, as JPEG files have."),
        "resized": _tr("The same picture, larger or smaller."),
        "mirrored": _tr("The same picture with left and right swapped."),
        "recoloured": _tr("The same shape in other colours."),
        "cropped": _tr("The same picture with more or less around it."),
        "near": _tr("Looks much alike, but is another picture."),
        "frame": _tr("Another moment of the same animation."),
    }.get(relation, "")


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
        "colours": (_tr("More colours"), _tr("Saving a picture again loses colours and never adds any.")),
        "source-order": (_tr("Imported first"), _tr("The sprite that was imported first.")),
    }
    return [RuleText(rule, *words.get(rule, (rule, ""))) for rule in rules]


def plan_text(plan: DropPlan, confidence: float, dropped: int = 0) -> PreviewText:
    """Describe what applying the rules would do: how many drops, by relation and by rule; and what stays, and why.

    confidence: the minimum confidence of a drop, in [0, 1]. dropped: sprites of the groups that are dropped already.
    """
    stays = _what_stays(plan, confidence)
    if not plan.drops:
        if dropped:
            stays.append(counted(dropped, _tr("<b>1</b> is dropped already."), _tr("<b>{0}</b> are dropped already.")))
        head = _nothing(plan) if stays else _tr("Nothing to drop: no copies at this distance.")
        return PreviewText((head, *stays), False, plan.spared_groups)
    drops, best = len(plan.drops), len({drop.favour for drop in plan.drops})
    lines = [counted(drops, _tr("<b>1</b> copy will be dropped."), _tr("<b>{0}</b> copies will be dropped."))]
    kinds = Counter(drop.relation for drop in plan.drops).most_common()
    lines.append(", ".join(f"{count:,} {relation_name(relation)}" for relation, count in kinds))
    lines.append(
        counted(best, _tr("<b>1</b> stays as the best, chosen by:"), _tr("<b>{0}</b> stay as the best, chosen by:"))
    )
    names = {text.key: text.name.lower() for text in rule_texts(tuple(RULES))}
    for rule, count in Counter(drop.rule for drop in plan.drops).most_common():
        lines.append(f"&nbsp;&nbsp;{count:,} {names.get(rule, _tr('no rule: all are equally good'))}")
    return PreviewText((*lines, *stays), True, plan.spared_groups)


def _nothing(plan: DropPlan) -> str:
    if not plan.spared:
        return _tr("Nothing to drop.")
    one, many = _tr("Nothing to drop: 1 copy is marked keep."), _tr("Nothing to drop: {0} copies are marked keep.")
    return counted(len(plan.spared), one, many)


def _what_stays(plan: DropPlan, confidence: float) -> list[str]:
    """One line for each reason why sprites stay, with what to change."""
    lines = []
    if plan.spared:
        one, many = _tr("<b>1</b> stays: you marked it keep."), _tr("<b>{0}</b> stay: you marked them keep.")
        lines.append(counted(len(plan.spared), one, many))
    if plan.unsure:
        stay = counted(len(plan.unsure), _tr("<b>1</b> stays:"), _tr("<b>{0}</b> stay:"))
        text = _tr("less certain than {0} %. Lower the minimum confidence, or decide by hand.")
        lines.append(f"{stay} {text.format(round(100 * confidence))}")
    if plan.unchosen:
        stay = counted(sum(plan.unchosen.values()), _tr("<b>1</b> stays:"), _tr("<b>{0}</b> stay:"))
        names = ", ".join(short_relation_name(relation) for relation in plan.unchosen)
        lines.append(f"{stay} {_tr('{0} is not ticked above.').format(names)}")
    if plan.relatives:
        stay = counted(plan.relatives, _tr("<b>1</b> stays:"), _tr("<b>{0}</b> stay:"))
        alike = _tr("not copies, only alike (recoloured, similar or animation). Keep or drop these by hand.")
        lines.append(f"{stay} {alike}")
    return lines


def _tr(text: str) -> str:
    return QCoreApplication.translate(_CONTEXT, text)
