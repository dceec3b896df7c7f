"""Matrix completion: the expression of 40 genes in 100 blood cells, half of the entries seen."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

import solvers
import sources
from designs import Model, Program, Section, designed
from protocol import Arm, Masked, Task, penalised, trained

Array = NDArray[np.float64]
Places = NDArray[np.int64]
SHARE = 0.1


class Completion:
    """Entries of a matrix less the mean of each gene over its seen entries; an error of 1 is that of these means."""

    def __init__(self, program: Program, title: str, matrix: Array) -> None:
        self.matrix = matrix
        rows, columns = matrix.shape
        np.savetxt(program.folder / "matrix.csv", matrix, delimiter=",", fmt="%.9g")
        data = {
            "matrix": "load('matrix.csv')",
            "seen": f"reshape(used, {rows}, {columns})",
            "unseen": f"reshape(judged, {rows}, {columns})",
            "count": "sum(seen)",
            "Z": "matrix - sum(seen * matrix, axis=0) / sum(seen, axis=0)",
            "spread": "sum(unseen * Z**2)",
        }
        self.task = Task(
            title,
            Masked(matrix.size, matrix.size // 2),
            data,
            loss="sum(seen * (predictor - Z)**2) / count",
            batch_loss=f"sum(m * seen * (predictor - Z)**2) / ({SHARE} * count)",
            error="sum(unseen * (predictor - Z)**2) / spread",
        )
        self.rows = self.task.rows(program)

    def centred(self, used: Places) -> tuple[Array, Array]:
        """The matrix less the means of the seen entries, and the mask of these."""
        mask = np.zeros(self.matrix.size)
        mask[used] = 1
        mask = mask.reshape(self.matrix.shape)
        return self.matrix - (mask * self.matrix).sum(axis=0) / mask.sum(axis=0), mask

    def error(self, seed: int, w: Array, used: Places, judged: Places) -> float:
        """Squared error of the judged entries, in units of that of the means."""
        wanted = self.centred(used)[0].reshape(-1)[judged]
        return float(np.sum((w.reshape(-1)[judged] - wanted) ** 2) / np.sum(wanted**2))

    def held_out(self, seed: int, w: Array) -> float:
        """The same of the unseen entries of a seed."""
        return self.error(seed, w, *self.rows[seed][0])

    def batch(self, count: int) -> Section:
        """A tenth of the entries, drawn anew at every step."""
        return {"m": f"bernoulli({SHARE}, {self.matrix.shape[0]}, {self.matrix.shape[1]})"}


def rank(w: Array) -> float:
    """Number of singular values above 1 % of the largest."""
    values = np.linalg.svd(w, compute_uv=False)
    return float(np.sum(values > 0.01 * max(values[0], 1e-12)))


def studies(program: Program) -> dict[str, list[Arm]]:
    """UV by the design against W itself and the nuclear norm."""
    matrix = sources.expression()
    rows, columns = matrix.shape
    problem = Completion(program, "blood cells, 100 × 40", matrix)
    arguments = ["--target", "low-rank", "--size", str(rows), "--columns", str(columns), "--regime", "flow"]
    starts = {scale: designed(program, 2.0, *arguments, "--scale", scale) for scale in ("0.03", "0.01", "0.003")}
    plain = {"": Model({}, {"w": f"zeros({rows}, {columns})"}, {"predictor": "w"}, {"optimizer": "sgd", "step_size": 2.0})}
    fit = partial(trained, program, problem.task, error=problem.held_out, support=rank)
    penalty = penalised(
        "nuclear norm",
        problem.rows,
        lambda seed, used, strengths: solvers.soft_impute(*problem.centred(used), strengths),
        lambda seed, used: solvers.grid(np.linalg.norm(np.prod(problem.centred(used), axis=0), 2), 25, 0.02),
        problem.error,
        rank,
    )
    truncated = penalised(
        "given rank, no shrinking",
        problem.rows,
        lambda seed, used, ranks: solvers.hard_impute(*problem.centred(used), ranks),
        lambda seed, used: np.arange(1.0, 6.0),
        problem.error,
        rank,
        regime="explicit constraint",
        knob="rank",
    )
    return {
        "blood cells, 100 × 40": [
            fit("designed, W = UV", "flow", starts, 1_000, 10),
            fit("designed, batches of a tenth", "flow + mini-batch", starts, 1_000, 10, batch=problem.batch),
            fit("vanilla", "flow", plain, 1_000, 10),
            penalty,
            truncated,
        ]
    }
