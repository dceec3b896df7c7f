"""Medians over seeds, paired differences and their intervals, as Markdown."""

import numpy as np
from numpy.typing import NDArray

from protocol import Arm
from published_signal import Trained

Array = NDArray[np.float64]


def ranged(values: Array) -> str:
    """The median, and the 10–90 % range over the seeds."""
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return f"{middle:.4f} ({low:.4f} to {high:.4f})"


def interval(values: Array) -> str:
    """The median of 16 numbers, and the fourth and thirteenth: an interval for the median at level 0.979, whatever their distribution."""
    ordered = np.sort(values)
    assert len(ordered) == 16
    # Adding 0 turns a rounded −0 into 0.
    middle, low, high = (round(float(value), 4) + 0.0 for value in (np.median(ordered), ordered[3], ordered[12]))
    return f"{middle:+.4f} [{low:+.4f}, {high:+.4f}]"


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def compared(studies: dict[str, list[Arm]]) -> str:
    """All models of all data sets; the first of each is what the others are compared with."""
    lines = [
        row("data", "model", "what acts", "held-out error", "support", "design better", "design − this one"),
        row(*["---"] * 7),
    ]
    for data, arms in studies.items():
        first = arms[0]
        for arm in arms:
            difference = first.errors - arm.errors
            pair = ("", "") if arm is first else (f"{np.sum(difference < 0)} of {len(difference)}", interval(difference))
            support = f"{np.median(arm.support):g}"
            lines.append(row(data if arm is first else "", arm.name, arm.regime, ranged(arm.errors), support, *pair))
    return "\n".join(lines)


def knobs(studies: dict[str, list[Arm]]) -> str:
    """What the folds chose: median and range over the seeds."""
    lines = [row("data", "model", "chosen by the folds"), row(*["---"] * 3)]
    for data, arms in studies.items():
        lines += [row(data if arm is arms[0] else "", arm.name, arm.knob) for arm in arms]
    return "\n".join(lines)


def apart(kinds: list[Trained]) -> str:
    """Flow and noise: what the full batch without noise gains on w itself, and what each noise gains on that, at the end and by the mean of w."""
    plain, flow = kinds[:2]
    lines = [
        row(
            "training",
            "error at the end",
            "of the mean of w",
            "gain of the flow",
            "of the noise, at the end",
            "of the noise, mean of w",
            "share of the noise",
        ),
        row(*["---"] * 7),
    ]
    start = flow
    for kind in kinds:
        start = kind if kind.without_noise else start
        gain, noise, late = plain.end - start.end, start.end - kind.end, start.mean - kind.mean
        parts = [""] * 4
        if kind is plain:
            start = flow
        elif kind is start:
            parts[0] = interval(gain)
        else:
            parts = [interval(gain), interval(noise), interval(late), f"{100 * np.median(late / (gain + late)):+.2f} %"]
        lines.append(row(kind.name, ranged(kind.end), ranged(kind.mean), *parts))
    return "\n".join(lines)
