//! The text of a design's spec file.

use crate::blocks::Parameter;
use crate::operator::Operator;
use crate::part::Part;
use crate::{Design, Regime};

impl Design {
    /// A one-line title.
    pub fn title(&self) -> String {
        self.alone().map_or_else(|| format!("{}, {}", self.target.word(), self.size()), Part::title)
    }

    /// Lines of `[model]`, the last one the predictor.
    pub fn model_lines(&self) -> Vec<(String, String)> {
        if let Some(part) = self.alone() {
            let (mut lines, w, flat) = part.text();
            lines.push((
                "predictor".into(),
                if flat || part.shape().len() == 2 { w } else { format!("reshape({w}, -1)") },
            ));
            return lines;
        }
        let (mut lines, mut parts) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let (own, w, flat) = part.text();
            lines.extend(own);
            let name = format!("w{}", part.tag);
            parts.push(if flat { name.clone() } else { format!("reshape({name}, -1)") });
            lines.push((name, w));
        }
        lines.push(("predictor".into(), format!("concat([{}])", parts.join(", "))));
        lines
    }

    /// `[data]`, `[param]` and the lines of `[model]` up to the predictor: what a spec of one's own needs.
    pub fn core_text(&self) -> String {
        let mut text = String::new();
        let constants = self.constants();
        if !constants.is_empty() {
            text.push_str("[data]\n");
            constants.iter().for_each(|constant| text.push_str(&entry(&constant.name, &constant.spec)));
            text.push('\n');
        }
        text.push_str("[param]\n");
        self.parameters().iter().for_each(|Parameter { name, start, .. }| text.push_str(&entry(name, start)));
        text.push_str("\n[model]\n");
        self.model_lines().iter().for_each(|(name, line)| text.push_str(&entry(name, line)));
        text
    }

    /// A whole spec that runs: the core, a quadratic loss in the place of the user's own, and training in the design's regime.
    pub fn spec_text(&self) -> String {
        let biases = self.biases();
        let regime = self.settings.regime;
        let mut text = format!("title = \"{}\"\n", self.title());
        text.push_str(&format!("# Under {} training this shows: {}\n", regime.word(), biases.of(regime)));
        self.symbols().iter().for_each(|line| text.push_str(&format!("# {line}\n")));
        text.push_str("# `loss` is an example: put your own in its place.\n\n");
        text.push_str(&self.core_text());
        text.push_str(&entry("loss", "0.5 * mean((predictor - 1)**2)"));
        text.push_str("\n[train]\n");
        text.push_str(match regime {
            Regime::Noise if self.is_redundant() => {
                "optimizer = \"langevin\"\nnoise = \"horizontal\"\ntemperature = 0.01\nstep_size = 1e-3\nsteps = 2_000\ndtype = \"f64\"\n"
            }
            Regime::Noise => {
                "optimizer = \"langevin\"\nnoise = \"isotropic\"\ntemperature = 0.01\nstep_size = 1e-3\nsteps = 2_000\ndtype = \"f64\"\n"
            }
            Regime::Minibatch | Regime::Flow => "optimizer = \"sgd\"\nstep_size = 0.01\nsteps = 2_000\n",
        });
        text
    }
}

impl Part {
    /// Lines before the last, the expression of its coordinates, and whether that is a vector.
    fn text(&self) -> (Vec<(String, String)>, String, bool) {
        let mut lines = Vec::new();
        let texts: Vec<String> = self
            .blocks
            .iter()
            .map(|block| {
                let (own, z) = block.text();
                lines.extend(own);
                z
            })
            .collect();
        // s[:, None] * x has a vector first, and is a matrix.
        let flat = self.parameters().iter().all(|p| p.shape.len() == 1);
        if texts.len() == 1 && self.operator == Operator::Identity {
            return (lines, texts[0].clone(), flat);
        }
        let parts: Vec<String> = texts.iter().map(|z| format!("reshape({z}, -1)")).collect();
        let z = match parts.as_slice() {
            [_] if flat => texts[0].clone(),
            [one] => one.clone(),
            several => format!("concat([{}])", several.join(", ")),
        };
        let name = format!("z{}", self.tag);
        let (own, w) = self.operator.text(self.size(), &name, &self.tag);
        if w == name {
            return (lines, z, true);
        }
        lines.push((name, z));
        lines.extend(own);
        (lines, w, true)
    }
}

/// `name = "text"`, over several lines where the text has some.
fn entry(name: &str, text: &str) -> String {
    if text.contains('\n') { format!("{name} = \"\"\"\n{text}\"\"\"\n") } else { format!("{name} = \"{text}\"\n") }
}
