"""`presets`, `train`, `runs`, `label`, `ask`, `sample`: commands about runs, which train in separate processes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gandam_studio.commands.console import (
    Output,
    chosen_folder,
    counted,
    force_option,
    given_among,
    json_option,
    printable,
    with_output,
    with_workspace,
    workspace_option,
)
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gandam_studio.core.runs import RunSummary, handing_over
    from gandam_studio.core.runs.comparison import Change
    from gandam_studio.core.workspace import Workspace
    from trainer.protocol.config import TrainConfig
    from trainer.protocol.run_directory import RunDirectory


# Popen objects warn when they are collected while their process runs; these outlive us.
_DETACHED: list[subprocess.Popen[bytes]] = []


COMPARE = click.option(
    "--compare", "compared", nargs=2, metavar="A B", help="Say what changed from A to B, instead of listing."
)


@click.command()
@COMPARE
@with_output
def presets(out: Output, compared: tuple[str, str] | None) -> None:
    """List the presets that `train` knows, or say what changed from one to another."""
    from trainer.protocol.presets import load_preset, preset_names

    if compared:
        from gandam_studio.core.runs.comparison import compare_settings, compared_json

        a, b = compared
        changed = compare_settings(load_preset(a), load_preset(b))
        out.json(compared_json(a, b, changed))
        _say_changed(out, a, b, changed)
        return
    found = [(name, load_preset(name)) for name in preset_names()]
    out.json([{"preset": name, "size": c.data.size, "description": c.description} for name, c in found])
    out.table(
        ("preset", "size", "what for"), ((name, c.data.size, c.description) for name, c in found), right=("size",)
    )


@click.command()
@click.option("--preset", metavar="NAME", help="What to train; `presets` lists them.")
@click.option("--version", metavar="V", help="Version to train on.  [default: latest]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting; may be repeated.")
@click.option("--iterations", type=click.IntRange(1), metavar="N", help="Stop after this many generator steps.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), metavar="M", help="Stop after this much training.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Where to train.  [default: auto]")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Share each batch among N processes, one GPU each; the result is the same. [default: 1]",
)
@click.option("--seed", type=click.IntRange(0), metavar="S", help="Seed of weights, order of pictures and latents.")
@click.option("--parent", default="", metavar="RUN", help="Run that this one was derived from.")
@click.option("--resume", metavar="RUN", help='Continue a run instead of starting one; "latest" is the newest.')
@click.option(
    "--more-iterations", type=click.IntRange(1), metavar="N", help="With --resume: train a finished run longer."
)
@click.option(
    "--more-minutes",
    type=click.FloatRange(0.01),
    metavar="M",
    help="The same, in minutes.",
)
@click.option(
    "--tail",
    type=click.Choice(["auto", "constant", "cool-down"]),
    default="auto",
    show_default=True,
    help="Learning rates then: stay where they ended, or go up once and fall again. auto chooses and says so. "
    "With cool-down, a stopped run is ended early: its rates fall from where they are.",
)
@click.option("--detach", is_flag=True, help="Return at once; training continues.")
@workspace_option
@json_option
def train(
    folder: Path | None,
    as_json: bool,
    preset: str | None,
    version: str | None,
    overrides: tuple[str, ...],
    iterations: int | None,
    minutes: float | None,
    device: str | None,
    processes: int | None,
    seed: int | None,
    parent: str,
    resume: str | None,
    more_iterations: int | None,
    more_minutes: float | None,
    tail: str,
    detach: bool,
) -> None:
    """Train a generator on a version, in a separate process that continues when the terminal is closed.

    Ctrl+C saves a checkpoint and stops; `train --resume RUN` continues from there. A finished run trains on with
    `--resume RUN --more-minutes M`: its schedules stay where they ended, or start one new cool-down. With
    `--tail cool-down`, a run that was stopped is brought to a good end in M minutes instead.
    """
    from gandam_studio.core.runs import at_recipe_size, create_run, find_run
    from gandam_studio.core.runs.checks import check_copying, check_unseen
    from gandam_studio.core.runs.longer import Further
    from gandam_studio.core.versions import find_version
    from gandam_studio.core.versions.files import recipe_of
    from gandam_studio.core.workspace import Workspace
    from trainer.protocol.extension import COOLDOWN, More

    out = Output(as_json)
    if bool(preset) == bool(resume):
        raise click.UsageError("name what to train: --preset NAME, or --resume RUN")
    longer = bool(more_iterations or more_minutes)
    if (longer or tail != "auto") and not resume:
        raise click.UsageError("--more-iterations, --more-minutes and --tail need --resume RUN")
    if (more_iterations and more_minutes) or (tail != "auto" and not longer):
        raise click.UsageError("give either --more-iterations or --more-minutes")
    place = chosen_folder(folder)
    if resume:
        if overrides or iterations or minutes or seed is not None or version or parent:
            raise click.UsageError("a resumed run keeps its settings; start a new one to change them")
        with Workspace.open(place, read_only=True) as workspace:
            run = find_run(workspace, resume)
        refuse_absent(device or run.config().device)
    else:
        if processes:
            overrides = (*overrides, f"processes={processes}")
        config = configured(preset or "", overrides, iterations, minutes, device or "auto", seed)
        refuse_absent(config.device)
        with Workspace.open(place) as workspace, ConsoleJob() as job:
            found_version = find_version(workspace, version or "latest")
            if not any(text.partition("=")[0].strip() == "data.size" for text in overrides):
                own, recipe = config.data.size, recipe_of(workspace, found_version)
                config, line = at_recipe_size(config, recipe)
                if line:
                    other = recipe.size if config.data.size == own else own
                    out.say(f"{line}: --set data.size={other}")
            run = create_run(workspace, found_version, config, parent=parent, job=job)
            if unseen := check_unseen(workspace, found_version):
                shown = {"generated": "list --tag generated"}
                hints = " and ".join(shown.get(check.name, f"list --{check.name}") for check in unseen)
                out.note(f"{'; '.join(check.text for check in unseen)}; see: {hints}")
            for check in check_copying(workspace, found_version, config):
                out.note(
                    check.text + (f"; --set stop.images={check.images} ends the run there" if check.images else "")
                )
    more: list[str] = []
    if resume:
        more += ["--processes", str(processes)] if processes else []
        more += ["--device", device] if device else []
        more += ["--more-iterations", str(more_iterations)] if more_iterations else []
        more += ["--more-minutes", str(more_minutes)] if more_minutes else []
        more += ["--tail", tail] if longer else []
        if longer:
            if tail != COOLDOWN:
                refuse_unfinished(run)
            if then := Further(run).often_seen(More(more_iterations or 0, more_minutes or 0.0, tail)):
                out.note(then)
    found = train_to_end(run, *more, detach=detach)
    out.json(found.to_json())
    if detach:
        out.say(f"{found.run} continues in the background; see: gandam-studio runs")
    elif problem := complaint(found):
        raise UserError(problem)
    else:
        state = found.state
        why = f" ({state.reason})" if state.reason else ""
        out.say(f"{found.run} {state.state}{why}: {state.iteration:,} iterations, {state.images_seen:,} pictures seen")
        out.say(f"its folder: {found.folder}")


def configured(
    preset: str,
    overrides: tuple[str, ...],
    iterations: int | None,
    minutes: float | None,
    device: str,
    seed: int | None,
) -> TrainConfig:
    """A preset with the command line's changes; a limit given here replaces the preset's own. Raises TrainerError."""
    from trainer.protocol.overrides import apply_overrides
    from trainer.protocol.presets import load_preset

    texts = list(overrides)
    if iterations or minutes:
        texts += [f"stop.iterations={iterations or 0}", f"stop.minutes={minutes or 0}", "stop.images=0"]
    if device != "auto":
        texts.append(f"device={device}")
    if seed is not None:
        texts.append(f"seed={seed}")
    return apply_overrides(load_preset(preset), texts)


def refuse_absent(device: str) -> None:
    """Raise UserError when this machine lacks `device`, before a run is created."""
    from gandam_studio.core.runs import available_devices
    from trainer.protocol.errors import no_device

    if device in ("cuda", "mps") and device not in available_devices():
        raise UserError.of(no_device(device))


def refuse_unfinished(run: RunDirectory) -> None:
    """Raise UserError unless the run has finished, so that it can be trained longer."""
    from gandam_studio.core.runs import summary
    from trainer.protocol.extension import COOLDOWN

    state = summary(run.path).state.state
    if state != "finished":
        raise UserError(
            f"{run.name} is {state}; only a finished run is trained longer "
            f"(train --resume goes on with it, and --tail {COOLDOWN} ends it early)"
        )


def train_to_end(run: RunDirectory, *more: str, detach: bool = False) -> RunSummary:
    """Start or resume a run and follow it to its end, unless detached; returns its state.

    `more` are options of `python -m trainer train`.
    """
    from gandam_studio.commands.following import follow
    from gandam_studio.core.runs import start, summary

    process = start(run, *more)
    if detach:
        _DETACHED.append(process)
    else:
        with ConsoleJob() as job:
            follow(run, process, job)
    return summary(run.path)


def complaint(found: RunSummary) -> str:
    """Why a run did not finish and what to do about it, in one line; "" if it did."""
    state = found.state
    if state.state == "stopped":
        more = f"gandam-studio train --resume {found.run} -w {found.folder.parent.parent}"
        return f"{found.run} stopped after iteration {state.iteration:,}; continue with: {more}"
    if state.state in ("failed", "interrupted", "created"):
        log = found.folder / "trainer.log"
        return f"{found.run} {state.state}: {state.reason or 'it did not start'}; its log is {log}"
    return ""


def _say_changed(out: Output, a: str, b: str, changed: Sequence[Change]) -> None:
    """What changed, as a table, and whether the results can be put down to one change."""
    if not changed:
        out.say(f"nothing differs between {printable(a)} and {printable(b)}: if the results differ, that is luck")
        return
    rows = [(one.factor, _value(one.a), one.diff or _value(one.b)) for one in changed]
    out.table(("what changed", a, b), rows)
    if len(changed) > 1:
        out.say(f"confounded: {len(changed):,} factors; no one can tell which of them made the results differ")
    else:
        out.say("one factor: it explains different results, apart from luck")


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "–" if value is None else str(value)


@click.command()
@COMPARE
@with_workspace(write=False)
def runs(workspace: Workspace, out: Output, compared: tuple[str, str] | None) -> None:
    """List the runs and their states, oldest first, or say what changed from one to another."""
    from gandam_studio.core.runs import runs as all_runs

    if compared:
        from gandam_studio.core.runs import find_run
        from gandam_studio.core.runs.comparison import compare, compared_json

        found_runs = [find_run(workspace, text) for text in compared]
        told = compare(run.path for run in found_runs)
        names = found_runs[0].name, found_runs[1].name
        environment = [{"name": one.factor, "a": one.a, "b": one.b} for one in told.environment]
        out.json(compared_json(*names, told.changed) | {"environment": environment})
        _say_changed(out, *names, told.changed)
        if told.environment:
            out.table(("trained on", *names), [(one.factor, _value(one.a), _value(one.b)) for one in told.environment])
        return
    found = all_runs(workspace)
    for run in found:
        if run.state.damaged:
            lines = counted(run.state.damaged, "damaged line")
            out.note(f"{run.run}: {lines} at the end of its events.jsonl skipped")
    out.json([run.to_json() for run in found])
    if not found:
        out.say("there is no run yet; start one with: gandam-studio train --preset NAME")
        return
    out.table(
        ("run", "name", "state", "iteration", "pictures seen", "version", "manifest", "why"),
        (
            (r.run, r.name, r.state.state, f"{r.state.iteration:,}", f"{r.state.images_seen:,}", r.version,
             r.manifest[:12], r.state.reason or r.problem)
            for r in found
        ),
        right=("iteration", "pictures seen"),
    )  # fmt: skip


@click.command()
@click.argument("run")
@click.argument("request", type=click.Choice(["pause", "resume", "stop", "sample", "checkpoint"]))
@with_workspace(write=False)
def ask(workspace: Workspace, out: Output, run: str, request: str) -> None:
    """Ask a run that is training to pause, resume, stop, or save samples or a checkpoint now."""
    from gandam_studio.core.runs import find_run, summary

    found = find_run(workspace, run)
    if not found.is_locked():
        raise UserError(f"{found.name} is not being trained now; it is {summary(found.path).state.state}")
    found.request(request)
    out.json({"run": found.name, "asked": request})
    out.say(f"asked {found.name} to {request if request in ('pause', 'resume', 'stop') else 'save a ' + request} now")


@click.command()
@click.argument("run")
@click.option("--name", metavar="TEXT", help='What to call the run; "" removes the name.')
@click.option("--note", metavar="TEXT", help='What to remember about it; "" removes the note.')
@with_workspace(write=False)
def label(workspace: Workspace, out: Output, run: str, name: str | None, note: str | None) -> None:
    """Name a run, or note something about it. Its folder and its id stay as they are."""
    from gandam_studio.core.runs import find_run
    from gandam_studio.core.runs.labels import label_of, set_label

    found = find_run(workspace, run)
    given = name is not None or note is not None
    now = set_label(found.path, name=name, note=note) if given else label_of(found.path)
    out.json({"run": found.name, "name": now.name, "note": now.note})
    out.say(f"{found.name}: {printable(now.name or 'no name')}")
    for line in now.note.splitlines():
        out.say(f"  {printable(line)}")


@click.command()
@click.argument("run")
@click.option("--count", type=click.IntRange(1, 10_000), default=64, show_default=True, help="How many pictures.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Equal seeds draw equal pictures.")
@click.option(
    "--out",
    "target",
    type=click.Path(path_type=Path),
    help="The folder (with --singly), or file: .png one sheet; .aseprite; .gif, .webp, .apng a walk between them.",
)
@click.option("--singly", is_flag=True, help="One PNG per picture, in a folder.")
@click.option("--sheet", is_flag=True, help="With --singly, also all of them in one, sheet.png, with sheet.json.")
@click.option("--take", is_flag=True, help="Also take them into the workspace as candidates, tagged generated.")
@click.option("--aseprite", is_flag=True, help="With --singly, also an Aseprite document, a frame per picture.")
@click.option("--iteration", metavar="N", help="From an older checkpoint, best or post-hoc.")
@click.option(
    "--latent",
    "latents",
    multiple=True,
    metavar="SEED/NUMBER",
    help="Draw one picture again: picture NUMBER of a seed, or fixed/NUMBER of the run's own grids. May be repeated.",
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw again what is in FILE, steered or not: a sprite, sheet, document or walk that was handed over, or "
    "seeds.json. From the same checkpoint, unless --iteration says another.",
)
@click.option(
    "--around", default="", metavar="SEED", help="Variations of a picture instead: of SEED/NUMBER, or a seed's first."
)
@click.option(
    "--radius",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.25,
    show_default=True,
    help="How far --around goes; at 1 nothing is left of the picture.",
)
@click.option(
    "--truncation",
    type=click.FloatRange(0, 2),
    default=1.0,
    show_default=True,
    help="Variety: less draws pictures nearer to the typical one.",
)
@click.option("--copies-out", is_flag=True, help="Leave out pictures that look like a training picture; draw others.")
@click.option(
    "--palette",
    metavar="data|samples|each|FILE",
    help="Use these colours alone: chosen from the training pictures, from the samples, for each sample by itself, or "
    "those of a .gpl, .pal, .act, .hex, .txt, .ase or .aseprite file, or of a picture with up to 256.",
)
@click.option(
    "--colours", "--colors", type=click.IntRange(1, 256), help="How many colours are chosen.  [default: 64; each: 16]"
)
@click.option(
    "--alpha",
    type=click.Choice(["binary", "keep"]),
    help="Opacity: clear or opaque, or as drawn.  [default: binary with a palette]",
)
@click.option(
    "--background",
    type=click.Choice(["clear", "keep"]),
    help="Of a run without transparency: cut sprites out of the plain background, or leave it.  [default: clear with a "
    "palette]",
)
@click.option(
    "--clean",
    metavar="TIMES|off",
    help="Stray single pixels: at most this many times the share of the training pictures; 0: none.  [default: 1]",
)
@click.option(
    "--outline",
    type=click.FloatRange(0, 8),
    help="How much outlines become like those of the training pictures: their colours, no soft fringe.  [default: 1]",
)
@click.option(
    "--scale",
    "scales",
    multiple=True,
    type=click.IntRange(1, 16),
    help="Times as large, crisp; may be repeated with --singly.  [default: 1]",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 500),
    default=8,
    show_default=True,
    help="Of a walk: frames from each picture to the next.",
)
@click.option(
    "--frame-ms",
    type=click.IntRange(20, 5000),
    default=100,
    show_default=True,
    help="How long a frame of a walk is shown.",
)
@click.option("--tag", default="", metavar="TAG", help="Only this class, of a run that learned classes.")
@click.option("--raw", is_flag=True, help="Leave the background as it was drawn, where the run cleans it.")
@click.option(
    "--passes",
    type=click.IntRange(1, 1000),
    help="Of a flow: more draw finer, fewer draw sooner.  [default: as the run says]",
)
@force_option
@with_workspace(write=False)
def sample(
    workspace: Workspace,
    out: Output,
    run: str,
    count: int,
    seed: int,
    target: Path | None,
    singly: bool,
    sheet: bool,
    take: bool,
    aseprite: bool,
    iteration: str | None,
    latents: tuple[str, ...],
    source: Path | None,
    around: str,
    radius: float,
    truncation: float,
    copies_out: bool,
    palette: str | None,
    colours: int | None,
    alpha: str | None,
    background: str | None,
    clean: str | None,
    outline: float | None,
    scales: tuple[int, ...],
    steps: int,
    frame_ms: int,
    tag: str,
    raw: bool,
    passes: int | None,
    force: bool,
) -> None:
    """Draw uncurated pictures from a run's newest checkpoint: one PNG, a folder, an Aseprite document, a walk.

    With --palette every pixel has one of its colours, and is clear or opaque. File names, the text of PNG files and
    seeds.json say run, iteration, manifest and seed. Sprites taken into the workspace are candidates: no version holds
    them, unless you keep them and save it with them.
    """
    from gandam_studio.core.runs import find_run
    from gandam_studio.core.runs.sampling import ASEPRITE, MOVING, Choice, draw_sprites

    if target is None and not take:
        raise click.UsageError("say where to with --out, or take them into the workspace with --take")
    for name, given in (("--sheet", sheet), ("--aseprite", aseprite)):
        if given and not singly:
            raise click.UsageError(f"{name} needs --singly: without it, one file is all that is written")
    if len(scales) > 1 and not singly:
        raise click.UsageError("one file has one size; several --scale need --singly")
    look = _look(palette, colours, alpha, background, clean, outline)
    found, suffix = find_run(workspace, run), target.suffix.lower() if target else ""
    known = (".png", *ASEPRITE, *MOVING)
    if target is not None and singly == (suffix in known):
        if singly:
            raise click.UsageError(f"--singly writes a folder, whose name cannot end in {suffix}")
        raise UserError(f"{target.name or target} must end in {', '.join(known)}; or write a folder with --singly")
    choice = Choice(around, radius, truncation, copies_out, raw, passes, tag)
    if latents and around:
        raise click.UsageError("--around and --latent cannot be used together")
    if source is not None and (latents or choice.words() or given_among("count", "seed")):
        raise click.UsageError("--from draws as the file says: it goes with --iteration, and with how samples look")
    moving = suffix in MOVING
    if moving and (latents or replace(choice, tag="").words() or take):
        raise click.UsageError("a walk goes between pictures of one --seed as they are; other options draw single ones")
    drawn = count * steps if moving else len(latents) or count
    if source is not None:
        drawn = _drawn_again(out, found.name, source, moving)
    with ConsoleJob() as job:
        if target is not None and suffix == ".png" and look is None and not scales and not take:
            answer = draw_sprites(
                found, target, count=count, seed=seed, iteration=iteration, latents=latents, again=source,
                choice=choice, force=force, job=job,
            )  # fmt: skip
            told = {"out": str(target), "seeds": answer["seeds"]}
        else:
            from gandam_studio.core.runs import handing_over

            if source is not None:
                draw = handing_over.redrawn_by(found, source, iteration=iteration, job=job)
            elif moving:
                draw = handing_over.walked_by(
                    found, count=count, steps=steps, seed=seed, iteration=iteration, tag=tag, job=job
                )
            else:
                draw = handing_over.drawn_by(
                    found, count=count, seed=seed, iteration=iteration, latents=latents, choice=choice, job=job
                )
            plan = handing_over.HandOverPlan(scales or (1,), sheet, aseprite, steps, frame_ms)
            place = target.absolute() if target else None
            made = handing_over.hand_over(
                found, place, draw, look or handing_over.Look(), plan, count=drawn, force=force, job=job
            )
            told = {"out": str(target) if target else None, "seeds": list(made.samples.latents)}
            told |= {"colours": made.colours, "stray": made.stray, "data_stray": made.data_stray}
            if take:
                told["taken"] = _take(workspace, made, job)
    out.json(told)
    of = "" if latents else f" around {around}" if around else f" of seed {seed}"
    of = f" of {printable(source.name)}" if source is not None else of
    if target is not None:
        out.say(f"wrote {target}: {counted(len(told['seeds']), 'picture')}{of}")
    if look is not None:
        _say_look(out, made)
    if take:
        out.say(f"taken: {counted(told['taken'], 'new sprite')}, in no version yet; see: list --tag generated")


def _drawn_again(out: Output, run: str, source: Path, moving: bool) -> int:
    """How many pictures a file says are drawn again. Raises UserError where it does not, or does not fit `moving`."""
    from gandam_studio.core.runs.handing_over import note_of

    note = note_of(source)
    if moving and note.walk is None:
        raise UserError(f"{source.name} is no walk: write its samples as .png, .aseprite or a folder")
    if not moving and note.walk is not None:
        raise UserError(f"{source.name} is a walk: write it as .gif, .webp or .apng")
    if note.run and note.run != run:
        out.note(f"{source.name} was drawn by {printable(note.run)}; {run} draws another picture from the same latent")
    return note.walk.count * note.walk.steps if note.walk is not None else len(note.spots)


def _take(workspace: Workspace, made: handing_over.FinishedSamples, job: ConsoleJob) -> int:
    """Take finished samples into the workspace, which was opened for reading only; the number of new sprites."""
    from gandam_studio.core.runs.candidates import take_in
    from gandam_studio.core.workspace import Workspace as Opened

    with Opened.open(workspace.folder) as writable:
        return take_in(writable, made, job=job)


def _look(
    palette: str | None, colours: int | None, alpha: str | None, background: str | None, clean: str | None,
    outline: float | None,
) -> handing_over.Look | None:  # fmt: skip
    """What the options of `sample` ask for; None if pictures stay as drawn, as without any."""
    if palette is None:
        for name, given in (("--colours", colours), ("--clean", clean), ("--outline", outline)):
            if given is not None:
                raise click.UsageError(f"{name} needs --palette")
        if (alpha is None or alpha == "keep") and background != "clear":
            return None
    from gandam_studio.core.runs import handing_over

    if palette is None:
        return handing_over.Look(alpha=alpha or handing_over.KEPT, cut=background == "clear")
    if colours is not None and palette not in (handing_over.DATA, handing_over.OWN, handing_over.EACH):
        raise click.UsageError("a palette file has its own number of colours; leave out --colours")
    usual = handing_over.CLEAN_LOOK
    times: float | None = usual.clean
    if clean is not None:
        try:
            times = None if clean == "off" else float(clean)
        except ValueError:
            times = -1
        if times is not None and not 0 <= times <= 100:
            raise click.UsageError(f"--clean is a number from 0 to 100, or off, not {clean!r}")
    own = handing_over.COLOURS_EACH if palette == handing_over.EACH else handing_over.COLOURS
    lean = usual.lean if outline is None else outline
    look = handing_over.Look(palette, colours or own, alpha or usual.alpha, times, lean, background != "keep")
    return None if look.is_plain else look


def _say_look(out: Output, made: handing_over.FinishedSamples) -> None:
    if made.colours:
        out.say(f"palette: {counted(made.colours, 'colour')}")
    if made.data_stray is not None:
        out.say(f"stray pixels: {made.stray:.2%}; in the training pictures {made.data_stray:.2%}")
