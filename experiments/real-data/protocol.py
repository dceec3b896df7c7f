"""One protocol for all models: random splits, five folds inside the training part, one knob each, held-out errors of 16 seeds.

Seed s draws its permutation of the rows in [data]; the rivals read it from the program's log, so that all see the same splits.
A designed or vanilla model has the number of steps (and, if designed, the size of its start) as its knob, a penalty its strength; every knob is
the one with the least error over the five folds, each judged by models that have not seen it, and the model is then trained on all training rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from designs import SEEDS, Model, Program, Section, Spec, spec_of

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Spans = list[tuple[int, int]]
Splits = list[list[tuple[Rows, Rows]]]  # by seed; the whole, then the folds; rows trained on, rows judged
Judge = Callable[[int, Array, Rows, Rows], float]  # seed, w, rows trained on, rows judged
FOLDS = 5


@dataclass(frozen=True)
class Arm:
    """What became of one model: its regime, held-out errors and sizes of the support by seed, and the knobs that were chosen."""

    name: str
    regime: str
    errors: Array
    support: Array
    knob: str


@dataclass(frozen=True)
class Split:
    """`count` units, of which the first `trained` of a random order are trained on."""

    count: int
    trained: int

    def parts(self) -> Iterator[tuple[str, Spans, tuple[int, int]]]:
        """(name, places in the order that are trained on, places that are judged): first the whole, then the folds."""
        # Where all are trained on, what the whole is judged by is not one of the units.
        yield "", [(0, self.trained)], (self.trained, self.count) if self.trained < self.count else (0, self.count)
        edges = [self.trained * fold // FOLDS for fold in range(FOLDS + 1)]
        for fold, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
            kept = [(first, last) for first, last in ((0, low), (high, self.trained)) if first < last]
            yield f"fold-{fold}", kept, (low, high)

    def rows(self, order: Rows) -> list[tuple[Rows, Rows]]:
        """(rows trained on, rows judged) for the whole and for each fold."""
        return [(np.concatenate([order[low:high] for low, high in used]), order[judged[0] : judged[1]]) for _, used, judged in self.parts()]

    def data(self, used: Spans, judged: Spans) -> Section:
        """`used` and `judged` as indices."""
        return {name: indices(spans) for name, spans in (("used", used), ("judged", judged))}


@dataclass(frozen=True)
class Masked(Split):
    """The same with ones and zeros in the place of indices; the unit with number i stands at place order[i]."""

    def rows(self, order: Rows) -> list[tuple[Rows, Rows]]:
        return super().rows(np.argsort(order))

    def data(self, used: Spans, judged: Spans) -> Section:
        return {name: " + ".join(map(mask, spans)) for name, spans in (("used", used), ("judged", judged))}


def indices(spans: Spans) -> str:
    """The units at some places of the order, in the array language."""
    parts = [f"order[{low}:{high}]" for low, high in spans]
    return f"concat([{', '.join(parts)}])" if len(parts) > 1 else parts[0]


def mask(span: tuple[int, int]) -> str:
    """1 for the units at some places of the order, in the array language."""
    return f"where(order < {span[0]}, 0.0, where(order < {span[1]}, 1.0, 0.0))"


@dataclass(frozen=True)
class Task:
    """Units that are split, what is drawn before the split and made behind it, the loss, its form on a batch, and the error of what is judged.

    `fold_error` is what the folds are judged by where that is not the error of the whole (a signal is known, its measurements are what folds hold out).
    """

    title: str
    split: Split
    data: Section
    loss: str
    error: str
    batch_loss: str = ""
    drawn: Section = field(default_factory=dict)
    fold_error: str = ""

    def spec(self, model: Model, batch: Callable[[int], Section] | None = None, every_w: bool = False) -> Spec:
        """The whole and its folds as one spec; batch(number of units) is the section [batch]. Folds record w only if `every_w`."""
        variants = []
        for name, used, judged in self.split.parts():
            count = sum(high - low for low, high in used)
            log = {"error": self.fold_error or self.error, "w": "predictor" if every_w else False}
            drawn = {"batch": batch(count)} if batch else {}
            variants.append({"name": name, "data": self.split.data(used, [judged]), "log": log, **drawn})
        whole = {"batch": variants[0]["batch"]} if batch else {}
        log = {"error": self.error, "w": "predictor"}
        loss = self.batch_loss if batch else self.loss
        return spec_of(self.title, model, self.whole(), loss, log, variant=variants[1:], **whole)

    def whole(self) -> Section:
        """[data] of the whole."""
        _, used, judged = next(self.split.parts())
        return {**self.drawn, "order": f"permutation({self.split.count})", **self.split.data(used, [judged]), **self.data}

    def drawings(self, program: Program, names: list[str]) -> dict[str, Array]:
        """What [data] holds for every seed, and the permutations under `order`."""
        model = Model({}, {"a": "zeros(1)"}, {}, {})
        return program.observe(spec_of(self.title, model, self.whole(), "sum(a**2)", {}), ["order", *names])

    def rows(self, program: Program) -> Splits:
        """The splits of every seed."""
        return [self.split.rows(order.astype(np.int64)) for order in self.drawings(program, [])["order"]]


def trained(
    program: Program,
    task: Task,
    name: str,
    regime: str,
    starts: dict[str, Model],
    steps: int,
    every: int,
    error: Callable[[int, Array], float],
    support: Callable[[Array], float],
    batch: Callable[[int], Section] | None = None,
) -> Arm:
    """Train a model from every start on the whole and on all folds, choose start and step by the folds.

    `error` judges the final w of a seed without the program, from the split that the rivals use: both must agree.
    """
    judged, kept, records = [], [], np.zeros(0)
    for model in starts.values():
        logs = program.simulate(task.spec(model, batch), steps, every)
        judged.append(np.mean([logs[f"fold-{fold}"]["error"] for fold in range(FOLDS)], axis=0))
        kept.append((logs[""]["error"], logs[""]["w"]))
        records = logs[""]["step"]
    folds = np.nan_to_num(np.array(judged, dtype=float), nan=np.inf)  # [starts, records, seeds]; a diverged run is never chosen
    errors, supports, chosen = [], [], []
    for seed in range(SEEDS):
        start, record = np.unravel_index(np.argmin(folds[:, :, seed]), folds.shape[:2])
        w, told = kept[start][1][record, seed].astype(float), float(kept[start][0][record, seed])
        found = error(seed, w)
        assert abs(found - told) <= 1e-3 * max(told, 1e-3), f"{task.title}, {name}: {told} by the program, {found} here"
        errors.append(found)
        supports.append(support(w))
        chosen.append((list(starts)[start], int(records[record])))
    return Arm(name, regime, np.array(errors), np.array(supports), knob_of(chosen, steps))


def picked(rows: Splits, candidates: list[dict[str, Array]], error: Judge) -> list[int]:
    """For every seed the candidate, w by part and seed, that the folds find best."""
    best = []
    for seed, parts in enumerate(rows):
        judged = [[error(seed, w[f"fold-{fold}"][seed], *parts[fold + 1]) for fold in range(FOLDS)] for w in candidates]
        best.append(int(np.argmin(np.nan_to_num(np.mean(judged, axis=1), nan=np.inf))))
    return best


def ended(name: str, regime: str, rows: Splits, ends: list[Array], error: Judge, support: Callable[[Array], float], knob: str) -> Arm:
    """The arm of one w for every seed."""
    errors = [error(seed, w, *parts[0]) for seed, (w, parts) in enumerate(zip(ends, rows, strict=True))]
    return Arm(name, regime, np.array(errors), np.array([support(w) for w in ends]), knob)


def noisy(
    program: Program,
    task: Task,
    name: str,
    model: Model,
    levels: list[float],
    steps: int,
    rows: Splits,
    error: Judge,
    support: Callable[[Array], float],
) -> Arm:
    """Train to the end under label noise and take the mean of w over the second half; the knob is the noise, chosen by the folds.

    For standardised columns and n rows the gradient of a full batch by w_i has the variance E[a_i²] = 4σ²/n beside what is left of the residual,
    and the design u∘v the penalty P = ½ η E[a_i²] |w_i| on mean((Xw − y)²): a Lasso (which halves the loss) of strength λ = ησ²/n.
    """
    means = []
    for level in levels:
        train = {**model.train, "noise": "label", "label_noise": level}
        logs = program.simulate(task.spec(Model(model.data, model.param, model.model, train), every_w=True), steps, steps // 200)
        means.append({part: found["w"][100:].astype(float).mean(axis=0) for part, found in logs.items()})
    best = picked(rows, means, error)
    chosen = np.array([levels[index] for index in best])
    strengths = model.train["step_size"] * chosen**2 / task.split.trained
    text = f"σ {np.median(chosen):g} ({chosen.min():g} to {chosen.max():g}); by the formula λ = ησ²/n = {np.median(strengths):.2g}"
    text += f" ({strengths.min():.2g} to {strengths.max():.2g}); {steps:,} steps"
    return ended(name, "label noise", rows, [means[index][""][seed] for seed, index in enumerate(best)], error, support, text)


def averaged(
    program: Program,
    task: Task,
    name: str,
    models: list[Model],
    steps: int,
    every: int,
    rows: Splits,
    error: Judge,
    support: Callable[[Array], float],
) -> Arm:
    """The mean of w over several models, each trained alone; the number of steps is chosen for the mean."""
    logs = [program.simulate(task.spec(model, every_w=True), steps, every) for model in models]
    mean = {part: np.mean([log[part]["w"] for log in logs], axis=0, dtype=float) for part in logs[0]}
    records = logs[0][""]["step"]
    best = picked(rows, [{part: w[record] for part, w in mean.items()} for record in range(len(records))], error)
    ends = [mean[""][record, seed] for seed, record in enumerate(best)]
    return ended(name, "flow", rows, ends, error, support, knob_of([("", int(records[record])) for record in best], steps))


def knob_of(chosen: list[tuple[str, int]], last: int) -> str:
    """The chosen starts and steps in words."""
    starts = [start for start, _ in chosen]
    counts = ", ".join(f"{start} × {starts.count(start)}" for start in dict.fromkeys(sorted(starts)) if start)
    steps = np.array([step for _, step in chosen])
    text = f"steps {int(np.median(steps)):,} ({steps.min():,} to {steps.max():,})"
    end = int(np.sum(steps == last))
    return "; ".join(part for part in (text, f"start {counts}" if counts else "", f"{end} at the last step" if end else "") if part)


def penalised(
    name: str,
    rows: Splits,
    path: Callable[[int, Rows, Array], Array],
    strengths: Callable[[int, Rows], Array],
    error: Judge,
    support: Callable[[Array], float],
    regime: str = "explicit penalty",
    knob: str = "λ",
) -> Arm:
    """An explicit penalty, its strength chosen by the same folds: path(seed, used rows, strengths) is [strengths, …]."""
    errors, supports, chosen = [], [], []
    for seed, parts in enumerate(rows):
        values = strengths(seed, parts[0][0])
        paths = [path(seed, used, values) for used, _ in parts]
        folds = [[error(seed, w, *part) for w in found] for found, part in zip(paths[1:], parts[1:], strict=True)]
        best = int(np.argmin(np.mean(folds, axis=0)))
        errors.append(error(seed, paths[0][best], *parts[0]))
        supports.append(support(paths[0][best]))
        chosen.append(values[best])
    ends = np.array(chosen)
    text = f"{knob} {np.median(ends):.2g} ({ends.min():.2g} to {ends.max():.2g})"
    return Arm(name, regime, np.array(errors), np.array(supports), text)


def above(share: float) -> Callable[[Array], float]:
    """Number of entries above a share of the largest."""
    return lambda w: float(np.sum(np.abs(w) > share * np.abs(w).max())) if np.any(w) else 0.0
