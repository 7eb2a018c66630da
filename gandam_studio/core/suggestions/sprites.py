"""Suggestions for a workspace: which way its sprites face, which are unfit; and the one edit that applies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import NothingMatches, UserError
from gandam_studio.core.hashing.variety import even_features
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.suggestions.certificates import to_keep
from gandam_studio.core.suggestions.described import AT_ONCE, FIRST, GrowingDescription, described, not_kept
from gandam_studio.core.suggestions.facing.fronts import LIKELY
from gandam_studio.core.suggestions.facing.kernel import FEW
from gandam_studio.core.suggestions.facing.model import Signs
from gandam_studio.core.suggestions.facing.review import FRONT, LEFT, RIGHT, UNKNOWN, FacingReview
from gandam_studio.core.suggestions.fitness.review import FIT, UNFIT, FitnessReview
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Edit, SetSetting, SetValues, Together
from gandam_studio.core.workspace.history import now
from gandam_studio.core.workspace.lookups import stored_features
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.core.workspace.settings import CERTIFICATES, LOOKED_AT, TARGET_FACING
from gandam_studio.core.workspace.sprite import Sprite, mirrored_facing
from trainer.protocol.manifest import is_whole
from trainer.protocol.remedies import Remedy
from trainer.protocol.untrusted import MAX_INTEGER

FACINGS = {LEFT: "left", RIGHT: "right", FRONT: "front", UNKNOWN: "unknown"}
"""What a workspace calls each label of a review."""
_LABELS = {facing: label for label, facing in FACINGS.items()}
SIDES = ("left", "right")


@dataclass(frozen=True)
class FacingSuggestion:
    """One sprite's suggested facing.

    Attributes:
        sprite: the sprite.
        facing: "left", "right" or "front", as it is shown now.
        flip: whether it must be flipped once more to face the target.
        confidence: the chance that this is right; .5 is a guess.
        group: number of its stack; sprites of one stack are so alike that one answer turns them all.
        because: ids of the confirmed sprites most like it.
    """

    sprite: Sprite
    facing: str
    flip: bool
    confidence: float
    group: int
    because: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The contract of `suggest facing --json`."""
        return {
            "id": self.sprite.id, "facing": self.facing, "flip": self.flip,
            "confidence": round(self.confidence, 4), "group": self.group, "because": list(self.because),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class SpritesInReview:
    """The sprites of a review: row i of the review is `sprites[i]`."""

    sprites: Sequence[Sprite]

    @cached_property
    def seqs(self) -> Seqs:
        """Their row numbers."""
        return np.array([sprite.seq for sprite in self.sprites], np.int64)


def target_facing(workspace: Workspace) -> str:
    """The side that all sprites are to face: "left" unless the person chose otherwise."""
    return str(workspace.setting(TARGET_FACING, "left"))


def set_target(side: str) -> SetSetting:
    """The edit that chooses it."""
    if side not in SIDES:
        raise UserError(f"sprites can be turned to the left or the right, not {side!r}")
    return SetSetting(TARGET_FACING, side, f"Turn everything to face {side}")


def facing_review(
    workspace: Workspace, seqs: Seqs | None = None, job: Job = NULL_JOB, *, closely: bool = True
) -> tuple[FacingReview, SpritesInReview]:
    """The facing assistant for the sprites that are not dropped, or for some rows of them.

    What has a facing already counts as confirmed. Without `closely` it begins sooner: what the network sees is added
    later, with `described.seen` and `FacingReview.see`, unless it is kept already. Raises Cancelled.
    """
    found = _in_review(workspace, seqs)
    features = described(workspace, found.sprites, job, closely=closely)
    job.start("Comparing sprites", None)
    return FacingReview(features, *_known(found.sprites)), found


def facing_review_soon(
    workspace: Workspace, seqs: Seqs | None = None, job: Job = NULL_JOB
) -> tuple[FacingReview, SpritesInReview, GrowingDescription | None]:
    """As `facing_review` without `closely`; of a large set it begins with some hundred sprites.

    Then the description of the others comes with it: `describe` more of them, `compare` what is described and have the
    review `grow`. Raises Cancelled.
    """
    found = _in_review(workspace, seqs)
    if len(found.sprites) <= AT_ONCE or (len(found.sprites) <= FEW and not_kept(workspace, found.sprites) <= AT_ONCE):
        return *facing_review(workspace, found.seqs, job, closely=False), None
    labels, shown = _known(found.sprites)
    growing = GrowingDescription(found.sprites, _first_rows(labels))
    job.start("Looking at sprites", FIRST)
    growing.describe(workspace, FIRST, job)
    job.start("Comparing sprites", None)
    return FacingReview(growing.features, labels, shown, growing.chosen), found, growing


def _first_rows(labels: Signs) -> list[int]:
    """Rows to begin with: confirmed ones to learn from, and ones that are not, in equal parts as far as there are."""
    dice = np.random.default_rng(0)
    confirmed, rest = (dice.permutation(np.flatnonzero(some)) for some in (labels != UNKNOWN, labels == UNKNOWN))
    return [*confirmed[: FIRST // 2].tolist(), *rest[: FIRST // 2].tolist()]


def _in_review(workspace: Workspace, seqs: Seqs | None) -> SpritesInReview:
    return SpritesInReview([sprite for sprite in workspace.sprites(seqs) if sprite.status != "dropped"])


def _known(sprites: Sequence[Sprite]) -> tuple[Signs, Signs]:
    """The labels of sprites by their facing, and how they are shown."""
    labels = np.array([_LABELS[sprite.facing] for sprite in sprites], np.int8)
    return labels, np.array([RIGHT if sprite.flipped else LEFT for sprite in sprites], np.int8)


def facing_suggestions(workspace: Workspace, seqs: Seqs | None = None, job: Job = NULL_JOB) -> list[FacingSuggestion]:
    """Suggest a facing for every sprite that has none and is not dropped, the surest first.

    Before any sprite has a facing, left and right may be exchanged, all together, and no confidence is above .5.
    """
    review, found = facing_review(workspace, seqs, job)
    target = target_facing(workspace)
    result = []
    fronts = review.fronts_above(LIKELY)
    rest = np.setdiff1d(review.open, fronts)
    # Chances of sprites that are as good as sure are equal; margins are not.
    for row in rest[np.lexsort((-np.abs(review.margin[rest]), -review.chances[rest]))].tolist():
        sprite = found.sprites[row]
        side = shown_side(int(review.signs[row]), sprite)
        because = tuple(found.sprites[near].id for near, _ in review.nearest(row)) if len(rest) <= 5_000 else ()
        sure = float(review.chances[row]) if review.started else 0.5
        result.append(FacingSuggestion(sprite, side, side != target, sure, int(review.groups.number[row]), because))
    for row in [*fronts.tolist(), *np.flatnonzero(review.symmetric & (review.labels == UNKNOWN)).tolist()]:
        group = int(review.groups.number[row])
        result.append(FacingSuggestion(found.sprites[row], "front", False, 0.5, group, ()))
    return result


def facing_labels(
    workspace: Workspace, accepted: Sequence[FacingSuggestion], seqs: Seqs | None = None
) -> dict[int, int]:
    """Row number -> label before the flip, of suggestions a person accepts and of what has a facing already.

    The latter of all sprites, or of some rows.
    """
    labels = {
        one.seq: _LABELS[one.facing]
        for one in workspace.sprites(seqs)
        if one.facing != "unknown" and one.status != "dropped"
    }
    for one in accepted:
        facing = mirrored_facing(one.facing) if one.sprite.flipped else one.facing
        labels[one.sprite.seq] = _LABELS[facing]
    return labels


def shown_side(label: int, sprite: Sprite) -> str:
    """The facing as shown of a label for the picture before the flip."""
    name = FACINGS[label]
    return mirrored_facing(name) if sprite.flipped else name


def turn_all(labels: Mapping[int, int], sprites: Mapping[int, Sprite], target: str) -> SetValues:
    """One edit that notes the facing of sprites (row number -> label before the flip) and flips those that face away.

    Raises NothingMatches if there is none.
    """
    if not labels:
        raise NothingMatches("no sprite was confirmed, so nothing was changed")
    facings = {seq: FACINGS[label] for seq, label in labels.items()}
    flips = {seq: int(facings[seq] != target) if facings[seq] in SIDES else int(sprites[seq].flipped) for seq in labels}
    return SetValues({"facing": facings, "flipped": flips}, f"Turn to face {target}")


def fitness_review(
    workspace: Workspace, reason: str, seqs: Seqs | None = None, job: Job = NULL_JOB
) -> tuple[FitnessReview, SpritesInReview]:
    """The fitness assistant for a reason: sprites dropped for it are unfit, kept ones fit, undecided ones asked about.

    What an earlier review for the reason found fit is not asked about again, unless nothing else is left. Sprites
    dropped for another reason are left out. Raises UserError without a reason, and Cancelled.
    """
    reason = reason.strip()
    if not reason:
        raise UserError("say what makes a sprite unfit", Remedy.REASON)
    sprites = [sprite for sprite in workspace.sprites(seqs) if sprite.status != "dropped" or sprite.reason == reason]
    job.start("Comparing sprites", None)
    labels = np.array(
        [UNFIT if one.status == "dropped" else FIT if one.status == "kept" else UNKNOWN for one in sprites], np.int8
    )
    before = _looked_at(workspace.setting(LOOKED_AT), reason)
    rows = np.array([sprite.seq for sprite in sprites], np.int64)
    known = (labels == UNKNOWN) & np.isin(rows, before["fit"])
    if known.sum() < (labels == UNKNOWN).sum():
        labels[known] = FIT
    audited = np.flatnonzero(np.isin(rows, before["audit"])).tolist()
    features = even_features_of(workspace, sprites)
    return FitnessReview(reason, features, labels, earlier=audited), SpritesInReview(sprites)


def _looked_at(setting: Any, reason: str) -> dict[str, list[int]]:
    """The row numbers that the setting `LOOKED_AT` has for a reason; what is no number is left out."""
    found = setting.get(reason) if isinstance(setting, dict) else None
    lists = found if isinstance(found, dict) else {}
    return {name: _whole_numbers(lists.get(name)) for name in ("fit", "audit")}


def _whole_numbers(values: Any) -> list[int]:
    return [one for one in values if is_whole(one, 1, MAX_INTEGER)] if isinstance(values, list) else []


def even_features_of(workspace: Workspace, sprites: Sequence[Sprite]) -> NDArray[np.float32]:
    """(N, D) features that mirroring leaves as they are, from what the import stored."""
    stored = stored_features(workspace, np.array([sprite.seq for sprite in sprites], np.int64))
    sides = np.array([(sprite.width, sprite.height) for sprite in sprites], np.float64).reshape(-1, 2)
    return even_features(stored, sides)


def end_review(
    review: FitnessReview, found: SpritesInReview, before: Mapping[int, int], certificates: Any, looked_at: Any = None
) -> Edit:
    """One edit for what a fitness review decided: unfit sprites are dropped for its reason, its certificate is kept.

    Sprites found fit stay undecided, but are not asked about again. A certificate that says nothing yet replaces none.
    `before` are the labels by row number that the review began with; `certificates` and `looked_at` the settings
    `CERTIFICATES` and `LOOKED_AT` as they are.
    """
    drops = {
        sprite.seq: "dropped"
        for row, sprite in enumerate(found.sprites)
        if review.labels[row] == UNFIT and before.get(sprite.seq) != UNFIT
    }
    title = f"Review: {review.reason}"
    noted = _looked_at(looked_at, review.reason)
    fit = {
        sprite.seq
        for row, sprite in enumerate(found.sprites)
        if review.labels[row] == FIT and before.get(sprite.seq) != FIT
    }
    audit = {found.sprites[row].seq for row in review.audited}
    all_noted = dict(looked_at) if isinstance(looked_at, dict) else {}
    all_noted[review.reason] = {
        "fit": sorted({*noted["fit"], *fit} - drops.keys()), "audit": sorted({*noted["audit"], *audit})
    }  # fmt: skip
    edits: list[Edit] = [SetSetting(LOOKED_AT, all_noted, "Note what was looked at")]
    certificate = review.certificate()
    if certificate.audited or certificate.looked_at == certificate.total:
        kept = dict(certificates) if isinstance(certificates, dict) else {}
        kept[review.reason] = to_keep(certificate, found.seqs, now())
        edits.append(SetSetting(CERTIFICATES, kept, "Keep a certificate"))
    if drops:
        reasons = dict.fromkeys(drops, review.reason)
        edits.append(SetValues({"status": drops, "reason": reasons}, title))
    return Together(tuple(edits), title)
