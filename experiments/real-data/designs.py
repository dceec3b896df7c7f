"""Designed models by the program: a spec from `gaugebias design`, with the data and the loss of the user in the place of its example."""

import json
import os
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load_file

Section = dict[str, Any]
Spec = dict[str, Any]
SEEDS = 16
ONE_CORE = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Program:
    """The binary, and a folder for the specs, the data and the results."""

    path: Path
    folder: Path

    def run(self, *arguments: str) -> str:
        """What the program prints; a failure is the end."""
        command = [str(self.path), *arguments, "--threads", "1"]
        finished = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=ONE_CORE)
        if finished.returncode:
            raise SystemExit(f"{' '.join(command)}\n{finished.stderr}")
        return finished.stdout

    def design(self, *arguments: str) -> Spec:
        """The spec that `gaugebias design` prints."""
        return tomllib.loads(self.run("design", *arguments, "--emit", "spec"))

    def simulate(self, spec: Spec, steps: int, every: int) -> dict[str, dict[str, NDArray[Any]]]:
        """The log of the base (under "") and of every variant: [records, seeds, …]."""
        train = {**spec["train"], "steps": steps}
        log = {"every": every, **spec["log"]}
        (self.folder / "model.toml").write_text(written({**spec, "train": train, "log": log}))
        self.run("simulate", "model.toml", "--out", "run", "--force")
        names = ["", *(variant["name"] for variant in spec.get("variant", []))]
        return {name: load_file(self.folder / "run" / name / "log.safetensors") for name in names}

    def observe(self, spec: Spec, names: list[str]) -> dict[str, NDArray[Any]]:
        """What [data] of a spec holds: [seeds, …] for each name. Data have a random stream of their own, so training does not change them."""
        shown = {key: value for key, value in spec.items() if key != "variant"} | {"log": {name: name for name in names}}
        return {name: values[0] for name, values in self.simulate(shown, 1, 1)[""].items() if name != "step"}


@dataclass(frozen=True)
class Model:
    """What is trained: sections [data] (of the parametrization), [param] and [model] without a loss, and the settings of training."""

    data: Section
    param: Section
    model: Section
    train: Section = field(default_factory=dict)

    def at_step(self, step_size: float) -> "Model":
        """The same model with another step size."""
        return Model(self.data, self.param, self.model, {**self.train, "step_size": step_size})


def designed(program: Program, step_size: float, *arguments: str) -> Model:
    """The parametrization that a design prints; its example loss is left out."""
    spec = program.design(*arguments)
    model = {name: text for name, text in spec["model"].items() if name != "loss"}
    return Model(spec.get("data", {}), spec["param"], model, {"optimizer": "sgd", "step_size": step_size})


def vanilla(shape: str, step_size: float) -> Model:
    """w itself, from zero."""
    return Model({}, {"w": f"zeros({shape})"}, {"predictor": "w"}, {"optimizer": "sgd", "step_size": step_size})


def spec_of(title: str, model: Model, data: Section, loss: str, log: Section, **sections: Section | list[Spec]) -> Spec:
    """A whole spec: a model, the data it is trained on, the loss, and what is recorded."""
    return {
        "title": title,
        "data": {**model.data, **data},
        "param": model.param,
        "model": {**model.model, "loss": loss},
        "train": model.train,
        "ensemble": {"seeds": SEEDS},
        "log": log,
        **sections,
    }


def inline(value: object) -> str:
    """A TOML value."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(entry)}" for key, entry in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def written(spec: Spec) -> str:
    """A spec as TOML."""
    lines = [f"title = {inline(spec['title'])}"]
    for name, section in spec.items():
        if name == "variant":
            for variant in section:
                lines += ["", "[[variant]]", *(f"{key} = {inline(value)}" for key, value in variant.items())]
        elif name != "title" and section:
            lines += ["", f"[{name}]", *(f"{key} = {inline(value)}" for key, value in section.items())]
    return "\n".join(lines) + "\n"
