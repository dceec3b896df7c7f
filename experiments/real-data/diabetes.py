"""Sparse and group-sparse regression: 442 patients of the diabetes study that scikit-learn ships."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes

import solvers
from designs import Model, Program, designed, vanilla
from protocol import Arm, Split, Task, above, noisy, penalised, trained

Array = NDArray[np.float64]
TABLE = Path(__file__).resolve().parents[1] / "data/diabetes.csv"
TRAINED = 300
BATCH = 10
NOISE = [10.0, 20.0, 25.0, 30.0, 35.0, 40.0]  # standard deviations of label noise, in units of the target's


def quadratic() -> Array:
    """[442, 65]: the ten variables, their products and squares, and the target; mean 0 and standard deviation 1."""
    return np.loadtxt(TABLE, delimiter=",", skiprows=1)


def additive() -> tuple[Array, list[int]]:
    """[442, 29]: x, x² and x³ of each variable, orthonormal in each group, `sex` alone and last, then the target; and the groups' sizes."""
    raw = load_diabetes(scaled=False)
    groups, sizes = [], []
    for column in sorted(range(10), key=lambda j: raw.feature_names[j] == "sex"):
        x = (raw.data[:, column] - raw.data[:, column].mean()) / raw.data[:, column].std()
        degree = 1 if len(np.unique(x)) == 2 else 3
        basis, _ = np.linalg.qr(np.column_stack([x**power for power in range(degree + 1)]))
        groups.append(basis[:, 1:] * np.sqrt(len(x)))
        sizes.append(degree)
    return np.column_stack([*groups, quadratic()[:, -1]]), sizes


class Regression:
    """Squared error of a linear model; the target is centred on the training rows, so that 1 is about the error of their mean."""

    def __init__(self, program: Program, title: str, table: Array, trained_rows: int) -> None:
        self.X, self.y = table[:, :-1], table[:, -1]
        self.size = self.X.shape[1]
        name = title.replace(" ", "-").replace(",", "") + ".csv"
        np.savetxt(program.folder / name, table, delimiter=",", fmt="%.9g")
        data = {
            "table": f"load('{name}')",
            "level": f"mean(table[:, {self.size}][used])",
            "X": f"table[:, :{self.size}][used]",
            "y": f"table[:, {self.size}][used] - level",
            "X_judged": f"table[:, :{self.size}][judged]",
            "y_judged": f"table[:, {self.size}][judged] - level",
        }
        self.task = Task(
            title,
            Split(len(table), trained_rows),
            data,
            loss="mean((X @ predictor - y)**2)",
            batch_loss="mean((X[i] @ predictor - y[i])**2)",
            error="mean((X_judged @ predictor - y_judged)**2)",
        )
        self.rows = self.task.rows(program)

    def fit_data(self, used: NDArray[np.int64]) -> tuple[Array, Array]:
        """Features and centred target of some rows."""
        return self.X[used], self.y[used] - self.y[used].mean()

    def error(self, seed: int, w: Array, used: NDArray[np.int64], judged: NDArray[np.int64]) -> float:
        """Mean squared error of the judged rows."""
        return float(np.mean((self.X[judged] @ w + self.y[used].mean() - self.y[judged]) ** 2))

    def held_out(self, seed: int, w: Array) -> float:
        """The same of the test rows of a seed."""
        return self.error(seed, w, *self.rows[seed][0])


def sparse(program: Program, title: str, table: Array, rows: int) -> list[Arm]:
    """u∘v by the design against w itself and the Lasso."""
    problem = Regression(program, title, table, rows)
    count = above(0.01)

    def design(scale: str, depth: int = 2, step: float = 0.01) -> Model:
        return designed(
            program, step, "--target", "sparsity", "--size", str(problem.size), "--regime", "flow", "--scale", scale, "--depth", str(depth)
        )

    scales = {scale: design(scale) for scale in ("0.3", "0.03", "0.003")}
    deeper = {scale: design(scale, depth=3) for scale in ("0.5", "0.3", "0.1")}
    plain = {"": vanilla(str(problem.size), 0.005)}
    fit = partial(trained, program, problem.task, error=problem.held_out, support=count)
    return [
        fit("designed, w = u∘v", "flow", scales, 4_000, 10),
        fit("designed, three factors", "flow", deeper, 4_000, 10),
        fit(
            f"designed, batches of {BATCH}", "flow + mini-batch", scales, 4_000, 10, batch=lambda count: {"i": f"choice({count}, {BATCH})"}
        ),
        noisy(program, problem.task, "designed, label noise", design("0.3"), NOISE, 24_000, problem.rows, problem.error, count),
        fit("vanilla", "flow", plain, 4_000, 10),
        lasso(problem, count),
    ]


def lasso(problem: Regression, count: Callable[[Array], float]) -> Arm:
    """The Lasso with its strength by the folds; `count` is the support."""
    return penalised(
        "Lasso",
        problem.rows,
        lambda seed, used, values: solvers.lasso(*problem.fit_data(used), values),
        lambda seed, used: solvers.grid(np.abs(problem.X[used].T @ problem.fit_data(used)[1]).max() / len(used)),
        problem.error,
        count,
    )


def grouped(program: Program, title: str, rows: int) -> list[Arm]:
    """s_g x_g by the design against w itself, the group lasso and the Lasso; the support counts variables."""
    table, sizes = additive()
    problem = Regression(program, title, table, rows)
    starts = np.cumsum([0, *sizes[:-1]])
    listed = ",".join(map(str, sizes))

    def count(w: Array) -> float:
        return above(0.01)(np.sqrt(np.add.reduceat(w**2, starts)))

    def design(scale: str) -> Model:
        return designed(program, 0.01, "--target", "group", "--groups", listed, "--link", "product", "--regime", "flow", "--scale", scale)

    scales = {scale: design(scale) for scale in ("0.3", "0.03", "0.003")}
    fit = partial(trained, program, problem.task, error=problem.held_out, support=count)
    return [
        fit("designed, w_g = s_g x_g", "flow", scales, 4_000, 10),
        fit(
            f"designed, batches of {BATCH}", "flow + mini-batch", scales, 4_000, 10, batch=lambda count: {"i": f"choice({count}, {BATCH})"}
        ),
        fit("vanilla", "flow", {"": vanilla(str(problem.size), 0.005)}, 4_000, 10),
        penalised(
            "group lasso",
            problem.rows,
            lambda seed, used, values: solvers.group_lasso(*problem.fit_data(used), sizes, values),
            lambda seed, used: solvers.grid(solvers.largest_group(*problem.fit_data(used), sizes)),
            problem.error,
            count,
        ),
        lasso(problem, count),
    ]


def studies(program: Program) -> dict[str, list[Arm]]:
    """All regressions, by what they are."""
    table = quadratic()
    linear = np.column_stack([table[:, :10], table[:, -1]])
    return {
        "diabetes, 10 columns": sparse(program, "diabetes, 10 columns", linear, TRAINED),
        "diabetes, 64 columns": sparse(program, "diabetes, 64 columns", table, TRAINED),
        "diabetes, 64 columns, 100 patients": sparse(program, "diabetes, 64 columns, 100 patients", table, 100),
        "diabetes, 10 groups of powers": grouped(program, "diabetes, 10 groups", TRAINED),
    }
