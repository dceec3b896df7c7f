//! What a law is a law of: noise, measure, slice, component; and how it is known.

use gaugebias_geometry::law::Law as Density;
use serde::Serialize;

/// The conditions under which a density is meant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LawLabel {
    /// The noise that realises it.
    pub noise: String,
    /// The density, with what it is a density of.
    pub measure: String,
    /// The level of the charges that it is evaluated on.
    pub slice: String,
    /// The part of that level that it lives on.
    pub component: String,
    /// How it was computed: quadrature, a lattice, NUTS, moments.
    pub method: String,
}

/// Where a law is evaluated.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub slice: String,
    pub component: String,
    pub method: String,
}

/// The name of a density, as users know it.
pub(super) fn name(law: Density) -> &'static str {
    match law {
        Density::Horizontal => "horizontal",
        Density::Rigid => "rigid",
        Density::Conditioned => "conditioned",
        Density::Isotropic => "isotropic",
        Density::Uncorrected => "no correction",
        Density::ConstraintGram => "constraint Gram",
    }
}

/// The label of a Langevin law.
pub(super) fn langevin(law: Density, place: &Place) -> LawLabel {
    let (noise, measure) = match law {
        Density::Horizontal => ("horizontal: √(2τ) P_H dW in the Itô sense", "e^(−L/τ) det(JJᵀ)^(−1/2) dw"),
        Density::Rigid => ("isotropic, constrained to the slice", "e^(−L/τ) times the surface measure of the slice"),
        Density::Conditioned => (
            "isotropic, with a stiff potential of the charges",
            "e^(−L/τ) det(Γ_n)^(−1/2) times the surface measure of the slice",
        ),
        Density::Isotropic => ("isotropic: √(2τ) dW modulo the group", "e^(−L/τ) det(Γ)^(1/2) det(JJᵀ)^(−1/2) dw"),
        Density::Uncorrected => ("that of training w itself", "e^(−L/τ) dw"),
        Density::ConstraintGram => ("none that is known", "e^(−L/τ) det(Γ_n)^(−1/2) dw"),
    };
    label(noise, measure, place)
}

/// The label of the law under a potential of finite stiffness κ.
pub(super) fn stiff(stiffness: f64, place: &Place) -> LawLabel {
    label(
        &format!("isotropic, with the potential κ‖gauge‖²/2, κ = {stiffness}"),
        "e^(−L/τ) times the weight of each orbit under the potential, at this κ",
        place,
    )
}

/// The label of a law of gradient noise.
pub(super) fn gradient_noise(noise: &str, measure: &str, place: &Place) -> LawLabel {
    label(noise, measure, place)
}

fn label(noise: &str, measure: &str, place: &Place) -> LawLabel {
    LawLabel {
        noise: noise.into(),
        measure: measure.into(),
        slice: place.slice.clone(),
        component: place.component.clone(),
        method: place.method.clone(),
    }
}
