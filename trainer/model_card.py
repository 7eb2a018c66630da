"""The model card of an exported model: what it was trained on and how, what the diagnosis says, and how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer.protocol.diagnosis import diagnosis_of
from trainer.protocol.diagnosis_cards import summary
from trainer.protocol.events import Diagnosed, RunResumed
from trainer.protocol.resources import resource_path
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import one_line, shortened
from trainer.protocol.weights import EMA, POST_HOC, is_post_hoc
from trainer.sampling import Trained

CARD = "MODEL_CARD.md"
EXAMPLE = "draw.py"
LONGEST_NOTE = 10_000
NO_NOTE = (
    "Nothing was noted about rights. Ask the person who trained the model before you use its pictures: the rights to "
    "the training pictures are not known here."
)


def example() -> str:
    """The source of a program that draws from an exported model without this one."""
    return resource_path("models", EXAMPLE).read_text(encoding="utf-8")


def card(trained: Trained, run: RunDirectory, note: str, files: Mapping[str, float]) -> str:
    """The card as Markdown. `note`: about rights, by the person. `files`: largest difference of each from the original.

    Text from the run's files is shown as text: no line of it can begin a heading or a link.
    """
    config, origin = trained.config, trained.config.origin
    lines = [f"# {_text(run.name)}", ""]
    lines += [
        f"A generator of sprites, {config.data.size} x {config.data.size} pixels"
        f"{' with transparency' if config.data.channels == 4 else ''}, trained by GANdam Studio.", "",
        "## Training pictures", "",
        *_table([
            ("Version", origin.version or "unknown"), ("Manifest (SHA-256)", origin.manifest or "unknown"),
            *_counts(run), ("Recipe", origin.recipe or "unknown"),
            ("Classes", ", ".join(trained.classes) or "none"),
        ]), "",
        "## Training", "",
        *_table([
            ("Preset", config.preset), ("Network", config.architecture.kind), ("Latent", str(trained.generator.latent)),
            ("Objective", config.objective.kind), ("Iteration", f"{trained.iteration:,}"),
            ("Weights", _weights(trained.weights)),
            ("Seed", str(config.seed)),
        ]), "", "All settings are in `generator.json`.", "",
        "## Diagnosis", "", *_diagnosis(run, trained.iteration), "",
        "## Rights", "", *_quoted(note or NO_NOTE), "",
        "## Files", "",
        *_table([(f"`{name}`", f"differs from the original by at most {value:.1e}") for name, value in files.items()],
                ("File", "Checked")), "",
        f"`{EXAMPLE}` draws from `generator.onnx` or `generator.safetensors` and needs no other program:", "",
        f"    python {EXAMPLE} --count 16 --seed 0 --out sprites.png", "",
        f"Inputs: `z` (batch, {trained.generator.latent}) float32 from N(0, 1)"
        f"{', `labels` (batch,) int64' if trained.classes else ''}. Output: pictures (batch, {config.data.channels}, "
        f"{config.data.size}, {config.data.size}) in [-1, 1].",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _weights(label: str) -> str:
    if is_post_hoc(label):
        return f"averaged after training, relative width {label.removeprefix(POST_HOC).strip()} (post-hoc EMA)"
    return "averaged (EMA)" if label == EMA else "of the last step"


def _text(text: str) -> str:
    """Text as Markdown shows it: on one line, with nothing that Markdown would read as more than text."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#!" else letter for letter in one_line(text))


def _quoted(note: str) -> list[str]:
    return [f"> {_text(line)}" for line in note[:LONGEST_NOTE].splitlines() or [""]]


def _table(rows: list[tuple[str, str]], heads: tuple[str, str] = ("What", "Value")) -> list[str]:
    shown = [f"| {name} | {_text(shortened(value, 400))} |" for name, value in rows]
    return [f"| {heads[0]} | {heads[1]} |", "|---|---|", *shown]


def _counts(run: RunDirectory) -> list[tuple[str, str]]:
    if not run.dataset_info_path.exists():
        return []
    info: dict[str, Any] = run.dataset_info()
    ids, split = info.get("ids"), info.get("split")
    if not isinstance(ids, list):
        return []
    held = sum(part != "train" for part in split) if isinstance(split, list) else 0
    return [("Pictures", f"{len(ids) - held:,} to train on, {held:,} held out")]


def _diagnosis(run: RunDirectory, iteration: int) -> list[str]:
    """What the newest diagnosis up to the checkpoint says."""
    found: list[Diagnosed] = []
    for event in run.events().read():
        if isinstance(event, Diagnosed):
            found.append(event)
        elif isinstance(event, RunResumed) and event.checkpoint:
            found = [one for one in found if one.iteration <= event.iteration]
    before = [one for one in found if one.iteration <= iteration]
    diagnosis = diagnosis_of(before[-1].values) if before else None
    if diagnosis is None:
        return ["This run was not diagnosed up to this checkpoint."]
    words = summary(diagnosis)
    lines = [f"At iteration {before[-1].iteration:,}: **{_text(words.title)}**. {_text(words.meaning)}"]
    if words.advice:
        lines += ["", _text(words.advice)]
    share = diagnosis.copying
    lines += ["", f"Share of samples that look like a training picture: {share.kappa:.1%} "
              f"(95 % interval {share.low:.1%} to {share.high:.1%}, {diagnosis.samples:,} samples)."]  # fmt: skip
    if diagnosis.quality is not None:
        lines += ["", f"Quality (KID, {_text(diagnosis.features)}): {diagnosis.quality.kid:.4f}, lower is better."]
    return lines
