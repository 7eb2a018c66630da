"""Known answers for every measure, on procedural sprites."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from known_sprites import Known, blurred, jittered, known

from trainer.diagnostics.clipped import clipped, expected
from trainer.diagnostics.copying import Membership, p_value
from trainer.diagnostics.diagnose import Diagnostics
from trainer.diagnostics.drift import assignment, drift
from trainer.diagnostics.intervals import at_least, clopper_pearson, wilson
from trainer.diagnostics.likeness import RealPictures, among, blocks, scale_of, shifts, small
from trainer.diagnostics.quality import QualityScale, RealFeatures, jumbled
from trainer.diagnostics.spikes import Window, spike_effect, spikes_in
from trainer.diagnostics.trend import mann_kendall, outlook, power_law
from trainer.diagnostics.variety import variety
from trainer.features import RandomFeatures
from trainer.protocol.diagnosis import CopiedFamilyFacts


def test_a_shifted_noisy_mirrored_or_soft_copy_looks_alike(sprites: Known) -> None:
    real, tau = sprites.diagnostics.training, sprites.diagnostics.scale.tau
    copies = jittered(sprites.training, sprites.random)
    for made in (copies, copies[:, :, ::-1], blurred(copies, 3)):
        found = real.compare(small(made))
        assert float((found.distance < tau).double().mean()) >= 0.97
        right = (found.row == torch.arange(len(made)))[found.distance < tau]
        assert float(right.double().mean()) >= 0.99
    assert bool(real.compare(small(copies[:, :, ::-1].copy())).mirrored[:50].float().mean() > 0.8)


def test_other_sprites_do_not_look_alike(sprites: Known) -> None:
    found = sprites.diagnostics.training.compare(small(sprites.unseen))
    assert float((found.distance < sprites.diagnostics.scale.tau).double().mean()) <= 0.02
    assert sprites.diagnostics.scale.alike <= 0.02


def test_relatives_do_not_set_the_scale(sprites: Known) -> None:
    twins = np.concatenate([sprites.training, jittered(sprites.training, sprites.random)])
    families = np.tile(np.arange(len(sprites.training)), 2)
    with_families = scale_of(RealPictures(twins, families))
    assert with_families.median == pytest.approx(sprites.diagnostics.scale.median, rel=0.1)
    assert with_families.alike <= 0.02
    assert scale_of(RealPictures(twins, np.arange(len(twins)))).median < 0.5 * with_families.median


def test_transparent_pictures_are_compared_on_white(sprites: Known) -> None:
    clear = np.concatenate([sprites.training, np.full((*sprites.training.shape[:3], 1), 255, np.uint8)], 3)
    clear[..., 3] = np.where((sprites.training == 255).all(-1), 0, 255)
    clear[clear[..., 3] == 0] = 0  # Invisible colours do not count.
    assert torch.equal(small(clear), small(sprites.training))


@pytest.mark.parametrize("side", [16, 64])
def test_pictures_of_any_size_are_compared(side: int, sprites: Known) -> None:
    real = sprites.training.repeat(2, 1).repeat(2, 2) if side == 64 else sprites.training[:, ::2, ::2]
    found = scale_of(RealPictures(real, np.arange(len(real))))
    assert found.median > 0
    if side == 64:
        assert found == sprites.diagnostics.scale


@pytest.mark.parametrize("modes", [1, 2, 8, 32])
def test_equally_frequent_pictures_are_counted(modes: int) -> None:
    data = known(modes)
    found = variety(small(data.modes(modes, data.unseen)), data.diagnostics.scale.tau)
    assert found.n2 == pytest.approx(modes, rel=0.15)
    assert found.low * 0.9 <= modes <= found.high * 1.1
    assert modes - 2 <= found.distinct <= modes
    assert found.top_share >= 1 / modes


def test_one_frequent_picture_among_many_gives_its_share_and_a_small_number() -> None:
    truth = 1 / (0.2**2 + 0.8**2 / 149)
    inside = 0
    for seed in range(5):
        data = known(seed)
        frequent = data.modes(1, data.unseen[:1], 51)
        rest = data.modes(149, data.unseen[1:], 205)
        found = variety(small(np.concatenate([frequent, rest])), data.diagnostics.scale.tau)
        assert found.top_low - 0.02 <= 0.2 <= found.top_high + 0.02
        assert set(found.top) >= set(range(51))
        inside += found.low <= truth <= found.high
    assert inside >= 3  # .87 to .93 of splits; Poisson intervals: .13 to .20.


def test_without_look_alikes_there_is_a_lower_bound_alone(sprites: Known) -> None:
    found = variety(small(sprites.fresh(60)), 1e-6)
    assert (found.n2, found.pairs, found.distinct, found.high) == (None, 0, 60, math.inf)
    assert found.low == pytest.approx(60 * 59 / 6)


@pytest.mark.parametrize(("reach", "mirrored"), [(0, False), (0, True), (1, True), (2, False)])
def test_every_variant_is_averaged_over_its_own_blocks(reach: int, mirrored: bool, sprites: Known) -> None:
    pictures = small(sprites.training[:3]).numpy()
    found = blocks(torch.from_numpy(pictures), reach, mirrored).numpy()
    sides = [pictures, pictures[..., ::-1]] if mirrored else [pictures]
    wanted = []
    for side in sides:
        padded = np.pad(side, ((0, 0), (0, 0), (reach, reach), (reach, reach)), mode="edge")
        for dx, dy in shifts(reach):
            part = padded[:, :, reach - dy : reach - dy + 32, reach - dx : reach - dx + 32]
            wanted.append(part.reshape(3, 3, 8, 4, 8, 4).mean((3, 5)).reshape(3, 192))
    assert found == pytest.approx(np.stack(wanted), abs=1e-6)
    assert blocks(torch.empty(0, 3, 32, 32), reach, mirrored).shape == (len(wanted), 0, 192)


def test_the_nearest_picture_and_whether_its_mirror_image_is_nearer_are_those_of_all_pairs(sprites: Known) -> None:
    real = RealPictures(sprites.training, np.arange(len(sprites.training)))
    pictures = small(np.concatenate([sprites.copies(20), sprites.copies(20)[:, :, ::-1], sprites.fresh(20)]))
    variants = blocks(small(sprites.training), 1, mirrored=True).double()
    far = torch.cdist(blocks(pictures)[0].double(), variants).numpy()
    found = real.compare(pictures)
    assert found.distance.numpy() == pytest.approx(far.min((0, 2)), abs=1e-3)
    assert found.of_reals.numpy() == pytest.approx(far.min((0, 1)), abs=1e-3)
    assert found.row.tolist() == far.min(0).argmin(1).tolist()
    of_nearest = far[:, np.arange(60), found.row.numpy()]
    assert found.mirrored.tolist() == (of_nearest[9:].min(0) < of_nearest[:9].min(0)).tolist()
    assert 15 <= int(found.mirrored[:40].sum()) <= 25
    one, turned = real.distances(pictures[20:21])
    assert one.numpy() == pytest.approx(far[:, 20].min(0), abs=1e-3)
    assert bool(turned[found.row[20]]) == bool(found.mirrored[20])


def test_shifted_samples_are_the_same_picture_and_distances_are_symmetric(sprites: Known) -> None:
    pictures = small(
        np.stack([sprites.training[0], np.roll(sprites.training[0], (2, -2), (0, 1)), sprites.training[1]])
    )
    distances = among(pictures)
    assert torch.equal(distances, distances.T)
    assert float(distances[0, 1]) < 0.2 * float(distances[0, 2])
    assert math.isinf(float(distances[0, 0]))


def test_the_share_of_copies_and_their_sources_are_counted(sprites: Known) -> None:
    source = sprites.training[[3, 3, 3, 8]]
    samples = np.concatenate([jittered(source, sprites.random), sprites.fresh(60)])
    copies = sprites.look(samples).copying
    assert copies.sources == {3: 3, 8: 1}
    assert sorted(copies.copies) == [0, 1, 2, 3]
    assert copies.kappa == pytest.approx(4 / 64)
    assert (copies.low, copies.high) == clopper_pearson(4, 64)


def test_the_family_that_is_copied_most_is_told(sprites: Known) -> None:
    relatives = jittered(sprites.training[[0] * 19], sprites.random)
    training = np.concatenate([sprites.training, relatives])
    families = np.concatenate([np.arange(100), np.zeros(19, int)])
    held_out = RealPictures(sprites.held_out, np.arange(100, 120))
    judge = Diagnostics(RealPictures(training, families), held_out, 64)

    def family(*sources: int) -> CopiedFamilyFacts | None:
        copies = jittered(training[list(sources)], sprites.random)
        return judge.look(np.concatenate([copies, sprites.fresh(60)])).diagnosis.copying.family

    assert family(0, 105, 110, 3) == CopiedFamilyFacts(pictures=20, samples=3)
    assert family(3, 3, 8, 105) is None, "that has no relatives"
    assert family() is None


def test_the_exact_test_finds_a_generator_that_knows_its_training_pictures() -> None:
    found = 0
    for seed in range(3):
        data = known(seed)
        result = data.look(data.copies()).diagnosis.copying.test
        assert result is not None
        found += result.hits_p <= 0.05
        assert result.hits_training > 80
        assert result.hits_held_out <= 1
    assert found == 3


def test_the_exact_test_is_exact_whatever_the_generator_draws() -> None:
    """Samples independent of the split, half of them similar to pictures on both sides."""
    p = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        training, held_out = (
            RealPictures(np.zeros((60, 1, 1, 3)), np.arange(60)),
            RealPictures(np.zeros((15, 1, 1, 3)), np.arange(60, 75)),
        )
        distances = torch.from_numpy(random.uniform(0, 2, 75))
        membership = Membership(training, held_out, seed)
        scale = scale_of(RealPictures(np.zeros((0, 1, 1, 3), np.uint8), np.zeros(0)))
        result = membership.test(distances[:60], distances[60:], type(scale)(1.0, 1.5, 0.0))
        assert result is not None
        p.append((result.hits_p, result.lean_p))
    for values in np.array(p).T:
        assert (values <= 0.05).mean() <= 0.12
        assert (values <= 0.5).mean() <= 0.7


def test_the_exact_test_moves_families_as_a_whole() -> None:
    """If all of a family of 40 is copied, that is one observation, not forty."""
    families = np.r_[np.zeros(40, int), np.arange(1, 21)]
    training = RealPictures(np.zeros((60, 1, 1, 3)), families)
    held_out = RealPictures(np.zeros((10, 1, 1, 3)), np.arange(21, 31))
    distances = torch.cat([torch.zeros(40), torch.full((30,), 9.0)])
    membership = Membership(training, held_out, 0)
    scale = scale_of(RealPictures(np.zeros((0, 1, 1, 3), np.uint8), np.zeros(0)))
    result = membership.test(distances[:60], distances[60:], type(scale)(1.0, 1.5, 0.0))
    assert result is not None
    assert result.hits_p > 0.3
    assert not Membership(training, RealPictures(np.zeros((9, 1, 1, 3)), np.repeat(99, 9)), 0).possible


def test_p_values_count_ties() -> None:
    assert p_value(torch.tensor([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.5)


def test_quality_of_fresh_pictures_is_that_of_real_ones_and_blur_is_not() -> None:
    features = RandomFeatures()
    data = known(3, training=200, held_out=50)
    pieces = features(jumbled(data.training, 256))
    scale = QualityScale(RealFeatures(features(data.training), features(data.held_out), pieces))
    for samples, like_real in (
        (data.fresh(), True),
        (blurred(data.fresh(), 3), False),
        (data.modes(8, data.unseen), False),
    ):
        found = scale.measure(features(samples))
        assert found is not None
        assert (abs(found.z) < 3) is like_real
        assert found.error > 0
        assert found.is_like_real is like_real
    noise = sprites_of_noise(data.random, 256)
    worst = scale.measure(features(noise))
    assert worst
    assert worst.is_far
    of_pieces = scale.measure(pieces)
    assert of_pieces
    assert of_pieces.kid == pytest.approx(of_pieces.jumbled)
    assert not of_pieces.is_far
    assert not QualityScale(RealFeatures(features(data.training), features(data.held_out[:7]))).possible


def sprites_of_noise(random: np.random.Generator, count: int) -> np.ndarray:  # type: ignore[type-arg]
    """Pictures that do not look like sprites at all."""
    return random.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)


def test_jumbled_pictures_hold_only_pieces_of_real_ones_at_their_places(sprites: Known) -> None:
    made = jumbled(sprites.training, 5)
    assert made.shape == (5, 32, 32, 3)
    for top in range(0, 32, 8):
        for left in range(0, 32, 8):
            piece = (slice(None), slice(top, top + 8), slice(left, left + 8))
            own = {part.tobytes() for part in np.ascontiguousarray(sprites.training[piece])}
            assert all(part.tobytes() in own for part in np.ascontiguousarray(made[piece]))


@pytest.mark.parametrize("bad", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_clipped_shares_fall_in_proportion_to_bad_samples(bad: float) -> None:
    source = torch.Generator().manual_seed(3)
    real, samples = torch.randn(500, 8, generator=source), torch.randn(400, 8, generator=source)
    samples[: round(400 * bad)] *= 10
    found = clipped(real, samples)
    assert found
    assert found.density == pytest.approx(1 - bad, abs=0.06)
    assert found.coverage == pytest.approx(1 - bad, abs=0.06)


def test_clipped_coverage_falls_where_kinds_are_missing_and_density_does_not() -> None:
    source = torch.Generator().manual_seed(4)
    real, samples = torch.randn(400, 8, generator=source), torch.randn(400, 8, generator=source)
    real[200:] += 20
    found = clipped(real, samples)
    outlier = torch.cat([real[:-1], real[-1:] + 1e4])
    with_outlier = clipped(outlier, torch.cat([samples[:-50], samples[-50:] + 500]))
    assert found
    assert with_outlier
    assert found.coverage < 0.7
    assert found.density > 0.85
    assert with_outlier.density == pytest.approx(found.density * 0.875, abs=0.05)
    assert clipped(real[:9], samples) is None


def test_expected_coverage_is_that_of_the_beta_binomial() -> None:
    table = expected(30, 40, 3)
    assert (table[0], len(table)) == (0.0, 41)
    assert table[1] == pytest.approx(1 / 30)  # One sample lies in a ball with chance k / N, and counts 1 / k.
    assert (np.diff(table) > 0).all()
    random = np.random.default_rng(0)
    counts = random.binomial(40, random.beta(3, 27, 200_000))
    assert table[40] == pytest.approx(np.minimum(counts / 3, 1).mean(), abs=0.003)


def test_drift_of_the_same_pictures_dealt_anew_and_of_others(sprites: Known) -> None:
    before = sprites.fresh(64)
    dealt = before[np.roll(np.arange(64), 1)]
    half = before.copy()
    half[:32] = half[np.roll(np.arange(32), 1)]
    others = sprites.training[:64]
    noisy = [np.clip(p + sprites.random.normal(0, 3, p.shape), 0, 255).astype(np.uint8) for p in (before, dealt, half)]
    same, anew, part, new = (drift(small(before), small(after)) for after in (*noisy, others))
    assert same
    assert (same.identity, same.changed, same.set_drift) == pytest.approx((0.02, 0, 0.02), abs=0.03)
    assert anew
    assert (anew.identity, anew.changed, anew.set_drift) == pytest.approx((1, 1, 0.02), abs=0.05)
    assert part
    assert (part.identity, part.changed, part.set_drift) == pytest.approx((0.5, 0.5, 0.02), abs=0.05)
    assert new
    assert new.identity > 0.95
    assert new.set_drift > 0.5
    assert drift(small(before[:1].repeat(4, 0)), small(before[:1].repeat(4, 0))) is None


def test_the_cheapest_matching_is_found() -> None:
    random = np.random.default_rng(0)
    for size in (1, 2, 5, 30):
        costs = random.random((size, size))
        order = random.permutation(size)
        costs[np.arange(size), order] -= 2.0  # Cheaper than any other pair.
        assert assignment(costs).tolist() == order.tolist()
    costs = np.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]])
    assert costs[np.arange(3), assignment(costs)].sum() == 5.0


def test_spikes_that_change_pictures_are_found_and_others_are_not() -> None:
    found = false = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        falling = np.exp(-np.arange(120) / 60) * np.exp(random.normal(0, 0.1, 120))
        spikes = random.random(120) < np.linspace(0.5, 0.05, 120)  # Early, where everything changes more.
        plain, cool = (
            spike_effect(falling, spikes, seed),
            spike_effect(falling * np.where(spikes, 1.3, 1), spikes, seed),
        )
        assert plain
        assert cool
        found += cool.p <= 0.05
        false += plain.p <= 0.05
        assert cool.ratio > 1.1
    assert found >= 16
    assert false <= 4
    assert spike_effect([1.0] * 20, [True] * 3 + [False] * 17) is None


def test_spikes_are_judged_on_windows_of_one_length() -> None:
    random = np.random.default_rng(0)
    early = [Window(0, 12, 0.9), Window(12, 25, 0.9), Window(25, 50, 0.9)]
    spikes = sorted(random.choice(np.arange(1, 60), 20, replace=False) * 100 + 50)
    held = {(spike - 1) // 100 * 100 for spike in spikes}
    windows = early + [
        Window(at, at + 100, float(0.5 * (1.5 if at in held else 1.0) * np.exp(random.normal(0, 0.05))))
        for at in range(100, 6000, 100)
    ]
    found = spikes_in(windows, [20, *spikes], 100)
    assert found
    assert found.ratio == pytest.approx(1.5, rel=0.1)
    assert found.p
    assert found.p <= 0.01
    assert (found.with_spike, found.without) == (20, 39)
    few = spikes_in(windows, spikes[:2], 100)
    assert few
    assert (few.with_spike, few.without, few.ratio, few.p) == (2, 57, None, None)
    assert spikes_in(windows, [], 100) is None
    at_the_edge = spikes_in([Window(100, 200, 0.5), Window(200, 300, 0.5)], [200], 100)
    assert at_the_edge
    assert (at_the_edge.with_spike, at_the_edge.without) == (1, 1)


def test_a_power_law_is_found_and_predicted_only_near_the_end() -> None:
    t = np.arange(1, 21) * 100.0
    c, a, b = power_law(t, 5 + 300 * t**-0.75)
    assert (c, a, b) == (pytest.approx(5, rel=0.05), pytest.approx(300, rel=0.15), pytest.approx(0.75, abs=0.03))
    values = (5 + 3000 * t**-0.75).tolist()
    assert outlook(t, values, 0.5, True).answer == "cannot tell yet"
    late = outlook(t, values, 0.85, True)
    assert late.answer == "predicted"
    assert late.at_end == pytest.approx(5 + 3000 * (t[-1] / 0.85) ** -0.75, rel=0.02)
    assert late.trend == "falling"
    assert outlook(t, values, 0.85, False).answer == "trend"
    assert outlook(t, values, 1.0, True).answer == "ended"
    assert outlook(t, values, None, True).answer == "cannot tell yet"
    assert outlook(t, [-v for v in values], 0.85, True).answer == "cannot tell yet"
    assert outlook(t[:3], values[:3], 0.9, True).answer == "cannot tell yet"


def test_trends_are_told_from_noise() -> None:
    random = np.random.default_rng(0)
    flat = sum(mann_kendall(random.normal(size=8)) == "flat" for _ in range(200))
    assert flat >= 185
    assert mann_kendall(np.arange(8)) == "rising"
    assert mann_kendall(-np.arange(8)) == "falling"


def test_intervals_are_those_of_the_tables() -> None:
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(0.30850, abs=1e-5))
    assert clopper_pearson(3, 256) == (pytest.approx(0.0024232, abs=1e-6), pytest.approx(0.0338633, abs=1e-6))
    assert clopper_pearson(256, 256) == (pytest.approx(0.985694, abs=1e-6), 1.0)
    assert wilson(1, 10) == (pytest.approx(0.017876, abs=1e-5), pytest.approx(0.404150, abs=1e-5))
    assert at_least(2, 3, 0.5) == pytest.approx(0.5)
    assert clopper_pearson(0, 0) == wilson(0, 0) == (0.0, 1.0)
