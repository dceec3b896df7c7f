//! One function per parametrization of the catalogue, and some that are not in it.

use super::dual::{Dual, matmul, square_sum, transpose};
use super::{Model, inputs};

/// w = u₁∘…∘u_D in ℝᵈ.
pub fn hadamard(depth: usize, size: usize) -> Model {
    let names = ["u", "v", "w", "x", "y", "z"];
    let shape = [size];
    let tensors: Vec<(&str, &[usize])> = names[..depth].iter().map(|n| (*n, &shape[..])).collect();
    Model::new(&format!("hadamard {depth}x{size}"), &tensors, move |t| product(t, depth, size))
}

fn product(t: &[Dual], depth: usize, size: usize) -> Vec<Dual> {
    (0..size).map(|i| (1..depth).fold(t[i].clone(), |w, l| &w * &t[l * size + i])).collect()
}

/// w = cumsum(u∘v), so that Tw = u∘v with the first difference T.
pub fn total_variation(size: usize) -> Model {
    Model::new("total variation", &[("u", &[size]), ("v", &[size])], move |t| {
        let mut sum = Dual::constant(0.0);
        product(t, 2, size)
            .into_iter()
            .map(|x| {
                sum = &sum + &x;
                sum.clone()
            })
            .collect()
    })
}

pub fn difference_of_squares(size: usize) -> Model {
    Model::new("u*u - v*v", &[("u", &[size]), ("v", &[size])], move |t| {
        (0..size).map(|i| &t[i] * &t[i] - &t[size + i] * &t[size + i]).collect()
    })
}

/// w_g = s_g x_g.
pub fn groups(count: usize, size: usize) -> Model {
    Model::new("s * x", &[("s", &[count, 1]), ("x", &[count, size])], move |t| {
        (0..count * size).map(|i| &t[i / size] * &t[count + i]).collect()
    })
}

/// W = W_L … W_1 with the given sizes (first is the outermost).
pub fn chain(sizes: &[usize]) -> Model {
    let names = ["A", "B", "C", "D"];
    let shapes: Vec<Vec<usize>> = sizes.windows(2).map(|w| w.to_vec()).collect();
    let tensors: Vec<(&str, &[usize])> = names.iter().zip(&shapes).map(|(n, s)| (*n, s.as_slice())).collect();
    let sizes = sizes.to_vec();
    Model::new(&format!("chain {sizes:?}"), &tensors, move |t| {
        let mut at = sizes[0] * sizes[1];
        let mut w = t[..at].to_vec();
        for i in 2..sizes.len() {
            let next = sizes[i - 1] * sizes[i];
            w = matmul(&w, &t[at..at + next], sizes[0], sizes[i - 1], sizes[i]);
            at += next;
        }
        w
    })
}

/// W = UUᵀ.
pub fn gram(rows: usize, rank: usize) -> Model {
    Model::new("U @ U.T", &[("U", &[rows, rank])], move |t| matmul(t, &transpose(t, rows, rank), rows, rank, rows))
}

pub fn radial(size: usize) -> Model {
    Model::new("norm(x)", &[("x", &[size])], |t| vec![square_sum(t).sqrt()])
}

/// v relu(W x) on `batch` random inputs.
pub fn relu_layer(inputs_: usize, hidden: usize, outputs: usize, batch: usize) -> Model {
    Model::drawn("relu layer", &[("W", &[hidden, inputs_]), ("v", &[outputs, hidden])], move |t, draw| {
        let x = inputs(draw, inputs_ * batch);
        let w = &t[..hidden * inputs_];
        let h: Vec<Dual> = matmul(w, &x, hidden, inputs_, batch).iter().map(Dual::relu).collect();
        matmul(&t[hidden * inputs_..], &h, outputs, hidden, batch)
    })
}

/// Layers of ReLU units with the given widths, inputs first; the last layer is linear.
pub fn relu_chain(widths: &[usize], batch: usize) -> Model {
    let names = ["A", "B", "C", "D"];
    let shapes: Vec<Vec<usize>> = widths.windows(2).map(|w| vec![w[1], w[0]]).collect();
    let tensors: Vec<(&str, &[usize])> = names.iter().zip(&shapes).map(|(n, s)| (*n, s.as_slice())).collect();
    let widths = widths.to_vec();
    Model::drawn(&format!("relu {widths:?}"), &tensors, move |t, draw| {
        let mut h = inputs(draw, widths[0] * batch);
        let mut at = 0;
        for (layer, w) in widths.windows(2).enumerate() {
            h = matmul(&t[at..at + w[0] * w[1]], &h, w[1], w[0], batch);
            at += w[0] * w[1];
            if layer + 2 < widths.len() {
                h = h.iter().map(Dual::relu).collect();
            }
        }
        h
    })
}

/// One attention head with output matrix on `length` random tokens; no W_O when `output` is false.
pub fn attention(embedding: usize, head: usize, length: usize, output: bool) -> Model {
    let square = [embedding, head];
    let outward = [head, embedding];
    let mut tensors: Vec<(&str, &[usize])> = vec![("Q", &square), ("K", &square), ("V", &square)];
    if output {
        tensors.push(("O", &outward));
    } else {
        tensors.pop();
    }
    Model::drawn("attention", &tensors, move |t, draw| {
        let x = inputs(draw, length * embedding);
        let block = embedding * head;
        let of = |i: usize| matmul(&x, &t[i * block..(i + 1) * block], length, embedding, head);
        let (q, k) = (of(0), of(1));
        let scores = matmul(&q, &transpose(&k, length, head), length, head, length);
        let mixed: Vec<Dual> = scores.chunks_exact(length).flat_map(softmax).collect();
        if !output {
            return matmul(&mixed, &x, length, length, embedding);
        }
        let value = matmul(&mixed, &of(2), length, length, head);
        matmul(&value, &t[3 * block..], length, head, embedding)
    })
}

pub fn softmax(z: &[Dual]) -> Vec<Dual> {
    let e: Vec<Dual> = z.iter().map(Dual::exp).collect();
    let total = e.iter().fold(Dual::constant(0.0), |sum, x| &sum + x);
    e.iter().map(|x| x / &total).collect()
}

pub fn logits(size: usize) -> Model {
    Model::new("softmax(z)", &[("z", &[size])], softmax)
}

/// Gain after RMS normalisation, then a matrix: W (γ ∘ x̂).
pub fn rms_norm(inputs_: usize, outputs: usize) -> Model {
    Model::drawn("rms norm", &[("gain", &[inputs_]), ("W", &[outputs, inputs_])], move |t, draw| {
        let x = inputs(draw, inputs_);
        let root = square_sum(&x).sqrt();
        let h: Vec<Dual> = (0..inputs_).map(|i| &(&x[i] / &root) * &t[i]).collect();
        matmul(&t[inputs_..], &h, outputs, inputs_, 1)
    })
}

/// down (silu(gate x) ∘ (up x)).
pub fn swiglu(size: usize, hidden: usize) -> Model {
    let wide = [hidden, size];
    let tall = [size, hidden];
    Model::drawn("swiglu", &[("gate", &wide), ("up", &wide), ("down", &tall)], move |t, draw| {
        let x = inputs(draw, size);
        let block = hidden * size;
        let gate = matmul(&t[..block], &x, hidden, size, 1);
        let up = matmul(&t[block..2 * block], &x, hidden, size, 1);
        let h: Vec<Dual> = gate.iter().zip(&up).map(|(g, u)| &g.silu() * u).collect();
        matmul(&t[2 * block..], &h, size, hidden, 1)
    })
}

/// F(cW) = F(W): a weight that only its direction matters of.
pub fn normalised_weight(size: usize) -> Model {
    Model::drawn("W / norm(W)", &[("W", &[size])], move |t, draw| {
        let root = square_sum(t).sqrt();
        let y = &matmul(t, &inputs(draw, size), 1, size, 1)[0] / &root;
        vec![y]
    })
}

/// (W₀ + BA)x: W₀ a constant of the draw-free predictor BA.
pub fn lora(outputs: usize, inputs_: usize, rank: usize) -> Model {
    Model::new("B @ A", &[("B", &[outputs, rank]), ("A", &[rank, inputs_])], move |t| {
        matmul(&t[..outputs * rank], &t[outputs * rank..], outputs, rank, inputs_)
    })
}

/// w = u + 0.1u³: no symmetry.
pub fn cubic_link(size: usize) -> Model {
    Model::new("u + 0.1 u**3", &[("u", &[size])], |t| {
        t.iter().map(|u| u + &(Dual::constant(0.1) * (u * u) * u.clone())).collect()
    })
}

/// w = u + v³: a fiber that no affine generator explains.
pub fn sum_with_cube(size: usize) -> Model {
    Model::new("u + v**3", &[("u", &[size]), ("v", &[size])], move |t| {
        (0..size).map(|i| &t[i] + &(&(&t[size + i] * &t[size + i]) * &t[size + i])).collect()
    })
}

/// w = u + v.
pub fn sum(size: usize) -> Model {
    Model::new("u + v", &[("u", &[size]), ("v", &[size])], move |t| (0..size).map(|i| &t[i] + &t[size + i]).collect())
}

/// w = (u + 1)∘v: a rescaling about a point that is not the origin.
pub fn shifted(size: usize) -> Model {
    Model::new("(u + 1) * v", &[("u", &[size]), ("v", &[size])], move |t| {
        (0..size).map(|i| (&t[i] + &Dual::constant(1.0)) * t[size + i].clone()).collect()
    })
}

/// U T V with a fixed orthogonal T, so that gl is there but not along the axes of both tensors.
pub fn twisted(rows: usize, columns: usize) -> Model {
    let (c, s) = (0.6, 0.8);
    let rotation: Vec<Dual> = [c, -s, s, c].into_iter().map(Dual::constant).collect();
    Model::new("U @ T @ V", &[("U", &[rows, 2]), ("V", &[2, columns])], move |t| {
        let left = matmul(&t[..rows * 2], &rotation, rows, 2, 2);
        matmul(&left, &t[rows * 2..], rows, 2, columns)
    })
}

/// Two predictor coordinates, one of which needs a logarithm that is defined for u > 0 only.
pub fn half_defined() -> Model {
    Model::new("log(u) + log(v)", &[("u", &[1]), ("v", &[1])], |t| vec![t[0].ln() + t[1].ln()])
}

/// A predictor that ignores its second tensor.
pub fn idle() -> Model {
    Model::new("u * u, v idle", &[("u", &[2]), ("v", &[3])], |t| t[..2].iter().map(|u| u * u).collect())
}
