"""How often the diagnostics are right on sprites of known state: the tables of docs/diagnostics.md.

    python tests/benchmarks/diagnostics_known_answers.py [TABLE ...] [--splits 20] [--training 100 400] [--json]
        [--art NAME=FOLDER ...]

Tables: likeness, variety, copying, verdicts, alarms, race, quality, drift, spikes, sanity; all by default. Needs
../shared/data for PokeSprites and Freedoom; the drawn mechas come with the program. With --art, only verdicts are
measured, on sprites that no rule was chosen on: all pictures below the folder, with the families that `dedupe` finds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "diagnostics"))

import numpy as np
import tables
import torch
from real_sprites import Sprites, freedoom, in_folder, mechas, pokesprites

from trainer import lite0
from trainer.diagnostics.intervals import clopper_pearson
from trainer.features import RandomFeatures
from trainer.lite0_front import Lite0Front
from trainer.protocol.lite0_weights import weights_path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--training", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--art", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    answers: dict[str, Any] = {}
    if options.art:
        answers["art"] = {name: unused(Path(folder), name, options) for name, folder in _named(options.art)}
        answers["all"] = _summed(answers["art"], options)
    else:
        print_ = (lambda *_, **__: None) if options.json else print
        for name in options.tables or list(TABLES):
            started = time.perf_counter()
            answers[name] = TABLES[name](options, print_)
            print_(f"\n({name}: {time.perf_counter() - started:.0f} s)\n")
    if options.json:
        print(json.dumps(answers))


def _named(given: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in given:
        name, _, folder = text.partition("=")
        yield name, folder


def _sets() -> dict[str, Sprites]:
    return {"PokeSprites": pokesprites(SHARED), "mechas": mechas(ROOT), "Freedoom": freedoom(SHARED)}


def _line(print_: Callable[..., None], *cells: object) -> None:
    print_(
        "| " + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True
    )


def _head(print_: Callable[..., None], *cells: str) -> None:
    _line(print_, *cells)
    print_("|" + " --- |" * len(cells))


def _likeness(_options: Any, print_: Any) -> Any:
    found = {name: tables.likeness(sprites) for name, sprites in _sets().items()}
    _head(print_, "found the same", *found)
    for kind in next(iter(found.values())):
        _line(print_, kind, *(f"{one[kind]:.3f}" for one in found.values()))
    return found


def _variety(options: Any, print_: Any) -> Any:
    answers: dict[str, Any] = {}
    _head(print_, "set", "samples", "N2 (truth)", "interval holds it", "a Poisson one", "distinct", "Chao1")
    for name, sprites in {"PokeSprites": pokesprites(SHARED), "mechas": mechas(ROOT)}.items():
        rows = tables.variety_table(sprites, options.splits, 300)
        answers[name] = {kind: asdict(row) for kind, row in rows.items()}
        for kind, row in rows.items():
            of = len(row.n2)
            held = (f"{row.covered / of:.2f}", f"{row.poisson / of:.2f}")
            counts = (f"{np.median(row.distinct):.0f}", f"{np.median(row.chao1):.0f}")
            _line(print_, name, kind, f"{np.median(row.n2):.1f} ({row.truth:.1f})", *held, *counts)
    return answers


def _copying(options: Any, print_: Any) -> Any:
    answers: dict[str, Any] = {}
    sprites = pokesprites(SHARED)
    _head(print_, "training", "samples", "kappa (largest)", "hits p <= .05", "lean p <= .05", "")
    for training in options.training:
        table = tables.copying_table(sprites, options.splits, training, options.samples)
        answers[str(training)] = asdict(table)
        for kind, rates in (table.size | table.power).items():
            mean, most = table.kappa[kind]
            what = "size" if kind in table.size else "power"
            _line(print_, training, kind, f"{mean:.3f} ({most:.3f})", f"{rates[0]:.2f}", f"{rates[1]:.2f}", what)
    return answers


def _verdicts(options: Any, print_: Any) -> Any:
    answers: dict[str, Any] = {}
    sets = [("PokeSprites", pokesprites(SHARED), n) for n in options.training]
    sets.append(("mechas", mechas(ROOT), 300))
    columns = {
        f"{name} {training}": tables.verdict_table(sprites, options.splits, training, options.samples)
        for name, sprites, training in sets
    }
    _head(print_, "samples", *columns)
    for kind in next(iter(columns.values())):
        cells = []
        for column in columns.values():
            row = column[kind]
            others = ", ".join(f"{count} {word}" for word, count in row.others.items())
            cells.append(f"{row.right} of {options.splits}" + (f" ({others})" if others else ""))
        _line(print_, kind, *cells)
    for column, rows in columns.items():
        answers[column] = {kind: {"right": row.right, "others": row.others} for kind, row in rows.items()}
    return answers


def _alarms(_options: Any, print_: Any) -> Any:
    found = tables.alarm_table()
    _head(print_, "alarm", "runs with one in 200 looks", "median look of the first")
    for kind, (share, median) in found.items():
        _line(print_, kind, f"{share:.2f}", f"{median:.0f}")
    return {kind: list(values) for kind, values in found.items()}


def _race(options: Any, print_: Any) -> Any:
    found = tables.race_table(mechas(ROOT), options.splits)
    _head(print_, "samples over 50 looks", "runs with an alarm")
    for kind, share in found.items():
        _line(print_, kind, f"{share:.2f}")
    return found


def _networks() -> list[Any]:
    return [Lite0Front(), RandomFeatures(), *([lite0.Lite0Features()] if weights_path() else [])]


def _quality(options: Any, print_: Any) -> Any:
    answers: dict[str, Any] = {}
    sprites = pokesprites(SHARED)
    _head(print_, "features", "n_T, n_H", "samples", "median z", "z > 3")
    for network in _networks():
        for training, share in ((100, 0.1), (400, 0.2)):
            found = tables.quality_table(sprites, options.splits, training, share, network)
            answers[f"{network.name} {training}"] = found
            for kind, z in found.items():
                sizes = f"{training}, {round(training * share / (1 - share))}"
                _line(print_, network.name, sizes, kind, f"{np.median(z):.1f}", f"{np.mean(np.array(z) > 3):.2f}")
    return answers


def _drift(options: Any, print_: Any) -> Any:
    found = tables.drift_table(mechas(ROOT), options.splits)
    _head(print_, "pictures of the same latents", "identity", "changed", "set")
    for kind, values in found.items():
        _line(print_, kind, *(f"{value:.2f}" for value in values))
    return found


def _spikes(_options: Any, print_: Any) -> Any:
    found = tables.spikes_table()
    _head(print_, "simulated runs", "jumps are said to show")
    for kind, share in found.items():
        _line(print_, kind, f"{share:.2f}")
    return found


def _sanity(_options: Any, print_: Any) -> Any:
    answers = {}
    for network in _networks():
        found = tables.sanity_table(pokesprites(SHARED), network)
        answers[network.name] = found
        _head(print_, f"check ({network.name})", "measure", "passed", "seen")
        for check, measures in found.items():
            for measure, (passed, seen) in measures.items():
                _line(print_, check, measure, "yes" if passed else "NO", seen)
    return answers


TABLES: dict[str, Callable[[Any, Any], Any]] = {
    "likeness": _likeness, "variety": _variety, "copying": _copying, "verdicts": _verdicts, "alarms": _alarms,
    "race": _race, "quality": _quality, "drift": _drift, "spikes": _spikes, "sanity": _sanity,
}  # fmt: skip


def unused(folder: Path, name: str, options: Any) -> dict[str, Any]:
    """Verdicts on one folder of sprites."""
    sprites = in_folder(folder)
    count = len(sprites[0])
    training = min(400, round(0.5 * count))
    rows = tables.verdict_table(sprites, options.splits, training, options.samples)
    total = options.splits * len(rows)
    wrong, right = sum(row.wrong for row in rows.values()), sum(row.right for row in rows.values())
    open_ = total - wrong - right
    if not options.json:
        families = len(np.unique(sprites[1]))
        print(f"{name}: {count} sprites, {families} families, {training} trained on: {right} right, {open_} left open, "
              f"{wrong} wrong of {total} ({wrong / total:.1%})", flush=True)  # fmt: skip
        for kind, row in rows.items():
            if row.others:
                told = ", ".join(f"{count} {word}" for word, count in row.others.items())
                print(f"    {kind:34} {row.right:3} of {options.splits}; {told}", flush=True)
    return {
        "sprites": count, "training": training, "right": right, "open": open_, "wrong": wrong, "total": total,
        "rows": {kind: {"right": row.right, "others": row.others} for kind, row in rows.items()},
    }  # fmt: skip


def _summed(found: dict[str, Any], options: Any) -> dict[str, Any]:
    """All sets together; the exact 95 % interval takes verdicts for independent, which those of one split are not."""
    total, wrong, open_ = (sum(one[name] for one in found.values()) for name in ("total", "wrong", "open"))
    low, high = clopper_pearson(wrong, total)
    if not options.json:
        print(f"all: {wrong} wrong of {total} ({wrong / total:.1%}, {low:.1%} to {high:.1%}), {open_} left open")
    return {"total": total, "wrong": wrong, "open": open_, "low": low, "high": high}


if __name__ == "__main__":
    main()
