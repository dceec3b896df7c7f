"""Write diabetes.csv: 64 quadratic features of the diabetes study of Efron et al. (2004), and its target.

    pip install scikit-learn==1.9.1
    python experiments/data/make_diabetes.py          # writes experiments/data/diabetes.csv
    python experiments/data/make_diabetes.py --check  # exit 1 if the committed file differs

Features, in order: 10 linear, 45 products of pairs, 9 squares (that of `sex`, a two-valued variable, is an
affine function of `sex` itself and is left out). Raw features are first brought to mean 0 and standard deviation 1;
products are taken of those; every column is then brought to mean 0 and standard deviation 1 again. The last column is
the target, likewise. Standard deviations divide by n, not n - 1.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes

DESTINATION = Path(__file__).with_name("diabetes.csv")


def standardised(columns):
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


def quadratic_features(raw, names):
    """raw [rows, 10] -> (features [rows, 64], their names)."""
    linear = standardised(raw)
    pairs = list(itertools.combinations(range(len(names)), 2))
    squares = [j for j, name in enumerate(names) if name != "sex"]
    products = [linear[:, i] * linear[:, j] for i, j in pairs] + [linear[:, j] ** 2 for j in squares]
    labels = [f"{names[i]}*{names[j]}" for i, j in pairs] + [f"{names[j]}^2" for j in squares]
    return standardised(np.column_stack([linear, *products])), [*names, *labels]


def table():
    """The whole file as text."""
    raw = load_diabetes(scaled=False)
    features, names = quadratic_features(raw.data, list(raw.feature_names))
    assert features.shape == (442, 64), features.shape
    matrix = np.column_stack([features, standardised(raw.target)])
    assert np.isfinite(matrix).all()
    rows = (",".join(f"{value:.9g}" for value in row) for row in matrix)
    return "\n".join([",".join([*names, "target"]), *rows]) + "\n"


def main():
    text = table()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if DESTINATION.read_text() == text else f"{DESTINATION} differs from what this script makes")
    DESTINATION.write_text(text)


if __name__ == "__main__":
    main()
