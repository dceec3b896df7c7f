use super::Curve;
use crate::drawing::{Drawing, Mark, Sample};
use crate::style::{Dash, Ink};

/// Points, in named groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scatter {
    /// The groups.
    pub groups: Vec<Curve>,
    /// Draw the line x = y, where equal quantities would lie; its name for the legend.
    pub diagonal: Option<String>,
}

/// Points of all groups together.
const MOST_POINTS: usize = 12_000;

impl Scatter {
    pub(crate) fn drawing(&self) -> Drawing {
        let mut drawing = Drawing::default();
        if let Some(label) = &self.diagonal {
            drawing.marks.push(Mark::Diagonal { ink: Ink::Text, dash: Dash::Dashed });
            drawing.entry(label, Ink::Text, Sample::Line(Dash::Dashed));
        }
        let total: usize = self.groups.iter().map(|group| group.points.len()).sum();
        let stride = total.div_ceil(MOST_POINTS).max(1);
        let radius = if total > 500 { 1.6 } else { 2.8 };
        for (index, group) in self.groups.iter().enumerate() {
            let (ink, hollow) = (Ink::Series(index), false);
            let points = group.points.iter().step_by(stride).copied().collect();
            drawing.marks.push(Mark::Dots { points, ink, radius, hollow });
            let label =
                if stride > 1 { format!("{} (1 of {stride} points)", group.label) } else { group.label.clone() };
            drawing.entry(label, ink, Sample::Dot { hollow });
        }
        drawing
    }
}
