"""Which weights of a checkpoint samples were drawn from, as files and commands name them; averages in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

EMA, RAW, POST_HOC = "ema", "raw", "post-hoc"
"""The average kept while training; those of the last step; an average that was made afterwards, followed by its width.

The last is also the name of the checkpoint that holds it."""
CHOICES = ("auto", EMA, RAW, POST_HOC)
"""What a command takes: auto is the average if there is one."""
NARROWEST, WIDEST = 0.03, 0.25
"""Relative widths of averages that can be made after training. A profile that is flat from the start has .289."""
CANDIDATES = (0.04, 0.05, 0.065, 0.08, 0.1, 0.125, 0.16, 0.2, 0.25)
"""Widths that are tried where none is given."""
_LABEL = re.compile(rf"{EMA}|{RAW}|{POST_HOC} 0\.[0-9]{{1,4}}")


def post_hoc_label(width: float) -> str:
    """What samples of an average of this width say of themselves, such as "post-hoc 0.14"."""
    return f"{POST_HOC} {width:.4f}".rstrip("0")


def is_label(text: object) -> bool:
    """Whether `text` names the weights of a sample."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def is_post_hoc(label: str) -> bool:
    """Whether these are the weights of an average that was made after training."""
    return label.startswith(POST_HOC)


CLEAR = 2.0
"""So many standard errors a difference of quality is, to be called one."""


def average_sentence(answer: Mapping[str, Any]) -> str:
    """Whether the average that `average` has made draws better than the run's own weights; "" where that is unknown."""
    found = answer.get("quality")
    if not found:
        return ""
    z = found["difference"] / max(found["difference_error"], 1e-12)
    values = (
        f"KID {found['kid']:.3g} against {found['own']:.3g}, "
        f"difference {found['difference']:+.2g} ± {found['difference_error']:.1g}"
    )
    if z <= -CLEAR:
        return f"it draws better than the run's own weights ({values})"
    if z >= CLEAR:
        return f"the run's own weights draw better ({values}): keep using those"
    return f"it draws no better than the run's own weights that could be told ({values})"


def average_lines(answer: Mapping[str, Any]) -> list[str]:
    """What `average` has made, in lines for a terminal."""
    lines = [f"width {look['width']:<6g} KID {look['kid']:.4g}" for look in answer["widths"]]
    count = len(answer["moments"])
    of = f"{count} checkpoints" if count > 1 else "one checkpoint"
    lines.append(
        f"average of width {answer['width']:g} at iteration {answer['iteration']:,}, made of {of} "
        f"(its profile to {answer['error']:.1%}); draw from it with --iteration {POST_HOC}"
    )
    sentence = average_sentence(answer)
    return [*lines, sentence] if sentence else lines
