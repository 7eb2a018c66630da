"""The numbers behind the cards of a diagnosis, with their intervals: for tool tips and reports."""

from __future__ import annotations

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


def _looked_at(found: Diagnosis) -> str:
    return (
        f"{found.samples:,} samples; {found.training:,} training pictures of {found.families:,} families, "
        f"{found.held_out:,} held out"
    )


def _variety(found: Diagnosis) -> list[str]:
    v, real = found.variety, found.variety.real
    return [
        f"Effective number of pictures (N2): {_n2(v)}; of real sprites: {_n2(real)}",
        "95 % interval: {:,.4g} to {}".format(v.low, "∞" if v.high is None else f"{v.high:,.4g}"),
        f"Different pictures: {v.distinct:,}; of real sprites: {real.distinct:,}",
        f"Different pictures in all, at least (Chao1): {v.chao1:,.0f}",
        f"Largest group: {v.top_share:.1%} of the samples; of real sprites: {real.top_share:.1%}",
        f"Sharpness: {found.sharp:.0%} of that of real sprites",
        _looked_at(found),
    ]


def _n2(found: VarietyFacts | RealVarietyFacts) -> str:
    return "no two alike" if found.n2 is None else f"{found.n2:,.4g}"


def _copying(found: Diagnosis) -> list[str]:
    c, t = found.copying, found.copying.test
    lines = [
        f"Samples that look like a training picture (kappa): {c.kappa:.2%}",
        f"95 % interval: {c.low:.2%} to {c.high:.2%}",
        f"Training pictures they look like: {c.sources:,}",
    ]
    if c.family is not None:
        lines.append(f"Most copied family: {c.family.pictures:,} training pictures, {c.family.samples:,} samples alike")
    if t is not None:
        lines += [
            f"Drawn: {t.hits_training:,} of {t.training:,} training pictures, "
            f"{t.hits_held_out:,} of {t.held_out:,} held out",
            f"Exact test by family: p = {t.hits_p:.3g}; leaning on training pictures: p = {t.lean_p:.3g}",
        ]
    return [*lines, _looked_at(found)]


def _quality(found: Diagnosis) -> list[str]:
    q, o = found.quality, found.outlook
    if q is None:
        return [_looked_at(found)]
    lines = [
        f"KID to held-out sprites: {q.kid:.4g} ± {q.error:.2g}",
        f"KID of real sprites (noise band): {q.floor_mean:.4g} ± {q.floor_sd:.2g}",
        f"Distance from real sprites: z = {q.z:.2f}; below 3 is like real ones",
    ]
    if q.jumbled is not None:
        lines.append(f"KID of random pieces of real sprites: {q.jumbled:.4g}")
    if o is not None and o.at_end is not None:
        lines.append(f"Expected at the end of the schedule: {o.at_end:.3g}")
    if found.features:
        lines.append(f"Features: {shortened(found.features, 60)}")
    return [*lines, _looked_at(found)]


def _drift(found: Diagnosis) -> list[str]:
    d = found.drift
    if d is None:
        return _spikes(found)
    return [
        f"Compared with iteration {d.since:,}, under the fixed latents",
        f"Change of the same latent's picture, as a share of the distance to others: {d.identity:.2f}",
        f"Latents that draw another picture: {d.changed:.0%}",
        f"Change of the set as a whole: {d.set_drift:.2f}",
        *_spikes(found),
    ]


def _spikes(found: Diagnosis) -> list[str]:
    s = found.spikes
    if s is None:
        return []
    lines = [f"Stretches between samples with a sudden jump: {s.with_spike:,}; without: {s.without:,}"]
    if s.ratio is not None and s.p is not None:
        lines.append(f"Pictures change {s.ratio:.3g} times as much there: p = {s.p:.3g}, for one look")
    return lines
