"""What a run's diagnostics found at one moment, as the trainer writes it; `diagnosis_cards` puts it into words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from trainer.protocol.untrusted import UntrustedError, Values

HEALTHY = "healthy"
COLLAPSED = "collapsed"
MEMORISED = "memorised"
COLLAPSED_ONTO_TRAINING = "collapsed onto training pictures"
CANNOT_TELL = "cannot tell yet"
VERDICTS = (HEALTHY, COLLAPSED, MEMORISED, COLLAPSED_ONTO_TRAINING, CANNOT_TELL)

REASONS = (
    "few pictures", "alike", "copies", "blurry and alike", "blurry", "related copies", "few families", "varied",
    "between",
)  # fmt: skip
"""Why a verdict was given; `diagnosis_cards.summary` turns them into sentences."""
ANSWERS = ("cannot tell yet", "predicted", "falling", "trend", "ended")
TRENDS = ("", "falling", "rising", "flat")
MOST = 10**9
LIKE_REAL = 3.0
"""Below this z of the KID, samples are like real ones in its features."""


@dataclass(frozen=True)
class RealVarietyFacts:
    """Variety of as many real pictures: see `VarietyFacts`."""

    n2: float | None
    distinct: int
    top_share: float


@dataclass(frozen=True)
class VarietyFacts:
    """How many different pictures: `n2` effective ones (None: no two alike) in [low, high] (high None: no upper end),
    `distinct` groups, at least `chao1` in all; `top_share` is the largest group's share of the samples."""

    n2: float | None
    low: float
    high: float | None
    distinct: int
    chao1: float
    top_share: float
    real: RealVarietyFacts


@dataclass(frozen=True)
class MembershipFacts:
    """The exact test, by family, of whether samples show which pictures were trained on.

    Attributes:
        hits_p: p-value for "training pictures have look-alikes among the samples more often than held-out ones".
        lean_p: the same for a soft count: more sensitive, but no evidence of copies.
        training, held_out: pictures of either kind. hits_training, hits_held_out: those with a look-alike.
    """

    hits_p: float
    lean_p: float
    training: int
    held_out: int
    hits_training: int
    hits_held_out: int


@dataclass(frozen=True)
class CopiedFamilyFacts:
    """The family that most look-alikes look like: its training pictures, and how many samples look like one."""

    pictures: int
    samples: int


@dataclass(frozen=True)
class CopyingFacts:
    """The share `kappa` of samples that look like a training picture, its interval, and of how many of these.

    `family` is None without look-alikes, or where the picture that most of them look like has no relatives.
    """

    kappa: float
    low: float
    high: float
    sources: int
    test: MembershipFacts | None
    family: CopiedFamilyFacts | None = None


@dataclass(frozen=True)
class QualityFacts:
    """KID of samples and its place among real pictures.

    Attributes:
        kid: against the held-out pictures; error: its standard error, by the jackknife over samples.
        floor_mean, floor_sd: of the KID of 30 subsets of the training pictures against the held-out ones.
        z: (kid - floor_mean) / sqrt(floor_sd^2 + error^2).
        jumbled: KID of training pictures cut into pieces and put together at random, or None if it was not measured.
    """

    kid: float
    error: float
    floor_mean: float
    floor_sd: float
    z: float
    jumbled: float | None = None

    @property
    def is_like_real(self) -> bool:
        """Whether the samples cannot be told from real pictures in these features."""
        return self.z < LIKE_REAL

    @property
    def is_far(self) -> bool:
        """Whether even pieces of real pictures, put together at random, are clearly nearer to real ones."""
        return self.z >= LIKE_REAL and self.jumbled is not None and self.kid - 2 * self.error > self.jumbled


@dataclass(frozen=True)
class DriftFacts:
    """Change of the pictures of the fixed latents since iteration `since`: see `trainer.diagnostics.drift`."""

    since: int
    identity: float
    changed: float
    set_drift: float


@dataclass(frozen=True)
class SpikeFacts:
    """Whether the pictures of the fixed latents change more at sudden jumps of the curves (spikes) than elsewhere.

    Attributes:
        with_spike, without: windows between successive samples, with a spike and without.
        ratio: how many times more the pictures change in windows with one; None while there are too few of either.
        p: p-value of "they change more", for one look, such as at the end of the run. None likewise.
    """

    with_spike: int
    without: int
    ratio: float | None
    p: float | None


@dataclass(frozen=True)
class OutlookFacts:
    """Whether more time helps.

    Attributes:
        answer: "cannot tell yet", "predicted", "falling" (still falling steeply), "ended" (learning rates have fallen
            to their end), or "trend" (at constant rates, where `trend` only describes).
        now: the KID now, the mean of the last points. at_end: the KID predicted for the end of this schedule, or None.
        trend: "falling", "rising" or "flat" over the last 8 points (Mann-Kendall, 5 %), or "" with fewer.
    """

    answer: str
    now: float
    at_end: float | None
    trend: str


@dataclass(frozen=True)
class ClippedFacts:
    """Clipped Density and Clipped Coverage (Salvy et al. 2025): shares in [0, 1].

    Attributes:
        density: of the samples that are as good as real pictures. coverage: of the real pictures that are drawn.
        k: neighbours that a real picture's ball reaches to. real: real pictures, training and held-out ones.
    """

    density: float
    coverage: float
    k: int
    real: int


@dataclass(frozen=True)
class Diagnosis:
    """Everything found in `samples` pictures of one moment.

    Attributes:
        verdict: one of `VERDICTS`. reason: one of `REASONS`.
        samples: number of pictures drawn. training, held_out, families: real pictures, and families of training ones.
        sharp: sharpness of the samples as a share of that of real pictures.
        features: name of the feature space of `quality`.
    """

    verdict: str
    reason: str
    samples: int
    training: int
    held_out: int
    families: int
    sharp: float
    variety: VarietyFacts
    copying: CopyingFacts
    quality: QualityFacts | None = None
    drift: DriftFacts | None = None
    spikes: SpikeFacts | None = None
    outlook: OutlookFacts | None = None
    features: str = ""

    @property
    def has_look_alikes(self) -> bool:
        """Whether the largest group of look-alikes has more than one member."""
        return self.variety.top_share * self.samples >= 1.5

    def to_json(self) -> dict[str, Any]:
        """Plain values; numbers have six digits."""
        return {name: rounded(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Diagnosis:
        """Read what `to_json` wrote; anything else raises UntrustedError."""
        v = Values(values)
        return cls(
            verdict=v.choice("verdict", VERDICTS),
            reason=v.choice("reason", REASONS),
            samples=v.integer("samples", most=MOST),
            training=v.integer("training", most=MOST),
            held_out=v.integer("held_out", most=MOST),
            families=v.integer("families", most=MOST),
            sharp=v.number("sharp", least=0, most=MOST),
            variety=_variety(v.raw("variety")),
            copying=_copying(v.raw("copying")),
            quality=_maybe(_quality, v.raw("quality", None)),
            drift=_maybe(_drift, v.raw("drift", None)),
            spikes=_maybe(_spikes, v.raw("spikes", None)),
            outlook=_maybe(_outlook, v.raw("outlook", None)),
            features=v.text("features", "", max_length=200),
        )


def rounded(value: Any) -> Any:
    """Plain values whose numbers have six digits."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _maybe(read: Any, values: Any) -> Any:
    return None if values is None else read(values)


def _optional(v: Values, name: str, *, least: float = -MOST, most: float = MOST) -> float | None:
    return None if v.raw(name, None) is None else v.number(name, least=least, most=most)


def _variety(values: Any) -> VarietyFacts:
    v = Values(values, "variety")
    real = Values(v.raw("real"), "real")
    return VarietyFacts(
        n2=_optional(v, "n2", least=0),
        low=v.number("low", least=0, most=MOST),
        high=_optional(v, "high", least=0),
        distinct=v.integer("distinct", most=MOST),
        chao1=v.number("chao1", least=0, most=MOST * 1000),
        top_share=v.number("top_share", least=0, most=1),
        real=RealVarietyFacts(
            n2=_optional(real, "n2", least=0),
            distinct=real.integer("distinct", most=MOST),
            top_share=real.number("top_share", least=0, most=1),
        ),
    )


def _copying(values: Any) -> CopyingFacts:
    v = Values(values, "copying")
    return CopyingFacts(
        kappa=v.number("kappa", least=0, most=1),
        low=v.number("low", least=0, most=1),
        high=v.number("high", least=0, most=1),
        sources=v.integer("sources", most=MOST),
        test=_maybe(_membership, v.raw("test", None)),
        family=_maybe(_copied_family, v.raw("family", None)),
    )


def _copied_family(values: Any) -> CopiedFamilyFacts:
    v = Values(values, "family")
    return CopiedFamilyFacts(v.integer("pictures", most=MOST), v.integer("samples", most=MOST))


def _membership(values: Any) -> MembershipFacts:
    v = Values(values, "test")
    counts = {name: v.integer(name, most=MOST) for name in ("training", "held_out", "hits_training", "hits_held_out")}
    return MembershipFacts(
        hits_p=v.number("hits_p", least=0, most=1), lean_p=v.number("lean_p", least=0, most=1), **counts
    )


def _quality(values: Any) -> QualityFacts:
    v = Values(values, "quality")
    names = ("kid", "error", "floor_mean", "floor_sd", "z")
    jumbled = _optional(v, "jumbled", least=-1e12, most=1e12)
    return QualityFacts(**{name: v.number(name, least=-1e12, most=1e12) for name in names}, jumbled=jumbled)


def _drift(values: Any) -> DriftFacts:
    v = Values(values, "drift")
    names = ("identity", "changed", "set_drift")
    return DriftFacts(since=v.integer("since", most=MOST * 10), **{n: v.number(n, least=0, most=1e6) for n in names})


def _spikes(values: Any) -> SpikeFacts:
    v = Values(values, "spikes")
    return SpikeFacts(
        with_spike=v.integer("with_spike", most=MOST),
        without=v.integer("without", most=MOST),
        ratio=_optional(v, "ratio", least=0, most=1e12),
        p=_optional(v, "p", least=0, most=1),
    )


def spikes_of(values: Any) -> SpikeFacts | None:
    """The answer about spikes in plain values, or None if there is none or it is damaged."""
    try:
        return _maybe(_spikes, values)
    except UntrustedError:
        return None


def _outlook(values: Any) -> OutlookFacts:
    v = Values(values, "outlook")
    return OutlookFacts(
        answer=v.choice("answer", ANSWERS),
        now=v.number("now", least=-1e12, most=1e12),
        at_end=_optional(v, "at_end", least=-1e12, most=1e12),
        trend=v.choice("trend", TRENDS),
    )


def diagnosis_of(values: dict[str, Any]) -> Diagnosis | None:
    """The diagnosis in an event's values, or None if they are damaged or of another kind."""
    try:
        return Diagnosis.from_json(values)
    except UntrustedError:
        return None


# Words
