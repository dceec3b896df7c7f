//! JAX: pure functions on named tuples, and a module of Equinox or of Flax around them.

use super::Framework;
use crate::Design;

pub(super) fn module(design: &Design, framework: Framework) -> String {
    let name = design.class_name();
    let story = design.story().join("\n");
    let core = design.core(framework);
    let numpy = if core.contains("np.array") || core.contains("np.ndarray") || core.contains(" np.") {
        "import numpy as np\n"
    } else {
        ""
    };
    let shape = design.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let shape = if design.shape().len() == 1 { format!("({shape},)") } else { format!("({shape})") };
    let floor = design.floor().of_class().join("\n    ");
    let fields: String = design.parameter_names().iter().map(|name| format!("    {name}: Array\n")).collect();
    let (import, class) = match framework {
        Framework::Flax => ("from flax import linen as nn\n", flax(name, &shape)),
        _ => ("import equinox as eqx\n", equinox(name, &shape)),
    };
    let (before, after) = if import.starts_with("import equinox") { (import, "") } else { ("", import) };
    format!(
        r#""""{title}: a parametrization for JAX, designed by gaugebias.
{story}
"""

from typing import NamedTuple

{before}import jax
import jax.numpy as jnp
{numpy}{after}from jax import Array

SHAPE = {shape}

{core}

class Parameters(NamedTuple):
    """What is trained."""

{fields}

def effective_weight(theta: Parameters, shape: tuple[int, ...] = SHAPE) -> Array:
    """w in its shape."""
    return _weight(*theta).reshape(shape)


def from_weight(weight: Array, floor: float = 0.0) -> Parameters:
    """Parameters of w, balanced up to the floor.

    {floor}
    """
    return Parameters(*_parameters(weight.reshape(-1), floor))


def initialise(key: Array, shape: tuple[int, ...] = SHAPE, scale: float = 0.1, floor: float = 0.0) -> Parameters:
    """Parameters of a w drawn from N(0, scale²)."""
    return from_weight(scale * jax.random.normal(key, shape), floor)


def balance(theta: Parameters) -> Parameters:
    """Move the parameters to the balanced slice; w stays."""
    return Parameters(*_parameters(_weight(*theta), 0.0))


def charges(theta: Parameters) -> dict[str, Array]:
    """What gradient flow conserves, zero at balance; empty where w has one parameter for each entry."""
    return _charges(*theta)


{class}"#,
        title = design.title(),
    )
}

fn equinox(name: &str, shape: &str) -> String {
    let _ = shape;
    format!(
        r#"class {name}(eqx.Module):
    """A trained w: call it for its value."""

    theta: Parameters
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, key: Array, shape: tuple[int, ...] = SHAPE, scale: float = 0.1, floor: float = 0.0) -> None:
        self.theta, self.shape = initialise(key, shape, scale, floor), shape

    def __call__(self) -> Array:
        return effective_weight(self.theta, self.shape)
"#
    )
}

fn flax(name: &str, shape: &str) -> String {
    let _ = shape;
    format!(
        r#"class {name}(nn.Module):
    """A trained w: apply it for its value. Its parameters are the collection `theta`."""

    shape: tuple[int, ...] = SHAPE
    scale: float = 0.1
    floor: float = 0.0

    @nn.compact
    def __call__(self) -> Array:
        def start(key: Array) -> dict[str, Array]:
            return initialise(key, self.shape, self.scale, self.floor)._asdict()

        return effective_weight(Parameters(**self.param("theta", start)), self.shape)
"#
    )
}
