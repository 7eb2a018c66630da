"""The trainer's command line. Exit codes: 0 finished or stopped, 1 failed, 2 usage error."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainer.protocol.config import TrainConfig, describe_fields
from trainer.protocol.diagnosis_cards import alarm_text, measured_lines
from trainer.protocol.drawing import LARGEST_TRUNCATION
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.events import (
    LIMITS,
    Alarm,
    Diagnosed,
    Progress,
    RunExtended,
    RunStarted,
    RunWarning,
    SpikeFound,
    TrainEvent,
)
from trainer.protocol.extension import AUTO, TAILS, More
from trainer.protocol.loading import loading
from trainer.protocol.measured import FEATURES, FEATURES_HELP, INCEPTION_HELP, Measured
from trainer.protocol.measures import in_words
from trainer.protocol.outputs import check_file, check_new
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.remedies import OPTIONS, remedy_of, with_remedy
from trainer.protocol.run_directory import PROGRESS, RunDirectory
from trainer.protocol.untrusted import UntrustedError
from trainer.protocol.weights import CHOICES, average_lines

if TYPE_CHECKING:
    from trainer.protocol.sample_notes import Note

RUN = click.argument("run_dir", type=click.Path(path_type=Path))
SET = click.option(
    "--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
STATE: dict[str, float] = {"started": 0.0}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train GANs on prepared pictures. A run is a folder; everything about it is in its files."""


def run(started: float = 0.0) -> None:
    """Run the command line; failures are printed as one line.

    Commands to a run older than `started` (epoch seconds) are dropped.
    """
    STATE["started"] = started
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        main(standalone_mode=False)
    except (TrainerError, UntrustedError) as error:
        _fail(with_remedy(str(error), remedy_of(error), OPTIONS))
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt, _Ended):
        _fail("interrupted")
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except Exception as error:
        import traceback

        log = _new_log(traceback.format_exc())
        _fail(f"unexpected error ({type(error).__name__}); see {log}")


def _new_log(text: str) -> Path | str:
    """Write trainer-error.log here, or in the temporary folder if that is not possible; returns its path."""
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        for name in ("trainer-error.log", f"trainer-error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"):
            try:
                log = check_new(folder / name)
                with log.open("x", encoding="utf-8", errors="replace") as stream:
                    stream.write(text)
            except (OSError, TrainerError):
                continue
            return log
    return "(no log could be written)"


def _fail(message: str) -> None:
    _say(f"error: {message}", err=True)
    sys.exit(1)


def _say(text: str, err: bool = False) -> None:
    """Print a line; a closed terminal or pipe is ignored."""
    try:
        click.echo(text, err=err)
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):  # Buffered output must not fail again at exit.
            sink = os.open(os.devnull, os.O_WRONLY)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(sink, stream.fileno())


def _emit(values: dict[str, Any], as_json: bool, text: str) -> None:
    click.echo(json.dumps(values) if as_json else text)


@main.command()
@RUN
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    help="Finish at this iteration, counted from the run's start. Replaces the run's limits.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.01),
    help="Finish after this many minutes of training in all. Replaces the run's limits.",
)
@click.option("--more-iterations", type=click.IntRange(min=1), help="Train a finished run this many iterations longer.")
@click.option("--more-minutes", type=click.FloatRange(min=0.01), help="Train a finished run this much longer.")
@click.option(
    "--tail",
    type=click.Choice(TAILS),
    default=AUTO,
    show_default=True,
    help="With --more-*, the learning rates stay at their end, or cool down once more; auto chooses and says so. "
    "With cool-down, a run that has not reached its limit is ended early.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="Share each batch among this many, one GPU each. Kept for later starts.",
)
@click.option(
    "--device", type=click.Choice(["auto", "cuda", "mps", "cpu"]), help="Where to train. Kept for later starts."
)
@JSON
def train(
    run_dir: Path, iterations: int | None, minutes: float | None, more_iterations: int | None,
    more_minutes: float | None, tail: str, processes: int | None, device: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Train RUN_DIR, or resume it where it was interrupted; on one machine or, under torchrun, on several.

    A limit that the run has already passed is refused. With a later limit, schedules keep the one they were made for
    and stay at their end, so that the learning rates never go up unless a new cool-down is asked for.
    """
    more = None
    if more_iterations or more_minutes:
        if iterations or minutes or (more_iterations and more_minutes):
            raise click.UsageError("give one limit: --more-iterations, --more-minutes, or --iterations and --minutes")
        more = More(more_iterations or 0, more_minutes or 0.0, tail)
    elif tail != AUTO:
        raise click.UsageError("--tail needs --more-iterations or --more-minutes")
    run_directory = RunDirectory(run_dir)
    limits = []
    if iterations or minutes:
        limits = [f"stop.iterations={iterations or 0}", f"stop.minutes={minutes or 0}", "stop.images=0"]
    if processes:
        limits.append(f"processes={processes}")
    if device:
        limits.append(f"device={device}")
    with loading():
        from trainer.distributed import is_first
        from trainer.train_run import train_run

    outcome = train_run(run_directory, STATE["started"], None if as_json else _printer(), limits, more)
    if not is_first():
        return
    why = f"{LIMITS[outcome.reason]} reached" if outcome.reason in LIMITS else outcome.reason
    text = f"{outcome.state} ({why}) at iteration {outcome.iteration:,}, {outcome.images_seen:,} pictures seen"
    _say(json.dumps({"run": run_directory.name, **outcome.__dict__}) if as_json else text)


def _printer() -> Callable[[TrainEvent], None]:
    """A listener that prints events, progress at most every five seconds."""
    last = [0.0]

    def show(event: TrainEvent) -> None:
        if isinstance(event, RunStarted):
            click.echo(
                f"training {event.pictures:,} pictures on {event.device} in {event.precision}, batch {event.batch}"
            )
        elif isinstance(event, RunExtended):
            click.echo(f"new limit: {event.message}")
        elif isinstance(event, RunWarning):
            click.echo(f"note: {event.message}")
        elif isinstance(event, Diagnosed):
            click.echo(f"diagnosis at iteration {event.iteration:,}: {event.verdict}")
        elif isinstance(event, Alarm):
            click.echo(alarm_text(event.about, event.state, event.action))
        elif isinstance(event, SpikeFound):
            click.echo(f"sudden jump in {in_words(event.curve)} at iteration {event.spike_iteration:,}")
        elif isinstance(event, Progress) and time.monotonic() - last[0] > 5:
            last[0] = time.monotonic()
            means = {
                name: [v for v in event.curves.get(name, []) if v is not None] for name in ("loss_d", "loss_g", "loss")
            }
            losses = "  ".join(f"{name} {sum(v) / len(v):.3f}" for name, v in means.items() if v)
            left = "" if event.eta_s is None else f"  {event.eta_s / 60:.1f} min left"
            click.echo(f"iteration {event.iteration:,}  {losses}  {event.pictures_per_s:,.0f} pictures/s{left}")

    return show


def _tell_progress(done: int, total: int) -> None:
    """Write a line for the program that asked, which shows it."""
    _say(f"{PROGRESS} {done} {total}", err=True)


class _Ended(BaseException):
    """The process was asked to end.

    Not a KeyboardInterrupt: Python ends itself by SIGINT if one passes through code compiled from text, as that of
    dataclasses and named tuples, even when it is caught.
    """


@contextlib.contextmanager
def _ended_tidily() -> Iterator[None]:
    """Within this context, SIGTERM ends the command as Ctrl+C does: what is not complete yet is removed."""

    def end(*_: object) -> None:
        raise _Ended

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@main.command()
@RUN
@click.option("--count", default=64, type=click.IntRange(1, 100_000), show_default=True)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="PNG file, or a folder with --singly.")
@click.option("--singly", is_flag=True, help="One PNG per picture.")
@click.option("--sheet", is_flag=True, help="With --singly, also the grid of all, as sheet.png.")
@click.option(
    "--latent",
    "names",
    multiple=True,
    metavar="SEED/NUMBER",
    help="Draw this picture of a seed again, or one of the run's own: fixed/NUMBER. May be repeated.",
)
@click.option(
    "--from", "source", type=click.Path(path_type=Path), metavar="FILE", help="Draw again what is in FILE, as it says."
)
@click.option("--around", metavar="SEED/NUMBER", default="", help="Variations of this picture instead.")
@click.option("--radius", default=0.25, type=click.FloatRange(0, 1, min_open=True), help="How far --around goes.")
@click.option(
    "--truncation", default=1.0, type=click.FloatRange(0, LARGEST_TRUNCATION), help="Variety; less is more typical."
)
@click.option("--copies-out", is_flag=True, help="Leave out pictures that look like a training picture.")
@click.option("--weights", type=click.Choice(CHOICES), default="auto", show_default=True)
@click.option("--iteration", help="Of an older checkpoint, best or post-hoc.")
@click.option("--tag", help="Only this class, of a run that learned classes.")
@click.option("--device", type=click.Choice(["auto", "cuda", "mps", "cpu"]), default="cpu", show_default=True)
@click.option("--raw", is_flag=True, help="Leave the background as it was drawn, where the run cleans it.")
@click.option("--steps", type=click.IntRange(1, 1000), help="Of a flow: more draw finer, fewer draw sooner.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.option("--progress", is_flag=True, help="Print on the error stream how many pictures are drawn.")
@JSON
def sample(
    run_dir: Path, count: int, seed: int, out: Path, singly: bool, sheet: bool, names: tuple[str, ...],
    source: Path | None, around: str, radius: float, truncation: float, copies_out: bool, weights: str,
    iteration: str | None, tag: str | None, device: str, raw: bool, steps: int | None, force: bool, progress: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Draw COUNT pictures from the trained generator, uncurated."""
    with loading():
        from trainer.sampling import Wanted, check_out, load_trained, save_sample

    if around and names:
        raise click.UsageError("--around and --latent cannot be used together")
    if sheet and not singly:
        raise click.UsageError("--sheet needs --singly: without it, the grid is all that is written")
    chosen = names or around or copies_out or truncation != 1 or tag or raw or steps or _is_given("count", "seed")
    if source is not None and chosen:
        raise click.UsageError("--from draws as the file says; it goes with no other choice of samples")
    run_directory = RunDirectory(run_dir)
    check_out(run_directory, out, singly, force)
    wanted = Wanted(names, around, radius, truncation, copies_out)
    if source is not None:
        note = _note(source)
        weights = note.weights if weights == "auto" and note.weights else weights
        iteration = iteration or (None if note.iteration is None else str(note.iteration))
        raw, steps = note.raw, note.steps
        wanted = Wanted(truncation=note.truncation, again=note.spots)
    trained = load_trained(run_directory, weights, iteration, device, raw=raw, steps=steps)
    with _ended_tidily():
        facts = save_sample(
            run_directory, count, seed, out, trained=trained, tag=tag, singly=singly, sheet=sheet, force=force,
            wanted=wanted, progress=_tell_progress if progress else None,
        )  # fmt: skip
    _emit(facts, as_json, f"{facts['count']} pictures of iteration {trained.iteration:,} in {out}")


def _is_given(*names: str) -> bool:
    """Whether one of these parameters of the current command was given, and not left to its default."""
    source = click.get_current_context().get_parameter_source
    return any(source(name) is click.core.ParameterSource.COMMANDLINE for name in names)


def _note(source: Path) -> Note:
    """What a file says of its samples. Raises TrainerError."""
    from trainer.protocol.sample_notes import read_note

    try:
        note = read_note(source)
    except UntrustedError as error:
        raise TrainerError(str(error), "data") from None
    except OSError as error:
        raise io_failure(f"cannot read {source}", error) from None
    if note.walk is not None:
        raise TrainerError(f"{source.name} is a walk: draw it again with interpolate, as its note says", "data")
    return note


@main.command()
@RUN
@click.option("--preset", default="sprite-r3", show_default=True)
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="dataset.npy or a folder of pictures.")
@click.option(
    "--from", "parent", type=click.Path(path_type=Path), help="Continue from another run's last good checkpoint."
)
@click.option("--size", default=0, help="Side in pixels, for folders; by default the preset's.")
@click.option("--alpha", is_flag=True, help="Keep transparency as a fourth channel, for folders.")
@click.option("--batch", help="Pictures per step, or auto for the largest that fits.")
@SET
@JSON
def new(
    run_dir: Path, preset: str, data: Path | None, parent: Path | None, size: int, alpha: bool, batch: str | None,
    overrides: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Make the run folder RUN_DIR from pictures, or from another run."""
    with loading():
        from trainer.create_run import fork_run, new_run

    texts = [*overrides, *([f"batch.size={'0' if batch == 'auto' else batch}"] if batch else [])]
    if parent is not None:
        for name in ("preset", "data", "size", "alpha"):
            if _is_given(name):
                raise click.UsageError(f"--{name} cannot be used with --from: the other run's is kept")
        made, info = fork_run(run_dir, RunDirectory(parent), texts), {}
    elif data is not None:
        made = new_run(run_dir, load_preset(preset), data, texts, size, alpha)
        info = made.dataset_info()
    else:
        raise click.UsageError("use either --data or --from")
    passed_over = info.get("passed_over", [])
    lines = [f"skipped, cannot be read: {name}" for name in passed_over]
    if info:
        lines.insert(0, f"{len(info.get('ids', [])):,} pictures")
    lines.append(f"{made.path} is ready: python -m trainer train {made.path}")
    _emit({"run": made.name, "path": str(made.path), "passed_over": passed_over}, as_json, "\n".join(lines))


@main.command()
@click.argument("config", type=click.Path(path_type=Path, exists=True))
@JSON
def preflight(config: Path, as_json: bool) -> None:
    """Run a few steps of CONFIG (a run's folder or a config.json) to estimate its memory, time and disk space."""
    with loading():
        from trainer.preflight import preflight as try_steps
        from trainer.protocol.untrusted import read_json_object, shortened

    try:
        wanted = RunDirectory(config).config() if config.is_dir() else TrainConfig.from_json(read_json_object(config))
    except (ValueError, TypeError, AttributeError) as error:
        raise TrainerError(f"{config}: {shortened(str(error), 500)}", "usage") from None
    facts = try_steps(wanted)
    finish = "no limit set" if facts["seconds"] is None else f"{facts['seconds'] / 60:.1f} min"
    text = (
        f"{facts['device']} in {facts['precision']}: {facts['memory_mb']:.0f} MB, {facts['seconds_per_step']:.3f} s "
        f"a step, {facts['disk_mb']:.0f} MB on disk, {finish}" + (f"; {facts['wider']}" if facts["wider"] else "")
    )
    _emit(facts, as_json, text)


@main.command()
@JSON
def devices(as_json: bool) -> None:
    """List the devices that this machine can train on, the best first; auto takes the first."""
    with loading():
        from trainer.device import available_devices

    found = available_devices()
    _emit({"devices": found}, as_json, "\n".join(found))


@main.command()
@JSON
def presets(as_json: bool) -> None:
    """List the presets."""
    found = {name: load_preset(name) for name in preset_names()}
    if as_json:
        click.echo(json.dumps({name: config.to_json() for name, config in found.items()}))
        return
    for name, config in found.items():
        click.echo(f"{name:26} {config.data.size:>3} px  {config.description}")


@main.command()
@click.argument("preset", required=False)
@click.option("--size", type=int, help="Use another picture size.")
@click.option("--fields", is_flag=True, help="List all settings and their meanings instead.")
@SET
@JSON
def describe(preset: str | None, size: int | None, fields: bool, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print the layers and parameter counts of PRESET (or of a run's folder)."""
    if fields:
        for info in describe_fields():
            choices = (
                f" ({', '.join(map(str, info.choices))})" if info.choices else f" [{info.unit}]" if info.unit else ""
            )
            click.echo(f"{info.path:42} {info.default!s:12} {info.meaning}{choices}")
        return
    if preset is None:
        raise click.UsageError("name a preset or a run's folder, or use --fields")
    with loading():
        from trainer.describe import describe_config, layer_table

    config = RunDirectory(preset).config() if Path(preset, "config.json").is_file() else load_preset(preset)
    texts = [*overrides, *([f"data.size={size}"] if size else [])]
    facts = describe_config(apply_overrides(config, texts))
    click.echo(json.dumps(facts) if as_json else layer_table(facts))


@main.command()
@click.argument("what", type=click.Path(path_type=Path, exists=True))
@click.option("--against", type=click.Path(path_type=Path, exists=True), help="For a folder: a run, or a dataset.npy.")
@click.option("--samples", default=1024, type=click.IntRange(16, 20_000), show_default=True, help="Pictures looked at.")
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@click.option("--weights", type=click.Choice(CHOICES), default="auto", show_default=True)
@click.option("--iteration", help="Of an older checkpoint, best or post-hoc.")
@click.option("--grids", is_flag=True, help="Judge every stored grid of samples instead of a checkpoint.")
@click.option("--features", type=click.Choice(FEATURES), default=FEATURES[0], show_default=True, help=FEATURES_HELP)
@click.option("--inception", type=click.Path(path_type=Path), help=INCEPTION_HELP)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the pictures behind the verdict.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@JSON
def evaluate(
    what: Path, against: Path | None, samples: int, seed: int, weights: str, iteration: str | None, grids: bool,
    features: str, inception: Path | None, out: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Judge the run or the folder of pictures WHAT: is it collapsed, does it copy, how good is it?"""
    with loading():
        from trainer.evaluate import evaluate_folder, evaluate_grids, evaluate_run

    say = _progress_line if not as_json else lambda _text: None
    measured = Measured(features, inception)
    if against is not None:
        for name, given in (("--iteration", iteration), ("--grids", grids)):
            if given:
                raise click.UsageError(f"{name} cannot be used with --against: a folder has no checkpoints")
        answer = evaluate_folder(
            what, against, samples=samples, seed=seed, sheets=out, force=force, measured=measured, say=say
        )
    elif not (what / "config.json").is_file():
        raise click.UsageError(f"{what} is no run; use --against to say what its pictures are compared with")
    elif grids:
        answer = evaluate_grids(RunDirectory(what), say=say)
    else:
        answer = evaluate_run(
            RunDirectory(what), iteration=iteration, weights=weights, samples=samples, seed=seed, sheets=out,
            force=force, measured=measured, say=say,
        )  # fmt: skip
    moments = answer.get("moments") or [answer]
    lines = [
        f"{'iteration ' + format(moment['iteration'], ',') + ': ' if grids else ''}{moment['verdict']}. {moment['why']}"
        for moment in moments
    ]
    if not grids and answer["advice"]:
        lines.append(answer["advice"])
    lines += measured_lines(answer)
    _emit(answer, as_json, "\n".join(lines))


@main.command()
@RUN
@click.option(
    "--against", type=click.Path(path_type=Path, exists=True), help="A dataset.npy to measure by, not the run's own."
)
@click.option("--samples", default=1024, type=click.IntRange(16, 20_000), show_default=True, help="Pictures looked at.")
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@JSON
def confirm(run_dir: Path, against: Path | None, samples: int, seed: int, as_json: bool) -> None:
    """Choose the best checkpoint of RUN_DIR by its distance (KID) and measure it again on fresh latents."""
    with loading():
        from trainer.confirm import confirm as confirmed

    say = _progress_line if not as_json else lambda _text: None
    answer = confirmed(RunDirectory(run_dir), against=against, samples=samples, seed=seed, say=say)
    text = (
        f"iteration {answer['iteration']:,}: KID {answer['kid']:.4g} ± {answer['kid_error']:.2g}; {answer['verdict']}"
    )
    _emit(answer, as_json, text)


def _progress_line(text: str) -> None:
    _say(text, err=True)


@main.command()
@RUN
@click.option(
    "--width",
    default="auto",
    show_default=True,
    metavar="W",
    help="From 0.03 to 0.25, the standard deviation as a share of the run; auto chooses by the quality (KID).",
)
@click.option("--iteration", help="End at an older checkpoint.")
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True, help="Of the samples looked at.")
@click.option("--progress", is_flag=True, help="Print on the error stream how many steps are done.")
@JSON
def average(run_dir: Path, width: str, iteration: str | None, seed: int, progress: bool, as_json: bool) -> None:
    """Make an average of RUN_DIR's weights whose width is chosen now, and keep it as its checkpoint post-hoc.

    The run must have been trained with ema.post_hoc=yes (post-hoc EMA, Karras 2024).
    """
    wanted = _width(width)
    with loading():
        from trainer.averaging import make_average

    with _ended_tidily():
        answer = make_average(
            RunDirectory(run_dir), width=wanted, iteration=iteration, seed=seed,
            say=(lambda _text: None) if as_json or progress else _progress_line,
            progress=_tell_progress if progress else lambda _done, _total: None,
        )  # fmt: skip
    _emit(answer, as_json, "\n".join(average_lines(answer)))


def _width(text: str) -> float | None:
    """A width as typed; None for auto."""
    if text == AUTO:
        return None
    try:
        return float(text)
    except ValueError:
        raise click.UsageError(f"--width takes auto or a number, not {text!r}") from None


@main.command("interpolate")
@RUN
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .gif, .mp4 or .png (sprite sheet).")
@click.option("--points", default=6, type=click.IntRange(2, 500), show_default=True, help="Pictures along the walk.")
@click.option(
    "--steps", default=12, type=click.IntRange(1, 500), show_default=True, help="Frames from each to the next."
)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@click.option("--scale", default=4, type=click.IntRange(1, 32), show_default=True, help="Enlargement of GIF and MP4.")
@click.option("--fps", default=20, type=click.IntRange(1, 100), show_default=True)
@click.option("--tag", help="The class to show, of a run that learned classes.")
@click.option("--iteration", help="Of an older checkpoint, best or post-hoc.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@JSON
def interpolate_command(
    run_dir: Path, out: Path, points: int, steps: int, seed: int, scale: int, fps: int, tag: str | None,
    iteration: str | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Animate a closed walk through latent space."""
    with loading():
        from trainer.interpolate import interpolate
        from trainer.sampling import load_trained

    check_file(out, force=force, near=[run_dir])
    trained_run = RunDirectory(run_dir)
    trained = load_trained(trained_run, iteration=iteration)
    facts = interpolate(trained, out, seed, points, steps, scale=scale, fps=fps, tag=tag, force=force, near=[run_dir])
    told = {**facts, "run": trained_run.name, "iteration": trained.iteration, "weights": trained.weights}
    _emit(told, as_json, f"{facts['frames']} frames in {out}")


@main.command("export")
@RUN
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write into.")
@click.option("--format", "formats", multiple=True, help="safetensors, torchscript or onnx; all by default.")
@click.option("--note", default="", help="About the rights to the model and its pictures, for the model card.")
@click.option("--weights", type=click.Choice(CHOICES), default="auto", show_default=True)
@click.option("--iteration", help="Of an older checkpoint, best or post-hoc.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@JSON
def export_command(
    run_dir: Path, out: Path, formats: tuple[str, ...], note: str, weights: str, iteration: str | None, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Export the generator for other programs, and check that each file draws the same pictures."""
    with loading():
        from trainer.export import FORMATS, MODEL, export
        from trainer.protocol.output_folders import check_folder
        from trainer.sampling import load_trained

    check_folder(out, MODEL, force=force, near=[run_dir])
    run = RunDirectory(run_dir)
    trained = load_trained(run, weights, iteration)
    facts = export(trained, out, formats or FORMATS, force=force, near=[run_dir], run=run, note=note)
    lines = [f"{name}: agrees to {difference:.1e}" for name, difference in facts["files"].items()]
    lines += [f"{name}: {reason}" for name, reason in facts["skipped"].items()]
    _emit(facts, as_json, "\n".join(lines))


@main.command(hidden=True)
def draw() -> None:
    """Draw for the Studio: answer its requests on standard input and output (see trainer.protocol.drawing)."""
    with loading():
        from trainer.exploring.serving import serve

    status = serve()
    os._exit(status)  # A thread may still wait in a read, which would abort an orderly end.
