//! What generated code says of starts: what a floor does, and which tensors a design can be attached to.

use crate::Design;
use crate::blocks::Snippets;

/// What a floor does to the parameters of a given w.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Floor {
    /// Factors are raised while their product stays, so that they have charges.
    charges: bool,
    /// The only parameter of an entry or group is raised, and w with it.
    moves: bool,
}

impl Floor {
    pub fn of(snippets: &[Snippets]) -> Self {
        let used = |charged: bool| {
            let raised = |one: &Snippets| one.inverse.iter().any(|line| line.contains("floor"));
            snippets.iter().any(|one| raised(one) && one.charges.is_empty() != charged)
        };
        Self { charges: used(true), moves: used(false) }
    }

    /// One line, for the function that makes parameters of w.
    pub fn of_function(self) -> &'static str {
        match (self.charges, self.moves) {
            (true, _) => {
                "Balanced parameters of a vector w; factors below `floor` are raised to it, which gives them charges."
            }
            (_, true) => "Parameters of a vector w; those below `floor` are raised to it, which moves w there.",
            _ => "Parameters of a vector w; `floor` changes nothing here.",
        }
    }

    /// Lines for the docstring of a class, without indentation.
    pub fn of_class(self) -> Vec<&'static str> {
        let mut lines = Vec::new();
        if self.charges {
            lines.extend([
                "floor: factors are not started below it. 0 is the balanced start, on which w keeps its component (most often its sign) under gradient",
                "flow; with a floor small entries of w can change sign.",
            ]);
        }
        if self.moves {
            lines.push(if self.charges {
                "Where an entry or group has one parameter, the floor moves w."
            } else {
                "floor: parameters are not started below it, which moves w where it is smaller than that; 0 keeps w."
            });
        }
        lines.push(if self.charges || self.moves {
            "What is 0 in w, as in a tensor that starts at zero, has no gradient without a floor, and stays 0: give a floor of about 0.1 then."
        } else {
            "floor: changes nothing for this design."
        });
        lines
    }
}

impl Design {
    pub(super) fn floor(&self) -> Floor {
        let snippets: Vec<Snippets> =
            self.parts.iter().flat_map(|part| part.blocks.iter().map(|block| block.snippets())).collect();
        Floor::of(&snippets)
    }

    /// Entries that belong together, where the code acts on any number of such groups.
    fn unit(&self) -> Option<usize> {
        self.fits_any_size().then(|| self.alone().map_or(1, |part| part.blocks[0].entries_of_unit()))
    }

    /// Sizes (in, out) of a linear layer that the design can be attached to.
    pub(super) fn example_layer(&self) -> [usize; 2] {
        match (self.unit(), self.shape().as_slice()) {
            (Some(1), _) => [8, 8],
            (Some(unit), _) => [unit, 8],
            (None, &[rows, columns]) => [columns, rows],
            (None, _) => [self.size(), 1],
        }
    }

    /// Which tensors the design can be attached to, in a sentence.
    pub(super) fn fitting_tensors(&self) -> String {
        match self.unit() {
            Some(1) => "Any parameter of any module can be attached to.".into(),
            Some(unit) => format!(
                "Any parameter of any module whose entries are a multiple of {unit} can be attached to; {unit} entries one after the other are a group."
            ),
            None => format!("Any parameter of any module with {} entries can be attached to.", self.size()),
        }
    }

    /// The condition under which a tensor of `shape` does not fit, in Python, and what is then said of the design.
    pub(super) fn misfit(&self) -> Option<[String; 2]> {
        match self.unit() {
            Some(1) => None,
            Some(unit) => Some([
                format!("math.prod(shape) % {unit} != 0"),
                format!("this design is for groups of {unit} entries"),
            ]),
            None => Some([
                format!("math.prod(shape) != {}", self.size()),
                format!("this design is for {} entries", self.size()),
            ]),
        }
    }
}
