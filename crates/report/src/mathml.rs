use math_core::{LatexToMathML, MathDisplay};

/// LaTeX (without dollars) as a MathML element; none where it cannot be read, so that the page shows the source instead.
pub fn from_latex(latex: &str) -> Option<String> {
    let converted = LatexToMathML::default().convert_with_local_state(latex, MathDisplay::Block);
    converted.ok().map(|formula| formula.mathml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formulas_of_derivations_are_typeset() {
        for latex in [
            r"\tfrac12 \sum_i \log|w_i|",
            r"\tfrac12 \log\det \Gamma(\theta), \quad \Gamma = \Xi^\top \Xi",
            r"\sum_{i<j} \log(\sigma_i + \sigma_j)",
            r"\begin{pmatrix} u & v \\ v & u \end{pmatrix}",
            r"\lVert x_g \rVert, \|W\|_F, \left| \det J J^{\top} \right|^{-1/2}",
            r"p(w) \propto e^{-L/\tau}\, |w|^{-1/2}",
            r"\mathfrak{gl}(r) \oplus \mathbb{R}_{>0}^{64}, \operatorname{tr}(A_a P_H) = 0",
            r"\left(1 - \tfrac1D\right) \sum_i \log |w_i| \quad\text{on } S",
        ] {
            let mathml = from_latex(latex).unwrap_or_else(|| panic!("not typeset: {latex}"));
            assert!(mathml.starts_with("<math") && mathml.ends_with("</math>"), "{mathml}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_to_its_source() {
        assert_eq!(from_latex(r"\nonsense{x"), None);
        assert_eq!(from_latex(r"\frac{1}{"), None);
    }

    #[test]
    fn markup_in_formulas_is_escaped() {
        for latex in [r"a < b > c", r"\text{<script>alert(1)</script>}", r"x_{<img>}"] {
            let mathml = from_latex(latex).expect("these are valid formulas");
            assert!(!mathml.contains("<script") && !mathml.contains("<img"), "{mathml}");
        }
    }
}
