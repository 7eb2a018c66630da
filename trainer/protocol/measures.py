"""What the curves and numbers of a run mean, in a sentence each: for tool tips and for the documentation."""

from __future__ import annotations

MEASURES: dict[str, tuple[str, str]] = {
    "loss_d": (
        "Discriminator's loss",
        "How badly the discriminator tells real pictures from generated ones. Good: it wavers around one level. "
        "Bad: it stays at 0 (it has won, and the generator learns nothing) or grows without end.",
    ),
    "loss_g": (
        "Generator's loss",
        "How badly the generator fools the discriminator. Good: it wavers around one level; it need not fall. "
        "Bad: it climbs for thousands of iterations, or grows by orders of magnitude.",
    ),
    "d_real": (
        "Score of real pictures, D(x)",
        "The discriminator's mean score of training pictures; higher means more real. Good: a little above D(G(z)). "
        "Bad: the gap widens all the time.",
    ),
    "d_fake": (
        "Score of generated pictures, D(G(z))",
        "The discriminator's mean score of generated pictures. Good: close below D(x). "
        "Bad: it falls ever further below.",
    ),
    "grad_norm_d": (
        "Gradient of the discriminator",
        "How strongly a step changes the discriminator. Good: steady within a factor of ten. "
        "Bad: it grows steadily, or jumps together with the losses.",
    ),
    "grad_norm_g": (
        "Gradient of the generator",
        "How strongly a step changes the generator. Good: steady within a factor of ten. "
        "Bad: it falls to nearly 0 (nothing is learnt) or explodes.",
    ),
    "penalty": (
        "Gradient penalty",
        "How steep the discriminator's score is; its weight keeps it small. Good: small and steady. "
        "Bad: it grows; then a larger penalty weight helps (regulariser.weight).",
    ),
    "loss": (
        "Loss",
        "How far the network is from the pictures in the noise, where little noise counts most. Good: it falls, "
        "quickly at first, then slowly and noisily. Bad: it rises for long, or jumps to many times its value.",
    ),
    "error_much_noise": (
        "Error with much noise",
        "How far the guessed picture is from the real one where there is mostly noise: the shape. Good: it falls at "
        "first and then stays, since noise leaves open what is in it. Bad: it rises.",
    ),
    "error_some_noise": (
        "Error with some noise",
        "The same where noise and picture are about even: limbs and colours. Good: it falls for long. Bad: it rises.",
    ),
    "error_little_noise": (
        "Error with little noise",
        "The same where there is hardly any noise: the last details. Good: it falls to nearly 0. Bad: it rises.",
    ),
    "kid": (
        "Quality (KID, lower is better)",
        "Distance between generated pictures and held-out sprites. Good: it falls, quickly at first. "
        "Bad: it rises for long, or has not fallen for half of the run. Compare it within one data set only.",
    ),
    "kid_best": (
        "Quality of the best moment so far",
        "The quality (KID) of the checkpoint called best, measured again with other random numbers, because the lowest "
        "of many values is low by luck too. Good: it falls now and then. Bad: it has not fallen for half of the run.",
    ),
    "pictures_per_s": (
        "Speed",
        "Training pictures a second. Good: steady. "
        "Bad: it drops; then another program uses the processor, or memory is short.",
    ),
}
"""Name in the events -> a name for people, and what it is with what good and bad look like."""


_BY = " by "


def measured_by(name: str, features: str) -> str:
    """A name of its own for values in other features than those that are called `name`."""
    return f"{name}{_BY}{features}"


def title(name: str) -> str:
    """A curve's or number's name for people; an unknown one is returned as it is."""
    known, _, features = name.partition(_BY)
    if known not in MEASURES:
        return name
    return f"{MEASURES[known][0]}, by {features}" if features else MEASURES[known][0]


def in_words(name: str) -> str:
    """The same within a sentence: "the discriminator's loss"."""
    return f"the {title(name)[:1].lower()}{title(name)[1:]}" if name in MEASURES else name


def meaning(name: str) -> str:
    """The sentence about a curve or number; "" for an unknown one."""
    known, _, features = name.partition(_BY)
    if known not in MEASURES:
        return ""
    other = " It is in other features than the other values, so that they cannot be compared." if features else ""
    return MEASURES[known][1] + other
