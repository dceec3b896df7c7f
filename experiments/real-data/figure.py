"""Every seed's ratio of errors, the design's over that of an explicit penalty."""

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "gaugebias", "font.family": "sans-serif", "font.size": 9})

import matplotlib.pyplot as plt  # noqa: E402 (the backend is chosen first)

from protocol import Arm  # noqa: E402


def differences(studies: dict[str, list[Arm]], path: Path) -> None:
    """One line of 16 points for each penalty, and a bar at the median; left of 1 the design is better."""
    lines = [
        (f"{data}: {arm.name}", arms[0].errors / arm.errors) for data, arms in studies.items() for arm in arms if "explicit" in arm.regime
    ]
    figure, axes = plt.subplots(figsize=(8.4, 0.32 * len(lines) + 1.2), layout="constrained")
    spread = np.linspace(-0.18, 0.18, 16)
    for height, (_, ratios) in enumerate(reversed(lines)):
        axes.plot(ratios, height + spread, "o", color="#1f6f8b", alpha=0.55, markersize=3.5, markeredgewidth=0)
        axes.plot([np.median(ratios)] * 2, [height - 0.32, height + 0.32], color="#c44536", linewidth=2)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log", base=2)
    ticks = [0.7, 1, 1.4, 2, 3, 4]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(lines)), [name for name, _ in reversed(lines)])
    axes.set_xlim(0.6, 5)
    axes.set_xlabel("error of the design / of the penalty (bar: median)")
    axes.text(0.97, len(lines) - 0.4, "design better", ha="right", va="bottom")
    axes.text(1.03, len(lines) - 0.4, "penalty better", ha="left", va="bottom")
    axes.set_ylim(-0.7, len(lines) + 0.2)
    axes.grid(axis="x", linewidth=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
