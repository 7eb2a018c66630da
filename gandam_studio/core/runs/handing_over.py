"""Hands samples over to drawing programs and games, finished and with a note of where they come from."""

from __future__ import annotations

import functools
import io
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing import animation
from gandam_studio.core.finishing.aseprite_writing import LONGEST_TEXT, aseprite_bytes
from gandam_studio.core.finishing.finish import (
    ALPHAS,
    BINARY,
    KEPT,
    LEAN,
    MOST_EACH,
    Finish,
    Traits,
    finished,
    shares,
    traits_of,
    with_alpha,
)
from gandam_studio.core.finishing.ground import Colour, lies_on
from gandam_studio.core.finishing.palette import Palette, counted_colours, palette_of
from gandam_studio.core.finishing.palette_files import gimp_palette, read_palette
from gandam_studio.core.finishing.sheet import atlas, grid_of, laid_out, sheet_problem
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.film import too_large
from gandam_studio.core.runs.process import ask
from gandam_studio.core.runs.samples import FIXED, SampleSpot
from gandam_studio.core.runs.sampling import ASEPRITE, MOVING, PLAIN, Choice, check_target, draw_sprites
from trainer.protocol import outputs, sample_notes
from trainer.protocol.arrays import open_pictures
from trainer.protocol.errors import TrainerError
from trainer.protocol.output_folders import new_folder, opened_marker, write_marker
from trainer.protocol.picture_files import read_picture
from trainer.protocol.run_directory import DATASET_BYTES, RunDirectory
from trainer.protocol.sample_folders import SAMPLES, SHEET
from trainer.protocol.sample_notes import Note, Spot
from trainer.protocol.untrusted import UntrustedError, Values, path_inside, read_json_object, shortened

Pixels = NDArray[np.uint8]

DATA, OWN, EACH = "data", "samples", "each"
"""Palettes that are computed: from the training pictures, from the samples, or for each sample alone."""
COLOURS, COLOURS_EACH = 64, 16
"""Colours of a computed palette, unless another number is asked for."""
SCALES = tuple(range(1, 17))
LOOKED_AT = 1024
"""Pictures of the data that a palette is chosen from."""
_LOOKED_AT_BYTES = 64 << 20
_LOOKED_AT_EACH = 128  # that get a palette of their own, to see how clean the data is
MOST_FRAMES = 2000
"""Frames of an animation."""
_MOST_DRAWN = MOST_FRAMES * 256 * 256  # pixels that the trainer is asked for at once
_MANIFEST_LETTERS = 8


@dataclass(frozen=True)
class Look:
    """How samples should look, whatever the run.

    Attributes:
        palette: DATA, OWN, EACH, the path of a palette file, or "" for the colours as drawn.
        colours: how many are chosen (DATA, OWN, EACH).
        alpha: `finish.BINARY` or `finish.KEPT`.
        clean: a picture may have this many times the data's share of stray pixels; None leaves all of them.
        lean: how much outlines lean to the colours of the data's outlines.
        cut: samples of a run without transparency lose the plain background that its training pictures have.
    """

    palette: str = ""
    colours: int = COLOURS
    alpha: str = KEPT
    clean: float | None = None
    lean: float = 0.0
    cut: bool = False

    def __post_init__(self) -> None:
        if self.alpha not in ALPHAS:
            raise UserError(f"opacity is {' or '.join(ALPHAS)}, not {self.alpha!r}")
        if not 1 <= self.colours <= MOST_EACH:
            raise UserError(f"a palette is chosen of 1 to {MOST_EACH} colours, not {self.colours}")

    @property
    def is_plain(self) -> bool:
        """Whether samples stay exactly as drawn."""
        return not self.palette and self.alpha == KEPT and not self.cut


CLEAN_LOOK = Look(DATA, COLOURS, BINARY, 1.0, LEAN, cut=True)
"""The usual choice: colours, outlines and cleanness as in the data, and nothing behind the sprite."""


@dataclass(frozen=True)
class HandOverPlan:
    """What is written.

    Attributes:
        scales: how many times as large; a file each in a folder, one for a single file.
        sheet: in a folder, also all on one sheet, with its description. aseprite: and as a document of Aseprite.
        steps: of an animation, frames from each sample to the next; frame_ms: how long each is shown.
    """

    scales: tuple[int, ...] = (1,)
    sheet: bool = False
    aseprite: bool = False
    steps: int = 8
    frame_ms: int = 100

    def __post_init__(self) -> None:
        if not self.scales or any(scale not in SCALES for scale in self.scales):
            raise UserError(f"sizes are {SCALES[0]} to {SCALES[-1]} times as large as drawn")


@dataclass(frozen=True)
class Samples:
    """Pictures drawn by a run, and what draws them again.

    Attributes:
        pictures: (H, W, 3 or 4) uint8 of one size.
        latents: a name for each, such as "7/3".
        facts: "run", "iteration", "weights", "seed", "count", "manifest" and what else is known of all.
        names: what a person calls each, "" for no such name; empty if none has one.
        spots: what draws each again, where its name alone does not; empty if names do.
    """

    pictures: Sequence[Pixels]
    latents: Sequence[str]
    facts: dict[str, Any]
    names: Sequence[str] = ()
    spots: Sequence[Spot] = ()

    def named(self, index: int) -> dict[str, str]:
        """What a sample's own note says besides the facts: its latent, its name if it has one, what draws it again."""
        name = self.names[index] if self.names else ""
        own = self.spots[index].to_json() if self.spots else {}
        return {"latent": self.latents[index], **({"name": name} if name else {}), **own}

    @functools.cached_property
    def told(self) -> dict[str, Any]:
        """What the note of a file with all of them says; found once, since vectors are long texts."""
        return sample_notes.told(self.facts, self.spots or [Spot(latent) for latent in self.latents])


@dataclass(frozen=True)
class FinishedSamples:
    """Samples after the palette step.

    Attributes:
        samples: as drawn, with what was done to them among their facts.
        pictures: (H, W, 4) each, in the same order. finish: how they were finished.
    """

    samples: Samples
    pictures: list[Pixels]
    finish: Finish

    @property
    def colours(self) -> int:
        """Colours of the palette; 0 where every sample has its own, or none."""
        return len(self.finish.palette.colours) if self.finish.palette else 0

    @property
    def stray(self) -> float:
        """The share of stray pixels, in equal colours."""
        return shares(self.pictures)

    @property
    def data_stray(self) -> float | None:
        """The share in the pictures that the run learned from, in the same palette; None where it was not measured."""
        return self.finish.traits.stray if self.finish.traits else None


# What the run learned from


def real_pictures(run: RunDirectory, most: int = LOOKED_AT) -> list[Pixels]:
    """Pictures that a run learns from, at its size, (H, W, 3 or 4), spread evenly; held-out ones are left out.

    At most `most`, and fewer of large ones. Raises UserError when the run's data set cannot be read.
    """
    return _real_pictures(run, most)[0]


def _real_pictures(run: RunDirectory, most: int) -> tuple[list[Pixels], dict[str, Any]]:
    """The pictures, and what the run's data set says of itself."""
    try:
        pixels = open_pictures(run.dataset_path)
        info = (
            read_json_object(run.dataset_info_path, max_bytes=DATASET_BYTES) if run.dataset_info_path.exists() else {}
        )
    except FileNotFoundError:
        raise UserError(
            f"the pictures that {run.name} learned from are not at hand: choose another palette, and compare nothing "
            "with them"
        ) from None
    except (OSError, UntrustedError) as error:
        raise UserError(f"the pictures that {run.name} learned from cannot be read: {error}") from None
    split = info.get("split")
    rows = np.arange(len(pixels))
    if isinstance(split, list) and len(split) == len(pixels):
        rows = np.array([index for index, part in enumerate(split) if part == "train"], dtype=np.int64)
    if not len(rows):
        raise UserError(f"{run.name} has no pictures that it learned from")
    most = max(1, min(most, _LOOKED_AT_BYTES // pixels[0].nbytes, len(rows)))
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, most).round().astype(np.int64))]
    return [np.array(pixels[row]) for row in chosen], info


def background_of(run: RunDirectory) -> Colour | None:
    """The plain background of the pictures that a run learned from; None where they have transparency or no such one.

    Raises UserError when the run's data set cannot be read.
    """
    return _background(run.path, _stamp(run))


def resolved(run: RunDirectory, look: Look, pictures: Callable[[], Sequence[Pixels]]) -> Finish:
    """How samples of a run are finished to have a look; `pictures`: the samples, for a palette chosen from them.

    Raises UserError: a palette file or the run's data cannot be read.
    """
    palette, each = None, 0
    background = background_of(run) if look.cut and run.dataset_path.is_file() else None
    if look.palette == DATA:
        palette = _data_palette(run.path, _stamp(run), look.colours, background)
    elif look.palette == OWN:
        palette = palette_of([with_alpha(one, background) for one in pictures()], look.colours, run.name)
    elif look.palette == EACH:
        each = look.colours
    elif look.palette:
        palette = read_palette(look.palette)
    traits = None
    if look.palette and (look.palette == DATA or look.clean or look.lean):
        traits = _data_traits(run.path, _stamp(run), palette, each, background)
    share = None
    if look.palette and look.clean is not None:
        share = look.clean * traits.stray if traits else 0.0
    return Finish(palette, each, look.alpha, share, look.lean, traits, background)


def _stamp(run: RunDirectory) -> tuple[int, int]:
    """Changes when the run's data set does."""
    try:
        status = run.dataset_path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


# A preview asks the same again at every change of a slider.
@functools.lru_cache(maxsize=8)
def _data_palette(folder: Path, _stamp: tuple[int, int], colours: int, background: Colour | None) -> Palette:
    return palette_of(_cut_pictures(folder, LOOKED_AT, background), colours, folder.name)


@functools.lru_cache(maxsize=8)
def _data_traits(
    folder: Path, _stamp: tuple[int, int], palette: Palette | None, each: int, background: Colour | None
) -> Traits:
    most = LOOKED_AT if palette else _LOOKED_AT_EACH
    return traits_of(_cut_pictures(folder, most, background), palette, each)


def _cut_pictures(folder: Path, most: int, background: Colour | None) -> list[Pixels]:
    return [with_alpha(one, background) for one in real_pictures(RunDirectory(folder), most)]


@functools.lru_cache(maxsize=8)
def _background(folder: Path, _stamp: tuple[int, int]) -> Colour | None:
    pictures, info = _real_pictures(RunDirectory(folder), LOOKED_AT)
    levels = info.get("background")
    if not isinstance(levels, list) or len(levels) < 3 or not all(type(one) is int for one in levels):
        return None
    colour = levels[0], levels[1], levels[2]
    return colour if pictures[0].shape[2] == 3 and lies_on(pictures, colour) else None


# What the trainer draws


def drawn_by(
    run: RunDirectory, *, count: int = 64, seed: int = 0, iteration: int | str | None = None,
    latents: Sequence[str] = (), choice: Choice = PLAIN, job: Job = NULL_JOB,
) -> Callable[[Path], Samples]:  # fmt: skip
    """What draws samples for `hand_over`; the arguments are those of `draw_sprites`."""

    def draw(folder: Path) -> Samples:
        draw_sprites(
            run, folder, count=count, seed=seed, iteration=iteration, latents=latents, choice=choice, singly=True,
            job=job,
        )  # fmt: skip
        return read_samples(folder, run)

    return draw


def walk_problem(count: int, steps: int) -> str:
    """Why an animation between `count` samples is refused at this number of steps, "" if it is not."""
    if count < 2 or not 1 <= steps <= 500:
        return "an animation goes between at least 2 samples, in 1 to 500 steps"
    if count * steps > MOST_FRAMES:
        return f"{count * steps:,} frames are too many; at most {MOST_FRAMES:,}: take fewer samples or steps"
    return ""


def walked_by(
    run: RunDirectory, *, count: int = 6, steps: int = 8, seed: int = 0, iteration: int | str | None = None,
    tag: str = "", job: Job = NULL_JOB,
) -> Callable[[Path], Samples]:  # fmt: skip
    """What draws a closed walk between the first `count` samples of a seed, `steps` frames from each to the next.

    `tag`: its class, of a run that learned classes; "" for the first. Raises UserError for more than MOST_FRAMES.
    """
    if problem := walk_problem(count, steps):
        raise UserError(problem)

    def draw(folder: Path) -> Samples:
        folder.mkdir()
        words = ["--iteration", str(iteration)] if iteration is not None else []
        words += ["--tag", tag] if tag else []
        job.start("Drawing the animation", None)
        told = ask(
            "interpolate", str(run.path), "--out", str(folder / "walk.png"), "--points", str(count),
            "--steps", str(steps), "--seed", str(seed), *words, job=job,
        )  # fmt: skip
        try:
            whole = _png(folder / "walk.png")
        except (OSError, ValueError) as error:
            raise UserError(f"the samples cannot be read: {error}") from None
        height, width = whole.shape[0] // count, whole.shape[1] // steps
        pictures = [
            np.ascontiguousarray(whole[row * height : (row + 1) * height, at * width : (at + 1) * width])
            for row in range(count)
            for at in range(steps)
        ]
        latents = [f"{seed}/{row}" + (f"+{at}of{steps}" if at else "") for row in range(count) for at in range(steps)]
        facts = {"run": run.name, "iteration": told.get("iteration"), "weights": told.get("weights")}
        facts |= {"seed": seed, "count": count, "manifest": manifest_of(run), sample_notes.WALK: {"steps": steps}}
        return Samples(pictures, latents, facts | ({"tag": tag} if tag else {}))

    return draw


def note_of(path: Path) -> Note:
    """What the file of a sample says of it (`sample_notes`). Raises UserError."""
    try:
        return sample_notes.read_note(path)
    except UntrustedError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{shortened(str(path))} cannot be read: {error.strerror or error}") from None


def drawn_otherwise(run: RunDirectory, note: Note) -> bool:
    """Whether the samples of a note were drawn in other steps than the run's own, or with their background left."""
    try:
        config = run.config()
    except TrainerError:
        return False
    steps = config.flow.steps if config.is_flow else None
    return (steps is not None and note.steps not in (None, steps)) or (note.raw and config.sampling.snap > 0)


def redrawn_by(
    run: RunDirectory, path: Path, *, iteration: int | str | None = None, job: Job = NULL_JOB
) -> Callable[[Path], Samples]:
    """What draws the samples in a file again, as it says, for `hand_over`: the same pictures from the same checkpoint.

    `iteration`: of another checkpoint. Raises UserError for a file that does not say what draws it.
    """
    note = note_of(path)
    if note.walk is not None:
        at = note.iteration if iteration is None else iteration
        walk = note.walk
        return walked_by(
            run, count=walk.count, steps=walk.steps, seed=walk.seed, iteration=at, tag=walk.label, job=job
        )  # fmt: skip

    def draw(folder: Path) -> Samples:
        draw_sprites(run, folder, iteration=iteration, again=path, singly=True, job=job)
        return replace(read_samples(folder, run), spots=note.spots)

    return draw


def read_samples(folder: Path, run: RunDirectory) -> Samples:
    """The samples in a folder that the trainer wrote with `--singly`. Raises UserError."""
    try:
        with opened_marker(folder / SAMPLES.marker) as (description, _):
            found = Values(description)
            latents = found.texts("seeds")
            facts = {name: description.get(name) for name in ("run", "iteration", "weights", "seed", "count")}
            facts |= {name: value for name, value in description.items() if name not in ("files", "seeds")}
        names = sorted(path.name for path in folder.iterdir() if re.fullmatch(r"[0-9]{5,}\.png", path.name))
        if len(names) != len(latents):
            raise UserError("samples are missing")
        pictures = [_png(path_inside(folder, name)) for name in names]
    except (OSError, ValueError) as error:
        raise UserError(f"the samples cannot be read: {error}") from None
    facts["manifest"] = manifest_of(run)
    return Samples(pictures, latents, facts)


def samples_at(spot: SampleSpot) -> Samples:
    """A sample that a run has saved, or all of a grid where `spot` has no index; its empty cells are left out.

    Raises UserError when the grid cannot be read.
    """
    pixels, sample = spot.pixels(), spot.sample
    cells, indices = [pixels], [spot.index or 0]
    if spot.index is None:
        rows, columns, height, width = spot.layout(pixels.shape[0], pixels.shape[1])
        cells = [
            np.ascontiguousarray(pixels[top * height : (top + 1) * height, left * width : (left + 1) * width])
            for top in range(rows)
            for left in range(columns)
        ]
        while len(cells) > 1 and (cells[-1] == cells[-1][0, 0]).all():
            cells.pop()
        indices = list(range(len(cells)))
    latents = [replace(spot, index=index).latent for index in indices]
    seed = None if spot.which == FIXED else sample.random_seed
    facts = {"run": spot.run.name, "iteration": sample.iteration, "weights": sample.weights, "seed": seed}
    facts |= {"steps": spot.passes} if spot.passes else {}
    facts |= {"raw": True} if spot.is_raw else {}
    return Samples(cells, latents, {**facts, "count": len(cells), "manifest": manifest_of(spot.run)})


def _png(path: Path) -> Pixels:
    picture = read_picture(path, formats=["PNG"], most_pixels=_MOST_DRAWN)
    return np.array(picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGBA"))


def _side(run: RunDirectory) -> int:
    """The side of a run's samples, 0 where its configuration cannot be read, as drawing will say."""
    try:
        return run.config().data.size
    except TrainerError:
        return 0


def manifest_of(run: RunDirectory) -> str:
    """The digest of the version that a run learned from, "" where its configuration does not say."""
    try:
        return run.config().origin.manifest
    except TrainerError:
        return ""


# Writing


def check_place(run: RunDirectory, target: Path, *, force: bool = False) -> None:
    """Raise UserError if samples cannot be written to `target`: a folder, or a file by its suffix."""
    suffixes = (".png", *ASEPRITE, *MOVING)
    check_target(run, target, folder=target.suffix.lower() not in suffixes, suffixes=suffixes, force=force)


def plan_problem(target: Path, plan: HandOverPlan, count: int, side: int) -> str:
    """Why `count` pictures of `side` pixels cannot be written to `target` so, "" if they can.

    Known before they are drawn, which may take minutes.
    """
    suffix, scale = target.suffix.lower(), plan.scales[0]
    if suffix in MOVING:
        return too_large(side * scale, side * scale, count)
    if suffix == ".png":
        rows, columns = grid_of(count)
        return sheet_problem(count, side, side) or sheet_problem(1, columns * side * scale, rows * side * scale)
    if suffix in ASEPRITE:
        return ""
    found = (sheet_problem(count if plan.sheet else 1, side * one, side * one) for one in plan.scales)
    return next(filter(None, found), "")


def finish_samples(run: RunDirectory, samples: Samples, look: Look, *, job: Job = NULL_JOB) -> FinishedSamples:
    """Finish samples of a run. Raises UserError (none; the palette or the run's data cannot be read) and Cancelled."""
    if not samples.pictures:
        raise UserError("there are no samples")
    job.start("Choosing colours", None)
    finish = resolved(run, look, lambda: samples.pictures)
    job.start("Finishing", len(samples.pictures))
    done: list[Pixels] = []
    for picture in samples.pictures:
        done.append(with_alpha(picture) if look.is_plain else finished(picture, finish))
        job.advance()
    return FinishedSamples(replace(samples, facts={**samples.facts, **_look_facts(look, finish)}), done, finish)


def write_samples(
    run: RunDirectory, target: Path, done: FinishedSamples, plan: HandOverPlan = HandOverPlan(), *, force: bool = False,
    job: Job = NULL_JOB,
) -> None:  # fmt: skip
    """Write finished samples. Equal samples and choices give equal bytes.

    Args:
        run: the run that drew them; nothing is written into it.
        target: a folder of PNG files (with seeds.json, and palette.gpl), or one file: a sheet (.png), a document of
            Aseprite (.aseprite) or an animation of the samples in turn (.gif, .webp, .apng).
        done: what is written. plan: the files to write.
        force: replace a file, or a folder that holds earlier samples and nothing else.
        job: receives progress.

    Raises UserError and Cancelled; `target` is complete or unchanged.
    """
    target = target.absolute()
    check_place(run, target, force=force)
    try:
        _write(run, target, done.samples, done.pictures, done.finish, plan, force, job)
    except TrainerError as error:
        raise UserError.of(error) from None
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from None


def hand_over(
    run: RunDirectory, target: Path | None, draw: Callable[[Path], Samples], look: Look = CLEAN_LOOK,
    plan: HandOverPlan = HandOverPlan(), *, count: int = 0, force: bool = False, job: Job = NULL_JOB,
) -> FinishedSamples:  # fmt: skip
    """Draw samples, finish them and write them (see `write_samples`); without a `target` nothing is written.

    `draw` gives the samples, `count` of them (0 if that is not known); it may use the folder that it is passed, which
    is removed afterwards. What is refused is refused before anything is drawn.
    """
    target = target.absolute() if target is not None else None
    if target is not None:
        check_place(run, target, force=force)
    side = _side(run)
    if target is not None and count and side and (problem := plan_problem(target, plan, count, side)):
        raise UserError(problem)
    if look.palette not in ("", DATA, OWN, EACH):
        read_palette(look.palette)
    with tempfile.TemporaryDirectory(prefix="gandam-", ignore_cleanup_errors=True) as scratch:
        samples = draw(Path(scratch) / "drawn")
    done = finish_samples(run, samples, look, job=job)
    if target is not None:
        write_samples(run, target, done, plan, force=force, job=job)
    return done


def _look_facts(look: Look, finish: Finish) -> dict[str, Any]:
    """What is noted of how samples were finished."""
    if look.is_plain:
        return {}
    facts: dict[str, Any] = {"alpha": look.alpha}
    if finish.background is not None:
        facts["cut_out_of"] = list(finish.background)
    if look.palette:
        kind = look.palette if look.palette in (DATA, OWN, EACH) else "file"
        facts["palette"] = {"from": kind, "colours": len(finish.palette.colours) if finish.palette else look.colours}
        if finish.palette is not None:
            facts["palette"] |= {"name": finish.palette.name, "digest": finish.palette.digest}
        facts["stray"] = None if finish.share is None else round(finish.share, 6)
        facts["outline"] = look.lean
    return facts


def _write(
    run: RunDirectory, target: Path, samples: Samples, done: list[Pixels], finish: Finish, plan: HandOverPlan,
    force: bool, job: Job,
) -> None:  # fmt: skip
    suffix, told = target.suffix.lower(), samples.told
    if suffix == ".png":
        with outputs.new_file(target, force=force, near=[run.path]) as stream:
            stream.write(png_of(_larger(laid_out(done), plan.scales[0]), told))
    elif suffix in ASEPRITE:
        with outputs.new_file(target, force=force, near=[run.path]) as stream:
            stream.write(_document(samples, done, finish, plan))
    elif suffix in MOVING:
        height, width = done[0].shape[:2]
        if problem := too_large(width * plan.scales[0], height * plan.scales[0], len(done)):
            raise UserError(problem)
        job.start("Writing the animation", len(done))
        data = animation.animated(
            [Image.fromarray(picture) for picture in done], suffix, plan.scales[0],
            [animation.rounded_ms(plan.frame_ms)] * len(done), comment=marked(told), advance=job.advance,
        )  # fmt: skip
        with outputs.new_file(target, force=force, near=[run.path]) as stream:
            stream.write(data)
    else:
        with new_folder(target, SAMPLES, force=force, near=[run.path]) as folder:
            _fill(folder, samples, done, finish, plan, job)


def _fill(folder: Path, samples: Samples, done: list[Pixels], finish: Finish, plan: HandOverPlan, job: Job) -> None:
    height, width = done[0].shape[:2]
    names = file_names(samples)
    if plan.sheet:
        for scale in plan.scales:
            if problem := sheet_problem(len(done), width * scale, height * scale):
                raise UserError(problem)
    job.start("Writing", len(done) * len(plan.scales))
    for scale in plan.scales:
        at = f"@{scale}x" if scale > 1 else ""
        for index, (name, picture) in enumerate(zip(names, done, strict=True)):
            own = {**samples.facts, "index": index, **samples.named(index), "scale": scale}
            (folder / f"{name}{at}.png").write_bytes(png_of(_larger(picture, scale), own))
            job.advance()
        if plan.sheet:
            sheet = SHEET.replace(".png", f"{at}.png")
            told = {**samples.told, "scale": scale}
            (folder / sheet).write_bytes(png_of(_larger(laid_out(done), scale), told))
            described = atlas(
                [f"{name}{at}.png" for name in names], (width * scale, height * scale), sheet, scale, told
            )
            (folder / sheet).with_suffix(".json").write_bytes(described)
    if plan.aseprite:
        (folder / "sprites.aseprite").write_bytes(_document(samples, done, finish, plan))
    if finish.palette is not None:
        (folder / "palette.gpl").write_bytes(gimp_palette(finish.palette))
    first = f"@{plan.scales[0]}x" if plan.scales[0] > 1 else ""
    has_room = not samples.spots or "sprites" in samples.told
    sprites: list[dict[str, str]] = []
    for index, name in enumerate(names):
        own = samples.named(index)
        if not has_room:
            own.pop(sample_notes.VECTOR, None)
        sprites.append({"file": f"{name}{first}.png", **own})
    write_marker(folder / SAMPLES.marker, {**samples.facts, "seeds": list(samples.latents), "sprites": sprites})


def _document(samples: Samples, done: list[Pixels], finish: Finish, plan: HandOverPlan) -> bytes:
    palette = finish.palette
    if palette is None:  # one for the document: all colours, or as many as fit of those that stand for them
        rgb, _ = counted_colours(done)
        found = rgb if len(rgb) else np.zeros((1, 3), np.uint8)  # Nothing may be drawn yet.
        palette = Palette.of(found) if len(rgb) <= MOST_EACH else palette_of(done, MOST_EACH - 1)
    about = marked({**samples.facts, "seeds": list(samples.latents)})
    if len(about) > LONGEST_TEXT:
        about = marked(samples.facts)  # The cels have the names.
    return aseprite_bytes(
        done, palette, names=[_of_cel(samples, index) for index in range(len(done))], about=about,
        frame_ms=plan.frame_ms,
    )  # fmt: skip


def _of_cel(samples: Samples, index: int) -> str:
    """What is noted at a cel: the name of its latent, or what else draws it again, where that fits."""
    own = marked(samples.named(index))
    needed = samples.spots and samples.spots[index].to_json() and len(own) <= LONGEST_TEXT
    return own if needed else samples.latents[index]


def _ascii(facts: dict[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True)


def marked(facts: dict[str, Any]) -> str:
    """A note as the import knows it again (`workspace.lineage`); a PNG's text has the mark as its key."""
    return f"gandam {_ascii(facts)}"


def _larger(picture: Pixels, scale: int) -> Pixels:
    if problem := sheet_problem(1, picture.shape[1] * scale, picture.shape[0] * scale):
        raise UserError(problem)
    return picture.repeat(scale, axis=0).repeat(scale, axis=1) if scale > 1 else picture


def png_of(pixels: Pixels, facts: dict[str, Any]) -> bytes:
    """(H, W, 4) as a PNG that says in its text "gandam" where it comes from."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("gandam", _ascii(facts))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", pnginfo=notes, compress_level=6)
    return stream.getvalue()


def file_names(samples: Samples) -> list[str]:
    """File names without suffix: run, iteration, manifest, seed and name of each sample, all different."""
    facts = samples.facts
    manifest = str(facts.get("manifest") or "")[:_MANIFEST_LETTERS]
    parts = str(facts.get("run")), str(facts.get("iteration")), manifest
    start = "-".join(_plain(part) for part in parts if part)
    seen: Counter[str] = Counter()
    names = []
    for index, latent in enumerate(samples.latents):
        match = re.fullmatch(r"([0-9]+|fixed)/([0-9]+)", latent)
        own = f"{match[1]}-{int(match[2]):04d}" if match else _plain(latent)
        name = f"{start}-seed-{own}" if match and match[1] != "fixed" else f"{start}-{own}"
        if called := samples.named(index).get("name"):
            name += f"-{_plain(called)}"
        seen[name.casefold()] += 1
        often = seen[name.casefold()]
        names.append(name if often == 1 else f"{name}-again-{often}")
    return names


def _plain(text: str) -> str:
    """Text as a part of a file name on any system."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:80] or "x"
