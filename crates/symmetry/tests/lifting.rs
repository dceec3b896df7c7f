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

/// Two heads of 16 columns with rotary positions: in halves of a head, and in neighbouring columns.
fn rotary(halves: bool) -> String {
    let turn = |name: &str, from: usize| {
        let (a, b) = if halves {
            (format!("{name}[:, :, {from}:{}]", from + 8), format!("{name}[:, :, {}:{}]", from + 8, from + 16))
        } else {
            (format!("{name}[:, :, {from}:{}:2]", from + 16), format!("{name}[:, :, {}:{}:2]", from + 1, from + 16))
        };
        format!("concat([{a} * cos(angle) - {b} * sin(angle), {a} * sin(angle) + {b} * cos(angle)], axis=2)")
    };
    let head = |from: usize| {
        let (q, k) = (turn("q", from), turn("k", from));
        format!("softmax({q} @ transpose({k}, 0, 2, 1)) @ v[:, :, {from}:{}]", from + 16)
    };
    format!(
        "[param]\nW_Q = \"normal(32, 32)\"\nW_K = \"normal(32, 32)\"\nW_V = \"normal(32, 32)\"\nW_O = \"normal(32, 32)\"\n\
         [batch]\nx = \"normal(2, 4, 32)\"\n[model]\nangle = \"outer(arange(4), exp(-0.3 * arange(8)))\"\n\
         q = \"x @ W_Q\"\nk = \"x @ W_K\"\nv = \"x @ W_V\"\n\
         predictor = \"concat([{}, {}], axis=2) @ W_O\"",
        head(0),
        head(16)
    )
}

#[test]
fn frequency_pairs_lift_in_halves_of_a_head() {
    let (model, lifted) = lift(&rotary(true));
    let lifted = lifted.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(model.parameter_count(), 4_096);
    assert!(lifted.not_lifted.is_empty(), "{:?}", lifted.not_lifted);
    let mut found = families(&lifted);
    found.sort();
    assert_eq!(
        found,
        [
            "GL(16) on W_V, W_O",
            "GL(16) on W_V, W_O",
            "O(2) × 8 on W_Q, W_K",
            "O(2) × 8 on W_Q, W_K",
            "rescaling × 8 on W_Q, W_K",
            "rescaling × 8 on W_Q, W_K",
        ]
    );
    assert_eq!((lifted.dimension(), lifted.compact()), (512 + 32, 240 + 16));
    assert!(lifted.residual <= 1e-10 && lifted.residual > 0.0, "{:.1e}", lifted.residual);
}

/// A gain and an offset after normalisation: the offset may grow where the bias behind makes up for it.
#[test]
fn shifts_lift() {
    let text = "[param]\ngain = \"normal(60)\"\noffset = \"normal(60)\"\nW = \"normal(40, 60)\"\nb = \"normal(40)\"\n\
                [batch]\nx = \"normal(12, 60)\"\n[model]\nc = \"x - mean(x, axis=1, keepdims=True)\"\n\
                n = \"c / sqrt(mean(c**2, axis=1, keepdims=True))\"\npredictor = \"(gain * n + offset) @ W.T + b\"";
    let (model, lifted) = lift(text);
    let lifted = lifted.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(families(&lifted), ["rescaling × 60 on gain, offset, W", "shift × 60 on offset, W, b"]);
    assert!(lifted.not_lifted.is_empty() && lifted.residual <= 1e-10, "{lifted:?}");
    assert_eq!((lifted.noncompact(), lifted.compact()), (60, 0));
    // Written out, every generator has the residual that the family was verified by.
    let generators = lifted.generators().expect("few entries");
    assert_eq!(generators.len(), 120);
    let point = gaugebias_model::Point {
        theta: (0..model.parameter_count()).map(|i| (1.7 * i as f64).sin()).collect(),
        draw: 3,
    };
    let gradient = model.covector_gradients(std::slice::from_ref(&point), &[vec![1.0; 480]]).swap_remove(0);
    let size = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    for generator in &generators {
        let along = generator.pairing(&gradient, &point.theta).abs();
        assert!(along <= 1e-12 * size(&gradient) * size(&generator.field(&point.theta)), "{along:.1e}");
    }
}

/// The generators of a family, written out, are those that the direct search finds.
#[test]
fn generators_written_out_span_the_algebra_of_the_direct_search() {
    let text = "[param]\nU = \"normal(6, 5)\"\nV = \"normal(5, 7)\"\n[model]\npredictor = \"U @ V\"";
    let (model, lifted) = lift(text);
    let generators = lifted.unwrap_or_else(|e| panic!("{e}")).generators().expect("few entries");
    let direct = find(&model, &SearchOptions::default()).unwrap();
    assert_eq!(generators.len(), direct.dimension());
    for (ours, theirs) in generators.iter().zip(&direct.generators) {
        assert_eq!((ours.entries(), ours.shifts()), (theirs.entries(), theirs.shifts()));
    }
}
