//! Colours and strokes: one style sheet for all figures, by class, so that a page can recolour inline figures for its dark scheme.

/// Hues that stay apart for all common kinds of colour blindness (after Okabe and Ito), as (light scheme, dark scheme). Their contrast with the background is at
/// least 3:1 in both, which rules out the palette's yellow and darkens its orange, sky blue and purple on white.
pub const HUES: [(&str, &str); 6] = [
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#f08a3c"),
    ("#00875f", "#2fc79a"),
    ("#b1558d", "#e39ac6"),
    ("#b07d00", "#f0c244"),
    ("#4a5568", "#c3ccd9"),
];

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
    let (paper, text, muted, grid) =
        if dark { ("#15181d", "#e4e7ec", "#98a2b3", "#323843") } else { ("#ffffff", "#1c2430", "#667085", "#e4e7ec") };
    let mut rules =
        format!(".gb-paper{{fill:{paper}}}.gb-grid{{stroke:{grid};fill:none}}.gb-frame{{stroke:{muted};fill:none}}");
    let hues = HUES.map(|(light, in_dark)| if dark { in_dark } else { light });
    let numbered = hues.into_iter().enumerate().map(|(n, colour)| (n.to_string(), colour));
    for (class, colour) in numbered.chain([("t".to_owned(), text), ("m".to_owned(), muted)]) {
        rules.push_str(&format!(".gb-l{class}{{stroke:{colour};fill:none}}.gb-f{class}{{fill:{colour}}}"));
    }
    rules
}
