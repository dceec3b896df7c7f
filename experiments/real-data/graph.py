"""Piecewise constant values on a graph: the flow of the Nile on the path of its years, and births in the counties of North Carolina."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

import solvers
import sources
from designs import Model, Program, designed, vanilla
from protocol import Arm, Split, Task, averaged, penalised, trained

Array = NDArray[np.float64]
Edges = NDArray[np.int64]
TRAINED = 70
BATCH = 10
SCALES = ("0.3", "0.1", "0.03")
STEPS = 20_000
FORESTS = 8


class Graph:
    """Values on nodes, standardised; 70 of them are seen, and the others are judged. An error of 1 is about that of the mean."""

    def __init__(self, program: Program, title: str, values: Array, edges: Edges) -> None:
        self.y = (values - values.mean()) / values.std()
        self.incidence = solvers.differences(edges, len(values))
        np.savetxt(program.folder / "values.csv", self.y, fmt="%.9g")
        np.savetxt(program.folder / "edges.csv", edges, fmt="%d", delimiter=",")
        self.task = Task(
            title,
            Split(len(values), TRAINED),
            {"values": "load('values.csv')", "y": "values[used]"},
            loss="mean((predictor[used] - y)**2)",
            batch_loss="mean((predictor[used][i] - y[i])**2)",
            error="mean((predictor[judged] - values[judged])**2)",
        )
        self.rows = self.task.rows(program)

    def error(self, seed: int, w: Array, used: Edges, judged: Edges) -> float:
        """Mean squared error of the judged nodes."""
        return float(np.mean((w[judged] - self.y[judged]) ** 2))

    def held_out(self, seed: int, w: Array) -> float:
        """The same of the unseen nodes of a seed."""
        return self.error(seed, w, *self.rows[seed][0])

    def jumps(self, w: Array) -> float:
        """Number of edges of the graph along which w changes by more than 1 % of its range."""
        return float(np.sum(np.abs(self.incidence @ w) > 0.01 * max(np.ptp(w), 1e-12)))

    def over_trees(self, name: str, trees: list[Array]) -> Arm:
        """Total variation along a tree, as the Lasso of its steps, w = tree @ (level, steps); of several trees the mean of w."""

        def path(seed: int, used: Edges, strengths: Array) -> Array:
            return np.mean([solvers.lasso_with_level(tree[used], self.y[used], strengths) @ tree.T for tree in trees], axis=0)

        def strengths(seed: int, used: Edges) -> Array:
            return solvers.grid(max(solvers.largest_with_level(tree[used], self.y[used]) for tree in trees), 40, 3e-4)

        return penalised(name, self.rows, path, strengths, self.error, self.jumps)

    def over_graph(self, name: str) -> Arm:
        """Total variation along all edges."""
        return penalised(
            name,
            self.rows,
            lambda seed, used, strengths: solvers.graph_total_variation(self.incidence, self.y, used, strengths),
            lambda seed, used: solvers.grid(solvers.largest_graph(self.incidence, self.y, used), 30, 1e-4),
            self.error,
            self.jumps,
        )


def flows(program: Program, problem: Graph, starts: dict[str, Model], steps: int) -> list[Arm]:
    """The design on the full batch and on mini-batches, and w itself."""
    every = steps // 200
    fit = partial(trained, program, problem.task, error=problem.held_out, support=problem.jumps)
    return [
        fit("designed", "flow", starts, steps, every),
        fit(
            f"designed, batches of {BATCH}",
            "flow + mini-batch",
            starts,
            steps,
            every,
            batch=lambda count: {"i": f"choice({count}, {BATCH})"},
        ),
        fit("vanilla", "flow", {"": vanilla(str(len(problem.y)), 0.1)}, steps // 10, every),
    ]


def river(program: Program) -> list[Arm]:
    """The design `total-variation` on the years of the Nile."""
    problem = Graph(program, "Nile, 100 years", *sources.nile())
    arguments = ["--target", "total-variation", "--size", "100", "--regime", "flow"]
    starts = {scale: designed(program, 0.003, *arguments, "--scale", scale) for scale in SCALES}
    return [*flows(program, problem, starts, STEPS), problem.over_trees("total variation", [np.tril(np.ones((100, 100)))])]


def tree_of(program: Program, model: Model) -> Array:
    """The matrix of a printed design that takes (level, steps) to the nodes."""
    spec = {"param": {"a": "zeros(1)"}, "data": model.data, "model": {"loss": "sum(a**2)"}, "train": {}, "ensemble": {"seeds": 1}}
    return np.round(program.observe({"title": "paths", **spec}, ["paths"])["paths"][0].astype(float))


def forest(edges: Edges, nodes: int, generator: np.random.Generator) -> Edges:
    """A spanning forest at random: the one of least weight under random weights."""
    weights = coo_matrix((1 + generator.random(len(edges)), (edges[:, 0], edges[:, 1])), shape=(nodes, nodes))
    return np.column_stack(minimum_spanning_tree(weights).nonzero())


def on_forests(program: Program, edges: Edges, nodes: int) -> list[Model]:
    """The design `graph` on forests drawn at random."""
    models, generator = [], np.random.default_rng(11)
    for _ in range(FORESTS):
        np.savetxt(program.folder / "forest.csv", forest(edges, nodes, generator), fmt="%d", delimiter=",")
        models.append(designed(program, 0.003, "--target", "graph", "--edges", "forest.csv", "--regime", "flow", "--scale", "0.3"))
    return models


def counties(program: Program) -> tuple[Graph, Edges]:
    """The births of North Carolina, and the borders of its counties."""
    values, edges = sources.counties()
    return Graph(program, "North Carolina, 100 counties", values, edges), edges


def on_one(program: Program) -> list[Arm]:
    """The design `graph` on the forest that `--spanning-forest` keeps; a penalty on the same forest, and one on all borders."""
    problem, _ = counties(program)
    arguments = ["--target", "graph", "--edges", "edges.csv", "--spanning-forest", "--regime", "flow"]
    starts = {scale: designed(program, 0.003, *arguments, "--scale", scale) for scale in SCALES}
    return [
        *flows(program, problem, starts, STEPS),
        problem.over_trees("total variation, same forest", [tree_of(program, starts[SCALES[0]])]),
        problem.over_graph("total variation, all borders"),
    ]


def on_several(program: Program) -> list[Arm]:
    """The mean of the design on random forests, one of them alone, a penalty on the same forests, and one on all borders."""
    problem, edges = counties(program)
    models = on_forests(program, edges, len(problem.y))
    fit = partial(averaged, program, problem.task, rows=problem.rows, error=problem.error, support=problem.jumps)
    return [
        fit(f"designed, mean of {FORESTS}", models, 2 * STEPS, STEPS // 50),
        fit("designed, one of them", models[:1], 2 * STEPS, STEPS // 50),
        problem.over_trees(f"total variation, mean of the {FORESTS}", [tree_of(program, model) for model in models]),
        problem.over_graph("total variation, all borders"),
    ]


def studies(program: Program) -> dict[str, list[Arm]]:
    """The graphs, by what they are."""
    return {
        "Nile, 100 years": river(program),
        "North Carolina, breadth-first forest": on_one(program),
        f"North Carolina, {FORESTS} random forests": on_several(program),
    }
