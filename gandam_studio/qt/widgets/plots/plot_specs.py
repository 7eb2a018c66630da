"""The plots of a run, with curves chosen by its objective and regulariser."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from trainer.protocol.config import TrainConfig
from trainer.protocol.measures import MEASURES, meaning


@dataclass(frozen=True)
class LineSpec:
    """One line: the curve's name in the events, its label, a theme token and a dash."""

    curve: str
    label: str
    color: str
    dash: str = "solid"


@dataclass(frozen=True)
class PlotSpec:
    """One plot; `log` is the scale it starts with."""

    title: str
    lines: tuple[LineSpec, ...]
    log: bool = False

    @property
    def meaning(self) -> str:
        """What the lines are, and what good and bad look like; for a tool tip."""
        told = dict.fromkeys(_measure(line.curve) for line in self.lines)
        titles = {name: MEASURES[name][0] for name in told if name in MEASURES}
        return "\n\n".join(f"{title} ({name}): {meaning(name)}" for name, title in titles.items())


def plot_specs(config: TrainConfig | None) -> list[PlotSpec]:
    """The plots of a run: D loss, G loss, scores of real and generated pictures, gradients and penalties.

    Those of a flow, which has no discriminator: its loss, errors by how much noise there was, and gradients.
    """
    if config is not None and config.is_flow:
        return [
            PlotSpec(_tr("Loss"), (LineSpec("loss", _tr("of the flow"), "plot_3"),), log=True),
            PlotSpec(
                _tr("Errors, by how much noise hides the picture"),
                (
                    LineSpec("error_much_noise", _tr("much"), "plot_1"),
                    LineSpec("error_some_noise", _tr("some"), "plot_2", "dash"),
                    LineSpec("error_little_noise", _tr("little"), "plot_4", "dot"),
                ),
                log=True,
            ),
            PlotSpec(
                _tr("Size of the steps (gradients)"), (LineSpec("grad_norm_g", _tr("of the flow"), "plot_3"),), log=True
            ),
        ]
    objective = config.objective.kind if config else "bce"
    regulariser = config.regulariser.kind if config else "none"
    critic = objective == "wasserstein"
    first = PlotSpec(
        _tr("Critic loss") if critic else _tr("Discriminator loss"),
        (LineSpec("loss_d_real", _tr("real"), "plot_1"), LineSpec("loss_d_fake", _tr("generated"), "plot_2", "dash")),
    )
    if objective == "relativistic":
        # Real and generated pictures are scored as pairs, so there is only one loss.
        first = PlotSpec(_tr("Discriminator loss"), (LineSpec("loss_d", _tr("real and generated"), "plot_1"),))
    second = PlotSpec(_tr("Generator loss"), (LineSpec("loss_g", _tr("generator"), "plot_3"),))
    third = PlotSpec(
        _tr("Scores by the critic") if critic else _tr("Scores by the discriminator"),
        (LineSpec("d_real", _tr("real"), "plot_1"), LineSpec("d_fake", _tr("generated"), "plot_2", "dash")),
    )
    lines = [
        LineSpec("grad_norm_d", _tr("discr."), "plot_1"),
        LineSpec("grad_norm_g", _tr("gen."), "plot_3", "dash"),
    ]
    title = _tr("Size of the steps (gradients)")
    if regulariser != "none":
        name = _tr("penalty")
        lines.append(LineSpec("penalty", name, "plot_4", "dot"))
        title = _tr("Size of the steps (gradients)")
    return [first, second, third, PlotSpec(title, tuple(lines), log=True)]


def _measure(curve: str) -> str:
    """The measure that a curve is part of: losses of real and generated pictures add up to one."""
    return "loss_d" if curve.startswith("loss_d") else curve


def _tr(text: str) -> str:
    return QCoreApplication.translate("plot_specs", text)
