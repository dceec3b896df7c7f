use crate::drawing::Drawing;
use crate::kinds::{Density, Levels, Lines, Scatter, Stem};
use crate::{ReportError, raster, svg};

/// An axis: what it measures and how it is laid out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axis {
    /// What it measures, with the unit in brackets where there is one: `time (s)`.
    pub label: String,
    /// Logarithmic; values that are not positive then leave a gap.
    pub log: bool,
    /// Fixed range (low, high); without it the data decide.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis whose range the data decide.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), log: false, range: None }
    }

    /// The same axis, logarithmic.
    pub fn logarithmic(self) -> Self {
        Self { log: true, ..self }
    }

    /// The same axis with a fixed range, low < high.
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }
}

/// What a figure shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Observables along the run.
    Lines(Lines),
    /// Samples against predicted laws.
    Density(Density),
    /// Values at positions, with the truth.
    Stem(Stem),
    /// Points.
    Scatter(Scatter),
    /// Level sets of a function of two variables, with curves on top.
    Levels(Levels),
}

/// A figure: data and words, drawn on demand as SVG or PNG.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its file name without ending: letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What the reader should see in it; also its text for those who cannot.
    pub caption: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// The data.
    pub content: Content,
}

impl Figure {
    /// As a self-contained SVG file, light on white.
    ///
    /// # Errors
    /// [`ReportError::Shape`] if the data do not fit together.
    pub fn svg(&self) -> Result<String, ReportError> {
        Ok(svg::standalone(self, &self.drawing()?))
    }

    /// For an HTML page that holds [`figure_style_sheet`](crate::figure_style_sheet): coloured by class, no background.
    ///
    /// # Errors
    /// As [`svg`](Self::svg).
    pub fn inline_svg(&self) -> Result<String, ReportError> {
        Ok(svg::inline(self, &self.drawing()?))
    }

    /// As a PNG file, three pixels to the unit of the SVG.
    ///
    /// # Errors
    /// As [`svg`](Self::svg), and [`ReportError::Raster`].
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        raster::png(&self.svg()?).map_err(|reason| ReportError::Raster { figure: self.name.clone(), reason })
    }

    fn drawing(&self) -> Result<Drawing, ReportError> {
        let drawn = match &self.content {
            Content::Lines(lines) => lines.drawing(),
            Content::Density(density) => Ok(density.drawing(&self.x)),
            Content::Stem(stem) => stem.drawing(),
            Content::Scatter(scatter) => Ok(scatter.drawing()),
            Content::Levels(levels) => levels.drawing(),
        };
        drawn.map_err(|fault| ReportError::Shape {
            figure: self.name.clone(),
            what: fault.what,
            found: fault.found,
            expected: fault.expected,
        })
    }
}
