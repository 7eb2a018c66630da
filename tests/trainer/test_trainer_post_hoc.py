"""Averages whose width is chosen after training: known profiles, known weights, and the run's checkpoint of one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from small_runs import small_config

from trainer import averaging, checkpoints
from trainer.averaging import blended, make_average
from trainer.cli import main
from trainer.diagnostics.quality import QualityScale, RealFeatures
from trainer.ema import STEMS, PowerAverages
from trainer.networks import build_networks
from trainer.post_hoc import WIDTHS, Profile, combination, exponent, kept, overlap, width_of
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.weights import CLEAR, average_sentence, is_label, post_hoc_label
from trainer.sampling import load_trained, pictures, save_sample
from trainer.train_run import train_run

Make = Callable[..., RunDirectory]
SPLIT = (["train"] * 3 + ["held-out"]) * 12
TIMES = (np.arange(200_000) + 0.5) / 200_000


def profile(one: Profile) -> np.ndarray:
    """The density of a profile at `TIMES`, of a run that ends at 1."""
    return np.where(one.time >= TIMES, (one.power + 1) * TIMES**one.power / one.time ** (one.power + 1), 0.0)


# Profiles


def test_exponents_are_those_of_the_paper() -> None:
    assert exponent(0.05) == pytest.approx(16.97, abs=0.005)
    assert exponent(0.10) == pytest.approx(6.94, abs=0.005)


@pytest.mark.parametrize("width", [0.03, 0.05, 0.1, 0.2, 0.25, 0.28])
def test_a_width_is_the_deviation_of_its_profile(width: float) -> None:
    density = profile(Profile(exponent(width), 1.0))
    mean = np.average(TIMES, weights=density)
    assert mean == pytest.approx((exponent(width) + 1) / (exponent(width) + 2), abs=1e-6)
    assert np.sqrt(np.average((TIMES - mean) ** 2, weights=density)) == pytest.approx(width, abs=1e-6)
    assert width_of(exponent(width)) == pytest.approx(width)


def test_overlaps_are_integrals() -> None:
    for one, other in [((6.9, 1.0), (17.0, 1.0)), ((6.9, 0.4), (2.0, 1.0)), ((3.0, 0.7), (3.0, 0.7))]:
        first, second = Profile(*one), Profile(*other)
        assert overlap(first, second) == pytest.approx(float(np.mean(profile(first) * profile(second))), rel=1e-4)


def test_an_average_that_is_there_is_taken_as_it_is() -> None:
    there = [Profile(exponent(width), time) for time in (3000.0, 9000.0) for width in WIDTHS]
    for index in (3, 4, 5):
        found = combination(there, there[index])
        assert np.allclose(found.shares, np.eye(6)[index], atol=1e-6)
        assert found.error < 1e-6


@pytest.mark.parametrize("moments", [(1.0,), (1 / 3, 2 / 3, 1.0), (0.8, 0.9, 1.0)])
@pytest.mark.parametrize("width", [0.04, 0.065, 0.08, 0.125, 0.16, 0.2])
def test_other_widths_come_near(moments: tuple[float, ...], width: float) -> None:
    there = [Profile(exponent(one), 64_000 * time) for time in moments for one in WIDTHS]
    wanted = Profile(exponent(width), 64_000.0)
    found = combination(there, wanted)
    assert sum(found.shares) == pytest.approx(1)
    made = sum(
        share * profile(Profile(one.power, one.time / 64_000)) for share, one in zip(found.shares, there, strict=True)
    )
    aim = profile(Profile(wanted.power, 1.0))
    assert found.error == pytest.approx(float(np.sqrt(np.mean((made - aim) ** 2) / np.mean(aim**2))), rel=0.02)
    assert found.error <= 0.08
    assert np.average(TIMES, weights=made) == pytest.approx(np.average(TIMES, weights=aim), abs=1e-6)


def test_what_cannot_come_near_says_so() -> None:
    only = [Profile(exponent(0.05), 1.0)]
    found = combination(only, Profile(exponent(0.25), 1.0))
    assert found.shares == [1.0]
    assert found.error > 0.5


# Weights


class Line(torch.nn.Module):
    """Weights that move: [1, time, time^2], for a known trajectory."""

    def __init__(self) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.zeros(3))


def trained_along(batches: list[int]) -> tuple[PowerAverages, np.ndarray, np.ndarray]:
    """Averages along a trajectory, and the times and weights after each step, of pictures seen as a share."""
    module = Line()
    averages = PowerAverages(module)  # type: ignore[arg-type]
    total, seen, times, rows = sum(batches), 0, [], []
    for batch in batches:
        seen += batch
        time = seen / total
        with torch.no_grad():
            module.value.copy_(torch.tensor([1.0, time, time**2]))
        averages.update(batch, seen)
        times.append(time)
        rows.append([1.0, time, time**2])
    return averages, np.array(times), np.array(rows)


def direct(width: float, times: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The average of a width from all weights of a run: what was held from one time to the next counts its integral."""
    before = np.append(0.0, times[:-1])
    power = exponent(width) + 1
    return ((times**power - before**power)[:, None] * rows).sum(0)


@pytest.mark.parametrize("batches", [[16] * 400, [8] * 300 + [40] * 60])
def test_averages_weigh_by_the_power_of_the_pictures_seen(batches: list[int]) -> None:
    averages, times, rows = trained_along(batches)
    for stem, width in zip(STEMS, WIDTHS, strict=True):
        assert averages.tensors()[stem]["value"].numpy() == pytest.approx(direct(width, times, rows), abs=2e-5)


@pytest.mark.parametrize("width", [0.04, 0.07, 0.14, 0.2])
def test_a_width_made_afterwards_is_that_of_a_run_that_had_kept_it(width: float) -> None:
    averages, times, rows = trained_along([16] * 2000)
    there = [Profile(exponent(one), 1.0) for one in WIDTHS]
    found = combination(there, Profile(exponent(width), 1.0))
    made = blended(list(averages.tensors().values()), found.shares)["value"].numpy()
    assert made[0] == pytest.approx(1.0, abs=1e-5)
    expected = direct(width, times, rows)
    assert made[1] == pytest.approx(expected[1], abs=1e-4), "of weights that move evenly it is exact"
    assert made[2] == pytest.approx(expected[2], abs=0.005)
    assert expected[1] == pytest.approx((exponent(width) + 1) / (exponent(width) + 2), abs=1e-3)


def test_the_first_step_forgets_what_was_before_training() -> None:
    assert kept(exponent(0.1), 0, 16) == 0
    generator, _ = build_networks(small_config("dcgan"))
    averages = PowerAverages(generator)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(1.0)
    averages.update(8, 8)
    for tensors in averages.tensors().values():
        assert all(torch.equal(tensors[name], value) for name, value in generator.named_parameters())


# Runs


def trained(make_run: Make, preset: str = "dcgan", *more: str, split: list[str] | None = SPLIT) -> RunDirectory:
    config = small_config(
        preset, "stop.iterations=12", "sampling.checkpoint_every=4", "sampling.every=1000", "ema.post_hoc=yes",
        "ema.enabled=yes", *more,
    )  # fmt: skip
    facts = {} if split is None else {"split": split}
    run = make_run("run", config, 48, **facts)
    train_run(run)
    return run


@pytest.mark.parametrize("preset", ["dcgan", "sprite-flow-cpu"])
def test_a_width_that_was_kept_draws_as_it_did(preset: str, make_run: Make) -> None:
    run = trained(make_run, preset)
    answer = make_average(run, width=0.1)
    assert (answer["iteration"], answer["width"], answer["quality"], answer["widths"]) == (12, 0.1, None, [])
    assert answer["moments"] == [4, 8, 12]
    assert answer["error"] < 1e-6
    saved = checkpoints.load(run.path / answer["path"])
    newest = checkpoints.load(run.newest_checkpoint() or Path()).tensors
    parameters = newest[STEMS[WIDTHS.index(0.1)]]
    assert saved.tensors.keys() == {"ema"}
    for name, value in saved.tensors["ema"].items():
        expected = parameters.get(name, newest["generator"][name])  # Running statistics are those of the checkpoint.
        assert torch.allclose(value, expected, atol=1e-6)
    made = load_trained(run, "post-hoc")
    assert (made.weights, made.iteration) == ("post-hoc 0.1", 12)
    assert (pictures(made, 4, 0) == pictures(load_trained(run, iteration="post-hoc"), 4, 0)).all()
    assert (pictures(made, 4, 0) != pictures(load_trained(run), 4, 0)).any()


def test_the_best_width_is_chosen_by_the_quality(make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(averaging, "CHOOSING", 16)
    monkeypatch.setattr(averaging, "CONFIRMING", 24)
    run = trained(make_run)
    told: list[tuple[int, int]] = []
    answer = make_average(run, progress=lambda done, total: told.append((done, total)))
    looks = answer["widths"]
    assert [look["width"] for look in looks] == list(averaging.CANDIDATES)
    assert len({look["kid"] for look in looks}) == len(looks)
    assert answer["width"] == min(looks, key=lambda look: look["kid"])["width"]
    assert told[-1][0] == told[-1][1] > len(looks)
    quality = answer["quality"]
    assert quality["difference"] == pytest.approx(quality["kid"] - quality["own"], rel=1e-3)
    assert quality["held_out"] == 12
    state = checkpoints.verify(run.checkpoints_path / "post-hoc")
    assert state["post_hoc"]["width"] == answer["width"]
    assert make_average(run) == answer, "equal seeds choose alike"
    json.dumps(answer)


def test_it_ends_where_it_is_told_and_damage_is_left_out(make_run: Make) -> None:
    run = trained(make_run)
    answer = make_average(run, width=0.2, iteration="8")
    assert (answer["iteration"], answer["moments"]) == (8, [4, 8])
    victim = run.checkpoints()[-1] / "optimiser_g.safetensors"
    victim.write_bytes(victim.read_bytes()[:-3])
    told: list[str] = []
    assert make_average(run, width=0.2, say=told.append)["iteration"] == 8
    assert "damaged" in told[0]


def test_samples_say_which_average_drew_them(make_run: Make, tmp_path: Path) -> None:
    run = trained(make_run)
    make_average(run, width=0.2)
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    save_sample(run, 4, 3, first, trained=load_trained(run, "post-hoc"))
    cli = CliRunner()
    assert cli.invoke(main, ["sample", str(run.path), "--from", str(first), "--out", str(again)]).exit_code == 0
    with Image.open(first) as one, Image.open(again) as other:
        assert one.tobytes() == other.tobytes()
        assert json.loads(other.info["gandam"])["weights"] == "post-hoc 0.2"
    make_average(run, width=0.05)
    refused = cli.invoke(main, ["sample", str(run.path), "--from", str(first), "--out", str(again), "--force"])
    assert isinstance(refused.exception, TrainerError)
    assert "width 0.2 again" in str(refused.exception)
    make_average(run, width=0.2, iteration="8")
    refused = cli.invoke(main, ["sample", str(run.path), "--from", str(first), "--out", str(again), "--force"])
    assert "of iteration 8, not 12" in str(refused.exception)


def test_what_has_no_average(make_run: Make, tmp_path: Path) -> None:
    run = trained(make_run, split=None)
    with pytest.raises(TrainerError, match="make one with average"):
        load_trained(run, "post-hoc")
    for width in (0.02, 0.3, float("nan")):
        with pytest.raises(TrainerError, match=r"from 0\.03 to 0\.25"):
            make_average(run, width=width)
    with pytest.raises(TrainerError, match="choose a width"):
        make_average(run)
    with pytest.raises(TrainerError, match="no checkpoint of iteration 5 has averages; these have: 4, 8, 12"):
        make_average(run, width=0.1, iteration="5")
    with run.locked(), pytest.raises(TrainerError, match="is being trained"):
        make_average(run, width=0.1)
    assert not (run.checkpoints_path / "post-hoc").exists()
    plain = make_run("plain", small_config("dcgan", "stop.iterations=2"))
    train_run(plain)
    with pytest.raises(TrainerError, match=r"ema\.post_hoc=yes"):
        make_average(plain, width=0.1)


def test_an_average_that_a_stranger_wrote_is_one_clear_line(make_run: Make) -> None:
    run = trained(make_run)
    folder = run.path / make_average(run, width=0.1)["path"]
    state = json.loads((folder / "state.json").read_bytes())
    for value in (None, 3, {}, {"width": "wide"}, {"width": 7}):
        (folder / "state.json").write_text(json.dumps({**state, "post_hoc": value}))
        with pytest.raises(TrainerError, match="checkpoint post-hoc cannot be read"):
            load_trained(run, "post-hoc")
    shutil.copyfile(run.checkpoints()[-1] / f"{STEMS[0]}.safetensors", folder / "ema.safetensors")
    (folder / "state.json").write_text(json.dumps(state))
    with pytest.raises(TrainerError, match="has changed since it was written"):
        load_trained(run, "post-hoc")


def test_a_run_that_begins_to_keep_them_later_goes_on_from_its_weights(make_run: Make) -> None:
    run = make_run("late", small_config("dcgan", "stop.iterations=4"))
    train_run(run)
    train_run(run, limits=["stop.iterations=5", "ema.post_hoc=yes"])
    saved = checkpoints.load(run.newest_checkpoint() or Path())
    before = checkpoints.load(run.checkpoints()[0]).tensors["generator"]
    keep = kept(exponent(WIDTHS[0]), 4 * 8, 5 * 8)
    for name, value in saved.tensors[STEMS[0]].items():
        assert torch.allclose(value, keep * before[name] + (1 - keep) * saved.tensors["generator"][name], atol=1e-6)


def test_the_command_says_what_it_made(make_run: Make) -> None:
    run = trained(make_run)
    done = CliRunner().invoke(main, ["average", str(run.path), "--width", "0.1", "--json"])
    assert json.loads(done.output)["width"] == 0.1
    done = CliRunner().invoke(main, ["average", str(run.path), "--width", "0.1"])
    assert "average of width 0.1 at iteration 12, made of 3 checkpoints" in done.output
    assert CliRunner().invoke(main, ["average", str(run.path), "--width", "wide"]).exit_code == 2


def test_labels() -> None:
    assert [post_hoc_label(width) for width in (0.1, 0.125, 0.05)] == [
        "post-hoc 0.1",
        "post-hoc 0.125",
        "post-hoc 0.05",
    ]
    assert all(is_label(text) for text in ("ema", "raw", "post-hoc 0.125"))
    assert not any(is_label(text) for text in ("", "auto", "post-hoc", "post-hoc 1", "post-hoc 0.12345", None, 3))


@pytest.mark.parametrize(("z", "words"), [(-2.5, "draws better"), (0.5, "no better"), (3.0, "own weights draw better")])
def test_only_a_clear_difference_is_called_one(z: float, words: str) -> None:
    found = {"kid": 0.5, "own": 0.6, "difference": 0.02 * z, "difference_error": 0.02}
    assert words in average_sentence({"quality": found})
    assert average_sentence({"quality": None}) == ""


def test_the_error_of_a_difference_is_that_of_repetitions() -> None:
    """Pairs that share most of what makes them: the error of their difference is far below those of each.

    The jackknife errs upwards (Efron and Stein 1981), so fewer differences than one in twenty are called clear.
    """
    source = torch.Generator().manual_seed(0)

    def drawn(count: int) -> torch.Tensor:
        return torch.randn(count, 6, generator=source)

    scale = QualityScale(RealFeatures(drawn(400), drawn(100)), one_scale=True)
    differences, errors, alone = [], [], []
    for _ in range(200):
        common = drawn(64)
        ours, others = common + 0.2 * drawn(64), common + 0.2 * drawn(64)
        difference, error = scale.difference(ours, others)
        found = scale.measure(ours)
        assert found is not None
        differences.append(difference)
        errors.append(error)
        alone.append(found.error)
    assert abs(np.mean(differences)) < 4 * np.std(differences) / np.sqrt(200)
    assert 0.95 < np.mean(errors) / np.std(differences) < 1.4
    assert np.mean(errors) < 0.8 * np.mean(alone)
    assert np.mean(np.abs(np.array(differences) / np.array(errors)) > CLEAR) < 0.05
    assert scale.difference(ours, ours) == (0.0, 0.0)
