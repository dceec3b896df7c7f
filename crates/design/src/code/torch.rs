//! PyTorch: a parametrization for `torch.nn.utils.parametrize`.

use super::Framework;
use crate::Design;

pub(super) fn module(design: &Design) -> String {
    let name = design.class_name();
    let story = design.story().join("\n");
    let core = design.core(Framework::Torch);
    let numpy = if core.contains("np.") { "import numpy as np\n" } else { "" };
    let arguments = design.arguments("Tensor");
    let own = design.parameter_names();
    let names = own.join(", ");
    let (handed, first) = match own.as_slice() {
        _ if arguments.starts_with('*') => ("parameters".to_owned(), "parameters[0]".to_owned()),
        [one] => (format!("({one},)"), one.clone()),
        several => (format!("({})", several.join(", ")), several[0].clone()),
    };
    let (math, check) = if design.fits_any_size() {
        ("", String::new())
    } else {
        let size = design.size();
        let text = format!(
            "        if math.prod(shape) != {size}:\n            raise ValueError(f\"this design is for {size} entries, the tensor has shape {{tuple(shape)}}\")\n"
        );
        ("import math\n\n", text)
    };
    format!(
        r#""""{title}: a parametrization for torch.nn.utils.parametrize, designed by gaugebias.
{story}

    layer = attach(torch.nn.Linear(8, 8))   # layer.weight is now {name} of trained tensors

Any parameter of any module can be attached to. Weight decay would act on the trained tensors, not on w.
"""

{math}{numpy}import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

{core}

def _wide(x: Tensor) -> Tensor:
    """In float32 at least: powers, decompositions and tables have no half precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class {name}(nn.Module):
    """A tensor w of the given shape from its parameters ({names}).

    floor: factors are not started below it. 0 is the balanced start, on which w keeps its component (most often its sign) under gradient
    flow; with a floor small entries of w can change sign. An entry of w that is 0, as in a tensor that starts at zero, has all of its
    factors at 0 without a floor: no gradient reaches them, and it stays 0. Give a floor of about 0.1 then.

    Half precision is computed in float32, and cast back.
    """

    def __init__(self, shape: tuple[int, ...], floor: float = 0.0) -> None:
        super().__init__()
{check}        self.shape, self.floor = tuple(shape), floor

    def forward(self, {arguments}) -> Tensor:
        wide = [_wide(part) for part in {handed}]
        return _weight(*wide).to({first}.dtype).reshape(self.shape)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, ...]:
        parts = _parameters(_wide(weight.reshape(-1)), self.floor)
        return tuple(part.to(weight.dtype, copy=True) for part in parts)


def attach(module: nn.Module, name: str = "weight", floor: float = 0.0) -> nn.Module:
    """Put a tensor of a module behind the parametrization; its value is kept where it can be had."""
    parametrize.register_parametrization(module, name, {name}(tuple(getattr(module, name).shape), floor))
    return module


def initialise_(
    module: nn.Module, name: str = "weight", scale: float = 0.1, generator: torch.Generator | None = None
) -> None:
    """Draw w from N(0, scale²), and its parameters with it, balanced up to the floor."""
    weight = effective_weight(module, name)
    with torch.no_grad():
        draw = torch.randn(weight.shape, generator=generator, dtype=weight.dtype, device=weight.device)
        setattr(module, name, scale * draw)


def effective_weight(module: nn.Module, name: str = "weight") -> Tensor:
    """w, with its gradients."""
    weight: Tensor = getattr(module, name)
    return weight


def _originals(module: nn.Module, name: str) -> list[Tensor]:
    return list(module.get_submodule("parametrizations").get_submodule(name).parameters(recurse=False))


def balance_(module: nn.Module, name: str = "weight") -> None:
    """Move the parameters to the balanced slice; w stays."""
    with torch.no_grad():
        balanced = _parameters(_wide(effective_weight(module, name).reshape(-1)), 0.0)
        for original, part in zip(_originals(module, name), balanced, strict=True):
            original.copy_(part)


def charges(module: nn.Module, name: str = "weight") -> dict[str, Tensor]:
    """What gradient flow conserves, zero at balance; empty where w has one parameter for each entry."""
    return _charges(*map(_wide, _originals(module, name)))
"#,
        title = design.title(),
    )
}
