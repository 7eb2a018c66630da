"""Give an experiment another title, or a note; its plan, which never changes, keeps the first title."""

from __future__ import annotations

from gandam_studio.core.experiments.folder import Experiment
from gandam_studio.core.experiments.results import write_results
from gandam_studio.core.runs.labels import set_label


def name_experiment(experiment: Experiment, *, title: str | None = None, note: str | None = None) -> None:
    """Call it `title` from now on, in lists, results and reports, or note something about it; None keeps what is there.

    An empty title restores the plan's, as its own words do. The folder keeps its name, and so do runs that were made.
    Raises UserError for text that cannot be stored and for a folder that cannot be written to.
    """
    if title is not None and title.strip() == experiment.plan.title:
        title = ""
    set_label(experiment.folder, name=title, note=note)
    if experiment.results_path.is_file():
        write_results(experiment)  # Reports read the title there.
