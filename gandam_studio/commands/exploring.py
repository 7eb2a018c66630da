"""`average`, `explore`, `project`, `export-model`: the best weights of a run, what steers them, handing them over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gandam_studio.commands.console import Output, force_option, printable, with_workspace
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.core.errors import UserError
from trainer.protocol.weights import NARROWEST, WIDEST

if TYPE_CHECKING:
    from gandam_studio.core.runs.drawing import DrawingProcess, Source
    from gandam_studio.core.runs.exploring import Facts
    from gandam_studio.core.workspace import Workspace

ITERATION = click.option("--iteration", metavar="N", help="From an older checkpoint, best or post-hoc.")


def found_source(workspace: Workspace, run: str, iteration: str | None) -> Source:
    """The model of a run of this workspace, or of the folder of any run or exported model. Raises UserError."""
    from gandam_studio.core.runs import find_run
    from gandam_studio.core.runs.drawing import Source

    path = Path(run).expanduser()
    if (path / "config.json").is_file() or (path / "generator.json").is_file():
        return Source(path.absolute(), iteration)
    if path.is_file():
        raise UserError(f"{path} is a file; name a run, or the folder of a run or of an exported model")
    return Source(find_run(workspace, run).path.absolute(), iteration)


@contextlib.contextmanager
def opened(source: Source) -> Iterator[tuple[DrawingProcess, Facts]]:
    """A drawing process with the model loaded; it ends with the context. Raises UserError."""
    from gandam_studio.core.runs.drawing import DrawingProcess
    from gandam_studio.core.runs.exploring import Facts

    process = DrawingProcess()
    try:
        yield process, Facts.from_answer(process.ask("open", source).values.get("facts"))
    finally:
        process.close()


@click.command()
@click.argument("run")
@click.option(
    "--width",
    type=click.FloatRange(NARROWEST, WIDEST),
    metavar="W",
    help="Standard deviation of the average as a share of the run, 0.03 to 0.25.  [default: the one that draws best]",
)
@click.option("--iteration", metavar="N", help="End at an older checkpoint.")
@with_workspace(write=False)
def average(workspace: Workspace, out: Output, run: str, width: float | None, iteration: str | None) -> None:
    """Average the weights of a run that has ended, over as much of it as draws best.

    For runs trained with ema.post_hoc=yes. Without --width, averages of several widths are compared by the quality
    (KID) on held-out sprites, and the best one with the run's own weights on other latents. It is kept in the run as
    the checkpoint post-hoc, and replaces an earlier one; draw from it with --iteration post-hoc.
    """
    from gandam_studio.core.runs import find_run
    from gandam_studio.core.runs.averaging import make_average
    from trainer.protocol.weights import average_lines

    with ConsoleJob() as job:
        answer = make_average(find_run(workspace, run), width=width, iteration=iteration, job=job)
    out.json(answer)
    for line in average_lines(answer):
        out.say(line)


@click.command()
@click.argument("run")
@click.option("--directions", "wanted", is_flag=True, help="Find directions, instead of listing what is kept.")
@click.option(
    "--kind",
    type=click.Choice(["sefa", "pca"]),
    help="sefa: read from the weights. pca: what differs most between samples.  [default: sefa; of a flow pca, as it "
    "has no others]",
)
@click.option("--tag", metavar="TAG", help="Learn the direction of a tag of the training sprites instead.")
@click.option("--count", type=click.IntRange(1, 64), default=8, show_default=True, help="How many directions.")
@click.option(
    "--keep",
    "kept",
    multiple=True,
    metavar="NUMBER=NAME",
    help="Keep a direction under a name, beside the run. May be repeated.",
)
@click.option(
    "--out",
    "target",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="Draw a row for each direction: one sample, moved along it from -3 to 3.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Whose first sample --out moves.")
@ITERATION
@force_option
@with_workspace(write=False)
def explore(
    workspace: Workspace,
    out: Output,
    run: str,
    wanted: bool,
    kind: str | None,
    tag: str | None,
    count: int,
    kept: tuple[str, ...],
    target: Path | None,
    seed: int,
    iteration: str | None,
    force: bool,
) -> None:
    """List the favourites and directions kept of a run; find directions in its model with --directions.

    RUN is a run of this workspace, or the folder of any run or exported model. A direction changes all samples the same
    way; the window has a slider for each (Ctrl+6).
    """
    from gandam_studio.core.runs.explored import Direction, explored, keep
    from trainer.protocol.sample_notes import text_of

    source = found_source(workspace, run, iteration)
    if not wanted:
        if kept or target or tag:
            raise click.UsageError("--keep, --out and --tag need --directions")
        what = explored(source.folder)
        out.json({
            "run": source.folder.name,
            "favourites": [
                {"name": one.name, "iteration": one.iteration, "origin": one.origin, "class": one.label,
                 "vector": text_of(one.vector)} for one in what.favourites
            ],
            "directions": [_told(one) for one in what.directions],
        })  # fmt: skip
        if not what.favourites and not what.directions:
            out.say("nothing is kept of this run yet; find directions with --directions, or explore it in the window")
            return
        if what.favourites:
            out.say(f"favourites: {', '.join(printable(one.name) for one in what.favourites)}")
        if what.directions:
            out.say(f"directions: {', '.join(printable(one.name) for one in what.directions)}")
        return
    names = _names(kept, 1 if tag else count)
    _check_target(source, target, force)
    with opened(source) as (process, facts), ConsoleJob() as job:
        if tag:
            answer = process.ask("tag", source, {"tag": tag}, job=job, label="Looking at samples")
            note = f"accuracy {answer.number('accuracy'):.2f}, explains {answer.number('explained'):.2f}"
            found = [Direction(tag, answer.vectors()[0], facts.iteration, "tag", note)]
        else:
            kind = kind or ("pca" if facts.is_flow else "sefa")
            values = {"kind": kind, "count": min(count, facts.latent)}
            answer = process.ask("directions", source, values, job=job, label="Looking at samples")
            strengths = [float(value) for value in answer.values.get("strengths", [])]
            found = [
                Direction(f"direction {number}", vector, facts.iteration, kind, f"{strength:.1%}")
                for number, (vector, strength) in enumerate(zip(answer.vectors(), strengths, strict=True), 1)
            ]
        if target is not None:
            _draw(process, source, found, target, seed, force)
    if names:
        what = explored(source.folder)
        for number, name in names.items():
            one = found[number - 1] if number <= len(found) else None
            if one is None:
                raise UserError(f"there is no direction {number}; there are {len(found)}")
            what = what.with_direction(Direction(name, one.vector, one.iteration, one.kind, one.note))
        keep(source.folder, what)
    out.json({
        "run": source.folder.name, "iteration": facts.iteration, "directions": [_told(one) for one in found],
        "kept": list(names.values()), "out": str(target) if target else None,
    })  # fmt: skip
    out.table(("direction", "kind", "share"), ((one.name, one.kind, one.note) for one in found), right=("share",))
    if names:
        out.say(f"kept beside the run: {', '.join(map(printable, names.values()))}")
    if target is not None:
        out.say(f"wrote {target}")


def _told(one: Any) -> dict[str, Any]:
    from trainer.protocol.sample_notes import text_of

    return {
        "name": one.name, "kind": one.kind, "iteration": one.iteration, "note": one.note, "vector": text_of(one.vector),
    }  # fmt: skip


def _check_target(source: Source, target: Path | None, force: bool) -> None:
    """Refuse a place to write a PNG to before what takes long. Raises UserError."""
    from gandam_studio.core.runs.sampling import check_target
    from trainer.protocol.run_directory import RunDirectory

    if target is not None:
        check_target(RunDirectory(source.folder), target.absolute(), folder=False, force=force)


def _checked_name(text: str) -> str:
    """A name to keep something under, before anything is looked for. Raises UserError."""
    from gandam_studio.core.texts import LONGEST_LABEL, checked

    name = checked(text, "the name", LONGEST_LABEL)
    if not name:
        raise UserError("the name to keep it under is empty")
    return name


def _names(kept: tuple[str, ...], count: int) -> dict[int, str]:
    found = {}
    for text in kept:
        number, equals, name = text.partition("=")
        if not equals or not number.strip().isdecimal() or not 1 <= int(number) <= count or not name.strip():
            raise click.UsageError(f"--keep takes NUMBER=NAME with a number from 1 to {count}, not {text!r}")
        found[int(number)] = _checked_name(name)
    return found


def _draw(process: DrawingProcess, source: Source, found: list[Any], target: Path, seed: int, force: bool) -> None:
    import numpy as np

    from gandam_studio.core.runs.exploring import png
    from gandam_studio.core.runs.sampling import write_file

    amounts = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    rows = []
    for one in found:
        part = one.vector.astype("<f4").tobytes()
        row = [
            process.ask(
                "draw", source, {"spots": [{"name": f"{seed}/0"}], "moves": [{"at": 0, "amount": amount}]}, [part]
            ).pictures()[0]
            for amount in amounts
        ]
        rows.append(np.concatenate(row, axis=1))
    notes = {"run": source.folder.name, "latent": f"{seed}/0", "directions": len(found), "amounts": list(amounts)}
    write_file(target.absolute(), png(np.concatenate(rows, axis=0), notes), [source.folder], force=force)


@click.command()
@click.argument("run")
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--out", "target", type=click.Path(path_type=Path), metavar="PNG", help="The sample that comes nearest.")
@click.option("--keep", "name", metavar="NAME", help="Keep it as a favourite, beside the run.")
@click.option("--per-stage", is_flag=True, help="A latent for each stage of the network: nearer, but wilder to vary.")
@ITERATION
@force_option
@with_workspace(write=False)
def project(
    workspace: Workspace,
    out: Output,
    run: str,
    picture: Path,
    target: Path | None,
    name: str | None,
    per_stage: bool,
    iteration: str | None,
    force: bool,
) -> None:
    """Find the sample of a run's model that comes nearest to PICTURE, and say how near.

    RUN is a run of this workspace, or the folder of any run or exported model. The picture is prepared as the training
    pictures were.
    """
    from gandam_studio.core.runs.explored import Favourite, explored, keep
    from gandam_studio.core.runs.exploring import fitted, picture_from, png
    from gandam_studio.core.runs.sampling import write_file
    from trainer.protocol.sample_notes import Spot, text_of

    name = None if name is None else _checked_name(name)
    source = found_source(workspace, run, iteration)
    _check_target(source, target, force)
    data = picture_from(picture)
    with opened(source) as (process, facts), ConsoleJob() as job:
        wanted = fitted(source.folder, facts, data)
        values = {"shape": list(wanted.shape), "per_stage": per_stage}
        answer = process.ask("project", source, values, [wanted.tobytes()], job=job, label="Searching")
        vector, error = answer.vectors(1)[0], answer.number("mean_error")
        label = answer.values.get("classes")
        number = label[0] if isinstance(label, list) and label else None
        own = facts.classes[number] if isinstance(number, int) and number < len(facts.classes) else ""
        if target is not None:
            notes = {"run": source.folder.name, "iteration": facts.iteration, "projection": picture.name}
            notes |= {"latent": "projection", **Spot("projection", vector, own).to_json()}
            write_file(target.absolute(), png(answer.pictures()[0], notes), [source.folder], force=force)
    if name:
        keep(
            source.folder,
            explored(source.folder).with_favourite(Favourite(name, vector, facts.iteration, picture.name[:200], own)),
        )
    out.json({
        "run": source.folder.name, "iteration": facts.iteration, "mean_error": round(error, 4),
        "starts": [round(float(value), 4) for value in answer.values.get("starts", [])], "vector": text_of(vector),
        "out": str(target) if target else None, "kept": name or "",
    })  # fmt: skip
    out.say(f"the nearest sample is {error:.1f} levels of 255 away on average")
    if target is not None:
        out.say(f"wrote {target}")
    if name:
        out.say(f"kept as {printable(name)}")


@click.command("export-model")
@click.argument("run")
@click.option("--out", "target", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write.")
@click.option(
    "--note", default="", metavar="TEXT", help="About the rights to the model and its pictures, for the model card."
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["safetensors", "onnx", "torchscript"]),
    help="What to write; may be repeated.  [default: safetensors and onnx]",
)
@ITERATION
@click.option("--force", is_flag=True, help="Replace an earlier export.")
@with_workspace(write=False)
def export_model(
    workspace: Workspace,
    out: Output,
    run: str,
    target: Path,
    note: str,
    formats: tuple[str, ...],
    iteration: str | None,
    force: bool,
) -> None:
    """Hand a run's model over: weights, settings, a model card, and an example that draws without this program.

    Every file is checked to draw the same pictures as the run's checkpoint.
    """
    from gandam_studio.core.runs import find_run
    from gandam_studio.core.runs.model_export import FORMATS, export_model

    with ConsoleJob() as job:
        answer = export_model(
            find_run(workspace, run), target.absolute(), note=note, formats=formats or FORMATS, iteration=iteration,
            force=force, job=job,
        )  # fmt: skip
    out.json({"out": str(target), "files": answer["files"], "skipped": answer["skipped"]})
    for name, difference in answer["files"].items():
        out.say(f"{name}: agrees with the checkpoint to {difference:.1e}")
    for name, reason in answer["skipped"].items():
        out.note(f"{name}: {reason}")
    out.say(f"wrote {target}, with MODEL_CARD.md and draw.py")
