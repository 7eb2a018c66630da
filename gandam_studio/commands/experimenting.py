"""`experiment`: which change helped, from several runs with equal compute and several seeds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gandam_studio.commands.console import Output, chosen_folder, counted, json_option, tell, workspace_option
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.core.errors import UserError

if TYPE_CHECKING:
    from gandam_studio.core.experiments.folder import Experiment
    from gandam_studio.core.experiments.plan import Plan
    from gandam_studio.core.workspace import Workspace

WHAT = ("list", "new", "run", "status", "results", "rename", "delete")
DESIGNS = ("one-at-a-time", "full", "fractional")
ENGINES = ("local", "ray")
SCALES = ("ratio", "difference")


@click.command()
@click.argument("what", metavar="list|new|run|status|results|rename|delete", type=click.Choice(WHAT))
@click.argument("name", required=False, default="")
@click.option(
    "--from", "template", metavar="T", help="With new: a ready-made experiment (`list` names them), or a TOML."
)
@click.option("--preset", metavar="P", help="With new: the base's preset.")
@click.option("--base-run", metavar="RUN", help="With new: the base's settings and data are those of this run.")
@click.option("--version", metavar="V", help="With new: the base's data.  [default: latest]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="With new: change a setting of the base.")
@click.option(
    "--factor", "factors", multiple=True, metavar="KEY=A|B",
    help="With new: what to vary, the base's level first; 'version=v1|v2' varies the data, and "
    "'NAME: KEY=A KEY=B | KEY=C' several settings together.",
)  # fmt: skip
@click.option("--design", type=click.Choice(DESIGNS), help="With new: which combinations.  [default: one-at-a-time]")
@click.option("--resolution", type=click.IntRange(3, 5), help="With new: of a fractional design.")
@click.option("--seeds", type=click.IntRange(1, 100), help="With new: runs of each combination.  [default: 3]")
@click.option("--first-seed", type=click.IntRange(0), help="With new: the first of them.  [default: 0]")
@click.option("--pictures", type=click.IntRange(1), metavar="N", help="With new: each run sees N training pictures.")
@click.option("--device-seconds", type=click.FloatRange(1), metavar="S", help="With new: or trains for S seconds.")
@click.option("--looks", type=click.IntRange(1, 50), help="With new: checkpoints to choose from.  [default: 5]")
@click.option("--samples", type=click.IntRange(16, 20_000), help="With new: pictures to measure by.  [default: 1024]")
@click.option("--held-out", type=click.FloatRange(0.01, 0.9), help="With new: share not trained on.  [default: 0.1]")
@click.option("--scale", type=click.Choice(SCALES), help="With new: how distances are compared.  [default: ratio]")
@click.option("--title", metavar="TEXT", help='With new and rename: what to call it; "" is its first title again.')
@click.option("--with-runs", is_flag=True, help="With delete: move its runs to the trash too.")
@click.option("--start", is_flag=True, help="With new: run it at once.")
@click.option("--no-estimate", is_flag=True, help="With new and run: do not measure how long it will take.")
@click.option("--retry", is_flag=True, help="With run: try again what failed.")
@click.option("--engine", type=click.Choice(ENGINES), default="local", show_default=True,
              help="With run: this machine, or a Ray cluster, with each run a task.")  # fmt: skip
@click.option("--ray-address", default="", metavar="A", help="With --engine ray: the cluster.  [default: this machine]")
@workspace_option
@json_option
def experiment(folder: Path | None, as_json: bool, what: str, name: str, **asked: Any) -> None:
    """Find out which change helps: several runs with equal compute, seeds and an interval, not one lucky pair.

    `new` saves a plan and says how many runs it makes and when they would be finished; `run` carries it out and goes on
    after any interruption; `results` tells the effect of each change as better, worse, within noise or unknown.
    `rename` gives it another title, and `delete` moves it to the trash.
    """
    out, place = Output(as_json), chosen_folder(folder)
    from gandam_studio.core.workspace import Workspace

    if what == "list":
        with Workspace.open(place, read_only=True):
            _list(out, place)
        return
    if not name:
        raise click.UsageError(f"name the experiment: experiment {what} NAME")
    if what == "new":
        with Workspace.open(place, read_only=True) as workspace:
            made = _new(workspace, out, name, asked)
        if asked["start"]:
            _run(out, place, made, {**asked, "no_estimate": True})
        return
    from gandam_studio.core.experiments.folder import Experiment

    found = Experiment.open(place, name)
    if what == "run":
        _run(out, place, found, asked)
    elif what == "rename":
        _rename(out, found, asked["title"])
    elif what == "delete":
        _delete(out, found, with_runs=asked["with_runs"])
    else:
        _tell(out, found, whole=what == "results")


def _list(out: Output, place: Path) -> None:
    from gandam_studio.core.experiments.folder import Experiment, experiments
    from gandam_studio.core.experiments.plan import load_template, ready_made

    rows = []
    for name in experiments(place):
        row: dict[str, Any] = {
            "experiment": name,
            "title": "",
            "runs": 0,
            "measured": 0,
            "running": False,
            "problem": "",
        }
        try:
            found = Experiment.open(place, name)
            row |= {
                "title": found.title, "runs": len(found.plan.cells), "measured": len(found.outcomes()),
                "running": found.is_carried_out(),
            }  # fmt: skip
        except UserError as error:  # A damaged one does not hide the others.
            row["problem"] = str(error)
        rows.append(row)
    templates = [{"template": name, "title": load_template(name).title} for name in ready_made()]
    out.json({"experiments": rows, "ready_made": templates})
    out.table(
        ("experiment", "runs", "measured", "what for"),
        ((row["experiment"], row["runs"], row["measured"], row["problem"] or row["title"]) for row in rows),
        right=("runs", "measured"),
    )
    for one in templates:
        out.say(f"ready made: experiment new NAME --from {one['template']}: {one['title']}")


def _new(workspace: Workspace, out: Output, name: str, asked: dict[str, Any]) -> Experiment:
    from gandam_studio.core.experiments.folder import Experiment
    from gandam_studio.core.experiments.running import check_data, estimate

    plan = _plan(workspace, name, asked)
    check_data(workspace, plan)
    cost: dict[str, Any] = {"runs": len(plan.cells), "seconds": None, "measured": 0}
    if not asked["no_estimate"]:
        with ConsoleJob() as job:
            cost = estimate(plan, job)
    made = Experiment.create(workspace.folder, plan)
    told, cannot = plan.layout.tells([factor.title for factor in plan.factors])
    if not asked["start"]:
        out.json({
            "experiment": made.name, "runs": cost["runs"], "seconds": cost["seconds"], "combinations": [
                plan.describe(combination) for combination in plan.layout.combinations
            ], "tells": told, "cannot_tell": cannot, "folder": str(made.folder),
        })  # fmt: skip
    out.say(
        f"{plan.name}: {counted(len(plan.layout.combinations), 'combination')} × {counted(len(plan.seeds), 'seed')}"
    )
    out.say(finish(cost))
    for line in told:
        out.say(f"it tells {line}")
    for line in cannot:
        out.say(f"it cannot tell: {line}")
    if len(plan.seeds) <= 3:
        out.say('with three seeds or fewer, the strongest word is "suggestive"')
    if not asked["start"]:
        out.say(f"start it with: gandam-studio experiment run {plan.name}")
    return made


def finish(cost: dict[str, Any]) -> str:
    """Number of runs and when they would be finished, in a line."""
    runs = counted(cost["runs"], "run")
    if cost["seconds"] is None:
        return f"{runs}; how long they take was not measured"
    end = time.localtime(time.time() + cost["seconds"])
    return (
        f"{runs}, about {_duration(cost['seconds'])} of training: finished about {time.strftime('%Y-%m-%d %H:%M', end)}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _plan(workspace: Workspace, name: str, asked: dict[str, Any]) -> Plan:
    from gandam_studio.core.experiments.drafting import PRESET, RUN, TEMPLATE, draw_up
    from gandam_studio.core.experiments.plan import Budget, parse_factor

    options = (("template", TEMPLATE), ("preset", PRESET), ("base_run", RUN))
    given = [(kind, asked[option]) for option, kind in options if asked[option]]
    if len(given) != 1:
        raise click.UsageError("name the base: --from TEMPLATE, --preset NAME or --base-run RUN")
    pictures, seconds = asked["pictures"], asked["device_seconds"]
    if pictures and seconds:
        raise click.UsageError("give either --pictures or --device-seconds")
    if not pictures and not seconds and not asked["template"]:
        raise click.UsageError("give each run a budget: --pictures N or --device-seconds S")
    return draw_up(
        workspace, name, given[0], version=asked["version"] or "", overrides=asked["overrides"],
        factors=[parse_factor(text) for text in asked["factors"]], design=asked["design"] or "",
        resolution=asked["resolution"] or 0, seeds=asked["seeds"] or 0, first_seed=asked["first_seed"],
        budget=Budget(pictures or 0, seconds or 0.0) if pictures or seconds else None, title=asked["title"] or "",
        **{key: asked[key] for key in ("looks", "samples", "held_out", "scale") if asked[key] is not None},
    )  # fmt: skip


def _run(out: Output, place: Path, found: Experiment, asked: dict[str, Any]) -> None:
    from gandam_studio.core.experiments.running import carry_out, estimate, remaining, retry_failed

    if asked["retry"]:
        out.note(f"trying again: {counted(retry_failed(found), 'run')}")
    left = remaining(found)
    with ConsoleJob() as job:
        if left and not asked["no_estimate"]:
            cost = estimate(found.plan, job)
            share = len(left) / len(found.plan.cells)
            out.note(finish({"runs": len(left), "seconds": cost["seconds"] * share}))
        if asked["engine"] == "ray":
            from gandam_studio.core.experiments.ray_engine import carry_out_on_ray

            carry_out_on_ray(place, found, asked["ray_address"], job, tell)
        else:
            carry_out(place, found, job, tell)
    _tell(out, found, whole=True)


def _rename(out: Output, found: Experiment, title: str | None) -> None:
    from gandam_studio.core.experiments.naming import name_experiment

    if title is None:
        raise click.UsageError("give the new title: --title TEXT")
    name_experiment(found, title=title)
    out.json({"experiment": found.name, "title": found.title})
    out.say(f"{found.name}: {found.title}")


def _delete(out: Output, found: Experiment, *, with_runs: bool) -> None:
    from gandam_studio.core.experiments.removing import trash_experiment

    left = [] if with_runs else [run.name for _cell, run in sorted(found.runs().items())]
    moved = trash_experiment(found, with_runs=with_runs)
    out.json({"experiment": found.name, "moved": moved, "left": left})
    out.say(f"moved to the trash: experiment {found.name}" + (f" and {counted(len(moved), 'run')}" if moved else ""))
    if left:
        out.say(f"{counted(len(left), 'run')} made for it stay in the workspace")


def _tell(out: Output, found: Experiment, *, whole: bool) -> None:
    from gandam_studio.core.experiments.results import results

    told = results(found)
    if not whole:
        states = {
            state: sum(c["state"] == state for c in told["cells"])
            for state in ("waiting", "training", "done", "failed")
        }
        out.json({"experiment": found.name, "running": found.is_carried_out(), "total": told["total"], **states})
        out.say(f"{found.name}: {told['done']:,} of {told['total']:,} runs measured, {states['failed']:,} failed")
        for cell in told["cells"]:
            if cell["state"] == "failed":
                out.say(f"  missing: {cell['name']}, seed {cell['seed']}: {cell['why']}")
        return
    out.json(told)
    if not told["done"] and not told["complete"]:
        out.say(f"no run of {found.name} is measured yet; continue with: gandam-studio experiment run {found.name}")
    by_ratio = told["measure"]["scale"] == "ratio"
    rows = [
        (
            " × ".join(effect["factors"]),
            f"{effect['against']} -> {effect['level']}" if effect["level"] else "together",
            *_effect(effect, by_ratio),
            f"{effect['beats']['share']:.0%} ({effect['beats']['low']:.0%} to {effect['beats']['high']:.0%})"
            if effect["beats"]
            else "",
            effect["words"] if effect["verdict"] != "unknown" else f"unknown: {effect['why']}",
        )
        for effect in told["effects"]
    ]
    heads = ("KID, times", "95 % interval") if by_ratio else ("KID, difference", "95 % interval")
    out.table(("factor", "change", *heads, "beats the base", "verdict"), rows)
    if told["measure"]["note"]:
        out.say(f"note: {told['measure']['note']}")
    for line in told["design"]["cannot_tell"]:
        out.say(f"cannot tell: {line}")
    if (growth := told["growth"]) is not None:
        out.say(_growth(growth))
    for taste in told["tastes"]:
        out.say(f"taste test: {taste['words']}")
    if told["missing"]:
        out.say(f"missing: {counted(told['missing'], 'run')} failed; nothing was put in their place")
        out.say(f"try them again with: gandam-studio experiment run {found.name} --retry")
    if not told["complete"]:
        out.say(f"not complete: {told['done'] + told['missing']:,} of {told['total']:,} runs")


def _effect(effect: dict[str, Any], by_ratio: bool) -> tuple[str, str]:
    """The estimate and its interval, as ratios or as differences; empty where it is unknown."""
    from gandam_studio.core.experiments.scale import signed, times

    found = effect["ratio"] if by_ratio else effect
    if found is None or found["estimate"] is None:
        return "", ""
    number = times if by_ratio else signed
    return number(found["estimate"]), f"{number(found['low'])} to {number(found['high'])}"


def _growth(growth: dict[str, Any]) -> str:
    if growth["answer"] != "predicted":
        return f"what more sprites would buy: cannot tell; {growth['why']}"
    parts = [
        f"{one['pictures']:,} sprites: KID {one['estimate']:.3g} ({one['low']:.3g} to {one['high']:.3g})"
        for one in growth["kid"]
    ]
    return f"what more sprites would buy: {'; '.join(parts)}; {growth['why']}"
