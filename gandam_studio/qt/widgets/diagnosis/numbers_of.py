"""The numbers behind the cards, with their intervals, for tool tips."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from trainer.protocol.diagnosis import Diagnosis, RealVarietyFacts, VarietyFacts
from trainer.protocol.untrusted import shortened


def numbers_of(found: Diagnosis) -> dict[str, str]:
    """Card ("variety", "copying", "quality", "drift") -> lines of numbers."""
    return {
        name: "\n".join(lines)
        for name, lines in {
            "variety": _variety(found), "copying": _copying(found), "quality": _quality(found), "drift": _drift(found),
        }.items()
    }  # fmt: skip


def _tr(text: str) -> str:
    return QCoreApplication.translate("diagnosis", text)


def _looked_at(found: Diagnosis) -> str:
    return _tr("{0:,} samples; {1:,} training pictures of {2:,} families, {3:,} held out").format(
        found.samples, found.training, found.families, found.held_out
    )


def _variety(found: Diagnosis) -> list[str]:
    v, real = found.variety, found.variety.real
    return [
        _tr("Effective number of pictures (N2): {0}; of real sprites: {1}").format(_n2(v), _n2(real)),
        _tr("95 % interval: {0:,.4g} to {1}").format(v.low, "∞" if v.high is None else f"{v.high:,.4g}"),
        _tr("Different pictures: {0:,}; of real sprites: {1:,}").format(v.distinct, real.distinct),
        _tr("Different pictures in all, at least (Chao1): {0:,.0f}").format(v.chao1),
        _tr("Largest group: {0:.1%} of the samples; of real sprites: {1:.1%}").format(v.top_share, real.top_share),
        _tr("Sharpness: {0:.0%} of that of real sprites").format(found.sharp),
        _looked_at(found),
    ]


def _n2(found: VarietyFacts | RealVarietyFacts) -> str:
    return _tr("no two alike") if found.n2 is None else f"{found.n2:,.4g}"


def _copying(found: Diagnosis) -> list[str]:
    c, t = found.copying, found.copying.test
    lines = [
        _tr("Samples that look like a training picture (kappa): {0:.2%}").format(c.kappa),
        _tr("95 % interval: {0:.2%} to {1:.2%}").format(c.low, c.high),
        _tr("Training pictures they look like: {0:,}").format(c.sources),
    ]
    if t is not None:
        lines += [
            _tr("Drawn: {0:,} of {1:,} training pictures, {2:,} of {3:,} held out").format(
                t.hits_training, t.training, t.hits_held_out, t.held_out
            ),
            _tr("Exact test by family: p = {0:.3g}; leaning on training pictures: p = {1:.3g}").format(
                t.hits_p, t.lean_p
            ),
        ]
    return [*lines, _looked_at(found)]


def _quality(found: Diagnosis) -> list[str]:
    q, o = found.quality, found.outlook
    if q is None:
        return [_looked_at(found)]
    lines = [
        _tr("KID to held-out sprites: {0:.4g} ± {1:.2g}").format(q.kid, q.error),
        _tr("KID of real sprites (noise band): {0:.4g} ± {1:.2g}").format(q.floor_mean, q.floor_sd),
        _tr("Distance from real sprites: z = {0:.2f}; below 3 is like real ones").format(q.z),
    ]
    if q.jumbled is not None:
        lines.append(_tr("KID of random pieces of real sprites: {0:.4g}").format(q.jumbled))
    if o is not None and o.at_end is not None:
        lines.append(_tr("Expected at the end of the schedule: {0:.3g}").format(o.at_end))
    if found.features:
        lines.append(_tr("Features: {0}").format(shortened(found.features, 60)))
    return [*lines, _looked_at(found)]


def _drift(found: Diagnosis) -> list[str]:
    d = found.drift
    if d is None:
        return _spikes(found)
    return [
        _tr("Compared with iteration {0:,}, under the fixed latents").format(d.since),
        _tr("Change of the same latent's picture, as a share of the distance to others: {0:.2f}").format(d.identity),
        _tr("Latents that draw another picture: {0:.0%}").format(d.changed),
        _tr("Change of the set as a whole: {0:.2f}").format(d.set_drift),
        *_spikes(found),
    ]


def _spikes(found: Diagnosis) -> list[str]:
    s = found.spikes
    if s is None:
        return []
    lines = [_tr("Stretches between samples with a sudden jump: {0:,}; without: {1:,}").format(s.with_spike, s.without)]
    if s.ratio is not None and s.p is not None:
        lines.append(_tr("Pictures change {0:.3g} times as much there: p = {1:.3g}, for one look").format(s.ratio, s.p))
    return lines
