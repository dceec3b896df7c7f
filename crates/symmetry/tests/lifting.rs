//! Symmetries of models that are too large to search.

use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Parametrization, SpecParametrization};
use gaugebias_symmetry::lifting::{Lifted, find_lifted};
use gaugebias_symmetry::{SearchOptions, SymmetryError, find};

fn lift(text: &str) -> (SpecParametrization, Result<Lifted, SymmetryError>) {
    let file = SpecFile::parse("test", text.to_owned(), ".".into(), &[]).unwrap();
    let model = SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).unwrap();
    let lifted = find_lifted(&file.specs[0], &model, &SearchOptions::default());
    (model, lifted)
}

fn families(lifted: &Lifted) -> Vec<String> {
    lifted.families.iter().map(|f| f.describe(&lifted.tensors)).collect()
}

/// Two heads of dimension 16, a SwiGLU layer, gains: 10,208 parameters.
const BLOCK: &str = r#"
[param]
gain1 = "normal(32)"
W_Q = "normal(32, 32)"
W_K = "normal(32, 32)"
W_V = "normal(32, 32)"
W_O = "normal(32, 32)"
gain2 = "normal(32)"
gate = "normal(63, 32)"
up = "normal(63, 32)"
down = "normal(32, 63)"

[batch]
x = "normal(2, 4, 32)"

[model]
a = "gain1 * x / sqrt(mean(x**2, axis=2, keepdims=True))"
q = "a @ W_Q"
k = "a @ W_K"
v = "a @ W_V"
first = "softmax(q[:, :, 0:16] @ transpose(k[:, :, 0:16], 0, 2, 1)) @ v[:, :, 0:16]"
second = "softmax(q[:, :, 16:32] @ transpose(k[:, :, 16:32], 0, 2, 1)) @ v[:, :, 16:32]"
h = "x + concat([first, second], axis=2) @ W_O"
m = "gain2 * h / sqrt(mean(h**2, axis=2, keepdims=True))"
predictor = "h + (silu(m @ gate.T) * (m @ up.T)) @ down.T"
"#;

#[test]
fn a_transformer_block_of_ten_thousand_parameters() {
    let (model, lifted) = lift(BLOCK);
    let lifted = lifted.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(model.parameter_count(), 10_208);
    assert_eq!(
        families(&lifted),
        [
            "GL(16) on W_Q, W_K",
            "GL(16) on W_Q, W_K",
            "GL(16) on W_V, W_O",
            "GL(16) on W_V, W_O",
            "rescaling × 32 on gain1, W_Q, W_K, W_V",
            "rescaling × 32 on gain2, gate, up",
            "rescaling × 63 on up, down",
        ]
    );
    assert!(lifted.not_lifted.is_empty(), "{:?}", lifted.not_lifted);
    assert_eq!((lifted.dimension(), lifted.compact()), (4 * 256 + 127, 4 * 120));
    assert!(lifted.residual <= 1e-10 && lifted.residual > 0.0, "{:.1e}", lifted.residual);
    assert_eq!(lifted.copies.len(), 2);
    assert!(lifted.free_on_copies && lifted.unexplained_on_copies == 0);
}

/// The same answer as the direct search where that is possible.
#[test]
fn lifting_agrees_with_the_direct_search() {
    for (text, expected) in [
        (
            "[param]\nW1 = \"normal(7, 6)\"\nW2 = \"normal(5, 7)\"\n[batch]\nx = \"normal(20, 6)\"\n\
             [model]\npredictor = \"relu(x @ W1.T) @ W2.T\"",
            "rescaling × 7 on W1, W2",
        ),
        ("[param]\nU = \"normal(8, 5)\"\nV = \"normal(5, 9)\"\n[model]\npredictor = \"U @ V\"", "GL(5) on U, V"),
        (
            "[param]\nW = \"normal(6, 7)\"\n[batch]\nx = \"normal(9, 7)\"\n[model]\npredictor = \"softmax(x @ W.T)\"",
            "translation × 7 on W",
        ),
        ("[param]\nU = \"normal(8, 5)\"\n[model]\npredictor = \"U @ U.T\"", "O(5) on U"),
    ] {
        let (model, lifted) = lift(text);
        let lifted = lifted.unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(families(&lifted), [expected]);
        let direct = find(&model, &SearchOptions::default()).unwrap();
        assert_eq!((lifted.dimension(), lifted.compact()), (direct.dimension(), direct.compact), "{text}");
    }
}

/// A symmetry of the small copy only: at full size the last eight units have another activation.
#[test]
fn a_family_that_fails_at_full_size_is_refused() {
    let text = "[param]\nW1 = \"normal(40, 6)\"\nW2 = \"normal(7, 40)\"\n[batch]\nx = \"normal(20, 6)\"\n\
                [model]\nh = \"x @ W1.T\"\npredictor = \"where(arange(40) < 30, relu(h), tanh(h)) @ W2.T\"";
    match lift(text).1 {
        Err(SymmetryError::NotLifted { parameters, reason }) => {
            assert_eq!(parameters, 520);
            assert!(reason.contains("full size"), "{reason}");
        }
        other => panic!("expected a refusal, found {:?}", other.map(|l| families(&l))),
    }
}

#[test]
fn sizes_that_cannot_shrink_are_refused_with_the_reason() {
    // 13 is tied to 5 + 8 by the concatenation, and no smaller copy keeps that sum.
    let text = "[param]\na = \"normal(5)\"\nb = \"normal(8)\"\nc = \"normal(13)\"\n\
                [model]\npredictor = \"concat([a, b]) * c\"";
    match lift(text).1 {
        Err(SymmetryError::NotLifted { reason, .. }) => assert!(reason.contains("cannot be made smaller"), "{reason}"),
        other => panic!("expected a refusal, found {:?}", other.map(|l| families(&l))),
    }
}
