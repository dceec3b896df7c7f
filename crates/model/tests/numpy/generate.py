"""What NumPy makes of expressions of the array language: prints cases.json.

    python3 crates/model/tests/numpy/generate.py > crates/model/tests/numpy/cases.json

The language is a part of Python's syntax, so the same text is evaluated by both. Names that NumPy spells otherwise are
defined below. Written with NumPy 1.24; the values do not depend on its version beyond the last digits.
"""

import ast
import itertools
import json
import math
import warnings

import numpy as np

warnings.simplefilter("ignore")
rng = np.random.default_rng(2024)


def rounded(*shape):
    return np.round(rng.normal(size=shape) * 4) / 8


VARIABLES = {
    "s": np.float64(0.75),
    "n": np.int64(-3),
    "v": rounded(5),
    "w": rounded(4),
    "A": rounded(4, 5),
    "B": rounded(5, 3),
    "S": rounded(4, 4),
    "T": rounded(2, 3, 4),
    "U": rounded(2, 4, 3),
    "Q": rounded(2, 1, 3, 4, 5),
    "i": np.array([3, 0, -1, 0]),
    "j": np.array([1, 1, -2, 2]),
    "ij": np.array([[0, 1, 2], [3, -1, 0]]),
    "k": np.array([5, -2, 0, 7, 1]),
    "m": np.array([True, False, True, True, False]),
    "one": np.array([[2.5]]),
    "e": np.zeros((0, 3)),
    "large": np.array([700.0, -700.0, 30.0, -30.0, 0.0]),
}
SCOPE = {name: value for name, value in VARIABLES.items()}


def axes_of(axis):
    return tuple(int(one) for one in axis) if np.ndim(axis) else axis


def reduction(f):
    return lambda x, axis=None, *, keepdims=False: f(np.asarray(x), axis=axes_of(axis), keepdims=keepdims)


def norm(x, *, axis=None, keepdims=False):
    x = np.asarray(x)
    return np.sqrt(np.sum(x * x, axis=axes_of(axis), keepdims=keepdims))


def logsumexp(x, axis=None, *, keepdims=False):
    x = np.asarray(x, float)
    shift = np.max(x, axis=axes_of(axis), keepdims=True)
    total = np.log(np.sum(np.exp(x - shift), axis=axes_of(axis), keepdims=True)) + shift
    return total if keepdims else total.reshape(np.sum(x, axis=axes_of(axis)).shape)


def softmax(x, axis=-1):
    x = np.asarray(x, float)
    e = np.exp(x - np.max(x, axis=axes_of(axis), keepdims=True))
    return e / np.sum(e, axis=axes_of(axis), keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def gelu(x):
    x = np.asarray(x, float)
    return x * np.vectorize(lambda t: 0.5 * math.erfc(-t / math.sqrt(2)))(x)


def qr(x):
    q, r = np.linalg.qr(x)
    signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return q * signs[..., None, :]


SCOPE.update(
    pi=math.pi, sum=reduction(np.sum), mean=reduction(np.mean), max=reduction(np.max), min=reduction(np.min), norm=norm,
    logsumexp=logsumexp, softmax=softmax, sigmoid=sigmoid, gelu=gelu, qr=qr,
    relu=lambda x: np.maximum(x, 0), silu=lambda x: x * sigmoid(x),
    reshape=lambda x, *shape: np.reshape(x, shape[0] if len(shape) == 1 else shape),
    transpose=lambda x, *axes: np.transpose(x, (axes[0] if np.ndim(axes[0]) else axes) if axes else None),
    zeros=lambda *sizes: np.zeros(sizes[0] if len(sizes) == 1 else sizes),
    ones=lambda *sizes: np.ones(sizes[0] if len(sizes) == 1 else sizes),
    concat=np.concatenate, outer=np.outer, diag=np.diag, eye=np.eye, full=np.full, arange=np.arange,
    linspace=np.linspace, cumsum=np.cumsum, diff=np.diff, where=np.where, maximum=np.maximum, minimum=np.minimum,
    abs=np.abs, sqrt=np.sqrt, exp=np.exp, log=np.log, log1p=np.log1p, tanh=np.tanh, sin=np.sin, cos=np.cos,
    sign=np.sign, svdvals=lambda x: np.linalg.svd(x, compute_uv=False), eigvalsh=np.linalg.eigvalsh,
    array=np.array, det=np.linalg.det, inv=np.linalg.inv,
)

EXPRESSIONS = """
1 + 2 * 3 ** 2 | -2 ** 2 | 2 ** -1.0 | 2.0 ** 3.0 ** 0.5 | -n | +v | - -v | 1_000 + .5 + 2e-1 | 7 / 2 | 6 / 3 | n * s
10 - 4 - 3 | 2 * 3 | (1 + 2) * 3 | 1 < 2 | n <= -3 | v > 0 | A >= v | v == v
v != k | (v < 0) * 1 | True | False + 1 | pi
A + v | A * w[:, None] | T - T[0] | T / (2 + abs(T[:, :1])) | one + v | A ** 2 | A ** 3 | A ** 4 | A ** 1 | A ** 0 | abs(A) ** 0.5
abs(A) ** 1.5 | abs(v) ** k | 2.0 ** v | k ** 2 | (A + 3) ** -1 | s + [1, 2.5] | [1, 2, 3] / 2 | [[1, 2], [3, 4]] * [10, 20]
[[1, 2], [3, 4]] @ [1, 1] | [v, v * 2] @ A.T | [[[1]]] + w | [s, 1, n] | [1.5, 0.8]
w @ A | A @ v | w @ w | A @ B | A @ A.T | T @ U | T @ [U[0], U[1]] | T @ U[0] | T[0] @ U | Q @ B | w[:3] @ T | T @ w | Q @ v | v @ B
Q @ B[:, :, None, None].T[0, 0].T | T[:, None] @ U[None] | one @ one | S @ S @ S | (A @ B).T @ w
v[0] | v[-1] | v[n] | A[1] | A[1, 2] | A[-1, -1] | A[:, 1] | A[1:3] | A[::2] | A[1:, ::3] | A[::-1] | A[:, ::-1] | A[::-2, 1:4:2]
v[::-1] | v[3:0:-1] | v[-1:-4:-1] | v[10:1:-2] | v[1:10] | v[-10:2] | v[4:2] | v[2:4:-1] | v[::5] | v[::100] | v[::-100] | v[:-1]
v[:-6:-1] | v[-5::2] | v[None:3] | v[1:None:2] | v[None] | v[:, None] | A[None, :, None] | A[..., 0] | A[0, ...] | A[...] | T[..., None]
T[1, ..., 2] | T[..., 1:3] | T[:, 1] | T[0, 1, 2] | T[:, :, -1] | T[1:, ::2, ::-1] | e[:, 1] | e[0:0] | A[1:1]
A[i] | A[:, i] | A[ij] | T[:, [2, 0]] | v[[0, 0, 4]] | v[ij] | A[i, j] | A[i, 0] | A[0, i] | A[i][:, j] | T[0, i[1:]] | T[:, [0, 2], [1, -1]]
T[[0, 1], [0, 2], [1, -1]] | A[ij, j[:3]] | A[i[:, None], j] | T[:, [0, 1]] [..., ::-1] | A[[1, 2], 0] | T[1, [0, 1], 2] | T[[1], :, :2]
A[k[2:4] - 7 * 0 + [0, -6]] | A[i, None] | T[[[0, 1], [1, 0]]] | A[[0, 1, 2, 3], [0, 1, 2, 3]] | A[[3, 1], -1]
v.T | A.T | T.T | Q.T | s | (A + v).T[0]
sum(m) | mean(m) | max(m * 1) | sum(k) | mean(k) | cumsum(k) | diff(k) | sum(e) | sum(e, axis=0) | sum(e, axis=1) | max(k) | min(k)
cumsum(A) | cumsum(A, 0) | cumsum(A, axis=1) | cumsum(T, axis=-2) | cumsum(v, axis=None) | cumsum(s)
diff(A) | diff(A, axis=0) | diff(v, 2) | diff(v, n=3) | diff(T, 1, 1) | diff(T, n=2, axis=-1) | diff(v, 0) | diff(A, 5)
outer(v, w) | outer(A, w) | diag(v) | diag(A) | diag(S) | diag(v, 1) | diag(v, k=-2) | diag(A, 2) | diag(A, -1) | diag(A, 9) | diag(k)
concat([v, w]) | concat([A, S], axis=1) | concat([A, A[:1]]) | concat([T, T], -1) | concat((v, k)) | concat([v]) | concat([T, T[:, :1]], axis=1)
reshape(A, 20) | reshape(A, (2, 10)) | reshape(A, [5, -1]) | reshape(A, -1) | reshape(T, 4, 3, 2) | reshape(A, (2, 2, 5)) | reshape(one, ()) | reshape(e, 3, 0)
transpose(A) | transpose(T) | transpose(T, 1, 0, 2) | transpose(T, (2, 0, 1)) | transpose(T, [0, -1, 1]) | transpose(v)
zeros(3) | zeros(2, 3) | zeros((2, 3)) | zeros([2, 1]) | zeros(()) | zeros(0) | ones(2) + 1 | full(3, 1.5) | full((2, 2), -1) | full([2], s)
full((), 2.5) | eye(3) | eye(2, 4) | eye(3, k=1) | eye(4, 3, -2) | eye(2) | arange(5) | arange(2, 9) | arange(2, 9, 3)
arange(5, 0, -2) | arange(0.5) | arange(1, 2, 0.25) | arange(0) | arange(5, 2) | linspace(-1, 1, 3) | linspace(0, 1, 1) | linspace(0, 1, 0)
linspace(2, 3, num=7) | linspace(0, 49) | arange(6)[1:5:2] | reshape(arange(24), (2, 3, 4))[:, ::2, ::-1]
where(v > 0, v, 0) | where(A > 0, v, w[:, None]) | where(m, [1], [2.5]) | where(k, v, -v) | where(s > 0, 1, 2)
maximum(A, v) | minimum(A, 0.1) | maximum(k, 1) | maximum(n, k) | minimum(T, T[:, ::-1])
softmax(A) | softmax(A, 0) | softmax(T, axis=1) | softmax(v) | softmax(large) | softmax(A, axis=(0, 1))
logsumexp(large) | logsumexp(-large) | mean(A) + mean(v) * mean(w, 0) | sum(A * A, axis=1, keepdims=True) * A
A / norm(A, axis=1, keepdims=True) | (A - mean(A, axis=0)) / sqrt(mean((A - mean(A, axis=0)) ** 2, axis=0)) | A - max(A, axis=1, keepdims=True)
A / sum(A, axis=0, keepdims=True) | sum(A[i] * T[0, 0][:, None]) | mean((A @ v - w) ** 2) | tanh(A @ v) @ w | sum(v * [1, 2, 3, 4, 5])
log(abs(A) + 1) @ v | exp(-(v[:, None] - v) ** 2) | sin(linspace(0, pi, 5)) | sum(sum(sum(T, 0), 0), 0) | A[:, None, :] * S[:, :, None]
qr(A) | qr(A.T) | qr(T) | qr(S) | svdvals(A) | svdvals(T) | svdvals(Q) | eigvalsh(S + S.T) | eigvalsh([S + S.T, S @ S.T]) | det(S) | det([S, S.T @ S])
inv(S) | inv([S, S @ S]) | inv(S) @ S | det(zeros(0, 0)) | det(one) | eigvalsh(A @ A.T) | svdvals(e) | sum(svdvals(A)) | det(eye(3) * 2)
v[True * 2] | A[(1 < 2) * 1] | sum([v, v], axis=0) | max([[1, 9], [3, 4]]) | sum([[1, 2], [3, 4]], axis=0) | mean([[1, 2], [3, 4]], -1)
"""

# What NumPy refuses, with whatever exception, has to be refused.
REFUSED = """
v + w | A @ w | A @ A | s @ v | T @ S[:3, :3] | A[4] | A[0, 5] | v[0, 0] | v[5] | v[-6] | v[0.5] | v[::0] | A[i, :, 0, 0] | sum(v, axis=1) | sum(v, -2)
sum(A, axis=(0, 0)) | sum(A, axis=2) | mean(A, axis=0.0) | reshape(v, 4) | reshape(v, (-1, -1)) | reshape(A, (3, -1)) | transpose(A, 0, 0)
transpose(A, 0) | transpose(T, 0, 1) | concat([v, A]) | concat([A, B]) | concat([]) | concat([v, v], axis=1) | diag(T) | eye(-1) | zeros(-1)
max(e) | min(zeros(0)) | max(e, axis=0) | det(A) | inv(A) | eigvalsh(A) | qr(v) | svdvals(v) | cumsum(v, axis=1) | diff(s) | diff(v, -1)
where(v > 0, w, 0) | maximum(v, w) | A[[0, 9]] | v[[0.5]] | A[[0, 1], [0, 1, 2]] | norm(v, axis=1) | softmax(v, axis=1) | full((2, -1), 0)
arange(0, 1, 0) | outer(v) | sum() | sum(v, v, v) | sum(v, axes=0) | v.shape.T | sum(v, keepdims=3.5, axis=9) | unknown(v) | unknown | v[i, j] | [v, w] + 0
"""

UNARY = ["abs", "sign", "sqrt(abs", "exp", "log(abs", "log1p(abs", "sin", "cos", "tanh", "sigmoid", "relu", "silu", "gelu"]
for f in UNARY:
    close = "))" if "(" in f else ")"
    EXPRESSIONS += "".join(f"\n{f}({x}{close}" for x in ["A", "large / 10", "k", "s", "[1e-9, -1e-9, 5.5]"])
for f, x in itertools.product(["sum", "mean", "max", "min", "norm", "logsumexp"], ["v", "A", "T", "s"]):
    rank = np.ndim(SCOPE[x])
    axes = ["", ", axis=None"] + [f", axis={a}" for a in range(-rank, rank)] + [", axis=()"]
    axes += [", axis=(0, 1)", ", axis=[-1, 0]"] if rank > 1 else []
    for axis, keep in itertools.product(axes, ["", ", keepdims=True", ", keepdims=False"]):
        EXPRESSIONS += f"\n{f}({x}{axis}{keep})"


def split(text):
    parts = (part.strip() for line in text.splitlines() for part in line.split(" | "))
    return [part for part in parts if part]


class Arrays(ast.NodeTransformer):
    """A list is an array, except for what concat joins, whose entries need not have equal shapes."""

    def visit_List(self, node):
        return ast.Call(func=ast.Name(id="array", ctx=ast.Load()), args=[node], keywords=[])

    def visit_Call(self, node):
        joins = isinstance(node.func, ast.Name) and node.func.id == "concat"
        node.args = [one if joins and at == 0 else self.visit(one) for at, one in enumerate(node.args)]
        node.keywords = [ast.keyword(arg=one.arg, value=self.visit(one.value)) for one in node.keywords]
        return node


def evaluate(text):
    tree = ast.fix_missing_locations(Arrays().visit(ast.parse(text, mode="eval")))
    return np.asarray(eval(compile(tree, text, "eval"), {"__builtins__": {}}, dict(SCOPE)))


def number(x):
    return repr(float(x)) if not math.isfinite(x) else float(x)


def tensor(x):
    return {"shape": list(x.shape), "values": [number(value) for value in np.asarray(x, float).ravel()]}


def kind(x):
    return {"b": "boolean", "i": "integer", "u": "integer", "f": "real"}[np.asarray(x).dtype.kind]


def main():
    cases = []
    for text in dict.fromkeys(split(EXPRESSIONS)):
        value = evaluate(text)
        cases.append({"text": text, **tensor(value), "kind": kind(value)})
    for text in split(REFUSED):
        try:
            value = evaluate(text)
        except Exception as error:
            cases.append({"text": text, "refused": type(error).__name__})
        else:
            raise SystemExit(f"NumPy accepts {text}: {value}")
    variables = {name: {**tensor(np.asarray(value)), "kind": kind(value)} for name, value in VARIABLES.items()}
    lines = ",\n".join(json.dumps(case) for case in cases)
    names = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in variables.items())
    print(f'{{"variables": {{\n{names}\n}}, "cases": [\n{lines}\n]}}')


main()
