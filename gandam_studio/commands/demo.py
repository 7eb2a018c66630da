"""`demo`: all steps on bundled art, from an empty folder to a grid of generated sprites."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gandam_studio.commands.console import Output, json_option
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.core.errors import UserError
from trainer.protocol.files import atomic_writer

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.samples.bundled import SampleSet

# Training time, so that the demo takes about three minutes on two CPU cores.
MINUTES = 2.2
PRESETS = {"cuda": "sprite-r3", "mps": "sprite-r3"}
SMALL_PRESET = "sprite-flow-cpu"
SAMPLES = 64
# Approximate side of the grid, in pixels.
VIEWED_SIDE = 1024


@click.command()
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--set", "set_name", type=click.Choice(["mechas", "gearhead-caramel"]), default="mechas",
              show_default=True, help="Which bundled art.")  # fmt: skip
@click.option("--preset", metavar="NAME", help="What to train [default: by what this machine has].")
@click.option("--iterations", type=click.IntRange(1), metavar="N", help="Stop after this many generator steps.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), metavar="M",
              help=f"Stop after this much training [default: {MINUTES}, or before it would copy].")  # fmt: skip
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True,
              help="Where to train.")  # fmt: skip
@json_option
def demo(
    directory: Path | None,
    as_json: bool,
    set_name: str,
    preset: str | None,
    iterations: int | None,
    minutes: float | None,
    device: str,
) -> None:
    """Import bundled art, curate it, commit it, train on it and draw samples; takes about three minutes.

    The workspace is created in DIR, or in a new folder gandam-demo, with the samples next to it.
    """
    from gandam_studio.commands.training import complaint, configured, train_to_end
    from gandam_studio.core.runs import create_run
    from gandam_studio.core.runs.checks import check_copying
    from gandam_studio.core.runs.sampling import draw_sprites
    from gandam_studio.core.versions import commit
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.proposing import free_path
    from gandam_studio.samples.bundled import sample_sets
    from trainer.protocol.overrides import apply_overrides

    out, began = Output(as_json), time.monotonic()
    config = configured(
        preset or preset_for(device), (), iterations, None if iterations else minutes or MINUTES, device, None
    )
    chosen = next(item for item in sample_sets() if item.name == set_name)
    with Workspace.create(directory or free_folder()) as workspace, ConsoleJob() as job:
        out.say(f"new      {workspace.folder}")
        _curate(workspace, chosen, job, out)
        version = commit(workspace, f"The {chosen.name} sample set, in order", job=job)
        out.say(f"commit   {version.label}: {version.sprites:,} sprites, {version.digest[:16]}")
        for check in check_copying(workspace, version, config):
            if check.images and not (iterations or minutes):
                config = apply_overrides(config, [f"stop.images={check.images}"])
                out.say(f"limit    {check.text}: training ends then")
            else:
                out.note(check.text)
        run = create_run(workspace, version, config, job=job)
    out.say(f"train    {config.preset} in {run.path}")
    found = train_to_end(run)
    if problem := complaint(found):
        raise UserError(problem)
    out.say(f"trained  {found.state.iteration:,} iterations, {found.state.images_seen:,} pictures seen")
    grid = free_path(workspace.folder.with_name(f"{workspace.folder.name}-samples.png"))
    with ConsoleJob() as job:
        draw_sprites(run, grid, count=SAMPLES, job=job)
    _enlarge(grid)
    out.json({**found.to_json(), "workspace": str(workspace.folder), "version": version.label, "samples": str(grid)})
    out.say(f"sample   {grid}: {SAMPLES} generated sprites, none of them picked by hand")
    out.say("")
    minutes_taken = (time.monotonic() - began) / 60
    out.say(f"That took {minutes_taken:.1f} minutes. Losses, grids and checkpoints are in {run.path}")
    out.say(f"See it all in the window: gandam-studio open {workspace.folder}")


def _enlarge(grid: Path) -> None:
    """Enlarge a grid of small sprites by repeating pixels."""
    from PIL import Image

    with Image.open(grid) as picture:
        times = max(1, VIEWED_SIDE // max(picture.size))
        larger = picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    with atomic_writer(grid) as stream:
        larger.save(stream, "PNG")


def free_folder() -> Path:
    """The first of gandam-demo, gandam-demo-2 and so on that does not exist, here or above the workspace we are in."""
    from gandam_studio.core.workspace.proposing import free_path, outside_workspaces

    here = Path.cwd()
    place = outside_workspaces(here)
    return free_path(Path("gandam-demo") if place == here else place / "gandam-demo")


def preset_for(device: str) -> str:
    """The preset for a device; for "auto" that of the best there is."""
    if device == "auto":
        from gandam_studio.core.runs import available_devices

        device = next(iter(available_devices()), "cpu")
    return PRESETS.get(device, SMALL_PRESET)


def _curate(workspace: Workspace, chosen: SampleSet, job: ConsoleJob, out: Output) -> None:
    """Import and curate the set, by its truth table."""
    from gandam_studio.commands.duplicates import drop_duplicates
    from gandam_studio.core.importing import import_sources
    from gandam_studio.core.workspace.edits import Drop, Flip, SetFacing
    from gandam_studio.core.workspace.seqsets import as_seqs
    from gandam_studio.samples.bundled import read_facts

    summary = import_sources(workspace, [chosen.pictures], job=job)
    out.say(f"import   {summary.sentence()} ({chosen.title})")
    facts = read_facts(chosen)
    known = [(sprite.seq, facts[sprite.name]) for sprite in workspace.sprites() if sprite.name in facts]
    for facing in ("left", "right"):
        workspace.apply(SetFacing(as_seqs(seq for seq, fact in known if fact.facing == facing), facing))
    facings = [fact.facing for _, fact in known]
    wrong = min(("left", "right"), key=facings.count)
    flipped = workspace.apply(Flip(as_seqs(seq for seq, fact in known if fact.facing == wrong)))
    out.say(f"flip     {len(flipped.seqs):,} that looked {wrong}, by the set's truth table")
    others = [seq for seq, fact in known if not fact.bipedal]
    workspace.apply(Drop(others, "non-bipedal"))
    out.say(f"drop     {len(others):,} tanks, planes and crawlers, by the set's truth table")
    dropped = drop_duplicates(workspace, job)
    out.say(f"dedupe   {dropped:,} copies, mirrored and resized ones among them, found by their pixels")
