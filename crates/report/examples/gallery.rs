//! A report with every kind of figure, drawn from made-up data: `cargo run -p gaugebias-report --example gallery -- DIR`.

use gaugebias_report::{
    AlternativeRow, Axis, Content, Curve, Density, Derivation, Fact, Figure, Levels, Lines, Page, Reference, Scatter,
    Series, Stem, Table, VerdictRow, write,
};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: gallery DIR")?;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut normal = move || -> f64 { StandardNormal.sample(&mut random) };
    let figures = vec![
        ratios(&mut normal),
        losses(&mut normal),
        density(&mut normal),
        stem(&mut normal),
        scatter(&mut normal),
        levels(),
        many(&mut normal),
        awkward(),
    ];
    write(std::path::Path::new(&directory), &page(figures))?;
    Ok(())
}

fn figure(name: &str, title: &str, caption: &str, x: Axis, y: Axis, content: Content) -> Figure {
    Figure { name: name.into(), title: title.into(), caption: caption.into(), x, y, content }
}

fn ratios(normal: &mut impl FnMut() -> f64) -> Figure {
    let steps: Vec<f64> = (0..5_000).map(|record| f64::from(record) * 100.0).collect();
    let series = (0..4)
        .map(|unit| {
            let scale = [0.3, 0.7, 1.6, 3.0][unit];
            let mut wander = [0.0_f64; 16];
            let values = steps.iter().flat_map(|step| {
                let log_ratio = f64::ln(scale) * (-step / 120_000.0).exp();
                wander.iter_mut().for_each(|w| *w = 0.995 * *w + 0.004 * normal());
                wander.map(|w| (log_ratio + w).exp())
            });
            Series { label: format!("unit {}", unit + 1), values: values.collect() }
        })
        .collect();
    let reference = Some(Reference { value: 1.0, label: "balanced".into() });
    figure(
        "ratios",
        "Norm ratios tend to one under gradient noise",
        "Each unit's ratio of outgoing to incoming weight norm approaches the balanced value 1 from its own side.",
        Axis::new("step"),
        Axis::new("ratio ‖v‖ / ‖W‖").logarithmic(),
        Content::Lines(Lines { steps, series, reference, band: None }),
    )
}

fn losses(normal: &mut impl FnMut() -> f64) -> Figure {
    let steps: Vec<f64> = (0..400).map(|record| f64::from(record) * 125.0).collect();
    let curve = |label: &str, floor: f64, normal: &mut dyn FnMut() -> f64| {
        let values = steps.iter().map(|step| {
            if (20_000.0..23_000.0).contains(step) && floor < 0.03 {
                f64::NAN
            } else {
                (-step / 6_000.0).exp() + floor * (1.0 + 0.1 * normal())
            }
        });
        Series { label: label.into(), values: values.collect() }
    };
    let series = vec![
        curve("vanilla (test)", 0.4, normal),
        curve("vanilla with an L1 penalty of 0.1 (test)", 0.06, normal),
        curve("Hadamard product (test)", 0.02, normal),
    ];
    figure(
        "losses",
        "Test loss of three parametrizations of the same regression, one seed each, with a gap where nothing was logged",
        "The Hadamard product generalises without a penalty.",
        Axis::new("step"),
        Axis::new("mean squared error").logarithmic(),
        Content::Lines(Lines { steps, series, reference: None, band: None }),
    )
}

fn density(normal: &mut impl FnMut() -> f64) -> Figure {
    // Exact samples of p ∝ w^(−1/2) e^(−w): w = z²/2 for a standard normal z.
    let samples: Vec<f64> = (0..20_000).map(|_| 0.5 * normal().powi(2)).collect();
    let curve = |label: &str, density: fn(f64) -> f64| Curve {
        label: label.into(),
        points: (1..600).map(|i| f64::from(i) * 0.01).map(|w| (w, density(w))).collect(),
    };
    figure(
        "density",
        "Samples against the predicted law",
        "The histogram follows the horizontal law and not the isotropic one.",
        Axis::new("w₁"),
        Axis::new("density"),
        Content::Density(Density {
            label: "samples".into(),
            samples,
            effective_samples: 3_000.0,
            laws: vec![curve("horizontal", |w| (-w).exp() / (std::f64::consts::PI * w).sqrt())],
            alternatives: vec![
                curve("isotropic", |w| (-w).exp()),
                curve("conditioned (cut at 0.01)", |w| 0.25 * (-w).exp() / w),
            ],
        }),
    )
}

fn stem(normal: &mut impl FnMut() -> f64) -> Figure {
    let positions: Vec<f64> = (0..24).map(f64::from).collect();
    let mut truth = vec![0.0; 24];
    (truth[3], truth[9], truth[17]) = (1.6, -1.2, 1.9);
    let mut spread = |label: &str, noise: f64| Series {
        label: label.into(),
        values: truth.iter().flat_map(|t| (0..16).map(|_| 0.95 * t + noise * normal()).collect::<Vec<_>>()).collect(),
    };
    let series = vec![spread("vanilla", 0.3), spread("u∘v", 0.03)];
    figure(
        "coefficients",
        "Coefficients found, and the truth",
        "u∘v keeps three coefficients; the vanilla parametrization spreads over all of them.",
        Axis::new("coefficient k"),
        Axis::new("w_k"),
        Content::Stem(Stem { positions, series, truth: Some(truth), borders: Vec::new() }),
    )
}

fn scatter(normal: &mut impl FnMut() -> f64) -> Figure {
    let points = (0..400).map(|_| (normal(), normal())).map(|(a, b)| (a, a + 0.02 * b)).collect();
    figure(
        "formula",
        "Closed form against numbers",
        "Every random point lies on the line of equality.",
        Axis::new("½ log det Γ, numeric (nats)"),
        Axis::new("closed form (nats)"),
        Content::Scatter(Scatter {
            groups: vec![Curve { label: "random points".into(), points }],
            diagonal: Some("equal".into()),
        }),
    )
}

fn levels() -> Figure {
    let axis: Vec<f64> = (0..121).map(|i| -2.0 + f64::from(i) / 30.0).collect();
    let values = axis.iter().flat_map(|v| axis.iter().map(move |u| u * v)).collect();
    let balanced = |sign: f64| Curve {
        label: if sign > 0.0 { "slice u = v".into() } else { "slice u = −v".into() },
        points: vec![(-2.0, -2.0 * sign), (2.0, 2.0 * sign)],
    };
    let circle = (0..=90).map(|i| f64::from(i) * std::f64::consts::TAU / 90.0).map(|a| (1.5 * a.cos(), 1.5 * a.sin()));
    let norm = Curve { label: "‖θ‖ = 1.5".into(), points: circle.collect() };
    figure(
        "picture",
        "Orbits of the rescaling symmetry and the balanced slice",
        "Each hyperbola is one value of the predictor; the slice meets it where its parameters are shortest.",
        Axis::new("u"),
        Axis::new("v"),
        Content::Levels(Levels {
            label: "uv = const".into(),
            xs: axis.clone(),
            ys: axis,
            values,
            levels: vec![-2.0, -1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 2.0],
            curves: vec![balanced(1.0), balanced(-1.0), norm],
            starts: vec![(1.7, 0.3)],
            ends: vec![(1.75, 0.57)],
        }),
    )
}

fn many(normal: &mut impl FnMut() -> f64) -> Figure {
    let steps: Vec<f64> = (0..2_000).map(|record| f64::from(record) * 2.5e4).collect();
    let series = (0..64)
        .map(|k| {
            let values = steps.iter().map(|s| 1e-5 * f64::from(k) * (1.0 - (-s / 1e7).exp()) + 2e-6 * normal());
            Series { label: format!("w[{k}]"), values: values.collect() }
        })
        .collect();
    figure(
        "many",
        "Sixty-four coefficients at once",
        "With many series the legend names the first and the last.",
        Axis::new("step"),
        Axis::new("w"),
        Content::Lines(Lines {
            steps,
            series,
            reference: Some(Reference { value: 0.0, label: "zero".into() }),
            band: None,
        }),
    )
}

fn awkward() -> Figure {
    let series = vec![Series { label: "<b>&\"loss\"</b> & friends".into(), values: vec![f64::NAN; 3] }];
    figure(
        "awkward",
        "A run that <diverged> & left nothing",
        "A figure without values says so.",
        Axis::new("step"),
        Axis::new("loss").logarithmic(),
        Content::Lines(Lines { steps: vec![0.0, 1.0, 2.0], series, reference: None, band: None }),
    )
}

fn fact(label: &str, value: &str, latex: Option<&str>) -> Fact {
    Fact { label: label.into(), value: value.into(), latex: latex.map(Into::into) }
}

fn page(figures: Vec<Figure>) -> Page {
    let words = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    Page {
        title: "Sparse recovery with a Hadamard product".into(),
        subtitle: "A gallery of made-up data: every kind of figure and every part of the page".into(),
        summary: words(&[
            "The samples agree with the horizontal law: distance 0.0121 within the threshold 0.0337.",
            "The symmetry is a rescaling of each pair (u_i, v_i): 64 generators, all non-compact, one charge each.",
            "The bias at the balanced point prefers sparse predictors.",
        ]),
        question: words(&["Does gradient noise make the product u∘v sparse, and by the amount that the geometry of its orbits predicts? <i>Markup is text.</i>"]),
        derivations: vec![Derivation {
            title: "base".into(),
            tree: Vec::new(),
            rows: vec![
                fact("parameters", "128", None),
                fact("symmetry", "64 rescalings, non-compact", Some(r"(u_i, v_i) \mapsto (e^{a_i} u_i, e^{-a_i} v_i)")),
                fact("charges", "64 independent", Some(r"Q_i = \tfrac12 (u_i^2 - v_i^2)")),
                fact("gauge bias", "numeric and closed form differ by at most 3.1×10⁻¹⁵", Some(r"B = \tfrac12 \log\det\Gamma = \tfrac12 \sum_i \log |w_i| + \text{const}")),
                fact("matrix product", "for comparison", Some(r"\det\Gamma = \prod_{i,j \le r} (\sigma_i + \sigma_j), \quad \begin{pmatrix} A & 0 \\ 0 & -A^\top \end{pmatrix}, \quad \lVert x_g \rVert")),
                fact("a formula that cannot be read", "", Some(r"\frac{1}{\unknown")),
            ],
        }],
        verdicts: vec![VerdictRow {
            law: "horizontal".into(),
            observable: "predictor[0]".into(),
            ks: 0.0121,
            ks_threshold: 0.0337,
            effective_samples: 3012.4,
            verdict: "agrees".into(),
            reason: "The distance 0.0121 is within 0.0337, the threshold at 3012 effective samples (family-wise level 0.01 over 3 laws).".into(),
            alternatives: vec![
                AlternativeRow { law: "isotropic".into(), ks: 0.214, verdict: "disagrees".into() },
                AlternativeRow { law: "conditioned".into(), ks: 0.031, verdict: "undecided".into() },
            ],
            ..VerdictRow::default()
        }],
        tables: vec![Table {
            title: "Side by side".into(),
            caption: "Median over 16 seeds.".into(),
            header: words(&["variant", "train error", "test error", "non-zero coefficients", "‖w‖₁", "share of the change explained by noise"]),
            rows: vec![
                words(&["Hadamard", "0.0098 ± 0.0002", "0.0229", "3", "4.71", "0.93"]),
                words(&["vanilla", "0.0000", "2.525", "64", "11.2", "—"]),
            ],
        }],
        figures,
        sections: Vec::new(),
        spec: "title = \"Sparse recovery with a Hadamard product\"\n\n[param]\nu = \"0.01 * normal(64)\"\nv = \"0.01 * normal(64)\"\n\n[model]\npredictor = \"u * v\"\nloss = \"mean((X[i] @ predictor - y[i])**2)\"   # a rather long comment that makes this line scroll in its own box on a narrow screen\n".into(),
        provenance: [("version", "0.1.0"), ("seeds", "16, from 0"), ("wall time", "12.4 s on 2 threads")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .to_vec(),
    }
}
