"""The published piecewise constant signal: the design against an explicit penalty, and its effect taken apart into flow and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import solvers
from designs import SEEDS, Model, Program, Section, designed, spec_of, vanilla
from protocol import Arm, Split, Task, penalised, trained

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
SIZE, SEEN = 200, 60
STEPS = 200_000
BATCH = 15
DRAWN = {
    "signal": "concat([full(50, 1.0), full(70, -1.5), full(40, 0.5), full(40, 2.0)])",
    "A_all": f"normal({SEEN}, {SIZE}) / sqrt({SEEN})",
    "y_all": f"A_all @ signal + 0.1 * normal({SEEN})",
}
TASK = Task(
    "signal of four levels",
    Split(SEEN, SEEN),
    {"A": "A_all[used]", "y": "y_all[used]"},
    loss="mean((A @ predictor - y)**2)",
    error="mean((predictor - signal)**2)",
    drawn=DRAWN,
    fold_error="mean((A_all[judged] @ predictor - y_all[judged])**2)",
)


def jumps(w: Array) -> float:
    """Number of differences above 1 % of the range."""
    return float(np.sum(np.abs(np.diff(w)) > 0.01 * max(np.ptp(w), 1e-12)))


def design(program: Program, scale: str) -> Model:
    """The design with a small start."""
    arguments = ["--target", "total-variation", "--size", str(SIZE), "--regime", "flow", "--scale", scale]
    return designed(program, 1e-3, *arguments)


def studies(program: Program) -> dict[str, list[Arm]]:
    """Reconstruction errors; all knobs are chosen by the 60 measurements alone."""
    drawn = TASK.drawings(program, ["A_all", "y_all", "signal"])
    A, y, signal = (drawn[name].astype(float) for name in ("A_all", "y_all", "signal"))
    rows = [TASK.split.rows(order.astype(np.int64)) for order in drawn["order"]]
    sums = np.tril(np.ones((SIZE, SIZE)))

    def error(seed: int, w: Array, used: Rows, judged: Rows) -> float:
        """Of the whole the distance from the signal, of a fold that of its measurements."""
        if len(used) == SEEN:
            return float(np.mean((w - signal[seed]) ** 2))
        return float(np.mean((A[seed][judged] @ w - y[seed][judged]) ** 2))

    def path(seed: int, used: Rows, strengths: Array) -> Array:
        return solvers.lasso_with_level(A[seed][used] @ sums, y[seed][used], strengths) @ sums.T

    def strengths(seed: int, used: Rows) -> Array:
        return solvers.grid(solvers.largest_with_level(A[seed][used] @ sums, y[seed][used]), 30)

    def reached(seed: int, w: Array) -> float:
        return error(seed, w, *rows[seed][0])

    starts = {scale: design(program, scale) for scale in ("0.1", "0.02", "0.004")}
    plain = {"": vanilla(str(SIZE), 1e-2)}
    return {
        "signal of four levels": [
            trained(program, TASK, "designed", "flow", starts, STEPS, 2_000, reached, jumps),
            trained(program, TASK, "vanilla", "flow", plain, STEPS // 10, 100, reached, jumps),
            penalised("total variation", rows, path, strengths, error, jumps),
        ]
    }


@dataclass(frozen=True)
class Trained:
    """Reconstruction error of every seed under one kind of training: at the end, and of the mean of w over the last quarter."""

    name: str
    end: Array
    mean: Array
    without_noise: bool


def one_factor(scale: float) -> Model:
    """w_i − w_(i−1) = x|x|/2 from small random x: under isotropic noise R = ½ Σ log|w_i − w_(i−1)| on all w, as for u∘v under noise across the orbits.

    Noise across the orbits of u∘v needs a decomposition of a 200 × 399 matrix at every step, a thousand times as long, and holds every step of the
    signal on the side where it started; x goes through 0.
    """
    param = {"c": "zeros(1)", "x": f"{scale} * normal({SIZE - 1})"}
    return Model({}, param, {"predictor": "cumsum(concat([c, 0.5 * x * abs(x)]))"}, {"optimizer": "sgd", "step_size": 1e-3})


def injected(model: Model, temperature: float) -> Model:
    """The same model with noise of a temperature on all its parameters."""
    train = {**model.train, "optimizer": "langevin", "noise": "isotropic", "temperature": temperature}
    return Model(model.data, model.param, model.model, train)


def under(program: Program, name: str, model: Model, steps: int = STEPS, batch: int | None = None, label: float = 0.0) -> Trained:
    """Train without folds, with one kind of noise."""
    data = {"order": f"permutation({SEEN})", "A": "A_all[order]", "y": "y_all[order]"}
    loss, drawn = TASK.loss, {}
    if batch:
        # A mask of `batch` ones: the same draws as rows by number, and a plain matrix product.
        drawn = {"batch": {"m": f"where(permutation({SEEN}) < {batch}, 1.0, 0.0)"}}
        loss = f"sum(m * (A @ predictor - y)**2) / {batch}"
    noisy = {"noise": "label", "label_noise": label} if label else {}
    model = Model(model.data, model.param, model.model, {**model.train, **noisy})
    log: Section = {"error": TASK.error, "w": "predictor"}
    spec = spec_of(TASK.title, model, {**DRAWN, **data}, loss, log, **drawn)
    signal = program.observe(spec, ["signal"])["signal"]
    found = program.simulate(spec, steps, steps // 100)[""]
    late = found["w"][-25:].astype(float).mean(axis=0)
    quiet = not batch and not label and "noise" not in model.train
    return Trained(name, found["error"][-1].astype(float), np.mean((late - signal) ** 2, axis=1), quiet)


def taken_apart(program: Program) -> list[Trained]:
    """w itself and the flow of the design first, then the design with one kind of noise each."""
    model, plain = design(program, "0.1"), vanilla(str(SIZE), 1e-2)
    temperatures = (1e-6, 1e-5, 1e-4, 1e-3)
    kinds = [
        under(program, "w itself, full batch", plain, STEPS // 10),
        under(program, "design, full batch, no noise", model),
        under(program, f"design, batches of {BATCH} of {SEEN}", model, batch=BATCH),
        *(under(program, f"design, label noise of {label:g}", model, label=label) for label in (1.0, 5.0)),
        *(
            under(program, f"design, τ = {temperature:.0e} on u, v and the level", injected(model, temperature))
            for temperature in temperatures
        ),
        under(program, "one factor x, no noise", one_factor(0.1)),
        *(under(program, f"one factor x, τ = {temperature:.0e}", injected(one_factor(0.1), temperature)) for temperature in temperatures),
    ]
    assert all(len(kind.end) == SEEDS for kind in kinds)
    return kinds
