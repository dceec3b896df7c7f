"""The solvers against what does not share their code: bounded least squares of the dual, and the conditions of optimality."""

import numpy as np
from scipy.optimize import lsq_linear

import solvers


def close(found: np.ndarray, wanted: np.ndarray, what: str, tolerance: float) -> None:
    """Stop with the largest difference where it is too large."""
    error = float(np.abs(found - wanted).max())
    assert error <= tolerance, f"{what}: differs by {error:.1e}, more than {tolerance:.0e}"
    print(f"{what}: {error:.1e}")


def dual_total_variation(incidence: np.ndarray, y: np.ndarray, strength: float) -> np.ndarray:
    """min ‖w − y‖²/2n + λ‖Dw‖₁ through its dual: w = y − Dᵀq, q the point of the box |q| ≤ nλ that leaves least."""
    bound = len(y) * strength
    dual = lsq_linear(incidence.T, y, (-bound, bound), method="bvls", tol=1e-14)
    return y - incidence.T @ dual.x


def check_total_variation(generator: np.random.Generator) -> None:
    """On a path by the Lasso of the steps, on a graph with cycles by ADMM; all nodes seen, so that the dual is a box."""
    for trial in range(5):
        y = np.cumsum(generator.normal(size=12) * (generator.random(12) < 0.3)) + 0.3 * generator.normal(size=12)
        path = solvers.differences(np.column_stack([np.arange(11), np.arange(1, 12)]), 12)
        cyclic = solvers.differences(np.array([[i, j] for i in range(12) for j in range(i) if (i * j + i) % 3 == 0]), 12)
        sums = np.tril(np.ones((12, 12)))
        strengths = solvers.grid(solvers.largest_with_level(sums, y), 6, 0.02)
        by_steps = solvers.lasso_with_level(sums, y, strengths) @ sums.T
        by_admm = solvers.graph_total_variation(cyclic, y, np.arange(12), strengths)
        wanted = np.array([dual_total_variation(path, y, strength) for strength in strengths])
        close(by_steps, wanted, f"total variation on a path, trial {trial}", 1e-3)
        wanted = np.array([dual_total_variation(cyclic, y, strength) for strength in strengths])
        close(by_admm, wanted, f"total variation on a graph with cycles, trial {trial}", 1e-4)


def check_unseen_nodes(generator: np.random.Generator) -> None:
    """With nodes that are not seen: ADMM on a path against the Lasso of the steps."""
    y, seen = generator.normal(size=20), generator.permutation(20)[:12]
    path = solvers.differences(np.column_stack([np.arange(19), np.arange(1, 20)]), 20)
    sums = np.tril(np.ones((20, 20)))
    strengths = solvers.grid(solvers.largest_with_level(sums[seen], y[seen]), 6, 0.02)
    by_steps = solvers.lasso_with_level(sums[seen], y[seen], strengths) @ sums.T
    by_admm = solvers.graph_total_variation(path, y, seen, strengths)
    close(by_admm[:, seen], by_steps[:, seen], "total variation with unseen nodes", 1e-3)


def check_group_lasso(generator: np.random.Generator) -> None:
    """The conditions of optimality of every group."""
    sizes = [3, 1, 4, 2]
    X, y = generator.normal(size=(30, 10)), generator.normal(size=30)
    strengths = solvers.grid(solvers.largest_group(X, y, sizes), 8, 0.05)
    starts = np.cumsum([0, *sizes])
    zero = used = 0
    for strength, w in zip(strengths, solvers.group_lasso(X, y, sizes, strengths), strict=True):
        slope = X.T @ (y - X @ w) / 30
        for first, last, size in zip(starts, starts[1:], sizes, strict=False):
            bound, part = strength * np.sqrt(size), w[first:last]
            if np.any(part):
                close(slope[first:last], bound * part / np.linalg.norm(part), "group lasso, a group in use", 1e-6)
                used += 1
            else:
                assert np.linalg.norm(slope[first:last]) <= bound * (1 + 1e-6), "group lasso, a group left out"
                zero += 1
    assert zero > 3 and used > 3, "group lasso: the test has seen only one kind of group"


def check_nuclear_norm(generator: np.random.Generator) -> None:
    """G = mask (M − W) is λ times a subgradient of the nuclear norm: ‖G‖ ≤ λ and ⟨G, W⟩ = λ‖W‖_*."""
    matrix = generator.normal(size=(12, 2)) @ generator.normal(size=(2, 9)) + 0.1 * generator.normal(size=(12, 9))
    mask = (generator.random((12, 9)) < 0.6).astype(float)
    strengths = solvers.grid(np.linalg.norm(mask * matrix, 2), 8, 0.02)
    path = solvers.soft_impute(matrix, mask, strengths, tolerance=1e-9, steps=20_000)
    for strength, w in zip(strengths, path, strict=True):
        slope = mask * (matrix - w)
        assert np.linalg.norm(slope, 2) <= strength * (1 + 1e-5), "nuclear norm: a gradient is too large"
        close(np.sum(slope * w), strength * np.linalg.norm(w, "nuc"), "nuclear norm, alignment", 1e-4)


def check_given_rank(generator: np.random.Generator) -> None:
    """Where all is seen, the best matrix of a rank is the truncated decomposition; where not, what is seen is met by the true rank."""
    matrix = generator.normal(size=(12, 2)) @ generator.normal(size=(2, 9))
    noisy = matrix + 0.1 * generator.normal(size=(12, 9))
    left, values, right = np.linalg.svd(noisy)
    found = solvers.hard_impute(noisy, np.ones((12, 9)), np.array([1, 2]))
    close(found[1], (left[:, :2] * values[:2]) @ right[:2], "given rank, all seen", 1e-10)
    mask = (generator.random((12, 9)) < 0.7).astype(float)
    found = solvers.hard_impute(matrix, mask, np.array([1, 2]), tolerance=1e-9, steps=20_000)
    close(mask * found[1], mask * matrix, "given rank, some unseen", 1e-4)


def main() -> None:
    """All checks, with one stream of random numbers."""
    generator = np.random.default_rng(5)
    check_total_variation(generator)
    check_unseen_nodes(generator)
    check_group_lasso(generator)
    check_nuclear_norm(generator)
    check_given_rank(generator)
    print("the solvers agree with their certificates")


if __name__ == "__main__":
    main()
