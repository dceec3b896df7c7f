//! Every target, taken apart: symmetries by search, M and φ by derivatives of the spec's text, against the closed forms.

use gaugebias_design::proof::{Proof, prove};
use gaugebias_design::{DesignError, LinkKind, Penalty, Regime, Settings, Target, design, read_edges};

fn proof(target: Target, settings: &Settings) -> Proof {
    let design = design(target, settings).unwrap_or_else(|error| panic!("{target:?} {settings:?}: {error}"));
    prove(&design).unwrap_or_else(|error| panic!("{target:?} {settings:?}: {error}\n{}", design.spec_text()))
}

fn of(size: usize) -> Settings {
    Settings { size: Some(size), ..Settings::default() }
}

/// A row of T J that is e^20 times shorter than others holds their rounding, which is no dependence.
#[test]
fn twenty_factors_behind_cosines_are_proven() {
    let found = proof(Target::Dct, &Settings { depth: Some(20), ..of(6) });
    assert!(found.holds && found.exact && found.unexplained == 0, "{found:#?}");
}

#[test]
fn every_closed_form_is_what_derivatives_find() {
    let edges = Some(vec![(0, 1), (1, 2), (1, 3), (4, 5)]);
    let cases = [
        (Target::Sparsity, of(5), true),
        (Target::Sparsity, Settings { depth: Some(3), ..of(4) }, true),
        (Target::Sparsity, Settings { depth: Some(5), ..of(3) }, true),
        (Target::Sparsity, Settings { strength: Some(0.75), ..of(3) }, true),
        (Target::Sparsity, Settings { strength: Some(0.3), ..of(3) }, true),
        (Target::Sparsity, Settings { depth: Some(10), ..of(64) }, true),
        (Target::Sparsity, Settings { depth: Some(20), ..of(3) }, true),
        (Target::Sparsity, Settings { strength: Some(0.97), ..of(4) }, true),
        (Target::Sign, Settings { strength: Some(0.99), ..of(4) }, true),
        (Target::Group, Settings { groups: vec![3, 3], strength: Some(2.8), ..Settings::default() }, true),
        (Target::TotalVariation, Settings { depth: Some(12), ..of(8) }, true),
        (Target::Trend, Settings { order: 6, ..of(40) }, true),
        (Target::Sign, of(4), true),
        (Target::Sign, Settings { negative: true, depth: Some(3), ..of(4) }, true),
        (Target::Group, Settings { groups: vec![3, 3, 2], ..Settings::default() }, true),
        (Target::Group, Settings { groups: vec![1, 4], strength: Some(0.7), ..Settings::default() }, true),
        (Target::Group, Settings { groups: vec![3, 3], link: Some(LinkKind::Product), ..Settings::default() }, false),
        (Target::LowRank, of(3), true),
        (Target::LowRank, Settings { columns: Some(2), ..of(4) }, false),
        (Target::LowRank, Settings { depth: Some(3), ..of(2) }, false),
        (Target::TotalVariation, of(7), true),
        (Target::TotalVariation, Settings { depth: Some(3), ..of(5) }, true),
        (Target::TotalVariation, Settings { strength: Some(0.4), ..of(5) }, true),
        (Target::Trend, of(7), true),
        (Target::Trend, Settings { order: 2, ..of(8) }, true),
        (Target::Dct, of(6), true),
        (Target::Fourier, of(6), true),
        (Target::Fourier, of(7), true),
        (Target::Haar, of(8), true),
        (Target::Haar, Settings { groups: vec![2, 2, 4], ..Settings::default() }, true),
        (Target::Graph, Settings { edges: edges.clone(), ..Settings::default() }, true),
        (Target::Graph, Settings { edges, size: Some(8), ..Settings::default() }, true),
    ];
    for (target, settings, exact) in cases {
        let found = proof(target, &settings);
        let case = format!("{target:?} {settings:?}: {found:#?}");
        assert!(found.holds, "{case}");
        assert_eq!(found.exact, exact, "{case}");
        assert_eq!(found.tolerance, 1e-8, "{case}");
    }
}

fn blocks(text: &str, regime: Regime) -> Result<gaugebias_design::Design, DesignError> {
    let base = Settings { regime, ..Settings::default() };
    let blocks = gaugebias_design::read_blocks(text, &base, &|name| Err(format!("{name} is not there")))?;
    design(Target::Blocks, &Settings { blocks, ..base })
}

/// Blocks of every kind side by side are proven as a whole, and each is what it is alone.
#[test]
fn compositions_are_proven_as_a_whole() {
    for (text, exact) in [
        ("sparsity:3,depth=3; group:3+2; low-rank:2x2; free:2", true),
        ("haar:4; trend:5,order=1; sign:2,negative", true),
        ("custom:2,penalty=0.1+w**2,domain=(-2,2); total-variation:4,strength=0.3; dct:3", true),
        ("haar:4,groups=2+2; fourier:3; sparsity:2", true),
        ("group:2+2,link=product; sparsity:2", false),
    ] {
        for regime in [Regime::Noise, Regime::Minibatch] {
            // A custom penalty belongs to its regime, where it is bounded below by 0.
            let design = blocks(text, regime).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = prove(&design).unwrap_or_else(|error| panic!("{text}: {error}\n{}", design.spec_text()));
            assert!(found.holds, "{text}: {found:#?}");
            assert_eq!(found.exact, exact, "{text}: {found:#?}");
            assert_eq!(found.size, design.size(), "{text}");
            let separate: usize = design.placed().map(|(part, _)| part.size()).sum();
            assert_eq!(separate, design.size());
        }
    }
    let large = blocks("sparsity:50; low-rank:8x8; total-variation:60; dct:40", Regime::Flow).unwrap();
    let found = prove(&large).unwrap();
    assert!(found.holds && found.size < large.size(), "{found:#?}");
    assert!(found.flow_error.is_some(), "the blocks with a potential are looked at");
    let formulas = blocks("sparsity:3; group:3+2; free:2", Regime::Noise).unwrap().biases();
    assert_eq!(
        formulas.noise,
        "[1/2 Σ log|w_i|] on w[0:3] + [3/2 Σ_(g of 3) log‖w_g‖ + Σ_(g of 2) log‖w_g‖] on w[3:8]"
    );
    for (text, needle) in [
        ("sparsity:3; haar:12", "block 2 `haar:12`: the operator is singular"),
        ("sparsity:3; sparsity:8,strength=2", "block 2 `sparsity:8,strength=2`: a penalty of 2 log|w|"),
        ("sparsity:8,groups=4+4", "two penalties of the same coordinates"),
    ] {
        let error = blocks(text, Regime::Noise).unwrap_err().to_string();
        assert!(error.contains(needle), "{text}: {error}");
    }
}

fn custom(
    penalty: &str,
    domain: (f64, f64),
    regime: Regime,
    link: LinkKind,
) -> Result<gaugebias_design::Design, DesignError> {
    let penalty = Some(Penalty::expression(penalty).unwrap());
    let settings = Settings { penalty, domain: Some(domain), regime, link: Some(link), ..of(3) };
    design(Target::Custom, &settings)
}

/// The penalties of the issue, and others: each is reached to 1e-6 in w and in nats.
#[test]
fn custom_penalties_are_reached() {
    let huber = "where(abs(w) < 1, 0.5 * w**2, abs(w) - 0.5)";
    for (penalty, domain) in [
        ("abs(w)", (-4.0, 4.0)),
        ("log(1 + w**2)", (-5.0, 5.0)),
        ("0.3 * log(abs(w)) + w**2 / 8", (-4.0, 4.0)),
        ("0.3 * log(abs(w)) + w**2 / 8", (0.0, 4.0)),
        (huber, (-3.0, 3.0)),
        ("(w**2 - 1)**2", (-1.8, 1.8)),
        ("abs(w - 0.3)", (-1.0, 2.0)),
        ("0.3 * log(abs(w - 0.37)) + w**2 / 8", (-2.0, 3.0)),
        ("0.9 * log(abs(w))", (-1.0, 1.0)),
        ("2 * log(abs(w))", (0.1, 5.0)),
    ] {
        for link in [LinkKind::Direct, LinkKind::Product] {
            let design = custom(penalty, domain, Regime::Noise, link).unwrap_or_else(|e| panic!("{penalty}: {e}"));
            let info = design.link().unwrap();
            assert!(info.error <= 1e-6 && info.penalty_error <= 1e-6, "{penalty}: {info:?}");
            let found = prove(&design).unwrap();
            let tolerance = 1e-6;
            assert!(
                found.holds && found.tolerance <= tolerance && found.exact,
                "{penalty} {domain:?} {link:?}: {info:?} {found:#?}"
            );
            let expected = usize::from(link == LinkKind::Product) * 3;
            assert_eq!(found.symmetry_dimension, expected, "{penalty}");
        }
    }
    let table: String =
        (-20..=20).map(|i| format!("{},{}\n", 0.2 * f64::from(i), (0.2 * f64::from(i)).abs().sqrt())).collect();
    let penalty = Some(Penalty::table("r.csv", &table).unwrap());
    let settings = Settings { penalty, domain: Some((-4.0, 4.0)), ..of(3) };
    let found = proof(Target::Custom, &settings);
    assert!(found.holds && found.tolerance <= 1e-6, "{found:#?}");
}

/// In every regime the penalty that is asked for is the one that is shown.
#[test]
fn a_custom_penalty_is_meant_for_its_regime() {
    for (penalty, domain, regime) in [
        ("abs(w)", (-2.0, 2.0), Regime::Minibatch),
        ("0.1 + w**2", (-2.0, 2.0), Regime::Minibatch),
        ("w**2 + 0.1 * w**4", (-2.0, 2.0), Regime::Flow),
        ("0.5 * (w * log(w + sqrt(w**2 + 0.01)) - sqrt(w**2 + 0.01))", (-2.0, 2.0), Regime::Flow),
    ] {
        let design = custom(penalty, domain, regime, LinkKind::Direct).unwrap_or_else(|e| panic!("{penalty}: {e}"));
        let found = prove(&design).unwrap();
        assert!(found.holds, "{penalty}: {found:#?}");
        // aᵀMa ∝ P, and 1/M ∝ φ''.
        let ratio = |w: f64| {
            let m = design.squared_gradient(&[w, 1.0, 1.0], &[1.0, 0.0, 0.0]).unwrap();
            match regime {
                Regime::Flow => m * second(penalty, w),
                _ => m / Penalty::expression(penalty).unwrap().values(&[w]).unwrap()[0],
            }
        };
        let (first, other) = (ratio(0.4), ratio(-1.3));
        assert!((first / other - 1.0).abs() < 1e-4, "{penalty}: {first} {other}");
    }
}

fn second(penalty: &str, w: f64) -> f64 {
    let h = 1e-3;
    let v = Penalty::expression(penalty).unwrap().values(&[w - h, w, w + h]).unwrap();
    (v[0] - 2.0 * v[1] + v[2]) / (h * h)
}

#[test]
fn what_cannot_be_had_is_refused_with_its_reason() {
    let refused = |target: Target, settings: Settings| design(target, &settings).unwrap_err().to_string();
    let custom_of = custom;
    let custom = |penalty: &str, low: f64, high: f64| {
        custom_of(penalty, (low, high), Regime::Noise, LinkKind::Direct).unwrap_err().to_string()
    };
    let in_regime =
        |penalty: &str, regime| custom_of(penalty, (-1.0, 1.0), regime, LinkKind::Direct).unwrap_err().to_string();
    for (message, needle) in [
        (refused(Target::Sparsity, Settings { strength: Some(1.0), ..of(3) }), "below 1 for every finite D"),
        (refused(Target::Sparsity, Settings { strength: Some(-0.5), ..of(3) }), "above 0"),
        (refused(Target::Sparsity, Settings { depth: Some(1), ..of(3) }), "one factor has no bias"),
        (refused(Target::Sparsity, Settings::default()), "--size"),
        (refused(Target::Group, Settings { groups: vec![3, 0], ..Settings::default() }), "--groups"),
        (
            refused(Target::Group, Settings { groups: vec![2], strength: Some(2.5), ..Settings::default() }),
            "finite mass",
        ),
        (refused(Target::LowRank, Settings { depth: Some(3), columns: Some(2), ..of(3) }), "square"),
        (refused(Target::LowRank, Settings { strength: Some(0.5), ..of(3) }), "temperature"),
        (refused(Target::Haar, of(12)), "power of two"),
        (refused(Target::Trend, Settings { order: 3, ..of(4) }), "free of the penalty"),
        (
            refused(Target::Graph, Settings { edges: Some(vec![(0, 1), (1, 2), (2, 0)]), ..Settings::default() }),
            "singular",
        ),
        (refused(Target::Graph, Settings { edges: Some(vec![(0, 0)]), ..Settings::default() }), "loop"),
        (refused(Target::Graph, Settings::default()), "--edges"),
        (refused(Target::Sparsity, Settings { groups: vec![3], ..of(3) }), "two penalties of the same coordinates"),
        (refused(Target::Dct, Settings { groups: vec![2], depth: Some(3), ..of(2) }), "two penalties of the same"),
        (refused(Target::Blocks, Settings::default()), "--blocks"),
        (refused(Target::Custom, of(1)), "--penalty"),
        (custom("2 * log(abs(w))", -1.0, 1.0), "not integrable"),
        (custom("log(abs(w))", 0.0, 1.0), "not integrable"),
        (custom("-log(abs(w))", -1.0, 1.0), "infinite slope"),
        (custom("sqrt(w)", -1.0, 1.0), "has no value (NaN) at w = -1"),
        (custom("w**2", -10.0, 10.0), "smaller domain"),
        (custom("where(w > 0.3, 1.0, 0.0)", -1.0, 1.0), "rough"),
        (custom("abs(w)", 1.0, -1.0), "below the second"),
        (custom("-0.3 * log(abs(w - 0.1234))", -1.0, 1.0), "at w = 0.1234, inside the domain"),
        (in_regime("log(1 + w**2)", Regime::Minibatch), "a P that is 0 cannot be had at w = 0"),
        (in_regime("1 / abs(w)", Regime::Minibatch), "R of the link is ½ log P"),
        (in_regime("-log(abs(w))", Regime::Flow), "−½ log φ'', and of that R"),
        (refused(Target::LowRank, of(1)), "no rank that could be low"),
        (Penalty::expression("sum(abs(w))").unwrap_err().to_string(), "depends on the others"),
        (Penalty::expression("w @ w").unwrap_err().to_string(), "depends on the others"),
        (read_edges("e.csv", "a,b\n").unwrap_err().to_string(), "no edges are there"),
    ] {
        assert!(message.contains(needle), "{needle}: {message}");
    }
}

#[test]
fn formulas_are_those_of_the_numbers() {
    let biases = |target, settings: Settings| design(target, &settings).unwrap().biases();
    let third = biases(Target::Sparsity, Settings { depth: Some(3), ..of(4) });
    assert_eq!(third.noise, "2/3 Σ log|w_i|");
    assert_eq!(third.minibatch, "3/4 η Σ E[a_i²] |w_i|^(4/3)");
    assert_eq!(third.flow, "−3/2 Σ |w_i|^(2/3) at balance");
    let second = biases(Target::TotalVariation, of(4));
    assert_eq!((second.noise.as_str(), second.minibatch.as_str()), ("1/2 Σ log|(Tw)_i|", "1/2 η Σ E[b_i²] |(Tw)_i|"));
    let square = biases(Target::LowRank, of(4));
    assert_eq!(square.noise, "1/2 Σ log σ_i + Σ_(i<j) log(σ_i + σ_j)");
    assert!(
        square.minibatch.ends_with("2 η E[A_ij²] ‖W‖_* where A has equal, uncorrelated entries"),
        "{}",
        square.minibatch
    );
    let groups = biases(Target::Group, Settings { groups: vec![3, 3], ..Settings::default() });
    assert_eq!(groups.noise, "3/2 Σ_g log‖w_g‖");
    assert!(groups.minibatch.contains("3/2 η E[a_i²] Σ_g ‖w_g‖ where"), "{}", groups.minibatch);
}
