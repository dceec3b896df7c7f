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
    return f"{np.median(ordered):+.4f} [{ordered[3]:+.4f}, {ordered[12]:+.4f}]"


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
    """Flow and noise: what the full batch without noise gains on w itself, and what each noise gains on that."""
    plain, flow = kinds[:2]
    lines = [
        row("training", "reconstruction error", "of the mean of w", "gain of the flow", "gain of the noise", "noise, of the sum"),
        row(*["---"] * 6),
    ]
    start = flow
    for kind in kinds:
        if kind.without_noise:
            start = kind
        gain, noise = plain.end - start.end, start.end - kind.end
        parts = ("", "", "")
        if kind is not plain:
            share = f"{100 * np.median(noise / (gain + noise)):+.2f} %"
            parts = (interval(gain), *(("", "") if kind is start else (interval(noise), share)))
        lines.append(row(kind.name, ranged(kind.end), ranged(kind.mean), *parts))
    return "\n".join(lines)
