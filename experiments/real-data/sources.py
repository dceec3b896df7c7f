"""Real data that wheels carry as files. They are read without importing the packages, which would need much that is not used here."""

import csv
import struct
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Array = NDArray[np.float64]
CELLS, GENES = 100, 40


def inside(package: str, *path: str) -> Path:
    """A file of an installed package."""
    spec = find_spec(package)
    assert spec and spec.submodule_search_locations, f"{package} is not installed"
    return Path(spec.submodule_search_locations[0]).joinpath(*path)


def nile() -> tuple[Array, NDArray[np.int64]]:
    """Yearly flow of the Nile at Aswan, 1871–1970 (statsmodels), and the path of its years."""
    with inside("statsmodels", "datasets", "nile", "nile.csv").open() as file:
        rows = list(csv.DictReader(file))
    years, flow = (np.array([float(row[name]) for row in rows]) for name in ("year", "volume"))
    assert np.all(np.diff(years) == 1) and len(years) == 100
    return flow, np.column_stack([np.arange(99), np.arange(1, 100)])


def dbase(path: Path) -> dict[str, list[str]]:
    """The columns of a dBase III table as text."""
    raw = path.read_bytes()
    rows, start, length = struct.unpack("<IHH", raw[4:12])
    fields, place = [], 1
    for offset in range(32, start - 1, 32):
        width = raw[offset + 16]
        fields.append((raw[offset : offset + 11].split(b"\0")[0].decode("ascii"), place, place + width))
        place += width
    records = [raw[start + row * length : start + (row + 1) * length] for row in range(rows)]
    return {name: [record[low:high].decode("latin-1").strip() for record in records] for name, low, high in fields}


def counties() -> tuple[Array, NDArray[np.int64]]:
    """Share of births that were non-white in the 100 counties of North Carolina, 1979–84 (libpysal, sids2), and which counties touch."""
    table = dbase(inside("libpysal", "examples", "sids2", "sids2.dbf"))
    share = np.array(table["NWBIR79"], dtype=float) / np.array(table["BIR79"], dtype=float)
    number = {int(float(code)): row for row, code in enumerate(table["FIPSNO"])}
    lines = inside("libpysal", "examples", "sids2", "sids2.gal").read_text().splitlines()[1:]
    pairs = set()
    for county, neighbours in zip(lines[::2], lines[1::2], strict=True):
        here = number[int(county.split()[0])]
        pairs |= {tuple(sorted((here, number[int(there)]))) for there in neighbours.split()}
    return share, np.array(sorted(pairs))


def expression() -> Array:
    """Log-normalised expression of 100 blood cells and 40 genes [100, 40] (scanpy, pbmc68k_reduced): every seventh cell, the genes of the largest variance."""
    with h5py.File(inside("scanpy", "datasets", "10x_pbmc68k_reduced.h5ad")) as file:
        raw = file["raw.X"]
        matrix = csr_matrix((raw["data"][:], raw["indices"][:], raw["indptr"][:]), shape=(700, 765)).toarray()
    genes = np.sort(np.argsort(-matrix.var(axis=0), kind="stable")[:GENES])
    return matrix[:: len(matrix) // CELLS, genes].astype(float)
