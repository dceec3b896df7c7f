//! Colours and strokes: one style sheet for all figures, by class, so that a page can recolour inline figures for its dark scheme.

/// Hues as (light scheme, dark scheme), near those of Okabe and Ito, moved until any two stay apart (CIE ΔE ≥ 18) for normal sight and for complete
/// protanopia, deuteranopia and tritanopia, with a contrast of at least 3:1 to the background. The tests measure both.
pub const HUES: [(&str, &str); 6] = [
    ("#2e94df", "#4dbdf4"),
    ("#e06a09", "#e48337"),
    ("#108052", "#179d73"),
    ("#871855", "#c17fad"),
    ("#8b5200", "#fccb4e"),
    ("#5c6c88", "#c5cddb"),
];

/// Backgrounds as (light scheme, dark scheme).
const PAPER: (&str, &str) = ("#ffffff", "#15181d");

/// What a mark is coloured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// The hue of the n-th series; after the last hue the first comes again.
    Series(usize),
    /// The colour of text.
    Text,
    /// For what should stand back.
    Muted,
}

impl Ink {
    /// Suffix of the class names.
    fn class(self) -> String {
        match self {
            Self::Series(n) => (n % HUES.len()).to_string(),
            Self::Text => "t".to_owned(),
            Self::Muted => "m".to_owned(),
        }
    }

    /// Class that strokes with this ink.
    pub fn stroke(self) -> String {
        format!("gb-l{}", self.class())
    }

    /// Class that fills with this ink.
    pub fn fill(self) -> String {
        format!("gb-f{}", self.class())
    }
}

/// Dash pattern of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    Solid,
    Dashed,
    Dotted,
}

impl Dash {
    /// The attribute, with a leading blank, or nothing.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Solid => "",
            Self::Dashed => " stroke-dasharray=\"6 3.5\"",
            Self::Dotted => " stroke-dasharray=\"1.5 3\"",
        }
    }

    /// The pattern that tells the n-th series from the one that wears the same hue.
    pub fn of_series(n: usize) -> Self {
        [Self::Solid, Self::Dashed, Self::Dotted][n / HUES.len() % 3]
    }
}

/// The classes' rules. `dark` chooses the scheme.
pub fn sheet(dark: bool) -> String {
    let (text, muted, grid) = if dark { ("#e4e7ec", "#98a2b3", "#323843") } else { ("#1c2430", "#667085", "#e4e7ec") };
    let paper = if dark { PAPER.1 } else { PAPER.0 };
    let mut rules =
        format!(".gb-paper{{fill:{paper}}}.gb-grid{{stroke:{grid};fill:none}}.gb-frame{{stroke:{muted};fill:none}}");
    let hues = HUES.map(|(light, in_dark)| if dark { in_dark } else { light });
    let numbered = hues.into_iter().enumerate().map(|(n, colour)| (n.to_string(), colour));
    for (class, colour) in numbered.chain([("t".to_owned(), text), ("m".to_owned(), muted)]) {
        rules.push_str(&format!(".gb-l{class}{{stroke:{colour};fill:none}}.gb-f{class}{{fill:{colour}}}"));
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    type Triple = [f64; 3];

    fn linear(colour: &str) -> Triple {
        [1, 3, 5].map(|start| {
            let share = f64::from(u8::from_str_radix(&colour[start..start + 2], 16).unwrap()) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn times(matrix: [Triple; 3], v: Triple) -> Triple {
        matrix.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
    }

    const TO_XYZ: [Triple; 3] = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];

    /// Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB: normal, protanopia, deuteranopia, tritanopia.
    const SIGHTS: [[Triple; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];

    /// CIE L*a*b* of a linear colour (D65).
    fn lab(rgb: Triple) -> Triple {
        let xyz = times(TO_XYZ, rgb.map(|share| share.clamp(0.0, 1.0)));
        let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let [x, y, z] = [f(xyz[0] / 0.9505), f(xyz[1]), f(xyz[2] / 1.089)];
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    fn schemes() -> [(Vec<&'static str>, &'static str); 2] {
        [(HUES.map(|hue| hue.0).to_vec(), PAPER.0), (HUES.map(|hue| hue.1).to_vec(), PAPER.1)]
    }

    #[test]
    fn hues_stay_apart_for_every_sight() {
        for (hues, _) in schemes() {
            for sight in SIGHTS {
                let seen: Vec<Triple> = hues.iter().map(|hue| lab(times(sight, linear(hue)))).collect();
                for (i, a) in seen.iter().enumerate() {
                    for (j, b) in seen[..i].iter().enumerate() {
                        let apart = (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
                        assert!(apart >= 18.0, "{} and {}: {apart:.1}", hues[i], hues[j]);
                    }
                }
            }
        }
    }

    #[test]
    fn hues_stand_out_from_the_background() {
        let luminance = |colour| times(TO_XYZ, linear(colour))[1] + 0.05;
        for (hues, paper) in schemes() {
            for hue in hues {
                let ratio = luminance(hue) / luminance(paper);
                assert!(ratio.max(1.0 / ratio) >= 3.0, "{hue} on {paper}: {ratio:.2}");
            }
        }
    }
}
