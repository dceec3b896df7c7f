//! Formulas as plain text and LaTeX.

use super::cluster::ClusterForm;
use super::label::Label;

/// One summand before equal ones are collected.
struct Term {
    /// Coefficient of the logarithm, as a fraction.
    coefficient: (i64, i64),
    plain: String,
    latex: String,
    /// Terms of one family differ by an index only.
    family: String,
    constant: Constant,
}

/// Additive constant of a term.
#[derive(Clone, Copy, PartialEq)]
enum Constant {
    None,
    /// ½ log D, a number of times.
    HalfLog(usize, usize),
    Number(f64),
}

/// The sum of all clusters, plain and LaTeX.
pub(crate) fn print(forms: &[ClusterForm], labels: &[Label], constant: f64) -> (String, String) {
    let terms: Vec<Term> = forms.iter().zip(labels).map(|(f, l)| term(f, l)).collect();
    let (mut plain, mut latex) = (Vec::new(), Vec::new());
    let mut number = constant;
    let mut logs: Vec<(usize, usize)> = Vec::new();
    let mut done = vec![false; terms.len()];
    for i in 0..terms.len() {
        match terms[i].constant {
            Constant::None => {}
            Constant::Number(x) => number += x,
            Constant::HalfLog(depth, times) => match logs.iter_mut().find(|(d, _)| *d == depth) {
                Some((_, count)) => *count += times,
                None => logs.push((depth, times)),
            },
        }
        if done[i] {
            continue;
        }
        let alike: Vec<usize> = (i..terms.len()).filter(|&j| !done[j] && terms[j].family == terms[i].family).collect();
        alike.iter().for_each(|&j| done[j] = true);
        let (p, l) = collected(&terms[i], alike.len());
        plain.push(p);
        latex.push(l);
    }
    for (depth, count) in logs {
        let (n, d) = reduce(count as i64, 2);
        plain.push(format!("{}log {depth}", plain_factor((n, d))));
        latex.push(format!("{}\\log {depth}", latex_factor((n, d))));
    }
    if number.abs() > 1e-12 || plain.is_empty() {
        plain.push(format!("{number:.6}"));
        latex.push(format!("{number:.6}"));
    }
    (plain.join(" + ").replace("+ -", "- "), latex.join(" + ").replace("+ -", "- "))
}

fn collected(term: &Term, count: usize) -> (String, String) {
    let (p, l) = (plain_factor(term.coefficient), latex_factor(term.coefficient));
    if count == 1 {
        return (format!("{p}{}", term.plain), format!("{l}{}", term.latex));
    }
    let (family_plain, family_latex) = term.family.split_once('\u{1f}').unwrap_or((&term.family, ""));
    (
        format!("{p}sum_{{j=0..{}}} {family_plain}", count - 1),
        format!("{l}\\sum_{{j=0}}^{{{}}} {family_latex}", count - 1),
    )
}

fn term(form: &ClusterForm, label: &Label) -> Term {
    match form {
        ClusterForm::Rescaling { blocks, multiplicities, turns, constant } => {
            let (depth, rank) = (blocks.len() as i64, (blocks.len() - 1 + turns) as i64);
            let total: f64 = multiplicities.iter().sum();
            if form.is_plain_rescaling() {
                let times = 1 + turns;
                let expected = 0.5 * times as f64 * (depth as f64).ln();
                let constant = if (constant - expected).abs() < 1e-12 {
                    Constant::HalfLog(blocks.len(), times)
                } else {
                    Constant::Number(*constant)
                };
                return logarithm((rank, depth), label, constant);
            }
            // ½ (D − 1) · 2/Σn · log Π ‖block‖^n, with integer multiplicities.
            logarithm((rank, total.round() as i64), label, Constant::Number(*constant))
        }
        ClusterForm::Chain { matrices, size } => chain(matrices.len(), *size, label),
        ClusterForm::Rotations { size, .. } => {
            let name = matrix_name(label);
            let (plain, latex) = match label {
                Label::PredictorMatrix => ("lambda", "\\lambda".to_owned()),
                _ => ("sigma^2", "\\sigma^2".to_owned()),
            };
            let text = format!("sum_{{i<j<={size}}} log({plain}_i({name}) + {plain}_j({name}))");
            let latex = format!("\\sum_{{i<j\\le {size}}} \\log\\bigl({latex}_i({name}) + {latex}_j({name})\\bigr)");
            Term { coefficient: (1, 2), family: text.clone(), plain: text, latex, constant: Constant::None }
        }
        ClusterForm::Sphere { indices } => logarithm((indices.len() as i64 - 1, 1), label, Constant::None),
        ClusterForm::Scale { .. } => logarithm((1, 1), label, Constant::None),
        ClusterForm::Boost { .. } => logarithm((1, 2), label, Constant::None),
    }
}

fn chain(length: usize, size: usize, label: &Label) -> Term {
    let name = matrix_name(label);
    let (plain, latex) = if length == 2 {
        (
            format!("sum_{{i,j<={size}}} log(sigma_i({name}) + sigma_j({name}))"),
            format!("\\sum_{{i,j\\le {size}}} \\log\\bigl(\\sigma_i({name}) + \\sigma_j({name})\\bigr)"),
        )
    } else {
        (
            format!(
                "sum_{{i,j<={size}}} log((sigma_i^2 - sigma_j^2)/(sigma_i^(2/{length}) - sigma_j^(2/{length}))), \
                 sigma = svdvals({name}), i=j: {length} sigma_i^(2*{}/{length})",
                length - 1
            ),
            format!(
                "\\sum_{{i,j\\le {size}}} \\log\\frac{{\\sigma_i^2 - \\sigma_j^2}}{{\\sigma_i^{{2/{length}}} - \
                 \\sigma_j^{{2/{length}}}}}"
            ),
        )
    };
    Term { coefficient: (1, 2), family: format!("{plain}\u{1f}{latex}"), plain, latex, constant: Constant::None }
}

fn matrix_name(label: &Label) -> String {
    match label {
        Label::Parameters(names) => names.clone(),
        _ => "w".to_owned(),
    }
}

fn logarithm(coefficient: (i64, i64), label: &Label, constant: Constant) -> Term {
    let with = |index: &str| -> (String, String) {
        match label {
            Label::Coordinate(_) => (format!("log|w_{index}|"), format!("\\log|w_{{{index}}}|")),
            Label::Difference(_) => {
                (format!("log|w_{index} - w_({index}-1)|"), format!("\\log|w_{{{index}}} - w_{{{index}-1}}|"))
            }
            Label::Linear(_) => (format!("log|(T w)_{index}|"), format!("\\log|(Tw)_{{{index}}}|")),
            Label::Group(_) => (format!("log ||w_{index}||"), format!("\\log\\lVert w_{{{index}}}\\rVert")),
            Label::PredictorMatrix => ("log ||w||".to_owned(), "\\log\\lVert w\\rVert".to_owned()),
            Label::Parameters(names) => {
                let names = if index == "j" { generic(names) } else { names.clone() };
                (format!("log({names})"), format!("\\log\\left({}\\right)", latex_names(&names)))
            }
        }
    };
    let own = match label {
        Label::Coordinate(i) | Label::Difference(i) | Label::Linear(i) | Label::Group(i) => i.to_string(),
        Label::PredictorMatrix | Label::Parameters(_) => "0".to_owned(),
    };
    let (plain, latex) = with(&own);
    let (family_plain, family_latex) = with("j");
    let family = format!("{family_plain}\u{1f}{family_latex}");
    Term { coefficient: reduce(coefficient.0, coefficient.1), plain, latex, family, constant }
}

/// The last number of every bracket becomes the running index j.
fn generic(names: &str) -> String {
    let mut out = String::new();
    for part in names.split_inclusive(']') {
        match part.rfind(['[', ',']) {
            Some(at) if part.ends_with(']') && part[at + 1..part.len() - 1].parse::<usize>().is_ok() => {
                out.push_str(&part[..=at]);
                out.push_str("j]");
            }
            _ => out.push_str(part),
        }
    }
    out
}

fn latex_names(names: &str) -> String {
    names.replace("||", "\\Vert ").replace('_', "\\_")
}

fn reduce(n: i64, d: i64) -> (i64, i64) {
    let gcd = |mut a: i64, mut b: i64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a.abs().max(1)
    };
    let g = gcd(n, d);
    (n / g, d / g)
}

fn plain_factor((n, d): (i64, i64)) -> String {
    match (n, d) {
        (1, 1) => String::new(),
        (n, 1) => format!("{n} "),
        (n, d) => format!("{n}/{d} "),
    }
}

fn latex_factor((n, d): (i64, i64)) -> String {
    match (n, d) {
        (1, 1) => String::new(),
        (n, 1) => format!("{n}\\,"),
        (n, d) => format!("\\tfrac{{{n}}}{{{d}}}\\,"),
    }
}
