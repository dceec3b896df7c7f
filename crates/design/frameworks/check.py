#!/usr/bin/env python3
"""Run what `gaugebias design --emit` prints, in every framework: `make test-frameworks`, or

    crates/design/frameworks/check.py PROGRAM [--only NAME …]

For every target and framework: the code is formatted (ruff) and typed (mypy, strict); w and its gradient at a point off the slice are
those of the program's own spec, to 1e-6; parameters of a weight give it back; balancing keeps w and removes the charges;
and a regression on the diabetes data trains. PyTorch code is attached to a Linear, a Conv2d and a bare Parameter.

The environment with the pinned packages is kept in the user's cache folder (XDG_CACHE_HOME, else ~/.cache), since PyTorch is a large
download; a pin that it does not hold is installed.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gaugebias"
EDGES = "0,1\n1,2\n1,3\n4,5\n"
TABLE = "".join(f"{w / 5},{abs(w / 5) ** 1.5}\n" for w in range(-20, 21))
CASES = {
    "sparsity": "--target sparsity --size 6",
    "sparsity-3": "--target sparsity --depth 3 --size 6",
    "strength": "--target sparsity --strength 0.3 --size 6",
    "sign": "--target sign --size 6",
    "negative": "--target sign --negative --depth 3 --size 6",
    "group": "--target group --groups 3,3,2",
    "group-product": "--target group --groups 3 --size 6 --link product",
    "low-rank": "--target low-rank --size 4",
    "low-rank-oblong": "--target low-rank --size 4 --columns 3",
    "low-rank-deep": "--target low-rank --size 4 --depth 3",
    "total-variation": "--target total-variation --size 8",
    "trend": "--target trend --order 2 --size 8",
    "dct": "--target dct --size 6",
    "fourier": "--target fourier --size 7",
    "haar": "--target haar --size 8",
    "graph": "--target graph --edges edges.csv",
    "custom": "--target custom --penalty abs(w) --domain=-4,4 --size 6",
    "custom-product": "--target custom --penalty 0.3*log(abs(w))+w**2/8 --domain=0,4 --link product --size 6",
    "custom-table": "--target custom --penalty-table table.csv --domain=-4,4 --size 6",
    "custom-tv": "--target total-variation --penalty log(1+w**2) --domain=-4,4 --size 8",
    "blocks": "--target blocks --blocks sparsity:3,depth=3;group:3+2;low-rank:2x2;free:2;haar:4;custom:2,penalty=abs(w),domain=(-4,4)",
    "blocks-operators": "--target blocks --blocks trend:5,order=2;dct:4;haar:4,groups=2+2;graph,edges=edges.csv",
}
ANY_SIZE = {"sparsity", "sparsity-3", "strength", "sign", "negative", "custom", "custom-table"}


MISSING = """
import importlib.metadata, sys
def held(pin):
    name, version = pin.split("==")
    try:
        return importlib.metadata.version(name) == version
    except importlib.metadata.PackageNotFoundError:
        return False
print(*(pin for pin in sys.argv[1:] if not held(pin)))
"""


def environment():
    """The Python of an environment with the pinned packages; what it does not hold is installed."""
    folder = CACHE / "frameworks-venv"
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True, clear=True)
    lines = (HERE / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if "==" in line and not line.startswith("#")]
    missing = subprocess.run([python, "-c", MISSING, *pins], capture_output=True, text=True, check=True).stdout.split()
    if missing:
        print(f"installing {', '.join(missing)} …", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"], check=True)
    return python


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def close(found, wanted, what, tolerance=1e-6):
    import numpy as np

    found, wanted = np.asarray(found, float).reshape(-1), np.asarray(wanted, float).reshape(-1)
    error = np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max())
    assert found.shape == wanted.shape and error <= tolerance, f"{what}: differs by {error:.1e}"


def task(size):
    """Some features of the diabetes data, as many as w has entries, and the disease's progress."""
    import numpy as np

    rows = np.loadtxt(ROOT / "experiments/data/diabetes.csv", delimiter=",", skiprows=1)
    return rows[:, :size], rows[:, -1]


def weighable(name, size):
    """A weight in the component and domain of the design."""
    import numpy as np

    w = np.random.default_rng(3).normal(0, 0.8, size)
    return -np.abs(w) if name == "negative" else np.abs(w) if name in ("sign", "custom-product") else w


def check_torch(name, code, example, shape):
    import numpy as np
    import torch

    torch.set_default_dtype(torch.float64)
    w = torch.tensor(weighable(name, int(np.prod(shape)))).reshape(shape)
    holder = torch.nn.Module()
    holder.weight = torch.nn.Parameter(w.clone())
    code.attach(holder)
    close(code.effective_weight(holder).detach(), w, "weight after attaching")
    assert all(x.abs().max() <= 1e-12 for x in code.charges(holder).values()), "charges after attaching"
    for original, tensor in zip(code._originals(holder, "weight"), example["parameters"], strict=True):
        assert list(original.shape) == tensor["shape"], (original.shape, tensor)
        original.data.copy_(torch.tensor(tensor["values"]).reshape(tensor["shape"]))
    found = code.effective_weight(holder)
    close(found.detach(), example["predictor"], "weight")
    (found.reshape(-1) @ torch.tensor(example["covector"])).backward()
    gradient = torch.cat([original.grad.reshape(-1) for original in code._originals(holder, "weight")])
    close(gradient, example["gradient"], "gradient")
    charged = max([float(x.detach().abs().max()) for x in code.charges(holder).values()], default=None)
    code.balance_(holder)
    close(code.effective_weight(holder).detach(), example["predictor"], "weight after balancing")
    if charged is not None:
        assert charged > 1e-3, "the example is balanced"
        assert all(x.abs().max() <= 1e-10 for x in code.charges(holder).values()), "charges after balancing"
    half_precision(code, w)
    documented(code)
    x, y = (torch.tensor(part) for part in task(w.numel()))
    if name in ANY_SIZE:
        conv = code.attach(torch.nn.Conv2d(2, 3, 3), floor=0.05)
        conv(torch.ones(1, 2, 5, 5)).sum().backward()
        linear = code.attach(torch.nn.Linear(w.numel(), 1, bias=False), floor=0.05)
        generator = torch.Generator().manual_seed(1)
        code.initialise_(linear, scale=0.05, generator=generator)
        predict = lambda: linear(x)[:, 0]
        parameters = linear.parameters()
    else:
        code.initialise_(holder, scale=0.05, generator=torch.Generator().manual_seed(1))
        predict = lambda: x @ code.effective_weight(holder).reshape(-1)
        parameters = holder.parameters()
    optimiser = torch.optim.Adam(parameters, lr=0.02)
    losses = []
    for _ in range(150):
        optimiser.zero_grad()
        loss = ((predict() - y) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    trained(losses)


def documented(code):
    """The example of the docstring runs, and a tensor that starts at zero is trained where a floor is said to do it."""
    import torch

    line = next(line for line in code.__doc__.splitlines() if "= attach(" in line)
    layer = eval(line.split("=", 1)[1].split("#")[0], {"attach": code.attach, "torch": torch})
    inputs = torch.ones(2, layer.in_features)
    layer(inputs).sum().backward()
    if "give a floor" in type(layer.parametrizations.weight[0]).__doc__:
        zero = torch.nn.Linear(layer.in_features, layer.out_features, bias=False)
        torch.nn.init.zeros_(zero.weight)
        code.attach(zero, floor=0.1)
        zero(inputs).sum().backward()
        largest = max(float(original.grad.abs().max()) for original in code._originals(zero, "weight"))
        assert largest > 1e-6, "a floor gives no gradient to a tensor of zeros"


def half_precision(code, w):
    """The parameters have eight bits, and w is what they make in higher precision; balancing, charges and gradients are there."""
    import torch

    holder = torch.nn.Module()
    holder.weight = torch.nn.Parameter(w.to(torch.bfloat16))
    code.attach(holder)
    weight = code.effective_weight(holder)
    assert weight.dtype == torch.bfloat16, f"the weight is {weight.dtype}"
    parts = [original.detach().double() for original in code._originals(holder, "weight")]
    close(weight.detach().double(), code._weight(*parts), "weight in bfloat16", 0.01)
    weight.sum().backward()
    for original in code._originals(holder, "weight"):
        assert original.dtype == torch.bfloat16 and original.grad.isfinite().all(), "gradient in bfloat16"
    code.balance_(holder)
    code.initialise_(holder)
    code.charges(holder)


def trained(losses):
    """From about 1, the error of predicting the mean."""
    assert all(loss == loss for loss in losses), "a loss is not a number"
    assert losses[-1] < 0.95 * losses[0], f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"


def check_jax(name, code, example, shape, flax):
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    size = int(np.prod(shape))
    assert tuple(code.SHAPE) == tuple(shape), (code.SHAPE, shape)
    w = jnp.asarray(weighable(name, size)).reshape(shape)
    theta = code.from_weight(w)
    close(code.effective_weight(theta), w, "weight of its parameters")
    assert all(jnp.abs(x).max() <= 1e-12 for x in code.charges(theta).values()), "charges of balanced parameters"
    tensors = {t["name"]: jnp.asarray(t["values"]).reshape(t["shape"]) for t in example["parameters"]}
    assert list(tensors) == list(code.Parameters._fields), (list(tensors), code.Parameters._fields)
    theta = code.Parameters(**tensors)
    covector = jnp.asarray(example["covector"])
    value, gradient = jax.value_and_grad(lambda t: code.effective_weight(t).reshape(-1) @ covector)(theta)
    close(code.effective_weight(theta), example["predictor"], "weight")
    close(jnp.concatenate([part.reshape(-1) for part in gradient]), example["gradient"], "gradient")
    balanced = code.balance(theta)
    close(code.effective_weight(balanced), example["predictor"], "weight after balancing")
    assert all(jnp.abs(x).max() <= 1e-10 for x in code.charges(balanced).values()), "charges after balancing"
    x, y = (jnp.asarray(part) for part in task(size))
    key = jax.random.key(1)
    wrapper = next(v for k, v in vars(code).items() if isinstance(v, type) and v.__module__ == code.__name__ and k != "Parameters")
    if flax:
        model = wrapper(scale=0.05, floor=0.05)
        state = model.init(key)
        weight = lambda state: model.apply(state)
    else:
        state = wrapper(key, scale=0.05, floor=0.05)
        weight = lambda state: state()
    loss = lambda state: ((x @ weight(state).reshape(-1) - y) ** 2).mean()
    optimiser = optax.adam(0.02)

    @jax.jit
    def step(state, moments):
        value, gradient = jax.value_and_grad(loss)(state)
        change, moments = optimiser.update(gradient, moments)
        return optax.apply_updates(state, change), moments, value

    moments, losses = optimiser.init(state), []
    for _ in range(150):
        state, moments, value = step(state, moments)
        losses.append(float(value))
    trained(losses)


def check(program, folder, names):
    import jax

    jax.config.update("jax_enable_x64", True)
    (folder / "edges.csv").write_text(EDGES)
    (folder / "table.csv").write_text(TABLE)

    def run(arguments):
        finished = subprocess.run([program, "design", *arguments], cwd=folder, capture_output=True, text=True)
        assert finished.returncode == 0, f"{arguments}: {finished.stderr}"
        return finished.stdout

    for name in names:
        arguments = CASES[name].split()
        told = json.loads(run([*arguments, "--json"]))
        for framework in ("torch", "jax", "flax"):
            path = folder / f"{name}-{framework}.py".replace("-", "_")
            path.write_text(run([*arguments, "--emit", framework]))
            ruff(path)
            code = module(path)
            try:
                if framework == "torch":
                    check_torch(name, code, told["example"], told["shape"])
                else:
                    check_jax(name, code, told["example"], told["shape"], framework == "flax")
            except AssertionError as error:
                sys.exit(f"{name}, {framework}: {error}")
            print(f"{name}, {framework}: as the spec, and trains", flush=True)
    mypy(folder)
    print(f"{len(names)} designs in 3 frameworks, formatted and typed")


def mypy(folder):
    """All modules in one call, since reading the frameworks' own types takes most of the time."""
    cache = CACHE / "frameworks-mypy"
    arguments = ["--strict", "--no-error-summary", "--cache-dir", cache, *sorted(folder.glob("*.py"))]
    finished = subprocess.run([sys.executable, "-m", "mypy", *arguments], cwd=folder, capture_output=True, text=True)
    if finished.returncode:
        sys.exit(f"the code is not typed:\n{finished.stdout}{finished.stderr}")


def ruff(path):
    tool = Path(sys.executable).with_name("ruff")
    for arguments in (
        ["format", "--check", "--quiet", "--line-length", "120"],
        ["check", "--quiet", "--line-length", "120", "--select", "F,E4,E7,E9,I,ANN"],
    ):
        finished = subprocess.run([tool, *arguments, path], capture_output=True, text=True)
        if finished.returncode:
            difference = subprocess.run([tool, "format", "--diff", "--line-length", "120", path], capture_output=True, text=True)
            sys.exit(f"{path.name} is not formatted or typed:\n{finished.stdout}{finished.stderr}{difference.stdout}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=lambda text: Path(text).resolve())
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    options = parser.parse_args()
    python = environment()
    if Path(sys.executable).parent.resolve() != python.parent.resolve() or sys.prefix == sys.base_prefix:
        os.execv(python, [str(python), __file__, *sys.argv[1:]])
    with tempfile.TemporaryDirectory() as folder:
        check(options.program, Path(folder), options.only)


if __name__ == "__main__":
    main()
