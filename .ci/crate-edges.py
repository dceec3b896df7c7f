"""Check the crates' dependencies on each other against the table of who may enter which room.

    python3 .ci/crate-edges.py              # exit 1 and one line per forbidden edge
    python3 .ci/crate-edges.py --self-test  # exit 1 unless the check itself finds what it must

Every kind of dependency counts (normal, build, dev): the simulation must not meet the prediction that it tests, not
even in its own tests.
"""

import json
import subprocess
import sys

# crate -> crates that it may name; whatever those may name is allowed too.
ROOMS = {
    "linalg": [],
    "model": ["linalg"],
    "symmetry": ["model", "linalg"],
    "geometry": ["symmetry"],
    "dynamics": ["model", "linalg"],
    "verify": ["geometry", "dynamics"],
    "design": ["geometry"],
    "checkpoint": ["symmetry", "geometry"],
    "report": ["verify", "design"],
}
FACADE = "gaugebias"
FRONTS = ["gaugebias-cli", "gaugebias-python"]


def allowed_edges():
    """{package: set of packages that it may name}."""

    def reach(room):
        found = set(ROOMS[room])
        for neighbour in ROOMS[room]:
            found |= reach(neighbour)
        return found

    table = {f"gaugebias-{room}": {f"gaugebias-{other}" for other in reach(room)} for room in ROOMS}
    table[FACADE] = set(table)
    table.update({front: {FACADE} for front in FRONTS})
    return table


def wrong_edges(packages):
    """packages: [(name, [(dependency, kind), ...]), ...] of the workspace -> one line per fault, sorted."""
    table = allowed_edges()
    ours = {name for name, _ in packages} | set(table)
    faults = set()
    for name, dependencies in packages:
        if name not in table:
            faults.add(f"{name}: not in the table of .ci/crate-edges.py; decide what it may use and add it")
            continue
        for dependency, kind in dependencies:
            if dependency in ours and dependency not in table[name]:
                may = ", ".join(sorted(table[name])) or "no other crate of the workspace"
                faults.add(f"{name} -> {dependency} ({kind or 'normal'} dependency) is forbidden; {name} may use: {may}")
    return sorted(faults)


def workspace_packages():
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return [(p["name"], [(d["name"], d["kind"]) for d in p["dependencies"]]) for p in answer["packages"]]


def self_test():
    def must(packages, *needles):
        lines = wrong_edges(packages)
        assert len(lines) == len(needles), (lines, needles)
        for line, needle in zip(lines, needles):
            assert needle in line, (line, needle)

    must([("gaugebias-model", [("gaugebias-linalg", None), ("serde", None)])])
    must([("gaugebias-report", [("gaugebias-linalg", None), ("gaugebias-symmetry", None)])])
    must([("gaugebias-cli", [("gaugebias", None)]), ("gaugebias", [("gaugebias-report", None)])])
    must([("gaugebias-dynamics", [("gaugebias-geometry", None)])], "gaugebias-dynamics -> gaugebias-geometry (normal")
    must([("gaugebias-dynamics", [("gaugebias-symmetry", "dev")])], "gaugebias-dynamics -> gaugebias-symmetry (dev")
    must([("gaugebias-linalg", [("gaugebias-model", None)])], "no other crate of the workspace")
    must([("gaugebias-cli", [("gaugebias-model", None)])], "gaugebias-cli -> gaugebias-model")
    must([("gaugebias-misc", [])], "not in the table")
    must([("gaugebias-model", [("gaugebias-model", "dev")])], "gaugebias-model -> gaugebias-model (dev")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        print("crate-edges: self-test passed")
        return
    packages = workspace_packages()
    faults = wrong_edges(packages)
    if faults:
        sys.exit("\n".join(faults))
    print(f"crate-edges: {len(packages)} packages, every edge allowed")


if __name__ == "__main__":
    main()
