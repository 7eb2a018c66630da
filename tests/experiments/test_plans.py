"""Plans: what is refused before anything is trained, how factors are written, and what every cell is."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tiny_experiments import TINY, tiny_plan

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.designs import FRACTIONAL, FULL
from gandam_studio.core.experiments.plan import Budget, Factor, Level, Plan, load_template, parse_factor, ready_made
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.remedies import Remedy


def test_a_plan_survives_its_file() -> None:
    plan = tiny_plan()
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(UserError, match="cannot be read"):
        Plan.from_json({**plan.to_json(), "seeds": "all"})
    with pytest.raises(UserError, match="another version"):
        Plan.from_json({**plan.to_json(), "schema": 9})


def test_every_cell_has_equal_compute_and_as_many_looks() -> None:
    factor = parse_factor("batch.size=4|2|8")
    plan = tiny_plan(factors=(factor,), budget=Budget(pictures=80), looks=5)
    for level, batch in enumerate((4, 2, 8)):
        config = plan.config((level,), 1)
        assert (config.stop.images, config.stop.iterations, config.seed) == (80, 0, 1)
        assert config.batch.size == batch
        assert config.sampling.milestones == 80 // batch // 5
    timed = tiny_plan(budget=Budget(seconds=90)).config((0, 0), 0)
    assert (timed.stop.minutes, timed.stop.images) == (1.5, 0)


@pytest.mark.parametrize("pictures", [6_416, 12_900, 64_000, 99_999])
def test_every_cell_chooses_from_as_many_checkpoints(pictures: int) -> None:
    """The best of six is better than the best of five by luck alone."""
    batches = (4, 16, 24, 32, 48, 64)
    factor = parse_factor(f"batch.size={'|'.join(map(str, batches))}")
    plan = tiny_plan(factors=(factor,), budget=Budget(pictures=pictures), looks=5)
    for level, batch in enumerate(batches):
        last, every = math.ceil(pictures / batch), plan.config((level,), 0).sampling.milestones
        assert len({*range(every, last + 1, every), last}) == 5


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda"])
def test_no_cell_chooses_its_number_format_by_a_stopwatch(device: str) -> None:
    for asked, kept in (("auto", "fp32"), ("bf16", "bf16"), ("fp32", "fp32")):
        base = apply_overrides(load_preset("dcgan"), [*TINY, f"device={device}", f"precision.kind={asked}"])
        plan = tiny_plan(base=base)
        kinds = {plan.config(cell.combination, cell.seed).precision.kind for cell in plan.cells}
        assert kinds == {kept}


def test_steps_of_the_critic_count_as_pictures() -> None:
    plan = tiny_plan(factors=(parse_factor("objective.critic_steps=1|5"),), budget=Budget(pictures=200), looks=2)
    assert plan.config((1,), 0).sampling.every == 5


def test_the_order_is_random_within_each_seed_and_always_the_same() -> None:
    plan = tiny_plan(design=FULL, seeds=tuple(range(8)))
    order = [(cell.seed, cell.combination) for cell in plan.order]
    assert order == [(cell.seed, cell.combination) for cell in plan.order]
    assert [seed for seed, _ in order] == sorted(seed for seed, _ in order)
    assert len({tuple(c for s, c in order if s == seed) for seed in range(8)}) > 1
    assert sorted(cell.number for cell in plan.order) == list(range(32))


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("batch.size=32|16", [({"batch.size": "32"}, ""), ({"batch.size": "16"}, "")]),
        ("lr_g=1e-4|2e-4", [({"optimiser.lr_g": "1e-4"}, ""), ({"optimiser.lr_g": "2e-4"}, "")]),
        ("generator_dense=|64,32", [({"architecture.generator_dense": ""}, ""),
                                    ({"architecture.generator_dense": "64,32"}, "")]),
        ("version=v1|v2", [({}, "v1"), ({}, "v2")]),
        ("facing: version=v1 mirror=true | version=v2", [({"augmentation.mirror": "true"}, "v1"), ({}, "v2")]),
        ("wide: | latent=8 batch.size=2", [({}, ""), ({"architecture.latent": "8", "batch.size": "2"}, "")]),
    ],
)  # fmt: skip
def test_factors_in_words(text: str, levels: list) -> None:
    assert [(dict(level.settings), level.version) for level in parse_factor(text).levels] == levels


@pytest.mark.parametrize(
    ("text", "why"),
    [("batch.size", "no factor"), ("batch.size=32", "no factor"), ("bach.size=1|2", "no setting"),
     ("a: b | c=1", "not a setting")],
)  # fmt: skip
def test_factors_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        parse_factor(text)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"factors": (parse_factor("seed=1|2"),)}, "seeds set it"),
        ({"factors": (parse_factor("data.size=32|64"),)}, "cannot be compared"),
        ({"factors": (parse_factor("stop.minutes=1|2"),)}, "budget"),
        ({"factors": (parse_factor("batch.size=4|4"),)}, "the same"),
        ({"factors": (parse_factor("wide_from=0|9"),)}, "for all runs alike"),
        ({"factors": (parse_factor("ema.half_life=1000|2000"),)}, "no effect"),
        ({"factors": (parse_factor("batch.size=4|0"),)}, "must be set"),
        ({"factors": ()}, "a factor"),
        ({"factors": (parse_factor("latent=4|8"), parse_factor("latent=4|9"))}, "same name"),
        ({"seeds": (1, 1)}, "differ"), ({"seeds": ()}, "seeds"), ({"name": "../up"}, "name"),
        ({"design": FRACTIONAL}, "no fractional"),
    ],
)  # fmt: skip
def test_plans_that_are_refused(changes: dict, why: str) -> None:
    with pytest.raises(UserError, match=why):
        tiny_plan(**changes)


def test_a_budget_is_pictures_or_seconds() -> None:
    for wrong in ((0, 0.0), (5, 5.0), (-1, 0.0)):
        with pytest.raises(UserError, match="budget"):
            Budget(*wrong)


def test_a_level_may_change_the_data() -> None:
    plan = tiny_plan(factors=(Factor("data", "Data", (Level("old"), Level("new", {}, "v2"))),))
    assert [plan.version_of(c) for c in plan.layout.combinations] == ["v1", "v2"]


@pytest.mark.parametrize("name", ready_made())
def test_the_ready_made_experiments_are_sound(name: str) -> None:
    t = load_template(name)
    plan = Plan(name, t.title, t.base, "v1", "", t.factors, t.design, t.resolution, t.seeds, t.budget)
    assert len(plan.cells) == len(plan.layout.combinations) * len(t.seeds)
    assert t.question


def test_the_blogs_five_factors() -> None:
    plan = load_template("gandam-five")
    assert [factor.name for factor in plan.factors] == ["dense", "width", "latent", "batch", "mirror"]


def test_templates_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no ready-made"):
        load_template("nothing")
    path = tmp_path / "mine.toml"
    with pytest.raises(UserError, match="cannot be read"):
        load_template(str(path))
    path.write_text('preset = "dcgan"\npictures = 100\n[[factor]]\nname = "x"\n[[factor.level]]\ntitle = "one"\n')
    assert load_template(str(path)).factors[0].name == "x"
    path.write_text('factor = []\npreset = "dcgan"\nset = ["qqq=3"]')
    with pytest.raises(UserError, match="no setting") as refused:
        load_template(str(path))
    assert refused.value.remedy is Remedy.LIST_SETTINGS
    path.write_text("factor = []\npreset = 3")
    with pytest.raises(UserError, match="must be text"):
        load_template(str(path))
