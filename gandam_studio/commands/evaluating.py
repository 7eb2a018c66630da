"""`evaluate`: is a run collapsed, does it copy, how good is it; also for folders made by other programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gandam_studio.commands.console import Output, counted, force_option, with_workspace
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.core.errors import UserError
from trainer.protocol.diagnosis import diagnosis_of, spikes_of
from trainer.protocol.diagnosis_cards import measured_lines, spikes_text, summary
from trainer.protocol.measured import FEATURES, FEATURES_HELP, INCEPTION_HELP, Measured

if TYPE_CHECKING:
    from gandam_studio.core.versions.model import ManifestVersion
    from gandam_studio.core.workspace import Workspace


@click.command()
@click.argument("what")
@click.option("--against", "version", metavar="V", help="Version that a folder is compared with.  [default: latest]")
@click.option("--iteration", metavar="N", help="Of an older checkpoint, best or post-hoc.")
@click.option(
    "--samples", type=click.IntRange(16, 20_000), default=1024, show_default=True, help="How many pictures to look at."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Equal seeds draw equal pictures.")
@click.option("--grids", is_flag=True, help="Judge every stored grid of samples instead of a checkpoint.")
@click.option(
    "--features",
    type=click.Choice(FEATURES),
    default=FEATURES[0],
    show_default=True,
    help=FEATURES_HELP,
)
@click.option(
    "--inception",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=INCEPTION_HELP,
)
@click.option(
    "--out",
    "target",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the pictures behind the verdict.",
)
@force_option
@with_workspace(write=False)
def evaluate(
    workspace: Workspace,
    out: Output,
    what: str,
    version: str | None,
    iteration: str | None,
    samples: int,
    seed: int,
    grids: bool,
    features: str,
    inception: Path | None,
    target: Path | None,
    force: bool,
) -> None:
    """Judge a run, a checkpoint, or a folder of pictures: collapsed, copying, how good?

    WHAT is a run of this workspace, the folder of a run or of a checkpoint, or a folder of pictures made by any
    program.
    """
    from gandam_studio.core.runs.evaluating import evaluate_folder, evaluate_run
    from gandam_studio.core.versions import find_version
    from trainer.protocol.run_directory import RunDirectory

    path, own_iteration, is_run = _found(workspace, what)
    iteration = iteration or own_iteration
    if is_run and version is not None:
        raise UserError("--against is for folders of pictures: a run is compared with what it was trained on")
    if not is_run and (iteration or grids):
        raise UserError(f"{path} is a folder of pictures: it has no checkpoints or grids")
    if grids and (inception is not None or features != FEATURES[0]):
        raise UserError("--grids measures no quality, so it takes neither --features nor --inception")
    target = target.absolute() if target else None
    measured = Measured(features, inception.absolute() if inception else None)
    with ConsoleJob() as job:
        if is_run:
            answer = evaluate_run(
                RunDirectory(path), iteration=iteration, samples=samples, seed=seed, grids=grids,
                measured=measured, out=target, force=force, job=job,
            )  # fmt: skip
        else:
            against = find_version(workspace, version or "latest")
            with _renders(workspace, against) as able:
                answer = evaluate_folder(
                    able,
                    path,
                    against,
                    samples=samples,
                    seed=seed,
                    measured=measured,
                    out=target,
                    force=force,
                    job=job,
                )
    out.json(answer)
    moments = answer.get("moments")
    if moments:
        out.table(
            ("iteration", "verdict", "distinct", "copies"),
            (
                (f"{m['iteration']:,}", m["verdict"], m["variety"]["distinct"], f"{m['copying']['kappa']:.0%}")
                for m in moments
            ),
            right=("iteration", "distinct", "copies"),
        )
        if spikes := spikes_text(spikes_of(answer.get("spikes"))):
            out.say(spikes)
        return
    _say(out, answer)
    if target:
        out.say(f"pictures in {target}")


@contextmanager
def _renders(workspace: Workspace, version: ManifestVersion) -> Iterator[Workspace]:
    """A workspace that can render the version: the one that is open where that was done before, else for writing."""
    from gandam_studio.core.runs.datasets import is_prepared
    from gandam_studio.core.workspace import Workspace

    if is_prepared(workspace, version):
        yield workspace
        return
    with Workspace.open(workspace.folder) as writable:
        yield writable


def _found(workspace: Workspace, what: str) -> tuple[Path, str, bool]:
    """(folder, iteration or "", whether it is a run)."""
    from gandam_studio.core.runs import find_run

    path = Path(what).absolute()
    if path.is_dir():
        if (path / "config.json").is_file():
            return path, "", True
        if path.parent.name == "checkpoints" and (path.parent.parent / "config.json").is_file():
            name = path.name
            return path.parent.parent, str(int(name)) if name.isascii() and name.isdigit() else name, True
        return path, "", False
    return find_run(workspace, what).path, "", True


def _say(out: Output, answer: dict[str, Any]) -> None:
    variety, copying, quality = answer["variety"], answer["copying"], answer["quality"]
    at = f" at iteration {answer['iteration']:,}" if "iteration" in answer else ""
    found = diagnosis_of(answer)
    title = summary(found).title if found else answer["verdict"]
    out.say(f"{title}{at}. {answer['why']}")
    if answer["advice"]:
        out.say(answer["advice"])
    real = variety["real"]["distinct"]
    out.say(f"variety  {variety['distinct']:,} different of {answer['samples']:,}; real sprites {real:,}")
    if copying["sources"]:
        range_ = f"{copying['low']:.1%} to {copying['high']:.1%}"
        of = counted(copying["sources"], "training picture")
        out.say(f"copying  {copying['kappa']:.1%} ({range_}) look like one of {of}")
    else:
        out.say(f"copying  none looks like a training picture (surely under {copying['high']:.1%})")
    if quality:
        floor = f"real sprites {quality['floor_mean']:.3g} ± {quality['floor_sd']:.2g}"
        out.say(f"quality  KID {quality['kid']:.3g} ± {quality['error']:.2g}; {floor} ({answer['features']})")
    for line in measured_lines(answer):
        out.say(line)
