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
    let check = design.misfit().map(|[condition, text]| {
        format!("        if {condition}:\n            raise ValueError(f\"{text}, the tensor has shape {{tuple(shape)}}\")\n")
    });
    let math = if check.is_some() { "import math\n\n" } else { "" };
    let check = check.unwrap_or_default();
    let [inputs, outputs] = design.example_layer();
    let fitting = design.fitting_tensors();
    let floor = design.floor().of_class().join("\n    ");
    format!(
        r#""""{title}: a parametrization for torch.nn.utils.parametrize, designed by gaugebias.
{story}

    layer = attach(torch.nn.Linear({inputs}, {outputs}))   # layer.weight is now {name} of trained tensors

{fitting}
Weight decay would act on the trained tensors, not on w.
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

    {floor}

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
