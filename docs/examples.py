"""Make the example reports of the documentation again: `python docs/examples.py`; name some to make only those.

The runs are trained on the demo's sprites, about twenty minutes on two cores, and kept in `--workspace`: after a change
of the report's words or looks, the same workspace gives new pages at once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gandam_studio.core.reports.trying import shown_runs
from gandam_studio.core.reports.writing import ReportPlan, write_report
from gandam_studio.core.runs.labels import set_label
from trainer.protocol.run_directory import RunDirectory

EXAMPLES = Path(__file__).resolve().parent / "examples"
RUN, LOSS, CHANGES = "report", "bce-or-wasserstein", "five-changes"
NAMES = (RUN, LOSS, CHANGES)
SPRITES = "sprites"
"""The workspace of the demo, inside `--workspace`."""
DEMO = ("--preset", "sprite-r3-cpu", "--iterations", "1200")
MEASURED = ("--samples", "512", "--held-out", "0.2", "--no-estimate")
EXPERIMENTS = {
    LOSS: ("--from", "bce-or-wasserstein", "--pictures", "9600", *MEASURED),
    CHANGES: ("--from", "gandam-five", "--seeds", "3", "--pictures", "12800", *MEASURED),
}
RUNS_SHOWN = 2
MOST = {RUN: 1_000_000, LOSS: 1_100_000, CHANGES: 1_350_000}
"""Bytes of a page: moments are left out, so that the repository stays small."""


def main() -> None:
    """Train what is missing in the workspace, and write the pages."""
    parser = argparse.ArgumentParser(description="Make the example reports of the documentation again.")
    parser.add_argument("reports", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} [all of them]")
    parser.add_argument(
        "--workspace", type=Path, default=Path("example-runs"), help="folder of the runs [example-runs]"
    )
    parser.add_argument("--out", type=Path, default=EXAMPLES, help="folder for the reports [docs/examples]")
    options = parser.parse_args()
    wanted = options.reports or NAMES
    if unknown := set(wanted) - set(NAMES):
        parser.error(f"there is no report {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    options.workspace.mkdir(parents=True, exist_ok=True)
    workspace = options.workspace.resolve() / SPRITES
    if not workspace.is_dir():
        studio("demo", str(workspace), *DEMO)
    for name in wanted:
        experiment = carried_out(workspace, name) if name in EXPERIMENTS else None
        runs = shown_runs(experiment, RUNS_SHOWN) if experiment else [named(workspace)]
        target = options.out.resolve() / f"{name}.html"
        made = write_report(runs, target, ReportPlan(most=MOST[name]), experiment=experiment, force=True)
        print(f"{target}: {made['bytes']:,} bytes, moments {made['moments']} of {made['known']}", flush=True)


def studio(*arguments: str) -> None:
    """Run one command of the program; end if it fails."""
    done = subprocess.run([sys.executable, "-m", "gandam_studio", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def carried_out(workspace: Path, name: str) -> Path:
    """The folder of an experiment whose runs are all there; those that are missing are trained."""
    folder = workspace / "experiments" / name
    if not folder.is_dir():
        studio("experiment", "new", name, *EXPERIMENTS[name], "-w", str(workspace))
    studio("experiment", "run", name, "--no-estimate", "-w", str(workspace))
    return folder


def named(workspace: Path) -> RunDirectory:
    """The demo's run, with its name and note."""
    run = RunDirectory(workspace / "runs" / f"r1-{DEMO[1]}")
    set_label(run.path, name="Mechas in four minutes", note=note(DEMO))
    return run


def note(arguments: Sequence[str]) -> str:
    """What the run is, and the command that repeats it."""
    return f"The bundled mechas on two processor cores: gandam-studio demo {' '.join(arguments)}"


if __name__ == "__main__":
    main()
