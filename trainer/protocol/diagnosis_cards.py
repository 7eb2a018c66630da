"""What a diagnosis says to people: a verdict's card, one card for each measure, and lines of text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trainer.protocol.diagnosis import (
    COLLAPSED,
    COLLAPSED_ONTO_TRAINING,
    HEALTHY,
    LIKE_REAL,
    MEMORISED,
    Diagnosis,
    OutlookFacts,
    SpikeFacts,
)

FORGOTTEN = 0.8
SETTLED = 0.2
AS_VARIED = 0.8
"""Samples are called as varied as real sprites from this share of the number of different ones on."""
SPIKES_SHOW = 0.05
"""The p-value up to which sudden jumps are said to show in the pictures."""


def measured_lines(answer: dict[str, Any]) -> list[str]:
    """Lines for a terminal about what `evaluate` measured beside the diagnosis."""
    lines = []
    if shares := answer.get("clipped"):
        lines.append(
            f"shares   {shares['density']:.0%} of the samples are as good as real sprites, {shares['coverage']:.0%} of "
            f"the real sprites are drawn (Clipped Density and Coverage, {shares['features']})"
        )
    if found := answer.get("published"):
        lines.append(
            f"inception  FID {found['fid']:.4g}, KID {found['kid']:.3g} ± {found['kid_sd']:.2g}, "
            f"precision {found['precision']:.2g}, recall {found['recall']:.2g} against {found['real']:,} real sprites"
        )
        if not found["known_weights"]:
            lines.append("These are not the weights that published values are computed with.")
    return lines


@dataclass(frozen=True)
class Card:
    """A finding for people.

    Attributes:
        title: a few words. meaning: what was found, with numbers. advice: what to look at or to do next, or "".
        tone: "good", "bad" or "neutral".
    """

    title: str
    meaning: str
    advice: str = ""
    tone: str = "neutral"


def summary(found: Diagnosis) -> Card:
    """The verdict, why, and what to do next."""
    about = _about(found.variety.n2)
    share, sources = _percent(found.copying.kappa), found.copying.sources
    if found.verdict == HEALTHY:
        far = found.quality is not None and found.quality.is_far
        return Card(
            "Varied, no copies, but far from real sprites" if far else "Healthy: varied, no copies",
            f"The samples differ from each other and from the training pictures ({found.samples:,} looked at). "
            f"{_how_good(found)}",
            "Train longer and look again; if it stays so, try another preset."
            if far
            else "No copying was found; that is no proof that there is none.",
            "neutral" if far else "good",
        )
    if found.verdict == COLLAPSED:
        return Card(
            f"Collapsed to about {about} pictures" if about else "Collapsed",
            f"The generator draws the same few pictures again and again: {found.variety.distinct:,} different ones "
            f"among {found.samples:,}, where {_real_ones(found)} give {found.variety.real.distinct:,}.",
            "Go back to a checkpoint from before. With a GAN, lower the discriminator's learning rate or use a "
            "sprite-r3 preset.",
            "bad",
        )
    if found.verdict == COLLAPSED_ONTO_TRAINING:
        return Card(
            f"Collapsed onto {_pictures(sources, 'training picture')}",
            f"{share} of the samples look like a training picture, and only {found.variety.distinct:,} different ones "
            f"were drawn among {found.samples:,}.",
            "Go back to an earlier checkpoint; add sprites, turn augmentation on, or train for less time.",
            "bad",
        )
    if found.verdict == MEMORISED:
        return Card(
            "Copies training pictures",
            f"{share} of the samples look like one of {_pictures(sources, 'training picture')}.{_of_one_family(found)}",
            _BALANCE
            if favours_a_family(found)
            else "Use an earlier checkpoint; add sprites, turn augmentation on, or train for less time.",
            "bad",
        )
    return _cannot_tell(found)


FAVOURITE = 5
"""Training pictures of a family from which on it may be a favourite."""
_BALANCE = (
    "Balance the families (Duplicates), so that none is a favourite, and train again; or use an earlier checkpoint."
)


def favours_a_family(found: Diagnosis) -> bool:
    """Whether at least half the look-alikes look like one large family."""
    family = found.copying.family
    return (
        family is not None
        and family.pictures >= FAVOURITE
        and 2 * family.samples >= round(found.copying.kappa * found.samples)
    )


def _of_one_family(found: Diagnosis) -> str:
    family = found.copying.family
    if family is None or not favours_a_family(found):
        return ""
    return f" {family.samples:,} of them look like one family of {_pictures(family.pictures, 'picture')}."


def sees_shapes(features: str) -> bool:
    """Whether these features tell sprites from blobs of their colours and outlines; a random network does not.

    On a run of 1,129 PokeSprites, the random network found no difference from real sprites at iteration 800, where a
    person sees blobs with holes; EfficientNet-Lite0 found them farther from real ones than random pieces of these.
    """
    return not features.startswith("random-conv")


def _how_good(found: Diagnosis) -> str:
    quality = found.quality
    if quality is not None and quality.is_far:
        return "But they are farther from real sprites than patchworks of random pieces of these: look at them."
    if quality is not None and quality.z >= LIKE_REAL:
        return "They are not like real sprites yet: see the quality, and look at them."
    if quality is not None and not sees_shapes(found.features):
        return "Colours and textures are like those of real sprites; only your eyes can judge the shapes."
    return "This does not say that they are good: look at them."


_CLEARER = 1024
"""Samples that answer more clearly than those a run looks at."""
_MORE_SAMPLES = f"Evaluate this run with {_CLEARER:,} samples for a clearer answer."


def _cannot_tell(found: Diagnosis) -> Card:
    if found.reason == "few pictures":
        return Card(
            "Cannot tell: too few sprites",
            f"{found.training:,} training pictures of {found.families:,} families are not enough to compare with.",
            "Add sprites: 20 of 5 families are the least, 300 are better.",
        )
    if found.reason == "blurry and alike":
        return Card(
            "Cannot tell yet: blurry and alike",
            "The samples are still blurry, and blurry pictures look alike. They may be collapsing.",
            "Look again after more training. If they stay alike when they get sharper, the run has collapsed.",
        )
    if found.reason == "blurry":
        return Card(
            "Cannot tell yet: still blurry",
            f"The samples have {_percent(found.sharp)} of the sharpness of real sprites. "
            "Copies and variety show later.",
            "Look again after more training.",
        )
    if found.reason == "related copies" and not found.copying.kappa:
        return Card(
            "Cannot tell: too few samples",
            f"Not one of {found.samples:,} samples looks like a training picture. That is too few to rule out copies "
            "where sprites resemble each other, as these do.",
            _MORE_SAMPLES,
        )
    if found.reason == "related copies":
        return Card(
            "Cannot tell: the sprites resemble each other",
            f"{_percent(found.copying.kappa)} of the samples look like a training picture, but so would new sprites "
            "of these families.",
            "Name families in Duplicates, and hold out more sprites, so that copies can be told from relatives.",
        )
    if found.reason == "few families":
        return Card(
            "Cannot tell: copies, or too few sprites",
            f"{_percent(found.copying.kappa)} of the samples look like a training picture. With "
            f"{_counted(found.families, 'family', 'families')}, new sprites could do so too.",
            "Look at them beside their training pictures. More sprites, and more held out, make it clear.",
        )
    return Card(
        "Cannot tell yet",
        f"{found.samples:,} samples leave it open: {_percent(found.copying.kappa)} look like a training picture, and "
        f"there are {found.variety.distinct:,} different ones.{_of_one_family(found)}",
        (
            _MORE_SAMPLES
            if found.samples < _CLEARER
            else "Look at them beside training pictures, and again at a later moment."
        )
        + (f" {_BALANCE}" if favours_a_family(found) else ""),
    )


def _real_ones(found: Diagnosis) -> str:
    """The real sprites that variety is compared with."""
    if found.training < found.samples:
        return f"all {found.training:,} real sprites"
    return "as many real sprites"


def variety_card(found: Diagnosis) -> Card:
    """How many different sprites, beside real ones."""
    v, beside = found.variety, min(found.samples, found.training)
    low = found.verdict in (COLLAPSED, COLLAPSED_ONTO_TRAINING)
    as_varied = not low and v.distinct >= AS_VARIED * v.real.distinct
    lead = "About as varied as" if as_varied else "Far less varied than" if low else "Less varied than"
    meaning = f"{lead} real sprites: of {beside:,} of those, made as blurry, {v.real.distinct:,} differ."
    if found.has_look_alikes:
        meaning += f" The largest group of look-alikes holds {_percent(v.top_share)} of the samples."
    tone, advice = "neutral", "Look at the look-alikes." if found.has_look_alikes else ""
    if low:
        tone, advice = "bad", "Look at the look-alikes; go back to a checkpoint from before."
    elif as_varied and found.verdict in (HEALTHY, MEMORISED):
        tone, advice = "good", "Nothing to do here."
    return Card(f"{v.distinct:,} different of {found.samples:,}", meaning, advice, tone)


def copying_card(found: Diagnosis) -> Card:
    """The share of samples that are a training picture, and the exact test."""
    c = found.copying
    if not c.kappa:
        title = "No copying found"
        meaning = f"Not one of {found.samples:,} samples looks like a training picture; of all it draws, at most "
        meaning += f"{math.ceil(100 * c.high)} % do."
        advice = "That is no proof: look at the samples nearest to training pictures."
        if found.reason in ("blurry", "blurry and alike"):
            title, advice = "No copying found yet", "Copies show only when the samples get sharper."
    else:
        title = f"{_percent(c.kappa)} look like a training picture"
        meaning = f"They look like {_pictures(c.sources, 'training picture')}.{_of_one_family(found)} Of all it draws, "
        meaning += f"{_percent(c.low)} to {_percent(c.high)} do."
        advice = "Look at them beside these pictures."
    if c.test is not None and c.test.hits_p <= 0.05:
        meaning += " Held-out sprites turn up far less often, which chance does not explain."
    elif c.test is not None and c.test.lean_p <= 0.05:
        meaning += " They are nearer to training than to held-out sprites, which is not copying by itself."
    tone = "good" if not c.kappa and found.verdict in (HEALTHY, COLLAPSED) else "neutral"
    if found.verdict in (MEMORISED, COLLAPSED_ONTO_TRAINING):
        tone = "bad"
    return Card(title, meaning, advice, tone)


def quality_card(found: Diagnosis) -> Card:
    """KID with its noise band, and whether more time helps."""
    q = found.quality
    if q is None:
        return Card("No quality measure", "At least 8 held-out sprites are needed.", "Hold out more sprites in Recipe.")
    like_real, shapes = q.is_like_real, sees_shapes(found.features)
    title = "Like real sprites in this measure" if like_real else "Not yet like real sprites"
    if q.is_far:
        title = "Far from real sprites"
    elif like_real and not shapes:
        title = "Colours and textures like real sprites"
    jumbled = "" if q.jumbled is None else f", patchworks of random pieces {_short(q.jumbled)}"
    meaning = (
        f"Distance to held-out sprites (KID, lower is better): {_short(q.kid)} ± {_short(q.error)}; "
        f"real sprites have {_short(q.floor_mean)} ± {_short(q.floor_sd)}{jumbled}."
    )
    advice, tone = outlook_text(found.outlook), "good" if like_real and shapes else "neutral"
    if like_real and not shapes:
        advice = f"This measure does not see shapes: look at them. {advice}".strip()
    if not advice:
        advice = "Look at them too." if like_real else "Compare other checkpoints, or train longer and look again."
    if found.verdict == MEMORISED:
        advice, tone = "Copies make this value better than it should be: deal with the copying first.", "neutral"
    elif found.verdict in (COLLAPSED, COLLAPSED_ONTO_TRAINING):
        advice, tone = "Deal with the variety first: more training alone rarely brings it back.", "neutral"
    return Card(title, meaning, advice, tone)


def outlook_text(found: OutlookFacts | None) -> str:
    """Whether more time helps, in a sentence."""
    if found is None:
        return ""
    if found.answer == "predicted" and found.at_end is not None:
        return f"Let it train to the end: about {_short(found.at_end)} then, within a factor of 1.3."
    if found.answer == "falling":
        return "Still falling steeply: let it train to the end."
    recently = {
        "falling": "It is still getting better: more time helps.",
        "rising": "It got worse lately: compare with earlier samples.",
        "flat": "No change lately; that does not mean that it is done.",
    }
    if found.answer == "trend":
        return recently.get(found.trend, "")
    if found.answer == "ended":
        return "The learning rates have reached their end. Only a try with Train longer shows whether more time helps."
    return "Too early to say whether more time helps."


def drift_card(found: Diagnosis) -> Card:
    """Whether the same latents still draw the same pictures."""
    d, jumps = found.drift, spikes_text(found.spikes)
    if d is None:
        meaning = f"There is nothing to compare with yet. {jumps}".strip()
        return Card("No earlier samples", meaning, "Look again after more training.")
    since = f"iteration {d.since:,}"
    if d.identity >= FORGOTTEN:
        title = "Pictures are forgotten between moments"
        meaning = f"The same samples (latents) show other pictures than at {since}."
        if d.set_drift < SETTLED:
            meaning = f"The same pictures as at {since} are drawn, but as other samples."
        advice = "Usual early on: nothing to do. It settles as the learning rate falls."
    elif d.identity < SETTLED:
        title, meaning = "Settled", f"The same samples (latents) show nearly the same pictures as at {since}."
        advice = "Each sample can be followed from one moment to the next."
    else:
        title = "Changing"
        meaning = f"The same samples (latents) have changed since {since}, {_percent(d.changed)} into other pictures."
        advice = "Usual until the learning rate has fallen: nothing to do."
    return Card(title, f"{meaning} {jumps}".strip(), advice)


def spikes_text(found: SpikeFacts | None) -> str:
    """Whether sudden jumps show in the pictures, in a sentence; "" if there were none."""
    if found is None or not found.with_spike:
        return ""
    if found.ratio is None or found.p is None:
        return "Too few sudden jumps, or calm stretches between them, to say whether pictures change there."
    if found.p <= SPIKES_SHOW:
        return f"Where the curves jump, pictures change {found.ratio:.2g} times as much as elsewhere: look at one."
    return "Where the curves jump, pictures change no more than elsewhere."


def alarm_text(about: str, state: str, action: str = "") -> str:
    """What an alarm says, in words for the console and the window: "alarm: the run copies training pictures"."""
    if state == "cleared":
        over = {
            "collapse": "the samples differ again",
            "copying": "the run no longer copies training pictures",
            "membership": "the samples no longer show which pictures the run was trained on",
        }
        return f"alarm over: {over.get(about, about)}"
    what = {
        "collapse": "the samples look more and more alike",
        "copying": "the run copies training pictures",
        "membership": "the samples show which pictures the run was trained on",
    }.get(about, about)
    done = {"checkpoint": "; a checkpoint is saved", "stop": "; the run stops"}.get(action, "")
    return f"alarm: {what}{done}"


def cards(found: Diagnosis) -> dict[str, Card]:
    """The four cards: "variety", "copying", "quality", "drift"."""
    return {
        "variety": variety_card(found),
        "copying": copying_card(found),
        "quality": quality_card(found),
        "drift": drift_card(found),
    }


def _percent(share: float) -> str:
    value = 100 * share
    if 0 < value < 1:
        return "less than 1 %"
    return f"{value:.0f} %"


def _about(n2: float | None) -> str:
    """A number with two digits, "" for None."""
    if n2 is None:
        return ""
    digits = max(0, math.floor(math.log10(max(n2, 1))) - 1)
    return f"{round(n2, -digits):,.0f}"


def _short(value: float) -> str:
    """Two digits, and all before the point."""
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def _pictures(count: int, noun: str) -> str:
    return _counted(count, noun, f"{noun}s")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
