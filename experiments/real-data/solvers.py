"""Explicit penalties, solved to a certificate: the rivals that scikit-learn does not have.

Each solver returns the whole path of a grid of strengths, largest first, and starts every problem at the solution before it.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import lasso_path

Array = NDArray[np.float64]


def grid(largest: float, count: int = 40, ratio: float = 1e-3) -> Array:
    """Strengths from the smallest one that penalises everything away, down to `ratio` of it."""
    return largest * np.logspace(0, np.log10(ratio), count)


def lasso(X: Array, y: Array, strengths: Array) -> Array:
    """min ‖y − Xw‖²/2n + λ‖w‖₁ by scikit-learn: [strengths, columns]."""
    _, coefficients, _ = lasso_path(X, y, alphas=strengths, max_iter=100_000, tol=3e-5)
    return coefficients.T


def without(free: Array, columns: Array) -> Array:
    """What is left of columns (or of a vector) once an unpenalised column has taken its part."""
    direction = free / np.linalg.norm(free)
    return columns - np.multiply.outer(direction, direction @ columns)


def lasso_with_level(X: Array, y: Array, strengths: Array) -> Array:
    """The same where the first column is free: [strengths, columns]. Exact: the free coefficient is eliminated."""
    free, rest = X[:, 0], X[:, 1:]
    steps = lasso(without(free, rest), without(free, y), strengths)
    level = (y - steps @ rest.T) @ free / (free @ free)
    return np.column_stack([level, steps])


def largest_with_level(X: Array, y: Array) -> float:
    """The strength from which on `lasso_with_level` has no step."""
    return float(np.abs(without(X[:, 0], X[:, 1:]).T @ without(X[:, 0], y)).max() / len(y))


def group_lasso(X: Array, y: Array, sizes: list[int], strengths: Array, steps: int = 20_000) -> Array:
    """min ‖y − Xw‖²/2n + λ Σ √k_g ‖w_g‖ for groups one after the other: [strengths, columns].

    Accelerated proximal gradient on all strengths at once, with restarts; it ends when nothing moves any more.
    """
    gram, slope = X.T @ X / len(y), X.T @ y / len(y)
    step = 1 / np.linalg.norm(gram, 2)
    starts = np.cumsum([0, *sizes[:-1]])
    thresholds = step * np.sqrt(sizes)[:, None] * strengths
    w = np.zeros((X.shape[1], len(strengths)))
    ahead, momentum = w, 1.0
    for _ in range(steps):
        moved = ahead - step * (gram @ ahead - slope[:, None])
        norms = np.sqrt(np.add.reduceat(moved**2, starts, axis=0))
        kept = np.maximum(1 - thresholds / np.maximum(norms, 1e-300), 0)
        new = moved * np.repeat(kept, sizes, axis=0)
        if np.abs(new - ahead).max() < 1e-9:
            break
        if np.sum((ahead - new) * (new - w)) > 0:
            momentum = 1.0
        larger = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead, w, momentum = new + (momentum - 1) / larger * (new - w), new, larger
    return new.T


def largest_group(X: Array, y: Array, sizes: list[int]) -> float:
    """The strength from which on `group_lasso` is zero."""
    squares = np.add.reduceat((X.T @ y / len(y)) ** 2, np.cumsum([0, *sizes[:-1]]))
    return float(np.sqrt(squares / sizes).max())


def shrunk(matrix: Array, threshold: float) -> Array:
    """The proximal map of the nuclear norm: singular values less a threshold."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return (left * np.maximum(values - threshold, 0)) @ right


def soft_impute(matrix: Array, mask: Array, strengths: Array, tolerance: float = 1e-5, steps: int = 500) -> Array:
    """min ½ Σ_mask (M − W)² + λ‖W‖_*: [strengths, rows, columns]. Accelerated proximal gradient with restarts."""
    w, path = np.zeros_like(matrix), []
    for strength in strengths:
        ahead, momentum = w, 1.0
        for _ in range(steps):
            new = shrunk(ahead + mask * (matrix - ahead), strength)
            small = np.linalg.norm(new - ahead) <= tolerance * max(np.linalg.norm(new), 1e-12)
            if np.sum((ahead - new) * (new - w)) > 0:
                momentum = 1.0
            larger = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead, w, momentum = new + (momentum - 1) / larger * (new - w), new, larger
            if small:
                break
        path.append(w)
    return np.array(path)


def hard_impute(matrix: Array, mask: Array, ranks: Array, tolerance: float = 1e-4, steps: int = 500) -> Array:
    """Least squares of a given rank on the seen entries, by filling in and truncating: [ranks, rows, columns].

    Not convex: a local minimum, started at the one of the rank before.
    """
    w, path = np.zeros_like(matrix), []
    for kept in ranks.astype(int):
        for _ in range(steps):
            left, values, right = np.linalg.svd(w + mask * (matrix - w), full_matrices=False)
            new = (left[:, :kept] * values[:kept]) @ right[:kept]
            small = np.linalg.norm(new - w) <= tolerance * np.linalg.norm(new)
            w = new
            if small:
                break
        path.append(w)
    return np.array(path)


def differences(edges: NDArray[np.int64], nodes: int) -> Array:
    """The incidence matrix of a graph: one row for each edge, w_j − w_i."""
    rows = np.arange(len(edges))
    matrix = np.zeros((len(edges), nodes))
    matrix[rows, edges[:, 0]], matrix[rows, edges[:, 1]] = -1, 1
    return matrix


def graph_total_variation(
    incidence: Array, y: Array, seen: NDArray[np.int64], strengths: Array, tolerance: float = 1e-6, steps: int = 4_000
) -> Array:
    """min Σ_seen (w − y)²/2n + λ‖Dw‖₁ on any graph, cycles included: [strengths, nodes]. ADMM, over-relaxed."""
    nodes, laplacian = incidence.shape[1], incidence.T @ incidence
    data = np.zeros(nodes)
    data[seen] = 1 / len(seen)
    target = np.zeros(nodes)
    target[seen] = y[seen] / len(seen)
    z, dual, path = np.zeros(len(incidence)), np.zeros(len(incidence)), []
    for strength in strengths:
        weight = max(strength, 1e-6) * 10  # jumps are of order one, λ is the size of the dual variable
        back = np.linalg.inv(np.diag(data) + weight * laplacian)
        scaled = dual / weight
        for _ in range(steps):
            w = back @ (target + weight * (incidence.T @ (z - scaled)))
            jumps = incidence @ w
            relaxed = 1.8 * jumps - 0.8 * z
            new = np.sign(relaxed + scaled) * np.maximum(np.abs(relaxed + scaled) - strength / weight, 0)
            scaled = scaled + relaxed - new
            done = np.abs(jumps - new).max() < tolerance and np.abs(new - z).max() < tolerance
            z = new
            if done:
                break
        dual = scaled * weight
        path.append(w)
    return np.array(path)


def largest_graph(incidence: Array, y: Array, seen: NDArray[np.int64]) -> float:
    """A strength that makes w constant (the least norm of a flow that carries the residual)."""
    residual = np.zeros(incidence.shape[1])
    residual[seen] = (y[seen] - y[seen].mean()) / len(seen)
    return float(np.abs(np.linalg.lstsq(incidence.T, residual, rcond=None)[0]).max())
